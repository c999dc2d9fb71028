//! What could be typed next: names, attributes, parameters, modules, magics, file paths (in strings,
//! behind commands, and where a word can be nothing else), keys of dictionaries, signs.
//!
//! It looks and never runs: properties, `__getattr__` and `__dir__` written in Python stay
//! untouched. It never raises; where it can't tell, it offers nothing. How a text is written within the
//! string that is typed is in [`quoted`], what is open there in [`open`].

mod files;
mod keywords;
mod open;
mod quoted;

use std::ops::Range;

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::{PyBytes, PyDict, PyModule, PyStr};

use crate::evaluation;
use crate::lookup;
use crate::namespace::Namespace;
use crate::typed::Typed;
use crate::{session, symbols};
use files::{bare_path, command_paths, is_command, quoted_paths};
pub(crate) use keywords::KEYWORDS;
use open::{Open, last_statement, open_field};
use quoted::Quoted;

/// Of a longer cell so much of what is before the cursor is read, from the begin of a statement on.
const READ_BYTES_MAX: usize = 1 << 17;

/// What may replace the text from `start` to the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    pub start: usize,
    pub matches: Vec<String>,
}

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
    let Some(begin) = open::recent(&code[..cursor], READ_BYTES_MAX) else {
        return Completions {
            start: cursor,
            matches: Vec::new(),
        };
    };
    let code = Code {
        unread: &code[..begin],
        after: open::comprehension_behind(&code[cursor..]),
        ..Code::new(&code[begin..cursor])
    };
    let mut found = complete_line(vm, namespace, &code);
    found.start = (found.start + begin).min(cursor);
    found.matches.sort_unstable();
    found.matches.dedup();
    found
}

fn complete_line(vm: &VirtualMachine, namespace: &Namespace, code: &Code<'_>) -> Completions {
    let Code { before, line, .. } = *code;
    let cursor = before.len();
    let trimmed = line.trim_start();
    // There a backslash stands in front of what would end the name of a file.
    let names_files = trimmed.starts_with(['!', '%']) || is_command(line);
    if let Some(found) = signs(vm, line, cursor, names_files) {
        return found;
    }
    if let Some(found) = custom(vm, line, cursor) {
        return found;
    }
    let open = Open::at_end(before);
    if let Some(quote) = open.string {
        if let Some(field) = open_field(code, quote) {
            return python(vm, namespace, &field, cursor);
        }
        if let Some(keys) = dictionary_keys(vm, namespace, code, quote) {
            return keys;
        }
        return quoted_paths(before, quote);
    }
    if trimmed.starts_with('%') && !trimmed.contains([' ', '\t']) {
        return magics(vm, trimmed, cursor);
    }
    let marked = marked(vm, namespace, before, trimmed);
    let magic_line = marked.as_deref().unwrap_or(trimmed);
    if trimmed.starts_with('!') || is_command(line) {
        return command_paths(line, cursor);
    }
    if let Some(found) = magic_argument(vm, magic_line, cursor) {
        return found;
    }
    if let Some(found) = imports(vm, last_statement(trimmed), cursor) {
        return found;
    }
    let path = bare_path(before, line, open.call.is_some());
    if let Some((path, only)) = path {
        let mut found = command_paths(path, cursor);
        if !only {
            let others = python(vm, namespace, code, cursor);
            if found.matches.is_empty() {
                return others;
            }
            if others.start == found.start {
                found.matches.extend(others.matches);
            }
        }
        return found;
    }
    let mut found = python(vm, namespace, code, cursor);
    if !before.trim_start().contains(char::is_whitespace) && is_name(trimmed) {
        // A magic may be typed without its mark.
        found.matches.extend(bare_magics(vm, trimmed));
    }
    found
}

/// Code up to the cursor.
struct Code<'a> {
    /// What is before it in a cell that is too long to be read as a whole.
    unread: &'a str,
    /// What is before it, if it is in a string.
    around: &'a str,
    before: &'a str,
    /// The last line of it.
    line: &'a str,
    /// What is behind the cursor and tells what is before it.
    after: &'a str,
}

impl<'a> Code<'a> {
    fn new(before: &'a str) -> Self {
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            unread: "",
            around: "",
            before,
            line: &before[line_start..],
            after: "",
        }
    }

    /// The cell up to an expression of the code that begins there, and what is behind it.
    fn typed(&self, start: usize, expression: &str, behind: &str) -> Typed<'a> {
        let before = &self.before[..start];
        if self.around.is_empty() {
            return Typed::new(self.unread, before, expression, behind);
        }
        // A field is an expression: in brackets it may have several lines.
        let before = format!("{}({before}", self.around);
        Typed::new(self.unread, &before, expression, behind)
    }
}

/// What could stand in Python code.
fn python(
    vm: &VirtualMachine,
    namespace: &Namespace,
    code: &Code<'_>,
    cursor: usize,
) -> Completions {
    let Code { before, line, .. } = *code;
    let prefix_start = line
        .trim_end_matches(|c: char| c.is_alphanumeric() || c == '_')
        .len();
    let (head, prefix) = line.split_at(prefix_start);
    let start = cursor - prefix.len();
    let written = &before[..before.len() - prefix.len()];
    if let Some(owner) = evaluation::attribute_owner(written) {
        let matches = attributes(vm, namespace, code, owner, prefix);
        return Completions { start, matches };
    }
    // `1.` is a number.
    if head.ends_with('.') {
        let matches = Vec::new();
        return Completions { start, matches };
    }
    if prefix.starts_with(|c: char| c.is_ascii_digit()) {
        let found = subscript_keys(vm, namespace, code, prefix, cursor);
        return found.unwrap_or_default();
    }
    if prefix.is_empty()
        && let Some(found) = subscript_keys(vm, namespace, code, prefix, cursor)
    {
        return found;
    }
    let mut matches = parameters(vm, namespace, code, prefix);
    matches.extend(names(vm, namespace, prefix));
    matches.extend(keywords::fitting(before, head, prefix).map(ToOwned::to_owned));
    matches.extend(names_typed(code, prefix));
    Completions { start, matches }
}

/// The names that the cell binds and that are seen where it ends: they will be there when it runs.
fn names_typed(code: &Code<'_>, prefix: &str) -> Vec<String> {
    let start = code.before.len() - prefix.len();
    if code.around.is_empty() && code.before[..start].trim().is_empty() {
        return Vec::new();
    }
    // Some name stands there.
    let name = if prefix.is_empty() { "_" } else { prefix };
    let typed = code.typed(start, name, code.after);
    let names = typed.place().names().into_iter();
    names
        .filter(|name| name.starts_with(prefix) && is_offered(name, prefix))
        .map(ToOwned::to_owned)
        .collect()
}

/// `\alpha` as α, and the names that begin as what is typed behind a backslash does; the other way
/// round only where no file is named.
fn signs(vm: &VirtualMachine, line: &str, cursor: usize, names_files: bool) -> Option<Completions> {
    let at = line.rfind('\\')?;
    let typed = &line[at + 1..];
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "^_+-=()".contains(c);
    let mut chars = typed.chars();
    let offer = |text: String| {
        Some(Completions {
            start: cursor - typed.len() - 1,
            matches: vec![text],
        })
    };
    if let (Some(sign), None) = (chars.next(), chars.next())
        && !is_of_name(sign)
        && !sign.is_whitespace()
        && !names_files
    {
        // The other way round: how a sign is typed.
        let name = symbols::name(sign).map(ToOwned::to_owned);
        let name = name.or_else(|| of_unicode(vm, "name", typed));
        return name.and_then(|name| offer(format!("\\{name}")));
    }
    let is_of_unicode = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || " -".contains(c);
    if typed.len() > 1
        && typed.chars().all(is_of_unicode)
        && let Some(sign) = of_unicode(vm, "lookup", typed)
    {
        return offer(sign);
    }
    if typed.is_empty() || !typed.chars().all(is_of_name) {
        return None;
    }
    let matches: Vec<String> = match symbols::sign(typed) {
        Some(sign) => vec![sign.to_string()],
        None => symbols::names(typed)
            .map(|name| format!("\\{name}"))
            .collect(),
    };
    (!matches.is_empty()).then(|| Completions {
        start: cursor - typed.len() - 1,
        matches,
    })
}

/// What the character database answers: the sign of a name, or the name of a sign.
fn of_unicode(vm: &VirtualMachine, question: &'static str, text: &str) -> Option<String> {
    // What is loaded isn't imported: that asks `sys.modules`.
    let loaded = lookup::module(vm, "unicodedata");
    let database = loaded
        .map_or_else(|| vm.import("unicodedata", 0), Ok)
        .ok()?;
    let answer = vm.call_method(&database, question, (vm.ctx.new_str(text),));
    let answer = answer.ok()?.downcast::<PyStr>().ok()?;
    answer.to_str().map(ToOwned::to_owned)
}

/// What programs' own completers offer; `None` if they say nothing.
fn custom(vm: &VirtualMachine, line: &str, cursor: usize) -> Option<Completions> {
    let session = session::Session::of(vm).ok()?;
    let shell = session.shell_if_made()?;
    let completers = shell.get_attr("_completers", vm).ok()?;
    if vm.is_none(&completers) {
        return None;
    }
    let symbol = line
        .rsplit([' ', '\t', '(', ',', '=', '[', '{'])
        .next()
        .unwrap_or_default();
    let asked = (vm.ctx.new_str(line), vm.ctx.new_str(symbol));
    let matches = vm.call_method(&completers, "matches", asked).ok()?;
    let matches = matches.try_into_value::<Option<Vec<String>>>(vm).ok()??;
    Some(Completions {
        start: cursor - symbol.len(),
        matches,
    })
}

/// The line with the mark of its magic, if its first word is one without it.
fn marked(
    vm: &VirtualMachine,
    namespace: &Namespace,
    before: &str,
    trimmed: &str,
) -> Option<String> {
    let (word, _) = trimmed.split_once(' ')?;
    let is_alone = !before.trim_end().contains('\n');
    if !is_alone || !is_name(word) || lookup::name(vm, namespace, word).is_some() {
        return None;
    }
    let known = KEYWORDS.contains(&word) || !magic_names(vm, false).iter().any(|name| name == word);
    (!known).then(|| format!("%{trimmed}"))
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

fn bare_magics(vm: &VirtualMachine, typed: &str) -> Vec<String> {
    let wanted = session::Session::of(vm)
        .ok()
        .and_then(|session| session.shell_if_made().cloned())
        .and_then(|shell| shell.get_attr("automagic", vm).ok())
        .is_some_and(|automagic| automagic.is_true(vm).unwrap_or(false));
    if !wanted {
        return Vec::new();
    }
    let mut names = magic_names(vm, false);
    names.retain(|name| name.starts_with(typed));
    names
}

/// The parameters, as `name=`, of the call whose brackets are open.
fn parameters(
    vm: &VirtualMachine,
    namespace: &Namespace,
    code: &Code<'_>,
    prefix: &str,
) -> Vec<String> {
    let before = &code.before[..code.before.len() - prefix.len()];
    let Some(bracket) = Open::at_end(before).call else {
        return Vec::new();
    };
    let given = &before[bracket + 1..];
    if !matches!(before.trim_end().chars().next_back(), Some('(' | ',')) {
        return Vec::new();
    }
    let called = evaluation::trailing_expression(&before[..bracket]);
    if called.is_empty() {
        return Vec::new();
    }
    let typed = code.typed(called.start, &before[called.clone()], "");
    let Some(called) = evaluation::evaluate_in(vm, namespace, &before[called], &typed) else {
        return Vec::new();
    };
    let mut names = evaluation::keyword_parameters(vm, &called);
    let is_given = |name: &str| {
        given.split(',').any(|part| {
            part.split('=')
                .next()
                .is_some_and(|word| word.trim() == name)
        })
    };
    names.retain(|name| name.starts_with(prefix) && is_offered(name, prefix) && !is_given(name));
    names.into_iter().map(|name| name + "=").collect()
}

/// Keys of the dictionary whose subscript is open, as they are written: `d[1`, `d[`.
fn subscript_keys(
    vm: &VirtualMachine,
    namespace: &Namespace,
    code: &Code<'_>,
    prefix: &str,
    cursor: usize,
) -> Option<Completions> {
    let head = &code.before[..code.before.len() - prefix.len()];
    let head = head.strip_suffix('[')?;
    let owner = evaluation::trailing_expression(head);
    let typed = code.typed(owner.start, &head[owner.clone()], "");
    let owner = evaluation::evaluate_in(vm, namespace, &head[owner], &typed)?.read()?;
    let keys = evaluation::dictionary_keys(vm, &owner)?;
    let mut matches = evaluation::key_literals(vm, keys);
    matches.retain(|key| key.starts_with(prefix));
    (!matches.is_empty()).then(|| Completions {
        start: cursor - prefix.len(),
        matches,
    })
}

/// Names of the namespace and the builtins.
fn names(vm: &VirtualMachine, namespace: &Namespace, prefix: &str) -> Vec<String> {
    let mut matches = Vec::new();
    push_keys(&mut matches, &namespace.dict(), prefix);
    push_keys(&mut matches, &vm.builtins.dict(), prefix);
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

/// Attributes of the expression that stands there in the code.
fn attributes(
    vm: &VirtualMachine,
    namespace: &Namespace,
    code: &Code<'_>,
    owner: Range<usize>,
    prefix: &str,
) -> Vec<String> {
    if owner.is_empty() {
        return Vec::new();
    }
    // Some attribute of it.
    let behind = format!("._{}", code.after);
    let typed = code.typed(owner.start, &code.before[owner.clone()], &behind);
    let owner = evaluation::evaluate_in(vm, namespace, &code.before[owner], &typed);
    let mut matches = owner.map_or_else(Vec::new, |owner| owner.attribute_names(vm));
    matches.retain(|name| name.starts_with(prefix) && is_offered(name, prefix));
    matches
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

/// What a line magic says could stand behind it; `None` if it says nothing.
fn magic_argument(vm: &VirtualMachine, line: &str, cursor: usize) -> Option<Completions> {
    let magic = line.strip_prefix('%')?.split([' ', '\t']).next()?;
    let typed = line.rsplit([' ', '\t']).next().unwrap_or_default();
    let before = &line[..line.len() - typed.len()];
    let arguments = (
        vm.ctx.new_str(magic),
        vm.ctx.new_str(typed),
        vm.ctx.new_str(before),
    );
    let answer = session::Session::of(vm)
        .and_then(|session| session.shell(vm))
        .and_then(|shell| vm.call_method(&shell, "_complete_argument", arguments))
        .ok()?;
    if let Some(kind) = answer.downcast_ref::<PyStr>() {
        let mut found = command_paths(line, cursor);
        if kind.as_bytes() == b"folders" {
            found.matches.retain(|name| name.ends_with('/'));
        }
        return Some(found);
    }
    let matches = answer.try_into_value::<Option<Vec<String>>>(vm);
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
    let last = match from {
        Some(_) => typed,
        None => typed.rsplit(',').next().unwrap_or_default(),
    };
    // Behind a whole module only one word can stand.
    if let Some((_, behind)) = last.trim_start().split_once([' ', '\t']) {
        let keyword = if from.is_some() { "import" } else { "as" };
        let behind = behind.trim_start();
        let prefix = behind.rsplit([' ', '\t']).next().unwrap_or_default();
        let is_next = prefix.len() == behind.len() && keyword.starts_with(prefix);
        return Some(Completions {
            start: cursor - prefix.len(),
            matches: is_next.then(|| keyword.to_owned()).into_iter().collect(),
        });
    }
    let typed = typed.rsplit([' ', ',', '\t']).next().unwrap_or_default();
    Some(Completions {
        start: cursor - typed.len(),
        matches: listed_modules(vm, "matching", typed),
    })
}

/// What a function of `rhumba._modules` lists. Where that is loaded nothing is imported: `sys.modules` may
/// be a dictionary of the user's own, which would be asked.
fn listed_modules(vm: &VirtualMachine, function: &'static str, typed: &str) -> Vec<String> {
    let loaded = lookup::module(vm, "rhumba._modules");
    let listed = loaded
        .map_or_else(|| session::import(vm, "rhumba._modules"), Ok)
        .and_then(|module| module.get_attr(function, vm))
        .and_then(|function| function.call((vm.ctx.new_str(typed),), vm))
        .and_then(|names| names.try_into_value::<Vec<String>>(vm));
    listed.unwrap_or_default()
}

/// What could be imported from a module: what it holds if it is loaded, and its submodules.
fn module_names(vm: &VirtualMachine, module: &str, prefix: &str) -> Vec<String> {
    let mut matches = listed_modules(vm, "members", module);
    if let Some(loaded) = lookup::module(vm, module)
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
    code: &Code<'_>,
    open: usize,
) -> Option<Completions> {
    let before = code.before;
    let quoted = Quoted::at(before, open);
    let head = before[..Quoted::start(before, open)].strip_suffix('[')?;
    let owner = evaluation::trailing_expression(head);
    let typed = code.typed(owner.start, &head[owner.clone()], "");
    let owner = evaluation::evaluate_in(vm, namespace, &head[owner], &typed)?.read()?;
    let keys = evaluation::dictionary_keys(vm, &owner)?;
    let typed = quoted.read(&before[open + 1..]).unwrap_or_default();
    let written = |key: rustpython_vm::PyObjectRef| {
        if quoted.is_bytes {
            let bytes = key.downcast_ref::<PyBytes>()?.as_bytes();
            let is_meant = bytes.starts_with(typed.as_bytes());
            return quoted.written_bytes(bytes).filter(|_| is_meant);
        }
        let text = key.downcast_ref::<PyStr>()?.to_str()?;
        quoted.written(text).filter(|_| text.starts_with(&typed))
    };
    Some(Completions {
        start: open + 1,
        matches: keys.into_iter().filter_map(written).collect(),
    })
}
