// The Worker whose first report fails on its way.

import { WorkerEntrypoint } from "cloudflare:workers";
import * as built from "./index.js";

let failures = 1;

export class SockJs extends built.SockJs {
  fetch(request) {
    const isReport = /"action":"report"/.test(request.headers.get("sockjs-edge-command"));
    if (isReport && failures-- > 0) throw new Error("failed, as ordered");
    return super.fetch(request);
  }
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    return new built.default(this.ctx, this.env).fetch(request);
  }
}
