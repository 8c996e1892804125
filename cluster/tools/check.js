// Checks the environment of a cluster node: an accurate clock, and a bucket with the necessary rights. start.sh runs this with
// `workerd test` before it starts the node, and shows the output, one line for each problem.

import { checkBucket } from "./check/bucket.js";
import { Clock } from "./check/clock.js";
import { checkStorageClock } from "./check/google.js";

export default {
  async test(_, environment) {
    const problems = [];
    const report = {
      problem(text) {
        problems.push(text);
        console.log(`error: ${text}`);
      },
      /** A problem that may go away by itself: start.sh checks again. */
      unanswered(text) {
        problems.push(text);
        console.log(`unanswered: ${text}`);
      },
      warning: (text) => console.log(`warning: ${text}`),
    };
    const clock = new Clock(report);
    const isGoogle = environment.CLUSTER_BUCKET.startsWith("gs://");
    await (isGoogle ? checkStorageClock : checkBucket)(environment, clock, report);
    if (problems.length > 0) throw new Error(`problems: ${problems.length}`);
  },
};
