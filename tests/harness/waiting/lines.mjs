// Lines of a text that arrives in portions.

/** Returns a function that takes text in any portions, and passes each line to `onLine`. */
export function byLines(onLine) {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    lines.forEach(onLine);
  };
}
