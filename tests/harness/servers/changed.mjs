// For main modules around a Worker: objects of the runtime with some of their properties replaced.

/** `target` with other properties. What belongs to the runtime works on its own object only, so functions are bound. */
export function changed(target, properties) {
  const get = (_, key) => {
    if (Object.hasOwn(properties, key)) return properties[key];
    const value = Reflect.get(target, key);
    return typeof value === "function" && key !== "constructor" ? value.bind(target) : value;
  };
  return new Proxy(target, { get });
}
