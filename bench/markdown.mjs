// Tables in Markdown.

const row = (...cells) => `| ${cells.join(" | ")} |`;

/** Returns the lines of a table: `head` is a list of cells, `rows` a list of such lists. */
export function table(head, rows) {
  return [row(...head), `|${"---|".repeat(head.length)}`, ...rows.map((cells) => row(...cells))];
}
