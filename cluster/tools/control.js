// Tells a node on this machine to release its clients. start.sh runs it with `workerd test` before it stops the node.

/** Time limit for the response. */
const ANSWER_MS = 5_000;

export default {
  async test(_, { NODE, SOCKJS_DRAIN_TOKEN: token }) {
    const response = await NODE.fetch("http://node/drain", {
      method: "POST",
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (!response.ok) throw new Error(`POST /drain was answered with ${response.status}`);
    const { clients } = await response.json();
    console.log(`clients that were let go: ${clients}`);
  },
};
