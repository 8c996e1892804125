// Reports each test as a line of JSON, for tests/faults/faults.mjs, and then each thing that it counted as another one:
// `{ file, name, passed, reason }` and `{ counted }`.

import { basename } from "node:path";

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") {
      if (data.details.type === "suite") continue;
      const passed = type === "test:pass" && !data.skip && !data.todo;
      const { error } = data.details;
      const reason = passed ? undefined : String(error?.cause?.stack ?? error?.message ?? "skipped");
      yield line({ file: basename(data.file ?? data.name, ".test.mjs"), name: data.name, passed, reason });
    } else if (type === "test:diagnostic" && data.file !== undefined) {
      yield line({ counted: data.message });
    } else if (type === "test:stdout" || type === "test:stderr") {
      yield data.message.endsWith("\n") ? data.message : `${data.message}\n`;
    }
  }
}

function line(fault) {
  return `${JSON.stringify({ fault })}\n`;
}
