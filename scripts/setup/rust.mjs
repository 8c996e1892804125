// The Rust toolchain that rust-toolchain.toml lists, installed by rustup. rustup would install it by itself when cargo is first
// called, but in silence, and not what an older installation of the same version lacks.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Problem, follow } from "../run.mjs";
import { rustEnvironment, rustToolchain } from "../tools.mjs";
import { withProgress } from "./progress.mjs";

const INSTALL_RUSTUP = "install Rust by rustup (https://rustup.rs), open a new terminal and run this again";

/** Resolves to true if the toolchain is there with all its components and targets. */
export async function rustIsInstalled() {
  const { channel, components, targets } = rustToolchain();
  // RUSTUP_AUTO_INSTALL: to ask must not install anything.
  const env = { ...rustEnvironment(), RUSTUP_AUTO_INSTALL: "0", RUST_BACKTRACE: "0" };
  const { code, output } = await follow("rustup", ["component", "list", "--installed", "--toolchain", channel], { env });
  if (code === 127) throw new Problem("rustup was not found", INSTALL_RUSTUP);
  if (code !== 0) return false;
  // Each is followed by the name of the machine, or of the target.
  const installed = output.split("\n");
  const wanted = [...components, ...targets.map((target) => `rust-std-${target}`)];
  return wanted.every((part) => installed.some((name) => name.startsWith(part)));
}

export async function installRust(title, signal) {
  const { channel, components, targets } = rustToolchain();
  const parts = [...components.flatMap((name) => ["--component", name]), ...targets.flatMap((name) => ["--target", name])];
  const args = ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update", ...parts];
  await withProgress(title, async () => {
    const { code, output } = await follow("rustup", args, { env: { ...rustEnvironment(), RUST_BACKTRACE: "0" }, signal });
    if (code === 0) return;
    const fix = `look at the network or the proxy, then run this again, or by hand: rustup ${args.join(" ")}`;
    throw new Problem(`rustup failed:\n${output.trim()}`, fix);
  });
}

/** Rust links with the system's C compiler; without one cargo's own message comes late and is hard to read. */
export function checkLinker() {
  const directories = (process.env.PATH ?? "").split(delimiter);
  if (directories.some((directory) => existsSync(join(directory, "cc")))) return;
  throw new Problem(
    "no C compiler (cc) was found, and Rust needs one to link",
    process.platform === "darwin" ? "xcode-select --install" : "install gcc, on Debian or Ubuntu: apt install build-essential",
  );
}
