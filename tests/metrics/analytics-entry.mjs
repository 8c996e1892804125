// The Worker with a data set of Analytics Engine bound, of which workerd alone has none: it prints what is written to it.

import { WorkerEntrypoint } from "cloudflare:workers";
import * as built from "./index.js";

class AnalyticsEngineDataset {
  writeDataPoint(point) {
    console.log(JSON.stringify({ point }));
  }
}

const bound = (env) => ({ ...env, SOCKJS_ANALYTICS: new AnalyticsEngineDataset() });

export class SockJs extends built.SockJs {
  constructor(state, env) {
    super(state, bound(env));
  }
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    return new built.default(this.ctx, bound(this.env)).fetch(request);
  }
}
