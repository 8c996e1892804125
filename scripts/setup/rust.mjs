// The Rust toolchain that rust-toolchain.toml names, with its formatter, its linter and the WebAssembly target.

import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { Problem, follow } from "../run.mjs";
import { WASM_TARGET, rustEnvironment, rustToolchain } from "../tools.mjs";
import { withProgress } from "./progress.mjs";

const INSTALL_RUSTUP = "install Rust by rustup (https://rustup.rs), open a new terminal and run this again";

/** Each with the program that shows that it is there. */
const COMPONENTS = { rustfmt: "bin/rustfmt", clippy: "bin/cargo-clippy" };

/** What to hand to rustup to complete the toolchain; undefined when nothing is missing. */
export async function missingRust() {
  const sysroot = await installedSysroot();
  if (sysroot === undefined) return { toolchain: true };
  const components = Object.keys(COMPONENTS).filter((name) => !existsSync(join(sysroot, COMPONENTS[name])));
  const target = !existsSync(join(sysroot, "lib/rustlib", WASM_TARGET, "lib"));
  return components.length > 0 || target ? { components, target } : undefined;
}

async function installedSysroot() {
  // RUSTUP_AUTO_INSTALL: asking must not install anything by itself and in silence.
  const env = { ...rustEnvironment(), RUSTUP_AUTO_INSTALL: "0" };
  const { code, output } = await follow("rustup", ["which", "--toolchain", rustToolchain(), "rustc"], { env });
  if (code === 127) throw new Problem("rustup was not found", INSTALL_RUSTUP);
  if (code !== 0) return undefined;
  const rustc = output.split("\n").find((line) => line.endsWith("/bin/rustc"));
  return rustc && dirname(dirname(rustc));
}

export async function installRust(title, missing) {
  await withProgress(title, async ({ status }) => {
    for (const args of rustupCommands(missing)) {
      status(`rustup ${args.slice(0, 2).join(" ")}`);
      const { code, output } = await follow("rustup", args, { env: { ...rustEnvironment(), RUST_BACKTRACE: "0" } });
      if (code !== 0) {
        throw new Problem(
          `rustup failed:\n${output.trim()}`,
          `look at the network or the proxy, then run this again, or by hand: rustup ${args.join(" ")}`,
        );
      }
    }
  });
}

function rustupCommands({ toolchain, components, target }) {
  const channel = rustToolchain();
  if (toolchain) {
    const parts = Object.keys(COMPONENTS).flatMap((name) => ["--component", name]);
    const flags = ["--profile", "minimal", "--no-self-update", ...parts, "--target", WASM_TARGET];
    return [["toolchain", "install", channel, ...flags]];
  }
  const commands = [];
  if (components.length > 0) commands.push(["component", "add", "--toolchain", channel, ...components]);
  if (target) commands.push(["target", "add", "--toolchain", channel, WASM_TARGET]);
  return commands;
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
