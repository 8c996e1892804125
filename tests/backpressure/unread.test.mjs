import { describe, test } from "node:test";
import { unreadCases } from "./unread.mjs";

describe("a client that does not read is closed, and costs no more than its limits", () => {
  for (const { name, run } of unreadCases("short")) test(name, async (t) => t.diagnostic(await run(t)));
});
