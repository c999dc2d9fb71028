//! The history without a terminal: files as they may be found, several writers, positions.

use std::os::unix::fs::MetadataExt;

use rhumba_interpreter::history::PastCell;
use rustyline::history::{History as _, SearchDirection};
use tempfile::TempDir;

use super::*;

/// What is reached only when something is broken.
const TIMEOUT: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn open(folder: &TempDir) -> History {
    History::open(Some(folder.path().join("state")))
}

fn asked(history: &History, query: HistoryQuery) -> Vec<PastCell> {
    let answer = history.ask(query).recv_timeout(TIMEOUT);
    answer.expect("the thread lives").expect("it can be read")
}

fn sources(cells: &[PastCell]) -> Vec<&str> {
    cells.iter().map(|cell| cell.source.as_str()).collect()
}

fn all(session: i64) -> HistoryQuery {
    HistoryQuery::Range {
        session,
        first: 1,
        past: None,
    }
}

fn search(pattern: &str, unique: bool) -> HistoryQuery {
    HistoryQuery::Search {
        pattern: pattern.to_owned(),
        count: None,
        unique,
    }
}

/// The cells that going back gives, newest first.
fn backwards(history: &History) -> Vec<String> {
    let cells = RecentCells(Arc::clone(history.recent()));
    let mut found = Vec::new();
    let mut place = cells.len();
    while let Some(next) = place.checked_sub(1)
        && let Ok(Some(result)) = cells.get(next, SearchDirection::Reverse)
    {
        place = result.idx;
        found.push(result.entry.into_owned());
    }
    found
}

#[test]
fn cells_and_results_come_back_in_later_sessions() {
    let folder = folder();
    let first = open(&folder);
    for (line, cell) in [
        (1, "x = 1"),
        (2, "def f():\n    return '\\n'"),
        (3, "π = \"\u{1F40D}\""),
    ] {
        first.remember(line, cell);
    }
    first.remember_output(3, "'out'");
    assert_eq!(first.session().recv_timeout(TIMEOUT), Ok(Ok(1)));
    first.finish();
    let second = open(&folder);
    second.remember(1, "x = 2\n");
    assert_eq!(second.session().recv_timeout(TIMEOUT), Ok(Ok(2)));
    let cells = asked(&second, all(1));
    assert_eq!(
        sources(&cells),
        ["x = 1", "def f():\n    return '\\n'", "π = \"\u{1F40D}\""]
    );
    assert_eq!(cells[2].output.as_deref(), Some("'out'"));
    assert_eq!(cells[0].output, None);
    assert_eq!(
        sources(&asked(&second, HistoryQuery::Tail { count: 2 })),
        ["π = \"\u{1F40D}\"", "x = 2"]
    );
    assert_eq!(
        sources(&asked(&second, search("x*", false))),
        ["x = 1", "x = 2"]
    );
    assert_eq!(sources(&asked(&second, search("*return*", false))).len(), 1);
    assert_eq!(sources(&asked(&second, search("return", false))).len(), 0);
    assert_eq!(
        backwards(&second),
        [
            "x = 2",
            "π = \"\u{1F40D}\"",
            "def f():\n    return '\\n'",
            "x = 1"
        ]
    );
    second.finish();
    let path = folder.path().join("state").join(writer::FILE_NAME);
    let mode = std::fs::metadata(path).expect("it is there").mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(second.trouble().is_none() && first.trouble().is_none());
}

#[test]
fn of_the_same_text_the_last_is_unique() {
    let folder = folder();
    let history = open(&folder);
    for (line, cell) in ["run()", "y = 1", "run()", "run(2)"].iter().enumerate() {
        history.remember(u32::try_from(line).expect("few") + 1, cell);
    }
    let cells = asked(&history, search("run*", true));
    let lines: Vec<u32> = cells.iter().map(|cell| cell.line).collect();
    assert_eq!(
        (sources(&cells), lines),
        (vec!["run()", "run(2)"], vec![3, 4])
    );
    history.finish();
}

#[test]
fn brackets_of_a_pattern_mean_what_stands_in_them() {
    let folder = folder();
    let history = open(&folder);
    for (line, cell) in ["list0 = 1", "list[0] = 2", "list*2"].iter().enumerate() {
        history.remember(u32::try_from(line).expect("few") + 1, cell);
    }
    let found = asked(&history, search("*list[[]0]*", false));
    assert_eq!(sources(&found), ["list[0] = 2"]);
    let found = asked(&history, search("*list[*]2*", false));
    assert_eq!(sources(&found), ["list*2"]);
    history.finish();
}

#[test]
fn the_text_of_earlier_versions_is_taken_over_once() {
    let folder = folder();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).expect("it is ours");
    std::fs::write(
        state.join("history"),
        "\"old = 1\"\n\"torn\n\u{fffd}\n\"old = 2\"\n",
    )
    .expect("it is ours");
    for session in 2..4 {
        let history = open(&folder);
        history.remember(1, "new");
        assert_eq!(history.session().recv_timeout(TIMEOUT), Ok(Ok(session)));
        assert_eq!(
            sources(&asked(&history, search("old*", false))),
            ["old = 1", "old = 2"]
        );
        history.finish();
    }
}

#[test]
fn several_shells_write_at_once_and_lose_nothing() {
    let folder = folder();
    std::thread::scope(|scope| {
        for shell in 0..6 {
            let folder = &folder;
            scope.spawn(move || {
                let history = open(folder);
                for line in 1..=50 {
                    history.remember(line, &format!("shell_{shell} = {line}"));
                    if line % 10 == 0 {
                        // What is asked for is answered after what was written before it.
                        let own = asked(&history, search(&format!("shell_{shell} =*"), false));
                        assert_eq!(own.len(), line as usize);
                    }
                }
                assert_eq!(history.finish(), None);
                assert_eq!(history.trouble(), None);
            });
        }
    });
    let history = open(&folder);
    assert_eq!(asked(&history, search("shell_*", false)).len(), 300);
    history.finish();
}

#[test]
fn what_a_locked_file_does_not_take_is_told_at_the_end() {
    let folder = folder();
    let history = open(&folder);
    history.remember(1, "kept");
    assert_eq!(asked(&history, all(1)).len(), 1);
    let path = folder.path().join("state").join(writer::FILE_NAME);
    let other = rusqlite::Connection::open(&path).expect("it is there");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody writes");
    history.remember(2, "lost");
    history.remember(3, "lost too");
    let told = history.finish().expect("it is locked");
    let cells = format!(
        "the last 2 cells aren't kept in the history {}: ",
        path.display()
    );
    assert!(told.starts_with(&cells), "{told}");
    assert_eq!(history.finish(), None, "it is told once");
}

#[test]
fn a_damaged_file_is_put_aside_and_told_of_once() {
    let folder = folder();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).expect("it is ours");
    let path = state.join(writer::FILE_NAME);
    std::fs::write(
        &path,
        b"this is no database, though it is long enough to be one".repeat(50),
    )
    .expect("it is ours");
    let history = open(&folder);
    history.remember(1, "kept = True");
    assert_eq!(sources(&asked(&history, all(1))), ["kept = True"]);
    let told = history.trouble().expect("it was damaged");
    assert!(
        told.contains("was damaged") && told.contains(".damaged-1"),
        "{told}"
    );
    assert_eq!(history.trouble(), None);
    history.finish();
    assert!(state.join("history.sqlite.damaged-1").exists());
    let history = open(&folder);
    assert_eq!(backwards(&history), ["kept = True"]);
    assert_eq!(history.trouble(), None);
    history.finish();
}

#[test]
fn a_file_damaged_in_the_middle_is_put_aside_when_it_is_written() {
    let folder = folder();
    let history = open(&folder);
    for line in 1..=2000 {
        history.remember(
            line,
            &format!("cell {line} of a history with more than a page"),
        );
    }
    history.finish();
    let path = folder.path().join("state").join(writer::FILE_NAME);
    let mut bytes = std::fs::read(&path).expect("it is there");
    assert!(bytes.len() > 16 * 4096, "{}", bytes.len());
    bytes[4096..].fill(0xA5);
    std::fs::write(&path, bytes).expect("it is ours");
    let history = open(&folder);
    history.remember(1, "goes on");
    let session = history
        .session()
        .recv_timeout(TIMEOUT)
        .expect("it lives")
        .expect("a number");
    assert_eq!(sources(&asked(&history, all(session))), ["goes on"]);
    let told = history.trouble().expect("it was damaged");
    assert!(told.contains("damaged"), "{told}");
    history.finish();
}

#[test]
fn a_pipe_in_the_place_of_the_file_is_not_waited_for() {
    let folder = folder();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).expect("it can be made");
    let path = std::ffi::CString::new(state.join(writer::FILE_NAME).display().to_string());
    let path = path.expect("it has no zero");
    // SAFETY: the path ends with a zero.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let history = open(&folder);
    history.remember(1, "kept = True");
    assert_eq!(sources(&asked(&history, all(1))), ["kept = True"]);
    let told = history.trouble().expect("it can't be used");
    assert!(told.contains("no ordinary file"), "{told}");
    history.finish();
}

#[test]
fn numbers_that_are_set_back_begin_another_session() {
    let folder = folder();
    let history = open(&folder);
    for (line, cell) in [(1, "a"), (2, "b"), (1, "c"), (5, "d")] {
        history.remember(line, cell);
    }
    history.remember_output(5, "'out'");
    assert_eq!(sources(&asked(&history, all(1))), ["a", "b"]);
    let cells = asked(&history, all(2));
    assert_eq!(sources(&cells), ["c", "d"]);
    assert_eq!(cells[1].output.as_deref(), Some("'out'"));
    assert_eq!(history.session().recv_timeout(TIMEOUT), Ok(Ok(2)));
    history.finish();
}

#[test]
fn a_folder_that_cannot_be_made_leaves_a_history_in_memory() {
    let folder = folder();
    std::fs::write(
        folder.path().join("state"),
        "a file where the folder should be",
    )
    .expect("it is ours");
    let history = open(&folder);
    history.remember(1, "one");
    history.remember(2, "two");
    assert_eq!(
        sources(&asked(&history, HistoryQuery::Tail { count: 9 })),
        ["one", "two"]
    );
    assert_eq!(backwards(&history), ["two", "one"]);
    let told = history.trouble().expect("it can't be kept");
    assert!(
        told.starts_with("cells are remembered only until this shell ends"),
        "{told}"
    );
    history.finish();
}

#[test]
fn a_file_that_cannot_be_written_is_still_read() {
    let folder = folder();
    let history = open(&folder);
    history.remember(1, "before");
    history.finish();
    let path = folder.path().join("state").join(writer::FILE_NAME);
    // The version that a writer must know, in the file's header: permissions don't stop everybody.
    let mut bytes = std::fs::read(&path).expect("it is there");
    bytes[18] = 3;
    std::fs::write(&path, bytes).expect("it is ours");
    let history = open(&folder);
    history.remember(1, "after");
    let cells = asked(&history, HistoryQuery::Tail { count: 9 });
    assert_eq!(sources(&cells), ["after"]);
    assert_eq!(backwards(&history), ["after", "before"]);
    let told = history.trouble().expect("it can't be written");
    assert!(told.contains("it can't be written"), "{told}");
    assert_eq!(history.trouble(), None);
    history.finish();
}

#[test]
fn trimming_keeps_the_last_cells() {
    let folder = folder();
    let history = open(&folder);
    for line in 1..=10 {
        history.remember(line, &format!("cell_{line}"));
        history.remember_output(line, "out");
    }
    history.finish();
    let state = folder.path().join("state");
    assert_eq!(trim(&state, 3).map(|trimmed| trimmed.removed), Ok(7));
    assert_eq!(trim(&state, 3).map(|trimmed| trimmed.removed), Ok(0));
    let history = open(&folder);
    assert_eq!(backwards(&history), ["cell_10", "cell_9", "cell_8"]);
    assert_eq!(asked(&history, search("cell_2", false)).len(), 0);
    history.finish();
    assert_eq!(trim(&state, 0).map(|trimmed| trimmed.removed), Ok(3));
    assert_eq!(
        trim(&folder.path().join("none"), 0).map(|trimmed| trimmed.removed),
        Ok(0)
    );
}

#[test]
fn arrows_find_what_begins_as_typed_in_both_directions_and_keep_what_was_changed() {
    let recent = Arc::new(Recent::default());
    recent.fill(
        ["import os", "x = 1", "import sys", "import sys ", "y"]
            .map(String::from)
            .to_vec(),
    );
    let cells = RecentCells(Arc::clone(&recent));
    let step = |text: &str, position, start, direction| {
        recent.leave(text, position, direction);
        let found = cells.get(start, direction).expect("it can't fail");
        found.map(|found| (found.entry.into_owned(), found.idx))
    };
    let back =
        |text: &str, place: usize| step(text, text.len(), place - 1, SearchDirection::Reverse);
    let forth =
        |text: &str, place: usize| step(text, text.len(), place + 1, SearchDirection::Forward);
    let (newest, place) = back("imp", CELLS_MAX).expect("there is one");
    assert_eq!(newest, "import sys ");
    let (entry, place) = back(&newest, place).expect("there is one");
    assert_eq!(entry, "import sys");
    let (entry, place) = back(&entry, place).expect("there is one");
    assert_eq!((entry.as_str(), place), ("import os", CELLS_MAX - 5));
    assert_eq!(back(&entry, place), None);
    assert_eq!(
        recent.shown_as("import os"),
        Some(Shown::Begun("import os".to_owned()))
    );
    let (entry, place) = forth(&entry, place).expect("there is one");
    assert_eq!(entry, "import sys");
    let (entry, place) = forth(&entry, place).expect("there is one");
    // Behind the newest is what was typed.
    let typed = forth(&entry, place).expect("there is one");
    assert_eq!(typed, ("imp".to_owned(), CELLS_MAX));
    // Without anything before the cursor all cells are shown, and a changed one stays as it is.
    let (entry, place) =
        step("imp", 0, CELLS_MAX - 1, SearchDirection::Reverse).expect("there is one");
    assert_eq!((entry.as_str(), place), ("y", CELLS_MAX - 1));
    let (entry, place) = back("", place).expect("there is one");
    assert_eq!(entry, "import sys ");
    let (entry, place) = forth(&entry, place).expect("it was emptied");
    assert_eq!((entry.as_str(), place), ("", CELLS_MAX - 1));
    assert_eq!(recent.continuation("import s"), Some("ys ".to_owned()));
    assert_eq!(recent.continuation("y"), None);
    assert_eq!(recent.earlier(1), Some("y".to_owned()));
    assert_eq!(recent.earlier(5), Some("import os".to_owned()));
    assert_eq!(recent.earlier(6), None);
    // Where that isn't wanted, all cells are shown, whatever was typed.
    recent.begin();
    recent.begin_as_typed(false);
    let (entry, place) = back("imp", CELLS_MAX).expect("there is one");
    assert_eq!(entry, "y");
    assert_eq!(back(&entry, place).expect("there is one").0, "import sys ");
    recent.begin_as_typed(true);
    // Another cell is begun: nothing of it is left.
    recent.begin();
    let (entry, _) = back("", CELLS_MAX).expect("there is one");
    assert_eq!(entry, "y");
}

#[test]
fn a_search_minds_capitals_only_where_some_are_typed() {
    let recent = Arc::new(Recent::default());
    recent.fill(["Alpha()", "alpha()", "beta"].map(String::from).to_vec());
    let cells = RecentCells(recent);
    let found = |term: &str| {
        let found = cells.search(term, CELLS_MAX - 1, SearchDirection::Reverse);
        found
            .expect("it can't fail")
            .map(|found| (found.entry.into_owned(), found.pos))
    };
    assert_eq!(found("pha"), Some(("alpha()".to_owned(), 2)));
    assert_eq!(found("Alp"), Some(("Alpha()".to_owned(), 0)));
    assert_eq!(found("ET"), None);
}

#[test]
fn a_search_goes_on_from_what_it_has_found() {
    let recent = Arc::new(Recent::default());
    recent.fill(["x = 1", "y", "x = 2", "x = 3"].map(String::from).to_vec());
    let older = |text: &str| recent.find_again("x =", text, SearchDirection::Reverse);
    let newer = |text: &str| recent.find_again("x =", text, SearchDirection::Forward);
    assert_eq!(newer("z"), None);
    assert_eq!(older("z"), Some(("x = 3".to_owned(), 0)));
    assert_eq!(older("x = 3"), Some(("x = 2".to_owned(), 0)));
    assert_eq!(older("x = 2"), Some(("x = 1".to_owned(), 0)));
    assert_eq!(older("x = 1"), None);
    assert_eq!(newer("x = 1"), Some(("x = 2".to_owned(), 0)));
    // What was changed is no longer what was found.
    assert_eq!(older("x = 22"), Some(("x = 3".to_owned(), 0)));
}

#[test]
fn two_hundred_thousand_cells_are_searched_through_their_index() {
    let folder = folder();
    let path = folder.path().join("many.sqlite");
    let mut database = database::Database::open(&path, Vec::new).expect("it can be made");
    database
        .together(|database| {
            for number in 0..200_000_u32 {
                let cell = format!("name_{} = function_{}({number})", number % 977, number % 89);
                database.add_cell(i64::from(number / 200) + 1, number % 200 + 1, &cell)?;
            }
            Ok(())
        })
        .expect("it can be written");
    let found = database
        .find(&search("*_88(1234*", false))
        .expect("it can be read");
    assert!(!found.is_empty());
    assert!(found.iter().all(|cell| cell.source.contains("_88(1234")));
    let plan = database.plan("SELECT rowid FROM history_search WHERE source GLOB '*_88(1234*'");
    // The index answers, not a walk over all rows: its plan names the pattern it was handed.
    assert!(plan.contains("VIRTUAL TABLE INDEX 0:G0"), "{plan}");
}
