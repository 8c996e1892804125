// JavaScript calls that need more than a function's name. The application's side of the package is found under a global symbol:
// this WebAssembly instance may be replaced after a crash, while that side stays.

const KEY = Symbol.for("sockjs-edge");

/** Returns the registration made by `sockjs()`, or undefined. */
export const application = () => globalThis[KEY];

/** Returns the connection or room for a handle. */
export const connectionOf = (handle, life) => globalThis[KEY].connection(handle, life);
export const roomOf = (handle, life) => globalThis[KEY].room(handle, life);
export const requestOf = (request, facts) => globalThis[KEY].request(request, facts);

/** Returns an error of the package, by its kind. */
export const errorOf = (kind, text, detail) => globalThis[KEY].error(kind, text, detail);

/** True if the result has to be awaited. */
export const isPromise = (value) => typeof value?.then === "function";

/**
 * Returns the description of a thrown value for the log. An Error itself goes to the console, where tools show the application's
 * own file.
 */
export const described = (thrown) => {
  try {
    if (!(thrown instanceof Error)) return `a value that is no Error was thrown: ${typeof thrown === "string" ? thrown : JSON.stringify(thrown)}`;
    console.error(thrown);
    return `${thrown.name}: ${thrown.message}`;
  } catch {
    return "something was thrown that cannot be described";
  }
};
