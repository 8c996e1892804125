// One object in memory: its state as the built class sees it, its pending work, and the rows that its queries touch.

import { count, presenceOf } from "./counters.mjs";
import { Queries } from "./queries.mjs";

/** By id, the one that came last first: it is the most likely to be asked for. */
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
   * The object whose code runs now, if it is an object's. The objects of an isolate share its globals; but the runtime
   * lets an object's storage be touched from nowhere else.
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

  /** A piece of work begins, which ends with a call of what this returns. */
  begin() {
    const end = this.#presence.begin();
    return () => {
      this.#queries.read();
      this.#presence.storedBytes = this.#state.storage.sql.databaseSize;
      end();
    };
  }

  /** Does a piece of work, which may give a promise. */
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
        // To wait costs nothing.
        sync: () => storage.sync(),
        // A key is a row; to find none is to read one.
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

/** `target` with some members replaced. The others are its own, or what `other` says; methods insist on the real `this`. */
function around(target, members, other) {
  const own = (name) => {
    const value = target[name];
    return typeof value === "function" ? value.bind(target) : value;
  };
  return new Proxy(target, { get: (_, name) => (name in members ? members[name] : (other ?? own)(name)) });
}
