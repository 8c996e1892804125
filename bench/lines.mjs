// Figures as JSON that a person can read, and git compare.

/** Returns an object as JSON. Each element of a list has a line of its own. */
export function lines(object) {
  const fields = Object.entries(object).map(([name, value]) => {
    const text = Array.isArray(value) ? `[\n  ${value.map((each) => JSON.stringify(each)).join(",\n  ")}\n ]` : JSON.stringify(value);
    return ` ${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${fields.join(",\n")}\n}\n`;
}
