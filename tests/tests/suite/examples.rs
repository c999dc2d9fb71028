//! The examples of each way of working, run as their head comments say: `rhumba -n 4 examples/NAME.py`.
//!
//! They check what they compute themselves, and fail by an exception; here only their last word is
//! looked at. The analysis of the climate has a test of its own, in `example.rs`.

use std::path::{Path, PathBuf};

use super::support::TestHome;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder of the repository")
        .join("examples")
}

fn runs(example: &str, last_words: &str) {
    let home = TestHome::new();
    let path = folder().join(format!("{example}.py"));
    let finished = home.run(["-n".as_ref(), "4".as_ref(), path.as_os_str()]);
    assert_eq!(finished.code(), 0, "{example}.py: {}", finished.stderr);
    let last = finished.stdout.trim_end().lines().last().unwrap_or("");
    assert!(
        last.contains(last_words),
        "{example}.py ended with {last:?}"
    );
}

/// One test per example with what it ends with, and a check that no example is left out.
macro_rules! examples {
    ($($name:ident: $last_words:literal,)*) => {
        $(
            #[test]
            fn $name() {
                runs(stringify!($name), $last_words);
            }
        )*

        #[test]
        fn every_example_is_run() {
            let mut found: Vec<String> = std::fs::read_dir(folder())
                .expect("the examples are in their folder")
                .filter_map(|entry| {
                    let name = entry.ok()?.file_name().into_string().ok()?;
                    Some(name.strip_suffix(".py")?.to_owned())
                })
                .filter(|name| name != "climate")
                .collect();
            found.sort();
            assert_eq!(found, [$(stringify!($name)),*]);
        }
    };
}

examples! {
    farm: "tasks on",
    first_session: "tasks gave [0, 1, 4, 9, 16, 25]",
    functions: "parts begin with: It, it, it, hope",
    futures: "Executor, coroutines and one process agree.",
    lazy: "in block 5 of",
    montecarlo: "the same here and there",
    progress: "1 engine failed: ZeroDivisionError",
    steering: "The glider is 12 rows and columns on",
}
