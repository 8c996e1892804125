//! Puts the stock client into the deployable Worker, from the npm package that package-lock.json pins.

use std::path::PathBuf;
use std::{env, fs};

const MANIFEST: &str = "node_modules/sockjs-client/package.json";
const CLIENT: &str = "node_modules/sockjs-client/dist/sockjs.min.js";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A library user has no node_modules, and needs none.
    if env::var_os("CARGO_FEATURE_SERVER").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed={MANIFEST}");
    println!("cargo::rerun-if-changed={CLIENT}");
    if let Err(problem) = embed() {
        println!("cargo::error={problem}: run `npm run setup`");
    }
}

fn embed() -> Result<(), String> {
    let manifest = read(MANIFEST)?;
    let version = manifest.split("\"version\": \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.ok_or_else(|| format!("{MANIFEST} names no version"))?;
    // The map of the source is not served.
    let client = read(CLIENT)?;
    let client =
        client.lines().filter(|line| !line.starts_with("//# sourceMappingURL=")).collect::<Vec<_>>().join("\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    fs::write(out.join("sockjs.min.js"), client).map_err(|error| error.to_string())?;
    println!("cargo::rustc-env=SOCKJS_CLIENT_VERSION={version}");
    Ok(())
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}
