// Checks the Worker's variables. If they are invalid, the Worker answers every request with 500 and a header that marks the
// response; the body describes the problem. Any other response, or none, says nothing about the variables: an application answers
// GET / as it likes.
//
// start.sh runs this with `workerd test` before it starts the node, and shows only the lines "error: " and "warning: ".

/** The Worker and limited.js set this header to "settings". */
const PROBLEM = "SockJS-Edge-Problem";
/** Time limit for the response. */
const ANSWER_MS = 10_000;

export default {
  async test(_, { WORKER }) {
    const response = await ask(WORKER);
    if (response?.headers.get(PROBLEM) !== "settings") return;
    const text = (await response.text()).trim();
    console.log(text.replace(/^/gm, "error: "));
    throw new Error("the Worker cannot serve its variables");
  },
};

async function ask(worker) {
  try {
    return await worker.fetch("http://settings/", { signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (error) {
    const [reason] = String(error?.message ?? error).split("\n");
    console.log(`warning: the Worker did not answer GET / before the start (${reason})`);
  }
}
