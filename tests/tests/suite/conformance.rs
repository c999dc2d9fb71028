//! Scripts that ask of `ipyparallel` what its documentation promises, each run as a person would
//! run it: `rhumba -n 4 SCRIPT`. A script fails by an exception; see
//! `tests/conformance/ipyparallel/_expect.py` for what they share.

use std::path::{Path, PathBuf};

use super::support::TestHome;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/ipyparallel")
}

fn conforms(script: &str) {
    let home = TestHome::new();
    let path = folder().join(format!("{script}.py"));
    let finished = home.run(["-n".as_ref(), "4".as_ref(), path.as_os_str()]);
    assert_eq!(finished.code(), 0, "{script}.py: {}", finished.stderr);
}

/// One test per script, and a check that no script is left out.
macro_rules! scripts {
    ($($(#[$attribute:meta])* $name:ident)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                conforms(stringify!($name));
            }
        )*

        #[test]
        fn every_script_is_run() {
            let mut found: Vec<String> = std::fs::read_dir(folder())
                .expect("the scripts are beside the tests")
                .filter_map(|entry| {
                    let name = entry.ok()?.file_name().into_string().ok()?;
                    Some(name.strip_suffix(".py")?.to_owned())
                })
                // What scripts share begins with an underscore.
                .filter(|name| !name.starts_with('_'))
                .collect();
            found.sort();
            assert_eq!(found, [$(stringify!($name)),*]);
        }
    };
}

scripts! {
    async_result
    bad_input
    client
    client_results
    cluster
    dependencies
    direct_view
    errors
    first_interface
    futures
    interruption
    large_objects
    load_balanced_view
    magics
    partial_results
    published
    remote_functions
    scatter_gather
    signals
    stopping
    task_store
    together
}
