// Reports each case of a run of Node's test runner as one line of JSON, for tests/conformance/conformance.mjs:
// `{ name, passed, reason }`.

const LONGEST_VALUE = 200;
/** Length of the common part that is shown of two long texts. */
const CONTEXT = 40;

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") {
      const passed = type === "test:pass" && !data.skip && !data.todo;
      yield line({ name: data.name, passed, reason: passed ? undefined : reasonOf(data.details.error) });
    } else if (type === "test:stdout" || type === "test:stderr") {
      yield data.message.endsWith("\n") ? data.message : `${data.message}\n`;
    }
  }
}

function line(result) {
  return `${JSON.stringify({ result })}\n`;
}

/** In one line: what was wrong, what came instead of what, and in which line of which case. */
function reasonOf(error) {
  const cause = error?.cause ?? error ?? "skipped";
  if (typeof cause === "string") return cause;
  const parts = [];
  // Node's own message is many lines of comparison, which it also puts below a message that was given.
  const isComparison = cause.code === "ERR_ASSERTION" && cause.operator !== "==";
  if (!isComparison || !cause.generatedMessage) parts.push(shorten(cause.message.split("\n")[0]));
  if (isComparison) parts.push(compared(show(cause.actual), show(cause.expected)));
  const place = cause.stack?.match(/\/cases\/[\w-]+\.mjs:\d+/g)?.at(-1);
  return `${parts.join(": ")}${place ? ` (${place.slice("/cases/".length)})` : ""}`;
}

/** Omits the common beginning of two long texts. */
function compared(actual, expected) {
  let same = 0;
  while (same < actual.length && actual[same] === expected[same]) same += 1;
  const from = Math.max(0, same - CONTEXT);
  const shown = (text) => shorten(from > CONTEXT ? `...${text.slice(from)}` : text);
  return `saw ${shown(actual)}, expected ${shown(expected)}`;
}

function show(value) {
  return fold(value instanceof RegExp ? String(value) : (JSON.stringify(value) ?? "nothing"));
}

/** A prelude of 2,048 times the same letter hides the one byte that matters. */
function fold(text) {
  return text.replace(/(.)\1{19,}/g, (run, letter) => `${letter}{${run.length}}`);
}

function shorten(text) {
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;
}
