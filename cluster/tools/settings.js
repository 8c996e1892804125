// Asks the Worker whether it can serve its variables. If it cannot, it answers everything with 500 and a header that says so; the body
// says what is wrong. Any other response, or none, says nothing of the variables: an application answers GET / as it likes.
//
// start.sh runs this by `workerd test`, before it starts the node. Of what is printed here it shows the lines "error: " and "warning: ".

/** The Worker, and limited.js, give it the value "settings". */
const PROBLEM = "SockJS-Edge-Problem";
/** Longest time for the answer. */
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
