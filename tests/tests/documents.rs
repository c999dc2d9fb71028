//! Ties the documents at the root to what they speak of, so that neither drifts alone.
//!
//! Checks that commands, folders and licences they name are real, and that what must be named is.
//! It does not judge prose. To write the list of licences in NOTICE anew:
//! `RHUMBA_BLESS=1 cargo suite notice`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const NOTICE_LIST_TITLE: &str =
    "Every crate linked in on Linux, by the licence that it declares:\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder of the repository")
        .to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What stands between back quotes in a text, code blocks left out.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

#[test]
fn the_commands_of_the_readme_are_aliases() {
    let readme = read("README.md");
    let aliases = read(".cargo/config.toml");
    for command in ["rhumba", "suite", "bench-peers"] {
        assert!(
            readme.contains(&format!("cargo {command}")),
            "README.md doesn't tell of cargo {command}"
        );
        assert!(
            aliases
                .lines()
                .any(|line| line.starts_with(&format!("{command} = "))),
            "cargo {command} is not an alias"
        );
    }
    assert!(
        read(".ci/run")
            .lines()
            .any(|line| line == "step cargo suite"),
        ".ci/run doesn't run the tests as README.md does"
    );
}

/// Every row of the table of conformance says how it stands, and names tests that are there.
#[test]
fn the_table_of_conformance_names_its_tests() {
    let states = [
        "there",
        "in part",
        "not yet",
        "elsewhere",
        "as ",
        "NotImplementedError",
    ];
    let mut rows = 0;
    for line in read("docs/parallel-conformance.md").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, what, state, shown_by, _] = cells[..] else {
            continue;
        };
        if what == "what" || what.starts_with("---") {
            continue;
        }
        rows += 1;
        assert!(
            states.iter().any(|known| state.starts_with(known)),
            "{what}: {state:?} is not a state"
        );
        let missing = state.starts_with("not yet") || state.starts_with("elsewhere");
        assert!(
            missing || !shown_by.is_empty(),
            "{what}: nothing is named that shows it"
        );
        // Paths stand in back quotes and are checked with those of the other documents.
        for script in shown_by
            .split_whitespace()
            .filter(|name| !name.starts_with('`'))
        {
            let path = root().join(format!("tests/conformance/ipyparallel/{script}.py"));
            assert!(path.is_file(), "{what}: there is no script {script}");
        }
    }
    assert!(rows > 80, "only {rows} rows were found");
}

/// Every row of the shell's table says how it stands, and names tests that are there.
#[test]
fn the_table_of_the_shell_names_its_tests() {
    let mut tests = BTreeSet::new();
    for folder in [
        "interpreter/src",
        "repl",
        "tests/tests",
        "engine/src",
        "stdlib",
    ] {
        collect_tests(&root().join(folder), &mut tests);
    }
    let states = ["there", "in part", "not yet", "elsewhere", "as "];
    let mut rows = 0;
    for line in read("docs/shell-conformance.md").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, what, state, shown_by, _] = cells[..] else {
            continue;
        };
        if what == "what" || what.starts_with("---") {
            continue;
        }
        rows += 1;
        assert!(
            states.iter().any(|known| state.starts_with(known)),
            "{what}: {state:?} is not a state"
        );
        let missing = state.starts_with("not yet") || state.starts_with("elsewhere");
        assert!(
            missing || !shown_by.is_empty(),
            "{what}: nothing is named that shows it"
        );
        for test in shown_by
            .split_whitespace()
            .filter(|name| !name.starts_with('`'))
        {
            assert!(tests.contains(test), "{what}: there is no test {test}");
        }
    }
    assert!(rows > 40, "only {rows} rows were found");
}

/// Adds the names of the test functions in the Rust files of a folder.
fn collect_tests(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect_tests(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("the file can be read");
            for after in source.split("#[test]").skip(1) {
                let name = after
                    .split_once("fn ")
                    .and_then(|(_, name)| name.split_once('('));
                tests.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
}

#[test]
fn paths_that_documents_name_are_there() {
    let mut missing = Vec::new();
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "BENCHMARKS.md",
        "docs/parallel-conformance.md",
        "docs/shell-conformance.md",
    ] {
        for path in quoted(&read(document)) {
            let is_path = path.contains('/')
                && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
                && !path.starts_with(['/', '.'])
                // What is made by running, not part of the repository.
                && !path.starts_with("target/");
            if is_path && !root().join(&path).exists() {
                missing.push(format!("{document}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "not there: {missing:#?}");
}

#[test]
fn the_code_map_has_every_module() {
    let architecture = read("ARCHITECTURE.md");
    let named: BTreeSet<String> = quoted(&architecture).into_iter().collect();
    let mut forgotten = Vec::new();
    for folder in ["engine/proto", "interpreter", "engine", "stdlib", "repl"] {
        if !named.contains(folder) {
            forgotten.push(folder.to_owned());
        }
        for entry in fs::read_dir(root().join(folder).join("src")).expect("every crate has src") {
            let name = entry.expect("the folder can be read").file_name();
            let name = name.to_string_lossy();
            let module = name.trim_end_matches(".rs");
            if !["lib", "main"].contains(&module) && !named.contains(module) {
                forgotten.push(format!("{folder}/src/{name}"));
            }
        }
    }
    forgotten.sort();
    assert!(
        forgotten.is_empty(),
        "ARCHITECTURE.md says nothing of {forgotten:#?}"
    );
}

#[test]
fn notice_names_every_licence() {
    let notice = read("NOTICE");
    let (before, listed) = notice
        .split_once(NOTICE_LIST_TITLE)
        .expect("NOTICE has its list");
    let list = format!("\n{}", licences());
    if std::env::var_os("RHUMBA_BLESS").is_some() {
        let whole = format!("{before}{NOTICE_LIST_TITLE}{list}");
        fs::write(root().join("NOTICE"), whole).expect("NOTICE can be written");
    } else {
        let words = |text: &str| -> BTreeSet<String> {
            text.split_whitespace().map(str::to_owned).collect()
        };
        let changed: Vec<String> = words(listed)
            .symmetric_difference(&words(&list))
            .cloned()
            .collect();
        assert!(
            listed == list,
            "what is linked in has changed ({changed:?}); look at its licences, then run \
             RHUMBA_BLESS=1 cargo suite notice"
        );
    }
}

/// The crates in rhumba's executable by licence: neither macros nor what only builds or tests.
fn licences() -> String {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .arg("--filter-platform=x86_64-unknown-linux-gnu")
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let by_id = |list: &'static str| -> BTreeMap<String, Value> {
        let items = metadata.pointer(list).and_then(Value::as_array);
        items
            .expect("cargo metadata has this list")
            .iter()
            .map(|item| (text(item, "id"), item.clone()))
            .collect()
    };
    let packages = by_id("/packages");
    let nodes = by_id("/resolve/nodes");
    let start = packages
        .iter()
        .find(|(_, package)| text(package, "name") == "rhumba");
    let mut waiting = vec![start.expect("rhumba is in its own workspace").0.clone()];
    let mut linked = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if is_macro(&packages[&id]) || !linked.insert(id.clone()) {
            continue;
        }
        let dependencies = nodes[&id]["deps"].as_array().into_iter().flatten();
        for dependency in dependencies {
            let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            if kinds.into_iter().any(|kind| kind["kind"].is_null()) {
                waiting.push(text(dependency, "pkg"));
            }
        }
    }
    // A build script puts the texts of these into the executable.
    let texts = packages
        .iter()
        .filter(|(_, package)| text(package, "name") == "rustpython-doc");
    linked.extend(texts.map(|(id, _)| id.clone()));
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in linked.iter().map(|id| &packages[id]) {
        // A workspace crate has no source; its licence is what NOTICE opens with.
        if !package["source"].is_null() {
            let licence = match package["license"].as_str() {
                Some(licence) => licence.replace('/', " OR "),
                None => "a licence of its own".to_owned(),
            };
            names
                .entry(licence)
                .or_default()
                .insert(text(package, "name"));
        }
    }
    let blocks = names.into_iter().map(|(licence, names)| {
        let names: Vec<String> = names.into_iter().collect();
        format!("{licence}\n{}", wrapped(&names))
    });
    blocks.collect::<Vec<_>>().join("\n")
}

fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets
        .filter_map(|target| target["kind"].as_array())
        .flatten()
        .any(|kind| kind == "proc-macro")
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// Indented lines of at most 80 characters.
fn wrapped(words: &[String]) -> String {
    let mut lines = vec![String::from("   ")];
    for (index, word) in words.iter().enumerate() {
        let comma = if index + 1 < words.len() { "," } else { "" };
        let line = lines.last().expect("it begins with one line");
        if line.len() + word.len() + 2 > 80 {
            lines.push(String::from("   "));
        }
        let line = lines.last_mut().expect("it begins with one line");
        line.push_str(&format!(" {word}{comma}"));
    }
    lines.join("\n") + "\n"
}
