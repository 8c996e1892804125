// Links to objects: the inner WebSockets on which the Worker waits for them. A killed process closes its own links. A process
// that hangs, and a machine that lost its power or its network, closes none. Therefore a node asks on each link.

/** A link that was silent for this long, without even an answer, is lost at the next question. */
const ASK_EVERY_MS = 5_000;

/**
 * Watches a link that was just accepted. If its object's node does not answer, the link gets the event `error`, and its listener
 * attaches the object again.
 *
 *  @param {WebSocket} link
 * @param {string} question message that the runtime at the other end answers itself, also while the object hibernates
 * @param {string} answer
 */
export function watch(link, question, answer) {
  let isHeard = true;
  const timer = setInterval(() => {
    if (!isHeard) {
      clearInterval(timer);
      link.dispatchEvent(new Event("error"));
      return;
    }
    isHeard = false;
    try {
      link.send(question);
    } catch {
      clearInterval(timer); // the link was closed
    }
  }, ASK_EVERY_MS);
  link.addEventListener("message", (event) => {
    isHeard = true;
    if (event.data === answer) event.stopImmediatePropagation();
  });
  for (const end of ["close", "error"]) link.addEventListener(end, () => clearInterval(timer));
}
