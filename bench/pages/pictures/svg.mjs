// What the pictures share: the frame, text, colours, and axes whose marks double or grow tenfold.

/** Colours that differ in lightness, too, so that they can be told apart without colour. */
export const COLOURS = ["#c2410c", "#1d4ed8", "#0f766e", "#a16207", "#7e22ce", "#be185d", "#444444", "#888888"];
export const WIDTH = 820;

/** Returns the picture with `title`, on white, since pages may be dark. */
export function picture({ title, height, items }) {
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="12">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${text({ x: 16, y: 22, size: 15 }, title)}
${items.join("\n")}
</svg>
`;
}

/** Returns a line of text; `anchor` says which end of it is at x. */
export function text({ x, y, anchor = "start", fill = "#222", size }, content) {
  const font = size ? ` font-size="${size}"` : "";
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${fill}"${font}>${escaped(content)}</text>`;
}

/** Returns a straight line between two points. */
export function line({ x1, y1, x2, y2, stroke = "#ddd" }) {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${stroke}"/>`;
}

/**
 * Returns a function from a value to its place between `from` and `to`, where equal ratios have equal distances. Values beyond the axis
 * are shown at its end.
 */
export function logarithmic({ low, high, from, to }) {
  return (value) => {
    const share = Math.log(Math.min(Math.max(value, low), high) / low) / Math.log(high / low);
    return Math.round(from + share * (to - from));
  };
}

function escaped(content) {
  return String(content).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
