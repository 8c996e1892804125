// Runs around the Worker, with a namespace that tells what it was asked for. A jurisdiction's objects are others than those of
// the same name elsewhere.

import Worker from "./index.js";

export { SockJs } from "./index.js";

const asked = [];

export default class extends Worker {
  constructor(context, { SOCKJS, ...variables }) {
    const within = (jurisdiction) => {
      const getByName = (name, options = null) => {
        asked.push({ jurisdiction, name, options });
        return SOCKJS.getByName(`${jurisdiction}:${name}`);
      };
      const changed = { getByName, jurisdiction: within };
      // `worker` looks at the constructor.
      return new Proxy(SOCKJS, { get: (target, key) => Object.hasOwn(changed, key) ? changed[key] : Reflect.get(target, key) });
    };
    super(context, { SOCKJS: within(null), ...variables });
  }

  async fetch(request) {
    return new URL(request.url).pathname === "/.asked" ? Response.json(asked) : super.fetch(request);
  }
}
