// Checks what the members of a room heard: each sender's texts in their order, none missing, none twice.

/**
 * Returns the problems of a member's log as text; empty if there is none.
 *
 * @param {string[]} heard texts such as "label 17", in the order of their arrival
 * @param {Map<string, { first: number, last: number }>} expected by label: the highest number that the first text heard may have,
 *   which is the first that was sent after the member was there; and the number of the last text, or undefined if the member ended
 *   before
 */
export function problemsOf(heard, expected) {
  const problems = [];
  const next = new Map();
  for (const text of heard) {
    const [label, number] = [text.slice(0, text.lastIndexOf(" ")), Number(text.slice(text.lastIndexOf(" ") + 1))];
    if (!expected.has(label)) {
      problems.push(`${text} was never sent`);
      continue;
    }
    const before = next.get(label);
    if (before === undefined) {
      const { first } = expected.get(label);
      if (number > first) problems.push(`${label} ${first} to ${number - 1} are missing at the begin`);
    } else if (number > before) {
      problems.push(`${label} ${before} to ${number - 1} are missing`);
    } else if (number < before) {
      problems.push(`${text} came after ${label} ${before - 1}`);
    }
    next.set(label, Math.max(number + 1, before ?? 0));
  }
  for (const [label, { first, last }] of expected) {
    if (last === undefined) continue;
    const missing = next.get(label) ?? first;
    if (missing <= last) problems.push(`${label} ${missing} to ${last} are missing at the end`);
  }
  return problems;
}

/** Returns the number of texts that are missing in the middle or at the end, and of those that were repeated or late. */
export function fateOf(heard, expected) {
  const counts = { lost: 0, doubled: 0 };
  for (const problem of problemsOf(heard, expected)) {
    const range = /(\d+) to (\d+) are missing/.exec(problem);
    if (range) counts.lost += Number(range[2]) - Number(range[1]) + 1;
    else counts.doubled += 1;
  }
  return counts;
}
