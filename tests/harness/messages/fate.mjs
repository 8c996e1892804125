// The fate of numbered messages.

/** Returns a message without its padding. */
export const bare = (message) => message.replace(/-+$/, "");

/**
 * Returns `lost`, those of `sent` that were not read; `doubled`, those that were read more than once; and `misplaced`, those that
 * were first read after a later one. Messages are of one kind, such as `echo 1` or `said 2.10`.
 */
export function fateOf(sent, read) {
  const seen = new Set();
  const fate = { lost: [], doubled: [], misplaced: [] };
  let latest;
  for (const message of read.map(bare)) {
    if (seen.has(message)) {
      fate.doubled.push(message);
      continue;
    }
    seen.add(message);
    if (latest !== undefined && isBefore(message, latest)) fate.misplaced.push(message);
    else latest = message;
  }
  fate.lost = sent.map(bare).filter((message) => !seen.has(message));
  return fate;
}

const numbers = (message) => message.match(/\d+/g).map(Number);

function isBefore(message, other) {
  const [own, others] = [numbers(message), numbers(other)];
  const at = own.findIndex((number, index) => number !== others[index]);
  return at >= 0 && own[at] < others[at];
}
