//! What could be typed next: names, attributes, modules, magics, file paths, keys of dictionaries.
//!
//! It looks and never runs: properties, `__getattr__` and `__dir__` written in Python stay
//! untouched. It never raises; where it can't tell, it offers nothing.

use rustpython_vm::builtins::{PyDict, PyModule, PyStr};
use rustpython_vm::{PyObjectRef, VirtualMachine};

use crate::lookup::{self, Found};
use crate::namespace::Namespace;
use crate::session;

/// What may replace the text from `start` to the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    pub start: usize,
    pub matches: Vec<String>,
}

/// The words that the grammar owns.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Finds what could stand at the cursor, a byte offset into the code.
pub fn complete(
    vm: &VirtualMachine,
    namespace: &Namespace,
    code: &str,
    cursor: usize,
) -> Completions {
    let mut cursor = cursor.min(code.len());
    while !code.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &code[..cursor];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = &before[line_start..];
    let mut found = complete_line(vm, namespace, before, line);
    found.start = found.start.min(cursor);
    found.matches.sort_unstable();
    found.matches.dedup();
    found
}

fn complete_line(
    vm: &VirtualMachine,
    namespace: &Namespace,
    before: &str,
    line: &str,
) -> Completions {
    let cursor = before.len();
    let line_start = cursor - line.len();
    if let Some(open) = open_string(before) {
        if let Some(keys) = dictionary_keys(vm, namespace, before, open) {
            return keys;
        }
        return paths(&before[open + 1..], cursor);
    }
    let trimmed = line.trim_start();
    if trimmed.starts_with('%') && !trimmed.contains([' ', '\t']) {
        return magics(vm, trimmed, cursor);
    }
    if trimmed.starts_with('!') || is_path_magic(trimmed) {
        let word = line.rsplit([' ', '\t', '!']).next().unwrap_or_default();
        return paths(word, cursor);
    }
    if let Some(found) = magic_argument(vm, trimmed, cursor) {
        return found;
    }
    if let Some(found) = imports(vm, trimmed, cursor) {
        return found;
    }
    let path_start = dotted_start(line);
    let path = &line[path_start..];
    match path.rsplit_once('.') {
        Some((owner, prefix)) => {
            let start = cursor - prefix.len();
            let matches = attributes(vm, namespace, owner, prefix, &line[..path_start]);
            Completions { start, matches }
        }
        None => Completions {
            start: line_start + path_start,
            matches: if path.starts_with(|c: char| c.is_ascii_digit()) {
                Vec::new()
            } else {
                names(vm, namespace, path)
            },
        },
    }
}

/// Names of the namespace, the builtins and the grammar.
fn names(vm: &VirtualMachine, namespace: &Namespace, prefix: &str) -> Vec<String> {
    let mut matches = Vec::new();
    push_keys(&mut matches, namespace.dict(), prefix);
    push_keys(&mut matches, &vm.builtins.dict(), prefix);
    let keywords = KEYWORDS.iter().filter(|word| word.starts_with(prefix));
    matches.extend(keywords.map(|word| (*word).to_owned()));
    matches.retain(|name| is_offered(name, prefix));
    matches
}

fn push_keys(matches: &mut Vec<String>, dict: &PyDict, prefix: &str) {
    for key in dict.keys_vec() {
        if let Some(name) = key.downcast_ref::<PyStr>().and_then(|key| key.to_str())
            && name.starts_with(prefix)
        {
            matches.push(name.to_owned());
        }
    }
}

/// Names with an underscore in front are offered to those who type it.
fn is_offered(name: &str, prefix: &str) -> bool {
    !name.starts_with('_') || prefix.starts_with('_')
}

/// Attributes of what the text before the dot stands for.
fn attributes(
    vm: &VirtualMachine,
    namespace: &Namespace,
    owner: &str,
    prefix: &str,
    before: &str,
) -> Vec<String> {
    let object = if owner.is_empty() {
        literal(vm, before)
    } else {
        match lookup::dotted(vm, namespace, owner) {
            Some(Found::Object(object)) => Some(object),
            _ => None,
        }
    };
    let Some(object) = object else {
        return Vec::new();
    };
    let mut matches = lookup::attribute_names(&object);
    matches.retain(|name| name.starts_with(prefix) && is_offered(name, prefix));
    matches
}

/// An object of the type of the literal that the text ends with: `"abc"`, `[1, 2]`.
fn literal(vm: &VirtualMachine, text: &str) -> Option<PyObjectRef> {
    match text.chars().next_back()? {
        '"' | '\'' => Some(vm.ctx.new_str("").into()),
        // `f(x)[0]` ends with a bracket as well, so only one that opens a value counts.
        ']' => {
            let open = text.rfind('[')?;
            let ends_value =
                |c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '"' | '\'');
            let follows_value = text[..open].trim_end().ends_with(ends_value);
            (!follows_value).then(|| vm.ctx.new_list(Vec::new()).into())
        }
        _ => None,
    }
}

fn magics(vm: &VirtualMachine, typed: &str, cursor: usize) -> Completions {
    let name = typed.trim_start_matches('%');
    let marks = typed.len() - name.len();
    let start = cursor - typed.len();
    let matches = magic_names(vm, marks >= 2)
        .into_iter()
        .filter(|magic| magic.starts_with(name))
        .map(|magic| format!("{}{magic}", "%".repeat(marks)))
        .collect();
    Completions { start, matches }
}

fn magic_names(vm: &VirtualMachine, of_cells: bool) -> Vec<String> {
    let kind = if of_cells { "cell" } else { "line" };
    let names = session::Session::of(vm)
        .and_then(|session| session.shell(vm))
        .and_then(|shell| vm.call_method(&shell, "_magic_names", (vm.ctx.new_str(kind),)))
        .and_then(|names| names.try_into_value::<Vec<String>>(vm));
    names.unwrap_or_default()
}

fn is_path_magic(line: &str) -> bool {
    [
        "%cd ",
        "%run ",
        "%%writefile ",
        "%ls ",
        "%save_namespace ",
        "%load_namespace ",
    ]
    .iter()
    .any(|magic| line.starts_with(magic))
}

/// What a line magic says could stand behind it; `None` if it says nothing.
fn magic_argument(vm: &VirtualMachine, line: &str, cursor: usize) -> Option<Completions> {
    let magic = line.strip_prefix('%')?.split([' ', '\t']).next()?;
    let typed = line.rsplit([' ', '\t']).next().unwrap_or_default();
    let arguments = (vm.ctx.new_str(magic), vm.ctx.new_str(typed));
    let matches = session::Session::of(vm)
        .and_then(|session| session.shell(vm))
        .and_then(|shell| vm.call_method(&shell, "_complete_argument", arguments))
        .and_then(|names| names.try_into_value::<Option<Vec<String>>>(vm));
    Some(Completions {
        start: cursor - typed.len(),
        matches: matches.ok()??,
    })
}

/// Modules after `import` and `from`, and names after `from … import`.
fn imports(vm: &VirtualMachine, line: &str, cursor: usize) -> Option<Completions> {
    let from = line.strip_prefix("from ");
    if let Some((module, names)) = from.and_then(|rest| rest.split_once(" import")) {
        let prefix = names
            .rsplit([' ', ',', '(', '\t'])
            .next()
            .unwrap_or_default();
        let matches = module_names(vm, module.trim(), prefix);
        return Some(Completions {
            start: cursor - prefix.len(),
            matches,
        });
    }
    let typed = from.or_else(|| line.strip_prefix("import "))?;
    let typed = typed.rsplit([' ', ',', '\t']).next().unwrap_or_default();
    let listed = session::import(vm, "rhumba._modules")
        .and_then(|module| module.get_attr("matching", vm))
        .and_then(|matching| matching.call((vm.ctx.new_str(typed),), vm))
        .and_then(|names| names.try_into_value::<Vec<String>>(vm));
    Some(Completions {
        start: cursor - typed.len(),
        matches: listed.unwrap_or_default(),
    })
}

/// What could be imported from a module: what it holds if it is loaded, and its submodules.
fn module_names(vm: &VirtualMachine, module: &str, prefix: &str) -> Vec<String> {
    let listed = session::import(vm, "rhumba._modules")
        .and_then(|listing| listing.get_attr("members", vm))
        .and_then(|members| members.call((vm.ctx.new_str(module),), vm))
        .and_then(|names| names.try_into_value::<Vec<String>>(vm));
    let mut matches = listed.unwrap_or_default();
    let loaded = vm
        .sys_module
        .get_attr("modules", vm)
        .and_then(|modules| modules.get_item(module, vm));
    if let Ok(loaded) = loaded
        && loaded.downcast_ref::<PyModule>().is_some()
    {
        matches.extend(lookup::attribute_names(&loaded));
    }
    matches.retain(|name| name.starts_with(prefix) && is_offered(name, prefix));
    matches
}

/// Keys of the dictionary whose subscript holds the open string: `d["na`.
fn dictionary_keys(
    vm: &VirtualMachine,
    namespace: &Namespace,
    before: &str,
    open: usize,
) -> Option<Completions> {
    let owner = before[..open].strip_suffix('[')?;
    let owner = &owner[dotted_start(owner)..];
    let Some(Found::Object(object)) = lookup::dotted(vm, namespace, owner) else {
        return None;
    };
    let dict = object.downcast_ref::<PyDict>()?;
    let mut matches = Vec::new();
    push_keys(&mut matches, dict, &before[open + 1..]);
    Some(Completions {
        start: open + 1,
        matches,
    })
}

/// Files and folders whose path begins with the text.
fn paths(typed: &str, cursor: usize) -> Completions {
    let (folder, prefix) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None => ("", typed),
    };
    let searched = match folder.strip_prefix("~/") {
        Some(rest) => std::env::var("HOME")
            .map_or_else(|_| folder.to_owned(), |home| format!("{home}/{rest}")),
        None if folder.is_empty() => ".".to_owned(),
        None => folder.to_owned(),
    };
    let mut matches = Vec::new();
    for entry in std::fs::read_dir(searched).into_iter().flatten().flatten() {
        let Ok(mut name) = entry.file_name().into_string() else {
            continue;
        };
        if !name.starts_with(prefix) || (name.starts_with('.') && !prefix.starts_with('.')) {
            continue;
        }
        // Through metadata of the target, so that a link to a folder counts as one.
        if std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir()) {
            name.push('/');
        }
        matches.push(name);
    }
    Completions {
        start: cursor - prefix.len(),
        matches,
    }
}

/// Where the dotted name that the line ends with begins.
fn dotted_start(line: &str) -> usize {
    line.char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '.'))
        .last()
        .map_or(line.len(), |(at, _)| at)
}

/// Where the quote is of a string that is still open at the end of the text.
fn open_string(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut open: Option<(usize, usize)> = None;
    while at < bytes.len() {
        let byte = bytes[at];
        match open {
            None => match byte {
                b'#' => at = text[at..].find('\n').map_or(bytes.len(), |end| at + end),
                b'\'' | b'"' => {
                    let width = if bytes[at..].starts_with(&[byte; 3]) {
                        3
                    } else {
                        1
                    };
                    open = Some((at + width - 1, width));
                    at += width - 1;
                }
                _ => {}
            },
            Some((start, width)) => {
                let quote = bytes[start];
                if byte == b'\\' {
                    at += 1;
                } else if byte == b'\n' && width == 1 {
                    open = None;
                } else if byte == quote && bytes[at..].starts_with(&vec![quote; width]) {
                    open = None;
                    at += width - 1;
                }
            }
        }
        at += 1;
    }
    open.map(|(start, _)| start)
}
