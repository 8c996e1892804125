// One object in memory: its state as the built class sees it, its pending work, and the rows that its queries read and write.

import { count, presenceOf } from "./counters.mjs";
import { Queries } from "./queries.mjs";

/** By id, the latest first: it is the most likely to be requested. */
let objects = [];

export class MeteredObject {
  #state;
  #presence;
  #queries = new Queries();

  constructor(state) {
    count("constructions");
    this.#state = state;
    this.#presence = presenceOf(state.id.toString());
    this.state = this.#meteredState();
    objects = [this, ...objects.filter((object) => !object.#state.id.equals(state.id))];
  }

  /**
   * Returns the object whose code runs now, if any. The objects of an isolate share its globals, but the runtime only permits the
   * running object to access its storage.
   */
  static current() {
    return objects.find((object) => {
      try {
        return object.#state.storage.sql.databaseSize >= 0;
      } catch {
        return false;
      }
    });
  }

  /** Begins a piece of work. The returned function ends it. */
  begin() {
    const end = this.#presence.begin();
    return () => {
      this.#queries.read();
      this.#presence.storedBytes = this.#state.storage.sql.databaseSize;
      end();
    };
  }

  /** Runs a piece of work, which may return a promise. */
  work(body) {
    const end = this.begin();
    let result;
    try {
      result = body();
    } catch (error) {
      end();
      throw error;
    }
    if (result instanceof Promise) return result.finally(end);
    end();
    return result;
  }

  #meteredState() {
    const state = this.#state;
    return around(state, {
      storage: this.#meteredStorage(),
      waitUntil: (promise) => state.waitUntil(this.work(() => promise)),
      acceptWebSocket(...args) {
        count("hibernatableSockets");
        return state.acceptWebSocket(...args);
      },
    });
  }

  #meteredStorage() {
    const storage = this.#state.storage;
    const counting = (method, counter) => (...args) => {
      count(counter);
      return storage[method](...args);
    };
    const unknown = (name) => {
      throw new Error(`the meter does not know what ${String(name)} of storage costs`);
    };
    return around(
      storage,
      {
        sql: around(storage.sql, { exec: (query, ...values) => this.#queries.run(storage.sql, query, values) }, unknown),
        setAlarm: counting("setAlarm", "setAlarms"),
        getAlarm: counting("getAlarm", "getAlarms"),
        deleteAlarm: counting("deleteAlarm", "deleteAlarms"),
        deleteAll: counting("deleteAll", "deleteAlls"),
        // Waiting costs nothing.
        sync: () => storage.sync(),
        // A key is a row; a lookup without a result reads one.
        async list(...args) {
          const found = await storage.list(...args);
          count("rowsRead", Math.max(found.size, 1));
          return found;
        },
      },
      unknown,
    );
  }
}

/** Returns `target` with some members replaced. The others are its own, or come from `other`; methods need the real `this`. */
function around(target, members, other) {
  const own = (name) => {
    const value = target[name];
    return typeof value === "function" ? value.bind(target) : value;
  };
  return new Proxy(target, { get: (_, name) => (name in members ? members[name] : (other ?? own)(name)) });
}
