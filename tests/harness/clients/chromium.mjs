// Chromium without a window.

import { join } from "node:path";
import { chromium } from "playwright-core";
import { Problem } from "../../../scripts/run.mjs";
import { findChromium } from "../../../scripts/setup/chromium.mjs";
import { removeDirectory, temporaryDirectory } from "../machine/temporary.mjs";

/** No pages but those of the tests, and no traffic but theirs. */
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
 * throttles the timers of hidden tabs, as it does for a user; the headless shell from npm cannot, and is refused.
 */
export async function startChromium(owner, { throttles = false } = {}) {
  const { executablePath, env, isHeadlessShell } = await findChromium();
  if (throttles && isHeadlessShell) {
    throw new Problem("Chromium's headless shell from npm hides no tabs: install Chromium (apt-get install chromium), or set CHROMIUM");
  }
  const home = temporaryDirectory();
  const ofHome = { HOME: home, XDG_CONFIG_HOME: join(home, "config"), XDG_CACHE_HOME: join(home, "cache") };
  let browser;
  owner.after(async () => {
    await browser?.close();
    removeDirectory(home);
  });
  const flags = throttles ? { args: [...FLAGS, SOON_THROTTLED], ignoreDefaultArgs: UNTHROTTLED } : { args: FLAGS };
  browser = await chromium.launch({ executablePath, ...flags, env: { ...process.env, ...ofHome, ...env } });
  return browser;
}
