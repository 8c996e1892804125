// Lines of a text that comes in portions.

/** A function that takes text in any portions and hands on its lines. */
export function byLines(onLine) {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    lines.forEach(onLine);
  };
}
