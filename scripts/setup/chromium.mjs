// The Chromium that tests run pages in: the machine's own or, where there is none, one that is installed into .tools/. Only commands
// that need a browser install it.

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { Problem, follow, isExecutable } from "../run.mjs";
import { ROOT, TOOLS_DIR } from "../tools.mjs";
import { withLock } from "./lock.mjs";
import { npmCommand } from "./packages.mjs";
import { withProgress } from "./progress.mjs";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"];
const MACOS_APPLICATIONS = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/**
 * Chromium's headless shell, whose tabs are never hidden, with the libraries that it needs beside the C library. It is built for Linux on
 * x64 only.
 */
const PACKAGE = "@sparticuz/chromium@153.0.0";
const SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==";
const PACKAGE_PLATFORM = "linux-x64";
const INSTALLED = join(TOOLS_DIR, basename(PACKAGE).replace("@", "-"));

/** The machine's fonts, if it has any, and those of the package. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/**
 * Returns the path of a Chromium, `executablePath`, and the variables that it needs, `env`: `CHROMIUM` if it is set, or the first that is
 * found in `PATH` or, on macOS, among the applications. Without any of these, installs the package, for which `isHeadlessShell` is true.
 */
export async function findChromium({ CHROMIUM: chosen, PATH = "" } = process.env, platform = `${process.platform}-${process.arch}`) {
  if (chosen) {
    if (isExecutable(chosen)) return { executablePath: chosen };
    throw new Problem(`CHROMIUM: expected the path of a program, got "${chosen}"`);
  }
  const inPath = PATH.split(delimiter).flatMap((directory) => COMMANDS.map((command) => join(directory, command)));
  const found = [...inPath, ...(platform.startsWith("darwin") ? MACOS_APPLICATIONS : [])].find(isExecutable);
  if (found) return { executablePath: found };

  const command = platform.startsWith("darwin") ? "brew install --cask chromium" : "apt-get install chromium";
  // In the message, since a failed test shows nothing else of a problem.
  const byHand = `install Chromium (${command}), or set CHROMIUM=/path/to/chromium`;
  if (platform !== PACKAGE_PLATFORM) throw new Problem(`Chromium was not found, and npm has none for ${platform}: ${byHand}`);
  const executablePath = join(INSTALLED, "chromium");
  if (!isExecutable(executablePath)) {
    await withLock("chromium", async () => {
      if (!isExecutable(executablePath)) await withProgress(`${PACKAGE} for the tests`, () => install(byHand));
    });
  }
  const libraries = [join(INSTALLED, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return { executablePath, env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: join(INSTALLED, "fonts.conf") }, isHeadlessShell: true };
}

async function install(byHand) {
  const directory = `${INSTALLED}.new`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  try {
    const [npm, ...args] = [...npmCommand(), "pack", PACKAGE, "--pack-destination", directory, "--loglevel=error"];
    await must(npm, args, byHand);
    const [archive] = readdirSync(directory).map((name) => join(directory, name));
    const hash = createHash("sha512").update(readFileSync(archive)).digest("base64");
    if (hash !== SHA512) throw new Problem(`${PACKAGE} has the SHA-512 ${hash}, expected ${SHA512}: ${byHand}`);
    await must("tar", ["-xzf", archive, "-C", directory, "--strip-components=2", "package/bin"], byHand);
    for (const name of readdirSync(directory).filter((name) => name.endsWith(".br"))) await unpack(directory, name, byHand);
    writeFileSync(join(directory, "fonts.conf"), FONTS);
    rmSync(archive);
    rmSync(INSTALLED, { recursive: true, force: true });
    renameSync(directory, INSTALLED);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Replaces a compressed file by the program that it is, or by the files of the archive that it is. */
async function unpack(directory, name, byHand) {
  const compressed = join(directory, name);
  const file = compressed.replace(/\.br$/, "");
  await pipeline(createReadStream(compressed), createBrotliDecompress(), createWriteStream(file, { mode: 0o755 }));
  rmSync(compressed);
  if (!file.endsWith(".tar")) return;
  await must("tar", ["-xf", file, "-C", directory, "--no-same-owner"], byHand);
  rmSync(file);
}

async function must(command, args, byHand) {
  const { code, output } = await follow(command, args, { cwd: ROOT });
  if (code !== 0) throw new Problem(`${PACKAGE} could not be installed: run this again, or ${byHand}\n${output.trim()}`);
}
