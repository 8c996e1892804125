// The events of a service, and the check for functions that look like an event.

export const EVENTS = ["onRequest", "onStart", "onOpen", "onReturn", "onReturned", "onMessage", "onClose", "onAlarm", "onCall"];

/** Throws if an object has a function that looks like an event but is none. Returns the object. */
export function checkEvents(prefix, events) {
  const problem = (text) => new TypeError(`service ${JSON.stringify(prefix)}: ${text}`);
  if (events === null || typeof events !== "object") throw problem("needs an object with functions such as onMessage");
  if (typeof events.then === "function") throw problem("create() has to return its object at once, and no promise of one");
  for (const name of namesOf(events)) {
    const meant = EVENTS.find((event) => event.toLowerCase() === name.toLowerCase());
    if (EVENTS.includes(name) || (meant === undefined && !/^on[A-Z]/.test(name))) continue;
    throw problem(`there is no event ${name}; ${meant === undefined ? `there are ${EVENTS.join(", ")}` : `it is ${meant}`}`);
  }
  return events;
}

/** Returns the names of an object's fields, and of the methods of its class. */
function namesOf(events) {
  const names = new Set();
  for (let of = events; of !== null && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    for (const name of Object.getOwnPropertyNames(of)) names.add(name);
  }
  return names;
}
