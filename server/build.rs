//! Puts what is served as it is (the stock client, from the npm package that package-lock.json pins, and the files of the
//! demo's page) into the deployable Worker: into its JavaScript, of which src/static_file.rs says more.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::{env, fs};

const MANIFEST: &str = "../node_modules/sockjs-client/package.json";
const CLIENT: &str = "../node_modules/sockjs-client/dist/sockjs.min.js";
const DEMO: &str = "src/demo";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for path in [MANIFEST, CLIENT, DEMO] {
        println!("cargo::rerun-if-changed={path}");
    }
    if let Err(problem) = embed() {
        println!("cargo::error={problem}: run `npm run setup`");
    }
}

fn embed() -> Result<(), String> {
    let manifest = read(MANIFEST)?;
    let version = manifest.split("\"version\": \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.ok_or_else(|| format!("{MANIFEST} names no version"))?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    fs::write(out.join("texts.rs"), code(&texts()?, version)).map_err(|error| error.to_string())?;
    println!("cargo::rustc-env=SOCKJS_CLIENT_VERSION={version}");
    Ok(())
}

/// All that is served, by the name of its file.
fn texts() -> Result<BTreeMap<String, String>, String> {
    // The map of the source is not served.
    let client =
        read(CLIENT)?.lines().filter(|line| !line.starts_with("//# sourceMappingURL=")).collect::<Vec<_>>().join("\n");
    let mut texts = BTreeMap::from([("sockjs.min.js".to_owned(), client)]);
    for entry in fs::read_dir(DEMO).map_err(|error| format!("{DEMO}: {error}"))? {
        let name = entry.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".rs") {
            let file = format!("{DEMO}/{name}");
            // By its own name, too: cargo's list of what went into the build is what the next one looks at.
            println!("cargo::rerun-if-changed={file}");
            texts.insert(name, read(&file)?);
        }
    }
    Ok(texts)
}

/// Returns the code that src/static_file.rs includes: a constant for each text, and the JavaScript that has them.
fn code(texts: &BTreeMap<String, String>, version: &str) -> String {
    // Rust's escapes mean the same to JavaScript.
    let fields: String = texts.iter().map(|(name, text)| format!("  {name:?}: {text:?},\n")).collect();
    let script = format!(
        "const texts = {{\n{fields}}};\n\
         export function respond(name, client, init) {{\n  \
           return new Response(texts[name].replace(\"{{client}}\", client), init);\n}}\n"
    );
    let mut code = format!(
        "#[wasm_bindgen(inline_js = {script:?})]\nextern \"C\" {{\n    \
         fn respond(name: &str, client: &str, init: &ResponseInit) -> worker::web_sys::Response;\n}}\n"
    );
    for (name, text) in texts {
        let constant: String =
            name.chars().map(|char| if char.is_alphanumeric() { char.to_ascii_uppercase() } else { '_' }).collect();
        let mut hasher = DefaultHasher::new();
        (text, version).hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        code +=
            &format!("pub(crate) const {constant}: StaticFile = StaticFile {{ name: {name:?}, etag: {etag:?} }};\n");
    }
    code
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}
