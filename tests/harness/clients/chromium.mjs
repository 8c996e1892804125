// Headless Chromium. The set-up does not install it: a browser comes from the system.

import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { isExecutable } from "../machine/programs.mjs";
import { removeDirectory, temporaryDirectory } from "../machine/temporary.mjs";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"];
const MACOS_APPLICATIONS = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Only the pages of the tests, and only their traffic. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Flags of the driver that make timers of hidden tabs run on time. */
const UNTHROTTLED = ["--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"];
/** A hidden tab gets one timer a minute after ten seconds, instead of five minutes. */
const SOON_THROTTLED = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10";

/**
 * Starts a Chromium that ends with its owner; its settings, profile and caches are in temporary directories. With `throttles` it
 * throttles the timers of hidden tabs, as it does for a user.
 */
export async function startChromium(owner, { throttles = false } = {}) {
  const executablePath = findChromium();
  const home = temporaryDirectory();
  const ofHome = { HOME: home, XDG_CONFIG_HOME: join(home, "config"), XDG_CACHE_HOME: join(home, "cache") };
  let browser;
  owner.after(async () => {
    await browser?.close();
    removeDirectory(home);
  });
  const flags = throttles ? { args: [...FLAGS, SOON_THROTTLED], ignoreDefaultArgs: UNTHROTTLED } : { args: FLAGS };
  browser = await chromium.launch({ executablePath, ...flags, env: { ...process.env, ...ofHome } });
  return browser;
}

/** Returns `CHROMIUM` if it is set, or the first browser in `PATH` or, on macOS, among the applications. */
function findChromium() {
  const { CHROMIUM: chosen, PATH = "" } = process.env;
  if (chosen) {
    if (isExecutable(chosen)) return chosen;
    throw new Error(`CHROMIUM is ${chosen}, which is no program`);
  }
  const inPath = PATH.split(delimiter).flatMap((directory) => COMMANDS.map((command) => join(directory, command)));
  const found = [...inPath, ...MACOS_APPLICATIONS].find(isExecutable);
  if (found) return found;
  throw new Error("Chromium was not found: install it (apt-get install chromium), or set CHROMIUM=/path/to/chromium");
}
