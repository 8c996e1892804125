// Reads what passes on the inner WebSocket of a held client, and counts what is on its way. Formats: those of
// protocol/src/inner/envelope/held.rs.

/** Taps the Worker's end of an inner WebSocket, which is not accepted yet. What passes is neither changed nor put off. */
export function tap(socket, onEnd) {
  const counts = new Tap();
  const send = socket.send.bind(socket);
  socket.send = (data) => {
    counts.fromWorker(data);
    send(data);
  };
  socket.addEventListener("message", ({ data }) => counts.fromObject(data));
  for (const end of ["close", "error"]) socket.addEventListener(end, onEnd);
  return counts;
}

class Tap {
  /** Numbers of the last message that went to the object, and of the last one that is known to be handled. */
  #sent = 0;
  #handled = 0;
  /** Numbers of the frames that came, without those that the object knows to be taken. */
  #frames = [];

  /** Messages that the object has, or that are on their way to it, and that no handler is known to have returned from. */
  get unhandled() {
    return this.#sent - this.#handled;
  }

  /** Frames that the object does not know to be taken. */
  get unacknowledged() {
    return this.#frames.length;
  }

  fromWorker(data) {
    const [head] = data.split("\n", 1);
    if (head[0] === "a") this.#onTaken(head.slice(1));
    if (head[0] !== "m") return;
    const [handled, first, taken, ...lengths] = head.slice(1).split(",");
    this.#onHandled(handled);
    this.#sent = Number(first) + lengths.length - 1;
    this.#onTaken(taken);
  }

  fromObject(data) {
    const [head] = data.split("\n", 1);
    if (head[0] === "d") this.#onHandled(head.slice(1));
    if (head[0] !== "f") return;
    const [seq, handled] = head.slice(1).split(",");
    this.#onHandled(handled);
    if (seq !== "") this.#frames.push(Number(seq));
  }

  #onHandled(number) {
    this.#handled = Math.max(this.#handled, Number(number));
    this.#sent = Math.max(this.#sent, this.#handled);
  }

  #onTaken(seq) {
    if (seq !== "") this.#frames = this.#frames.filter((frame) => frame > Number(seq));
  }
}
