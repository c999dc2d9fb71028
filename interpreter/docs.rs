//! Writes the docstrings of the library's native objects as `src/docstrings.rs` reads them.
//!
//! The runtime's own way to have them unpacks them all as soon as it makes its first type, which is a
//! fifth of a start. Here those of modules and classes, which are set as these are made, stand apart from
//! all others, which nobody looks at before somebody asks.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use rustpython_doc::DB;

/// Most classes say of what every class has what the root of all says.
const ROOT: &str = "builtins.object.";

/// What is a function in CPython, which the texts are of, and a class in the runtime.
const CLASSES_HERE: [&str; 1] = ["select.poll"];

/// Docstrings as they are written: each text once, and a line for each name, to be sorted.
#[derive(Default)]
struct Table<'a> {
    lines: Vec<String>,
    texts: Vec<u8>,
    places: HashMap<&'a [u8], usize>,
}

impl<'a> Table<'a> {
    fn add(&mut self, name: &str, doc: &'a [u8]) {
        let start = *self.places.entry(doc).or_insert_with(|| {
            let start = self.texts.len();
            self.texts.extend_from_slice(doc);
            start
        });
        self.lines.push(format!("{name}\t{start} {}\n", doc.len()));
    }

    /// A name and the tab behind it sort as the name alone does: no name has a smaller character.
    fn write(mut self, folder: &Path, name: &str) -> io::Result<()> {
        self.lines.sort();
        std::fs::write(folder.join(name), self.texts)?;
        std::fs::write(folder.join(format!("{name}-index")), self.lines.concat())
    }
}

/// Writes `docs-of-classes`, those of modules and classes, and `docs`, all others: the texts, and in a
/// file with `-index` behind its name a line for each object, by name: `module.class.attribute`, a tab, start and
/// length. What a class has as the root of all classes has it, is in a line `module.class.`, a tab, and the
/// names with commas between them.
pub fn write(folder: &Path) -> io::Result<()> {
    let texts = xz::decode_all(rustpython_doc::BLOB)?;
    let mut docs = BTreeMap::new();
    for (name, place) in DB {
        let (start, end) = (place.offset as usize, (place.offset + place.len) as usize);
        let outside = || io::Error::other("a docstring lies outside of the texts");
        docs.insert(*name, texts.get(start..end).ok_or_else(outside)?);
    }
    let (mut of_classes, mut others) = (Table::default(), Table::default());
    let mut as_root: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (&name, &doc) in &docs {
        let attributes = format!("{name}.");
        let mut behind = docs.range(attributes.as_str()..);
        let has_attributes = behind
            .next()
            .is_some_and(|(other, _)| other.starts_with(&attributes));
        // A module or a class: some modules have dots in their names.
        if has_attributes || !name.contains('.') || CLASSES_HERE.contains(&name) {
            of_classes.add(name, doc);
            continue;
        }
        let (class, attribute) = name.rsplit_once('.').unwrap_or_default();
        let root = docs.get(format!("{ROOT}{attribute}").as_str());
        if root == Some(&doc) && class.contains('.') && !name.starts_with(ROOT) {
            as_root.entry(class).or_default().push(attribute);
        } else {
            others.add(name, doc);
        }
    }
    for (class, attributes) in as_root {
        others
            .lines
            .push(format!("{class}.\t{}\n", attributes.join(",")));
    }
    of_classes.write(folder, "docs-of-classes")?;
    others.write(folder, "docs")
}
