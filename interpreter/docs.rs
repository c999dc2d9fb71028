//! Writes the docstrings of the library's native objects as `src/docstrings.rs` reads them.
//!
//! The runtime's own way to have them unpacks them all as soon as it makes its first type, which was a
//! fifth of a start. Here they are a file that nothing opens before somebody asks, and apart from it,
//! plain, those of modules, which are set as modules are made, and what every start asks for.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;

use rustpython_doc::DB;

const LEVEL: i32 = 19;

/// Methods that every class has say the same in most: these are kept once, for this one.
const ROOT: &str = "builtins.object.";

/// What every start asks for, beside modules: `classmethod` copies it, of what is most often made one.
const AT_ONCE: [&str; 1] = ["types.GenericAlias"];

/// Writes `docs-at-once`, for each module and the like its name and its docstring, each with a zero byte
/// behind it; and `docs`, compressed: the length of all texts in 8 bytes, little end first, the texts, and in a
/// line of its own for each object: `module.class.attribute start length`.
pub fn write(folder: &Path) -> io::Result<()> {
    let text = xz::decode_all(rustpython_doc::BLOB)?;
    let doc_of = |at: usize| {
        let span = DB[at].1;
        text.get(span.offset as usize..(span.offset + span.len) as usize)
            .ok_or_else(|| io::Error::other("a docstring lies outside of the texts"))
    };
    let mut at_once = Vec::new();
    let mut lines = String::new();
    let mut texts = Vec::new();
    let mut places = HashMap::new();
    for (at, (name, _)) in DB.iter().enumerate() {
        let doc = doc_of(at)?;
        if !name.contains('.') || AT_ONCE.contains(name) {
            for text in [name.as_bytes(), doc] {
                at_once.extend_from_slice(text);
                at_once.push(0);
            }
            continue;
        }
        if is_the_roots(name, doc, &doc_of)? {
            continue;
        }
        let start = *places.entry(doc).or_insert_with(|| {
            let start = texts.len();
            texts.extend_from_slice(doc);
            start
        });
        lines.push_str(&format!("{name} {start} {}\n", doc.len()));
    }
    std::fs::write(folder.join("docs-at-once"), at_once)?;
    let mut encoder = zstd::Encoder::new(std::fs::File::create(folder.join("docs"))?, LEVEL)?;
    encoder.write_all(&(texts.len() as u64).to_le_bytes())?;
    encoder.write_all(&texts)?;
    encoder.write_all(lines.as_bytes())?;
    encoder.finish()?.sync_all()
}

/// Whether this attribute of a class says what that of the root of all classes says.
fn is_the_roots<'a>(
    name: &str,
    doc: &[u8],
    doc_of: &impl Fn(usize) -> io::Result<&'a [u8]>,
) -> io::Result<bool> {
    let Some((class, attribute)) = name.rsplit_once('.') else {
        return Ok(false);
    };
    if !class.contains('.') || name.starts_with(ROOT) {
        return Ok(false);
    }
    let root = format!("{ROOT}{attribute}");
    match DB.binary_search_by(|(name, _)| (*name).cmp(root.as_str())) {
        Ok(at) => Ok(doc_of(at)? == doc),
        Err(_) => Ok(false),
    }
}
