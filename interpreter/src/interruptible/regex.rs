//! Makes regular expressions end on Ctrl-C that go back over a text again and again: `(a+)+b`.
//!
//! The runtime's matcher asks nobody. Patterns that can take very long are rehearsed on the main thread:
//! the same matcher goes over the text first in a way that counts its steps, looks at signals, and is
//! unwound when one's handler raises. Then the runtime's own method does the work, where there is a match.
//! So such patterns may cost up to twice their time; others cost a look into a table.

use std::any::Any;
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};

use num_traits::{Signed, ToPrimitive};
use parking_lot::Mutex;
use rustpython_sre_engine::{Request, SearchIter, State, StrDrive, StringCursor};
use rustpython_vm::builtins::{PyBaseExceptionRef, PyInt, PyStr, PyType};
use rustpython_vm::common::wtf8::Wtf8;
use rustpython_vm::function::{ArgBytesLike, FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyResult, TryFromBorrowedObject, VirtualMachine,
};

use super::is_main_thread;

/// So many patterns are watched; the oldest are forgotten. Python's `re` keeps 512 of all kinds.
const WATCHED_MAX: usize = 256;

/// Steps of the matcher between two looks at signals: some tenths of a millisecond.
const STEPS: u32 = 1 << 16;

/// From this length on, in characters, a pattern with so many unbounded repeats can take long.
const LONG_TEXT: usize = 500;
const MANY_REPEATS: u32 = 3;

/// What a method does, to be rehearsed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// Matches at one place.
    Match,
    FullMatch,
    /// Looks for the first match.
    Search,
    /// Looks for the first match, as the next ones are looked for later.
    First,
    /// Looks for all matches.
    All,
    /// The same, up to a number that is an argument.
    UpTo(&'static str),
}

struct Method {
    name: &'static str,
    scan: Scan,
    /// The text's place among the arguments.
    text: usize,
    definition: PyMethodDef,
}

macro_rules! method {
    ($index:literal, $name:literal, $scan:expr, $text:literal, $doc:literal) => {
        Method {
            name: $name,
            scan: $scan,
            text: $text,
            definition: PyMethodDef::new_const(
                $name,
                call::<$index>,
                PyMethodFlags::METHOD,
                ItemDoc::static_text($doc),
            ),
        }
    };
}

static METHODS: [Method; 8] = [
    method!(
        0,
        "match",
        Scan::Match,
        0,
        "match($self, /, string, pos=0, endpos=sys.maxsize)\n--\n\n\
         Returns the match at the beginning of the string, or at pos; None if there is none."
    ),
    method!(
        1,
        "fullmatch",
        Scan::FullMatch,
        0,
        "fullmatch($self, /, string, pos=0, endpos=sys.maxsize)\n--\n\n\
         Returns the match of the whole string, or of it from pos to endpos; None if it doesn't match."
    ),
    method!(
        2,
        "search",
        Scan::Search,
        0,
        "search($self, /, string, pos=0, endpos=sys.maxsize)\n--\n\n\
         Returns the first match in the string; None if there is none."
    ),
    method!(
        3,
        "findall",
        Scan::All,
        0,
        "findall($self, /, string, pos=0, endpos=sys.maxsize)\n--\n\n\
         Returns what all matches have found: their groups, or all of each if there are no groups."
    ),
    method!(
        4,
        "finditer",
        Scan::First,
        0,
        "finditer($self, /, string, pos=0, endpos=sys.maxsize)\n--\n\n\
         Returns an iterator over all matches."
    ),
    method!(
        5,
        "sub",
        Scan::UpTo("count"),
        1,
        "sub($self, /, repl, string, count=0)\n--\n\n\
         Returns the string with matches replaced by repl: a text, or what it returns for a match."
    ),
    method!(
        6,
        "subn",
        Scan::UpTo("count"),
        1,
        "subn($self, /, repl, string, count=0)\n--\n\n\
         Returns what sub does, and how many matches were replaced."
    ),
    method!(
        7,
        "split",
        Scan::UpTo("maxsplit"),
        0,
        "split($self, /, string, maxsplit=0)\n--\n\n\
         Returns the parts of the string between matches, and the groups of these."
    ),
];

static COMPILE: PyMethodDef =
    PyMethodDef::new_const("compile", compile, PyMethodFlags::STATIC, ItemDoc::NONE);

/// The runtime's own. Its types are there once for all interpreters of a process.
struct Originals {
    methods: Vec<PyObjectRef>,
    compile: PyObjectRef,
}

static ORIGINALS: OnceLock<Originals> = OnceLock::new();

static WATCHED: Mutex<Option<Watched>> = Mutex::new(None);

/// The patterns that can take very long.
#[derive(Default)]
struct Watched {
    by_address: HashMap<usize, Entry>,
    /// Their addresses, oldest first.
    order: VecDeque<usize>,
}

struct Entry {
    /// Keeps the address from being used again.
    _pattern: PyObjectRef,
    danger: Danger,
    code: Arc<[u32]>,
}

/// What makes a pattern take long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Danger {
    /// A group is repeated that can match the same text in several ways.
    is_exponential: bool,
    unbounded_repeats: u32,
}

/// Puts methods that end on Ctrl-C in the place of the runtime's.
///
/// # Errors
/// What looking the runtime's classes up raised.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let module = vm.import("_sre", 0)?;
    let compile = module.get_attr("compile", vm)?;
    if ORIGINALS.get().is_none() {
        replace_methods(&compile, vm)?;
    }
    // Modules are made for each interpreter.
    module.set_attr("compile", COMPILE.build_function(&vm.ctx), vm)
}

fn replace_methods(compile: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    // The class has no name in its module: the smallest pattern shows it.
    let code = vm.ctx.new_list(vec![vm.ctx.new_int(1).into()]);
    let nothing = (
        "",
        0,
        code,
        0,
        vm.ctx.new_dict(),
        vm.ctx.new_tuple(vec![vm.ctx.none()]),
    );
    let pattern = compile.call(nothing, vm)?;
    // A native class lives as long as the process.
    let class: &'static Py<PyType> = Box::leak(Box::new(pattern.class().to_owned()));
    let methods = METHODS
        .iter()
        .map(|method| class.as_object().get_attr(method.name, vm));
    let originals = Originals {
        methods: methods.collect::<PyResult<_>>()?,
        compile: compile.to_owned(),
    };
    if ORIGINALS.set(originals).is_err() {
        // Another interpreter of this process was there first.
        return Ok(());
    }
    for method in &METHODS {
        let built = method.definition.build_method(&vm.ctx, class);
        class.set_attr(vm.ctx.intern_str(method.name), built.into());
    }
    Ok(())
}

fn originals() -> &'static Originals {
    ORIGINALS.get().expect("set before they are asked for")
}

/// `_sre.compile`, which remembers what it has to watch.
fn compile(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let text = args.args.first().and_then(|text| text_of(text));
    let danger = text.map(|text| Danger::of(&text)).unwrap_or_default();
    let code = match args.args.get(2) {
        Some(code) if danger != Danger::default() => Some(code.clone()),
        _ => None,
    };
    let pattern = originals().compile.call_with_args(args, vm)?;
    if let Some(code) = code {
        let code: Vec<u32> = code.try_to_value(vm)?;
        let mut watched = WATCHED.lock();
        watched
            .get_or_insert_default()
            .add(pattern.clone(), danger, code.into());
    }
    Ok(pattern)
}

/// The text of a pattern, which is `str` or bytes.
fn text_of(pattern: &PyObject) -> Option<Vec<u8>> {
    if let Some(text) = pattern.downcast_ref::<PyStr>() {
        return Some(text.as_wtf8().as_bytes().to_vec());
    }
    let bytes = pattern.downcast_ref::<rustpython_vm::builtins::PyBytes>()?;
    Some(bytes.as_bytes().to_vec())
}

impl Watched {
    fn add(&mut self, pattern: PyObjectRef, danger: Danger, code: Arc<[u32]>) {
        let address = pattern.get_id();
        let entry = Entry {
            _pattern: pattern,
            danger,
            code,
        };
        self.by_address.insert(address, entry);
        self.order.push_back(address);
        if self.order.len() > WATCHED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_address.remove(&oldest);
        }
    }
}

impl Danger {
    /// Reads a pattern as far as that takes: an escaped character, a class and a comment of its verbose
    /// form may be misread, which at worst rehearses what ends by itself.
    fn of(text: &[u8]) -> Self {
        let mut danger = Self::default();
        // Whether each open group can match in several ways.
        let mut open = vec![false];
        let mut in_class = false;
        let mut place = 0;
        while let Some(&character) = text.get(place) {
            let next = text.get(place + 1);
            match character {
                b'\\' => place += 1,
                b'[' if !in_class => {
                    in_class = true;
                    // A bracket in the first place belongs to the class.
                    place += usize::from(next == Some(&b'^'));
                    place += usize::from(text.get(place + 1) == Some(&b']'));
                }
                b']' => in_class = false,
                _ if in_class => {}
                b'(' => {
                    open.push(false);
                    place += usize::from(next == Some(&b'?'));
                }
                b')' => {
                    let is_variable = open.len() > 1 && open.pop() == Some(true);
                    let is_repeated = matches!(next, Some(b'*' | b'+' | b'{'));
                    danger.is_exponential |= is_variable && is_repeated;
                    if let Some(outer) = open.last_mut() {
                        *outer |= is_variable;
                    }
                }
                b'*' | b'+' | b'{' | b'?' | b'|' => {
                    danger.unbounded_repeats += u32::from(matches!(character, b'*' | b'+' | b'{'));
                    if let Some(group) = open.last_mut() {
                        *group = true;
                    }
                }
                _ => {}
            }
            place += 1;
        }
        if !danger.is_exponential && danger.unbounded_repeats < MANY_REPEATS {
            return Self::default();
        }
        danger
    }

    fn is_worth(self, scan: Scan, length: usize) -> bool {
        let is_one = matches!(scan, Scan::Match | Scan::FullMatch | Scan::Search);
        let is_slow = self.unbounded_repeats >= MANY_REPEATS && length >= LONG_TEXT;
        self.is_exponential || is_one && is_slow
    }
}

fn call<const METHOD: usize>(
    pattern: PyObjectRef,
    mut args: FuncArgs,
    vm: &VirtualMachine,
) -> PyResult {
    let method = &METHODS[METHOD];
    if !matches!(method.scan, Scan::UpTo(_))
        && let Some(nothing) = corrected(method, &mut args, vm)
    {
        return nothing;
    }
    if is_main_thread(vm)
        && let Some((danger, code)) = watched(&pattern)
        && !rehearsed(method, danger, &code, &args, vm)?
        && matches!(method.scan, Scan::Match | Scan::FullMatch | Scan::Search)
    {
        return Ok(vm.ctx.none());
    }
    args.prepend_arg(pattern);
    originals().methods[METHOD].call_with_args(args, vm)
}

/// What is known of a pattern that can take very long.
fn watched(pattern: &PyObject) -> Option<(Danger, Arc<[u32]>)> {
    let watched = WATCHED.lock();
    let entry = watched.as_ref()?.by_address.get(&pattern.get_id())?;
    Some((entry.danger, Arc::clone(&entry.code)))
}

/// Puts 0 in the place of negative positions. Returns what a method finds that ends before it begins.
fn corrected(method: &Method, args: &mut FuncArgs, vm: &VirtualMachine) -> Option<PyResult> {
    if args.args.len() < 2 && args.kwargs.is_empty() {
        return None;
    }
    let mut positions = [None; 2];
    for (place, name) in [(1, "pos"), (2, "endpos")] {
        let given = match args.args.get_mut(place) {
            Some(given) => Some(given),
            None => args.kwargs.get_mut(Wtf8::new(name)),
        };
        if let Some(given) = given
            && let Some(number) = given.downcast_ref::<PyInt>()
        {
            let is_negative = number.as_bigint().is_negative();
            positions[place - 1] = number.as_bigint().to_usize();
            if is_negative {
                *given = vm.ctx.new_int(0).into();
                positions[place - 1] = Some(0);
            }
        }
    }
    let [Some(from), Some(to)] = positions else {
        return None;
    };
    (from > to).then(|| {
        Ok(match method.scan {
            Scan::All => vm.ctx.new_list(Vec::new()).into(),
            Scan::First => {
                return vm
                    .ctx
                    .new_tuple(Vec::new())
                    .as_object()
                    .get_iter(vm)
                    .map(Into::into);
            }
            _ => vm.ctx.none(),
        })
    })
}

/// Does what the method is going to do, as far as that can take long. Returns whether there is a match,
/// or may be one, as nothing was rehearsed: arguments that don't fit are told by the method itself.
fn rehearsed(
    method: &Method,
    danger: Danger,
    code: &[u32],
    args: &FuncArgs,
    vm: &VirtualMachine,
) -> PyResult<bool> {
    let given = |place: usize, name: &str| args.args.get(place).or_else(|| args.kwargs.get(name));
    let Some(text) = given(method.text, "string") else {
        return Ok(true);
    };
    let number = |place: usize, name: &str, default: usize| match given(place, name) {
        None => Some(default),
        Some(value) => value.clone().try_into_value::<usize>(vm).ok(),
    };
    let (from, to, limit) = match method.scan {
        Scan::UpTo(name) => (Some(0), Some(usize::MAX), number(method.text + 1, name, 0)),
        _ => (
            number(1, "pos", 0),
            number(2, "endpos", usize::MAX),
            Some(0),
        ),
    };
    let (Some(from), Some(to), Some(limit)) = (from, to, limit) else {
        return Ok(true);
    };
    let range = (from, to);
    let limit = if limit == 0 { usize::MAX } else { limit };
    if let Some(text) = text.downcast_ref::<PyStr>() {
        let characters = text.as_wtf8();
        if !danger.is_worth(method.scan, characters.len()) {
            return Ok(true);
        }
        return if text.kind().is_ascii() {
            rehearse(|| scan(characters.as_bytes(), code, range, method.scan, limit))
        } else {
            rehearse(|| scan(characters, code, range, method.scan, limit))
        };
    }
    match ArgBytesLike::try_from_borrowed_object(vm, text) {
        Ok(bytes) => bytes.with_ref(|bytes| {
            if !danger.is_worth(method.scan, bytes.len()) {
                return Ok(true);
            }
            rehearse(|| scan(bytes, code, range, method.scan, limit))
        }),
        Err(_) => Ok(true),
    }
}

/// Whether there is a match. Unwinds with [`Raised`] when a signal's handler raises.
fn scan<S: StrDrive>(
    text: S,
    code: &[u32],
    (from, to): (usize, usize),
    scan: Scan,
    limit: usize,
) -> bool {
    let request = Request::new(Counted(text), from, to, code, scan == Scan::FullMatch);
    let mut state = State::default();
    match scan {
        Scan::Match | Scan::FullMatch => state.py_match(&request),
        Scan::Search | Scan::First => state.search(request),
        Scan::All | Scan::UpTo(_) => {
            let matches = SearchIter {
                req: request,
                state,
            };
            matches.take(limit).count() > 0
        }
    }
}

/// What a signal's handler raised, on its way out of the matcher.
struct Raised(PyBaseExceptionRef);

fn rehearse(scan: impl FnOnce() -> bool) -> PyResult<bool> {
    catch_unwind(AssertUnwindSafe(scan)).map_err(|thrown: Box<dyn Any + Send>| {
        match thrown.downcast::<Raised>() {
            Ok(raised) => raised.0,
            Err(panic) => resume_unwind(panic),
        }
    })
}

thread_local! {
    static STEPS_LEFT: Cell<u32> = const { Cell::new(STEPS) };
}

#[inline]
fn step() {
    let left = STEPS_LEFT.get();
    if left == 0 {
        look_at_signals();
    }
    STEPS_LEFT.set(left.wrapping_sub(1).min(STEPS));
}

#[cold]
fn look_at_signals() {
    let raised = rustpython_vm::vm::thread::with_current_vm(|vm| vm.check_signals());
    if let Err(error) = raised {
        STEPS_LEFT.set(STEPS);
        resume_unwind(Box::new(Raised(error)));
    }
}

/// A text whose reading counts as steps.
#[derive(Clone, Copy)]
struct Counted<S>(S);

impl<S: StrDrive> StrDrive for Counted<S> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn create_cursor(&self, n: usize) -> StringCursor {
        self.0.create_cursor(n)
    }

    fn adjust_cursor(&self, cursor: &mut StringCursor, n: usize) {
        self.0.adjust_cursor(cursor, n);
    }

    #[inline]
    fn advance(cursor: &mut StringCursor) -> u32 {
        step();
        S::advance(cursor)
    }

    #[inline]
    fn peek(cursor: &StringCursor) -> u32 {
        step();
        S::peek(cursor)
    }

    #[inline]
    fn skip(cursor: &mut StringCursor, n: usize) {
        step();
        S::skip(cursor, n);
    }

    #[inline]
    fn back_advance(cursor: &mut StringCursor) -> u32 {
        step();
        S::back_advance(cursor)
    }

    #[inline]
    fn back_peek(cursor: &StringCursor) -> u32 {
        step();
        S::back_peek(cursor)
    }

    #[inline]
    fn back_skip(cursor: &mut StringCursor, n: usize) {
        step();
        S::back_skip(cursor, n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_can_take_long_are_known_by_their_text() {
        let exponential = [
            "(a+)+b",
            "(x*)*",
            "(a|aa)+$",
            r"(\w+\s?)*$",
            "((a+))*",
            "(?:a?){30}",
            "([ab]+)*",
            "(a{2,})+",
        ];
        for text in exponential {
            assert!(Danger::of(text.as_bytes()).is_exponential, "{text}");
        }
        for text in [
            "abc", "a+b", "(abc)+", r"\(a+\)+", "[(a+]+)+", "(a+)b", "(a+)?", "", ")+", r"(a\+)*",
        ] {
            assert_eq!(Danger::of(text.as_bytes()), Danger::default(), "{text}");
        }
        assert_eq!(Danger::of(b".*.*.*=").unbounded_repeats, 3);
    }

    #[test]
    fn long_texts_and_repeated_groups_are_worth_a_rehearsal() {
        let polynomial = Danger::of(b".*.*.*=");
        assert!(polynomial.is_worth(Scan::Search, LONG_TEXT));
        assert!(!polynomial.is_worth(Scan::Search, LONG_TEXT - 1));
        assert!(!polynomial.is_worth(Scan::All, LONG_TEXT));
        assert!(Danger::of(b"(a+)+").is_worth(Scan::All, 1));
    }
}
