import { testProxy } from "./cases.mjs";

await testProxy("caddy");
