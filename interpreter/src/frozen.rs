//! The standard library that runs, frozen: what a start imports apart from what comes later.
//!
//! The build script has put it so (`freeze.rs`), by the names in `start_modules.txt`, which
//! `repl/link/renew.py` renews. Its source, for people, is in `library.rs`.

use rustpython_compiler_core::frozen::{FrozenCodeObject, FrozenModule};

const INDEX: &str = include_str!(concat!(env!("OUT_DIR"), "/frozen-index"));
const START: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/frozen-start"));
const LATER_BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/frozen-later"));

/// It stands apart from other constants, all of which a cold start reads.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static LATER: [u8; LATER_BYTES.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/frozen-later"));

/// All modules, by name.
pub(crate) fn library() -> impl Iterator<Item = (&'static str, FrozenModule)> {
    INDEX
        .lines()
        .map(|line| entry(line).expect("the build script wrote it"))
}

fn entry(line: &'static str) -> Option<(&'static str, FrozenModule)> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let file: &'static [u8] = match words.next()? {
        "start" => START,
        _ => &LATER,
    };
    let (begin, length): (usize, usize) =
        (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let bytes = file.get(begin..begin.checked_add(length)?)?;
    let package = words.next()? == "package";
    let code = FrozenCodeObject { bytes };
    Some((name, FrozenModule { code, package }))
}
