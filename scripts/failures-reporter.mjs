// A reporter of node:test: one paragraph for each test that failed by itself. `npm test` prints them again after its summary,
// where a log that is cut off at its beginning still has them.

/** Lines of an error. */
const MOST_LINES = 12;

export default async function* failures(events) {
  for await (const { type, data } of events) {
    if (type !== "test:fail") continue;
    const error = data.details.error;
    if (error.failureType === "subtestsFailed") continue;
    const text = String(error.cause?.stack ?? error.cause ?? error.message);
    const lines = text.split("\n").slice(0, MOST_LINES).map((line) => `  ${line}\n`);
    yield `${data.name} (${data.file}:${data.line})\n${lines.join("")}`;
  }
}
