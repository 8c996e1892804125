// Says what a long step is doing and for how long, so that minutes of silence never happen. Everything goes to standard
// error: standard output is for results.

const { stderr } = process;
/** Without a terminal each report is a line of its own, so they come more rarely. */
const REPORT_EVERY_MS = stderr.isTTY ? 1_000 : 10_000;
/** The latest report of each step that is running, by title. Steps that run side by side share the terminal's line. */
const reports = new Map();

/** Shows `title` while the body runs. The body gets an object to report with: `status(text)` and `line(text)`. */
export async function withProgress(title, body) {
  const started = Date.now();
  let status = "";

  const show = (text) => {
    if (!stderr.isTTY) return stderr.write(`${text}\n`);
    reports.set(title, text);
    stderr.write(`\r\x1b[K${[...reports.values()].join(" | ").slice(0, (stderr.columns || 80) - 1)}`);
  };
  const report = () => show(`${title} ... ${[status, elapsed(started)].filter(Boolean).join(", ")}`);
  const line = (text) => stderr.write(stderr.isTTY ? `\r\x1b[K${text}\n` : `${text}\n`);

  show(`${title} ...`);
  const timer = setInterval(report, REPORT_EVERY_MS);
  try {
    const result = await body({ line, status: (text) => (status = text) });
    line(`${title}: done in ${elapsed(started)}`);
    return result;
  } catch (error) {
    line(`${title}: failed after ${elapsed(started)}`);
    throw error;
  } finally {
    clearInterval(timer);
    reports.delete(title);
  }
}

function elapsed(since) {
  return duration(Date.now() - since);
}

/** Returns a duration for people: `2 min 5 s`. */
export function duration(ms) {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Returns the progress of cargo from one line of its output, or undefined if the line has none. */
export function cargoStatus(line) {
  const building = /Building \[[^\]]*\] (\d+\/\d+)/.exec(line);
  if (building) return `compiled ${building[1]}`;
  return /^\s*(Updating|Downloading|Downloaded|Installing|Compiling)\b/.exec(line)?.[1].toLowerCase();
}

/** Makes cargo say how far it is although no terminal is watching. */
export const CARGO_PROGRESS = { CARGO_TERM_PROGRESS_WHEN: "always", CARGO_TERM_PROGRESS_WIDTH: "80" };
