//! Checkpoints as people name them: one of several engines is a part for each in the store.
//!
//! `monday` of engines 0 and 1 is kept as `monday@0` and `monday@1`; of a session, or of one
//! engine addressed by its id, as `monday`. It knows no Python, and keeps nothing itself: see
//! [`rhumba_engine::store`].

use rhumba_engine::store::{CheckpointInfo, Store, StoreError, check_name};
use std::collections::BTreeSet;

/// What stands between a checkpoint's name and the id of an engine.
const PART_MARK: char = '@';

/// A checkpoint with all of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it is restored by.
    pub name: String,
    /// Ordered by engine; a single one without an id if it isn't in parts.
    pub parts: Vec<Part>,
}

/// One namespace of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The engine whose part it is, if it is a part.
    pub engine: Option<u32>,
    /// What the store says of it; its name is the one in the store.
    pub info: CheckpointInfo,
}

impl Kept {
    /// When its last part was taken, in microseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn created_us(&self) -> u64 {
        let times = self.parts.iter().map(|part| part.info.created_us);
        times.max().unwrap_or_default()
    }

    /// The bytes of its namespaces, uncompressed; what parts share is counted in each.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.info.size_bytes).sum()
    }

    /// Where it was taken: `session`, `engine 2`, `4 engines`.
    #[must_use]
    pub fn origin(&self) -> String {
        match self.parts.as_slice() {
            [only] => only.info.origin.clone(),
            parts => format!("{} engines", parts.len()),
        }
    }

    /// The names inside, each once, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for name in self.parts.iter().flat_map(|part| &part.info.names) {
            if seen.insert(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Path and reason of what was left out; of several parts, the path begins with the part's.
    #[must_use]
    pub fn left_out(&self) -> Vec<(String, String)> {
        self.of_parts(|info| info.left_out.clone())
    }

    /// Why it can't be used, where it can't.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.parts.iter().find_map(|part| part.info.problem.clone())
    }

    fn of_parts(
        &self,
        of: impl Fn(&CheckpointInfo) -> Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        if let [only] = self.parts.as_slice() {
            return of(&only.info);
        }
        let told = self.parts.iter().flat_map(|part| {
            of(&part.info).into_iter().map(|(path, reason)| {
                let path = format!("{}: {path}", part.info.name);
                (path, reason)
            })
        });
        told.collect()
    }
}

/// Returns what the store has, ordered by name.
///
/// # Errors
/// If the store can't be read.
pub fn list(store: &Store) -> Result<Vec<Kept>, StoreError> {
    let mut kept: Vec<Kept> = Vec::new();
    let mut parts: Vec<(String, Part)> = store
        .list()?
        .into_iter()
        .map(|info| {
            let (name, engine) = split(&info.name);
            (name.to_owned(), Part { engine, info })
        })
        .collect();
    // By number, where the store orders by text.
    parts.sort_by(|(a, x), (b, y)| (a, x.engine).cmp(&(b, y.engine)));
    for (name, part) in parts {
        match kept.last_mut() {
            Some(last) if last.name == name => last.parts.push(part),
            _ => kept.push(Kept {
                name,
                parts: vec![part],
            }),
        }
    }
    Ok(kept)
}

/// Returns the checkpoint of this name: all of its parts, or the one that the name is of.
///
/// # Errors
/// If there is none, or the store can't be read.
pub fn find(store: &Store, name: &str) -> Result<Kept, StoreError> {
    // Only what has the name is opened: there may be thousands.
    let names = store.names()?;
    let is_part = split(name).1.is_some() && names.iter().any(|stored| stored == name);
    let mut parts: Vec<Part> = names
        .iter()
        .filter(|stored| match is_part {
            true => *stored == name,
            false => split(stored).0 == name,
        })
        .filter_map(|stored| {
            let engine = split(stored).1;
            let info = store.describe(stored.clone())?;
            Some(Part { engine, info })
        })
        .collect();
    if parts.is_empty() {
        check_name(name)?;
        let there: BTreeSet<&str> = names.iter().map(|stored| split(stored).0).collect();
        return Err(StoreError::Unknown {
            name: name.to_owned(),
            there: there.into_iter().map(str::to_owned).collect(),
        });
    }
    parts.sort_by_key(|part| part.engine);
    Ok(Kept {
        name: name.to_owned(),
        parts,
    })
}

/// Removes a checkpoint with all of its parts, or one part; with a `*` in it, all whose names are
/// like that. Returns the names in the store of what was removed.
///
/// # Errors
/// If there is none, or one can't be removed.
pub fn remove(store: &Store, name: &str) -> Result<Vec<String>, StoreError> {
    let parts = match find(store, name) {
        Ok(kept) => kept.parts,
        Err(error) => {
            let mut alike = list(store)?;
            alike.retain(|kept| name.contains('*') && is_like(&kept.name, name));
            if alike.is_empty() {
                return Err(error);
            }
            alike.into_iter().flat_map(|kept| kept.parts).collect()
        }
    };
    let names: Vec<String> = parts.into_iter().map(|part| part.info.name).collect();
    for name in &names {
        store.remove(name)?;
    }
    Ok(names)
}

/// Whether a name is what a pattern stands for, in which each `*` stands for any text.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Removes what else is called by this name, once a checkpoint has been written anew that has
/// these parts.
///
/// # Errors
/// If the store can't be read or changed.
pub fn keep_parts(store: &Store, name: &str, engines: &[Option<u32>]) -> Result<(), StoreError> {
    for stored in store.names()? {
        let (of, engine) = split(&stored);
        if of == name && !engines.contains(&engine) {
            store.remove(&stored)?;
        }
    }
    Ok(())
}

/// Returns what the one namespace of a checkpoint is called in the store.
///
/// # Errors
/// If there is no such checkpoint, or it has several parts.
pub fn only_part(store: &Store, name: &str) -> Result<String, CheckpointError> {
    let kept = find(store, name)?;
    match kept.parts.as_slice() {
        [only] => Ok(only.info.name.clone()),
        parts => Err(CheckpointError::SeveralParts {
            name: name.to_owned(),
            count: parts.len(),
            first: parts[0].info.name.clone(),
        }),
    }
}

/// Why a checkpoint can't be made or found. Each is a sentence.
#[derive(Debug)]
pub enum CheckpointError {
    Store(StoreError),
    /// The name is one that an engine's part has.
    NameOfPart(String),
    /// One namespace is wanted, and there are several.
    SeveralParts {
        name: String,
        count: usize,
        first: String,
    },
}

impl From<StoreError> for CheckpointError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl std::fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::NameOfPart(name) => write!(
                f,
                "{name:?} can't name a checkpoint: names that end with {PART_MARK} and a number \
                 are those of engines' parts"
            ),
            Self::SeveralParts { name, count, first } => write!(
                f,
                "the checkpoint {name:?} has the namespaces of {count} engines; name one of its \
                 parts, such as {first:?}"
            ),
        }
    }
}

/// Checks that a checkpoint of a session or of engines can have this name.
///
/// # Errors
/// If it can't.
pub fn check(name: &str) -> Result<(), CheckpointError> {
    check_name(name)?;
    match split(name) {
        (_, Some(_)) => Err(CheckpointError::NameOfPart(name.to_owned())),
        (_, None) => Ok(()),
    }
}

/// Splits a name in the store into what people call it, and the engine whose part it is.
fn split(stored: &str) -> (&str, Option<u32>) {
    let part = stored.rsplit_once(PART_MARK).and_then(|(name, engine)| {
        let is_number = !engine.is_empty() && engine.bytes().all(|byte| byte.is_ascii_digit());
        let engine = is_number.then(|| engine.parse().ok()).flatten()?;
        (!name.is_empty()).then_some((name, Some(engine)))
    });
    part.unwrap_or((stored, None))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rhumba_engine::store::{Checkpoint, SegmentData};

    use super::*;

    fn store_with(names: &[&str]) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open(folder.path());
        for (index, name) in names.iter().enumerate() {
            let checkpoint = Checkpoint {
                name: (*name).to_owned(),
                created_us: index as u64,
                origin: format!("origin {index}"),
                left_out: vec![("ns['f']".to_owned(), "an open file".to_owned())],
                ..Checkpoint::default()
            };
            store.write(&checkpoint).expect("it can be written");
        }
        (folder, store)
    }

    #[test]
    fn parts_are_ordered_by_engine() {
        let (_folder, store) = store_with(&["m@10", "m@9", "m", "n", "a@b", "@3"]);
        let listed = list(&store).expect("it can be read");
        let names: Vec<&str> = listed.iter().map(|kept| kept.name.as_str()).collect();
        assert_eq!(names, ["@3", "a@b", "m", "n"]);
        let engines: Vec<_> = listed[2].parts.iter().map(|part| part.engine).collect();
        assert_eq!(engines, [None, Some(9), Some(10)]);
        assert_eq!(listed[2].origin(), "3 engines");
        assert_eq!(listed[2].created_us(), 2);
        assert_eq!(listed[2].left_out()[1].0, "m@9: ns['f']");
        assert_eq!(listed[3].origin(), "origin 3");
        assert_eq!(listed[3].left_out()[0].0, "ns['f']");
    }

    #[test]
    fn a_name_stands_for_all_parts_and_a_part_for_itself() {
        let (_folder, store) = store_with(&["m@0", "m@1", "m2"]);
        assert_eq!(find(&store, "m@1").expect("there").parts.len(), 1);
        assert_eq!(only_part(&store, "m@1").expect("it is one"), "m@1");
        let several = only_part(&store, "m").expect_err("there are two");
        assert_eq!(
            several.to_string(),
            "the checkpoint \"m\" has the namespaces of 2 engines; name one of its parts, such as \
             \"m@0\""
        );
        assert_eq!(remove(&store, "m@1").expect("it is removed"), ["m@1"]);
        assert_eq!(remove(&store, "m").expect("it is removed"), ["m@0"]);
        let error = remove(&store, "m").expect_err("there is none any more");
        assert_eq!(
            error.to_string(),
            "there is no checkpoint named \"m\"; there are: m2"
        );
        keep_parts(&store, "m2", &[Some(1)]).expect("it can be changed");
        assert_eq!(list(&store).expect("it can be read"), []);
        let bad = find(&store, "../m2").expect_err("that is no name");
        assert!(matches!(bad, StoreError::BadName(_)));
    }

    #[test]
    fn one_is_found_without_a_look_at_the_others() {
        let (_folder, store) = store_with(&["m@0", "m@1"]);
        let segment = |number: usize| SegmentData {
            name: format!("name_{number}"),
            ..SegmentData::default()
        };
        let checkpoint = Checkpoint {
            name: "other0".to_owned(),
            segments: (0..500).map(segment).collect(),
            ..Checkpoint::default()
        };
        store.write(&checkpoint).expect("it can be written");
        let folder = store.directory().join("checkpoints");
        for number in 1..400 {
            let other = folder.join(format!("other{number}"));
            std::fs::copy(folder.join("other0"), other).expect("it can be copied");
        }
        let shortest = |what: &dyn Fn() -> usize| {
            let times = (0..5).map(|_| {
                let start = Instant::now();
                assert!(what() >= 2);
                start.elapsed()
            });
            times.min().unwrap_or(Duration::ZERO)
        };
        let of_all = shortest(&|| list(&store).expect("it can be read").len());
        let of_one = shortest(&|| find(&store, "m").expect("it is there").parts.len());
        assert!(of_one * 4 < of_all, "{of_one:?} of {of_all:?}");
        keep_parts(&store, "m", &[Some(1)]).expect("it can be changed");
        assert_eq!(only_part(&store, "m").expect("it is one"), "m@1");
        assert_eq!(list(&store).expect("it can be read").len(), 401);
    }

    #[test]
    fn a_pattern_stands_for_all_that_are_like_it() {
        let (_folder, store) =
            store_with(&["a-engine-0", "a-engine-1", "b-engine-0", "c*", "c1@2"]);
        assert_eq!(remove(&store, "c*").expect("that is its name"), ["c*"]);
        assert_eq!(remove(&store, "c*").expect("one is like it"), ["c1@2"]);
        let removed = remove(&store, "a-*").expect("two are like it");
        assert_eq!(removed, ["a-engine-0", "a-engine-1"]);
        assert!(remove(&store, "a-*").is_err());
        for pattern in ["*", "b*", "*0", "b*engine*0", "*-*-*"] {
            assert!(is_like("b-engine-0", pattern), "{pattern}");
        }
        for pattern in ["a*", "*1", "b*engine-0*0", "*engine-00", "b-engine-0x*"] {
            assert!(!is_like("b-engine-0", pattern), "{pattern}");
        }
    }

    #[test]
    fn the_names_of_parts_are_taken() {
        assert!(check("monday").is_ok());
        assert!(check("a@b").is_ok());
        let taken = check("monday@2").expect_err("that is a part's name");
        assert!(taken.to_string().starts_with("\"monday@2\" can't name"));
        assert!(matches!(check(".x"), Err(CheckpointError::Store(_))));
    }
}
