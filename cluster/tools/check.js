// Checks what a node of a cluster needs of its surroundings: a clock that is right, and a bucket that it may use. start.sh runs this
// by `workerd test`, before it starts the node. It shows what is printed here, one line for each problem.

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
      warning: (text) => console.log(`warning: ${text}`),
    };
    const clock = new Clock(report);
    const isGoogle = environment.CLUSTER_BUCKET.startsWith("gs://");
    await (isGoogle ? checkStorageClock : checkBucket)(environment, clock, report);
    if (problems.length > 0) throw new Error(`problems: ${problems.length}`);
  },
};
