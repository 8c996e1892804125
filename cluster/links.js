// Links to objects: the inner WebSockets on which the Worker waits for them. A process that was killed ends its own; one that hangs, and
// a machine that lost its power or its network, say nothing. So a node asks on each link.

/** A link that did not answer for that long, nor brought anything, is lost at the next question. */
const ASK_EVERY_MS = 5_000;

/**
 * Watches a link that was just accepted. If its object's node does not answer, the link has the event `error`, and whoever listens
 * attaches the object again.
 *
 * @param {WebSocket} link
 * @param {string} question which the runtime at the other end answers by itself, also while the object sleeps
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
      clearInterval(timer); // it was closed
    }
  }, ASK_EVERY_MS);
  link.addEventListener("message", (event) => {
    isHeard = true;
    if (event.data === answer) event.stopImmediatePropagation();
  });
  for (const end of ["close", "error"]) link.addEventListener(end, () => clearInterval(timer));
}
