//! Checks the seeds of fuzzing, and the inputs that once failed.

use sockjs_fuzz::TARGETS;
use std::fs;
use std::path::{Path, PathBuf};

fn inputs(room: &str, target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(room).join(target);
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_seed_and_every_regression_holds() {
    for (target, check) in TARGETS {
        let seeds = inputs("seeds", target);
        assert!(seeds.len() >= 5, "{target} has seeds");
        for path in seeds.into_iter().chain(inputs("regressions", target)) {
            eprintln!("{}", path.display());
            check(&fs::read(&path).unwrap());
        }
    }
}
