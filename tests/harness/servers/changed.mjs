// For main modules around a Worker: objects of the runtime with some of their properties replaced.

/** Returns `target` with other properties. Functions are bound, since those of the runtime only work on their own object. */
export function changed(target, properties) {
  const get = (_, key) => {
    if (Object.hasOwn(properties, key)) return properties[key];
    const value = Reflect.get(target, key);
    return typeof value === "function" && key !== "constructor" ? value.bind(target) : value;
  };
  return new Proxy(target, { get });
}
