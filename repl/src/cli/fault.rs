//! What a person sees when rhumba itself has a fault: two lines they can act on, and a file with what
//! whoever mends it needs.

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rhumba_engine::home;

/// Replaces the report of a fault in rhumba itself by words that a user can act on.
pub fn report_faults_in_words() {
    std::panic::set_hook(Box::new(|fault| {
        if rhumba_interpreter::compiling::may_panic() {
            return;
        }
        let place = fault.location().map_or_else(String::new, |at| {
            format!(" ({}:{})", source_file(at.file()), at.line())
        });
        let what = fault
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| fault.payload().downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no description".to_owned());
        let what = format!("{what}{place}");
        // That of an engine is captured for those who use it.
        let mut stderr = rhumba_engine::engine::Log;
        let _ = writeln!(stderr, "rhumba: a fault inside rhumba itself: {what}");
        let report = write_once(&what);
        let _ = match report {
            Some(path) => writeln!(
                stderr,
                "hint: please report it with these two lines, what was run, and {}",
                path.display()
            ),
            None => writeln!(
                stderr,
                "hint: please report it with these two lines and what was run"
            ),
        };
    }));
}

/// Writes the report of the first fault of a process; those after it follow from that mostly.
fn write_once(what: &str) -> Option<PathBuf> {
    static IS_WRITTEN: AtomicBool = AtomicBool::new(false);
    if IS_WRITTEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    let folder = home::home_directory().ok()?;
    write_report(&folder, what, &Backtrace::force_capture().to_string()).ok()
}

/// Writes a report into a folder. It names no environment and no content of any namespace.
fn write_report(folder: &Path, what: &str, calls: &str) -> std::io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |since| since.as_secs());
    let path = folder.join(format!("fault-{seconds}-{}.txt", std::process::id()));
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = writeln!(text, "rhumba {} had a fault", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "what: {what}");
    let _ = writeln!(
        text,
        "thread: {}",
        std::thread::current().name().unwrap_or("unnamed")
    );
    let words: Vec<_> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let _ = writeln!(text, "started as: {words:?}");
    let _ = writeln!(text, "seconds since 1970: {seconds}\n\n{calls}");
    std::fs::create_dir_all(folder)?;
    std::fs::write(&path, text)?;
    Ok(path)
}

/// A source file by its crate, without the folders of the machine that it was built on.
fn source_file(path: &str) -> &str {
    let Some((_, in_registry)) = path.split_once("/registry/src/") else {
        return path;
    };
    in_registry
        .split_once('/')
        .map_or(in_registry, |(_, file)| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_and_where() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let below = folder.path().join("state");
        let path = write_report(&below, "it broke (a.rs:3)", "0: main").expect("it can be written");
        let text = std::fs::read_to_string(path).expect("it is there");
        assert!(text.contains("what: it broke (a.rs:3)\n"), "{text}");
        assert!(text.contains("started as: ["), "{text}");
        assert!(text.ends_with("\n\n0: main\n"), "{text}");
    }

    #[test]
    fn sources_are_named_by_their_crate() {
        let place = "/home/x/.cargo/registry/src/index-1/a-1.0/src/b.rs";
        assert_eq!(source_file(place), "a-1.0/src/b.rs");
        assert_eq!(source_file("repl/src/lib.rs"), "repl/src/lib.rs");
    }
}
