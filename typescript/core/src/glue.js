// The calls of JavaScript that need more than a function's name. The application's side of the package leaves itself here, since
// the instance of this WebAssembly may be replaced after a crash, and that side stays.

const KEY = Symbol.for("sockjs-edge");

/** What the application gave to `sockjs()`, or undefined. */
export const application = () => globalThis[KEY];

/** The connection or room that stands for a handle. */
export const connectionOf = (handle, life) => globalThis[KEY].connection(handle, life);
export const roomOf = (handle, life) => globalThis[KEY].room(handle, life);
export const requestOf = (request, facts) => globalThis[KEY].request(request, facts);

/** An error that the package throws, by its kind. */
export const errorOf = (kind, text, detail) => globalThis[KEY].error(kind, text, detail);

/** True if a result has to be waited for. */
export const isPromise = (value) => typeof value?.then === "function";

/** What is logged of something that was thrown. An Error itself goes to the console: of that, tools show the application's own file. */
export const described = (thrown) => {
  try {
    if (!(thrown instanceof Error)) return `a value that is no Error was thrown: ${typeof thrown === "string" ? thrown : JSON.stringify(thrown)}`;
    console.error(thrown);
    return `${thrown.name}: ${thrown.message}`;
  } catch {
    return "something was thrown that cannot be described";
  }
};
