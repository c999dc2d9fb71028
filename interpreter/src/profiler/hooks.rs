//! Counts calls where the runtime makes them.
//!
//! A profile function makes calls five times as slow: for each, the runtime makes a frame on the
//! heap, and for each event a text and two lists of arguments. So calls are counted in the `call`
//! slots of functions, of native functions and of classes, which stand in for the runtime's own
//! while a profile runs.
//!
//! The steps of generators are counted in their `iternext` slot. The profile function is there for
//! frames that no slot leads to: of coroutines, generators that step others by `yield from` or are sent
//! something, class bodies, and code that natives compile. While a frame runs that a slot has counted, it is
//! **quiet**: the profile function is taken away, and the runtime has nobody to tell.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use rustpython_vm::builtins::{
    PyCode, PyFunction, PyGenerator, PyModule, PyStr, PyTuple, PyTupleRef, PyType,
};
use rustpython_vm::bytecode::{CodeFlags, Opcode};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::NumberHasher;
use super::calls::{CallTally, ticks};
use super::leaf::Leaf;
use crate::compiling::builtins::is_original;

type NumberMap = HashMap<usize, usize, BuildHasherDefault<NumberHasher>>;
type CallSlot = fn(&PyObject, FuncArgs, &VirtualMachine) -> PyResult;
type NextSlot = fn(&PyObject, &VirtualMachine) -> PyResult<PyIterReturn>;

/// How many kinds of objects have their calls counted.
const KINDS: usize = 6;

/// What stands in the slots while a profile runs, in the order of [`counted_types`].
const HOOKS: [CallSlot; KINDS] = [
    call_function,
    call_native::<1>,
    call_native::<2>,
    call_native::<3>,
    call_native::<4>,
    call_native::<5>,
];

/// The runtime's own slots.
struct Originals {
    calls: [Option<CallSlot>; KINDS],
    next_of_generator: Option<NextSlot>,
}

static ORIGINALS: OnceLock<Originals> = OnceLock::new();

/// How many profiles run, on all threads: the slots are those of the whole process.
static PROFILES: Mutex<usize> = Mutex::new(0);

thread_local! {
    /// What counts the calls of this thread.
    static COUNTING: RefCell<Option<Box<Counting>>> = const { RefCell::new(None) };
}

/// What one profile counts, while it runs and after.
pub(super) struct Counting {
    id: u64,
    tally: CallTally,
    /// What each function of the tally is; kept, so that no address comes to mean another.
    called: Vec<PyObjectRef>,
    by_address: NumberMap,
    /// Whether generators of a code step others in ways that no slot leads to, by its address.
    delegating: HashMap<usize, bool, BuildHasherDefault<NumberHasher>>,
    /// What is made anew for each call, such as methods of native objects.
    by_name: HashMap<String, usize>,
    /// By the last digits of their versions; a version is never given to a second function.
    functions: Box<[KnownFunction]>,
    /// Of those in `by_address`, the ones that were called last, by the last digits of their addresses.
    natives: Box<[KnownNative]>,
    /// For each function of the tally, with which arguments it runs nothing that is counted.
    leaves: Vec<Leaf>,
    quiet: bool,
    /// What the profile function will be when that changes: nothing, or the profiler.
    other_profile: PyObjectRef,
    /// `exec`, whose frame needn't be told of: it is that of its argument.
    exec: usize,
    started: (Instant, u64),
    seconds_per_tick: f64,
    /// The profile that this one began in.
    outer: Option<Box<Counting>>,
}

const KNOWN_FUNCTIONS: usize = 1024;
const KNOWN_NATIVES: usize = 256;

/// What a native is known by without a look into a table.
#[derive(Clone, Copy, Default)]
struct KnownNative {
    address: usize,
    number: usize,
    leaf: Leaf,
}

#[derive(Default)]
struct KnownFunction {
    version: u32,
    number: usize,
    /// How many arguments it takes, if it takes nothing else; with them it needs no heap frame.
    positional: Option<usize>,
    defaults: Option<PyTupleRef>,
    /// Its call runs nothing yet.
    makes_generator: bool,
}

impl KnownFunction {
    /// Fills in the arguments that were left out; whether that makes them all it takes.
    fn complete(&self, args: &mut FuncArgs) -> bool {
        let Some(positional) = self.positional else {
            return false;
        };
        if !args.kwargs.is_empty() {
            return false;
        }
        let given = args.args.len();
        if given == positional {
            return true;
        }
        let Some(missing) = positional.checked_sub(given) else {
            return false;
        };
        let defaults = self.defaults.as_ref().map_or(&[][..], |all| all.as_slice());
        let Some(first) = defaults.len().checked_sub(missing) else {
            return false;
        };
        args.args.extend_from_slice(&defaults[first..]);
        true
    }
}

/// A call that was counted as it began.
struct Begun {
    counting: u64,
    depth: usize,
    quiet_before: bool,
    /// The arguments are those of a function that takes nothing else.
    exact: bool,
}

enum Attempt {
    Begun(Begun),
    /// It was never called before.
    Unknown,
    /// There is nothing to count.
    Pass,
}

impl Counting {
    fn new(outer: Option<Box<Self>>, exec: usize, vm: &VirtualMachine) -> Self {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed),
            tally: CallTally::default(),
            called: Vec::new(),
            by_address: NumberMap::default(),
            delegating: HashMap::default(),
            by_name: HashMap::new(),
            functions: std::iter::repeat_with(KnownFunction::default)
                .take(KNOWN_FUNCTIONS)
                .collect(),
            natives: vec![KnownNative::default(); KNOWN_NATIVES].into(),
            leaves: Vec::new(),
            quiet: false,
            other_profile: vm.ctx.none(),
            exec,
            started: (Instant::now(), ticks()),
            seconds_per_tick: 0.0,
            outer,
        }
    }

    /// What each function is, and what it cost: calls, outermost calls, own and total seconds.
    pub(super) fn functions(&self) -> impl Iterator<Item = (&PyObject, u64, u64, f64, f64)> {
        let costs = self.tally.functions().iter().zip(&self.called);
        costs.map(move |(cost, called)| {
            let (own, total) = (self.seconds(cost.own), self.seconds(cost.total));
            (&**called, cost.calls, cost.outermost_calls, own, total)
        })
    }

    /// Caller, callee, and what that cost: calls, outermost calls, own and total seconds.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize, u64, u64, f64, f64)> + '_ {
        self.tally.edges().map(move |(caller, callee, cost)| {
            let (own, total) = (self.seconds(cost.own), self.seconds(cost.total));
            (caller, callee, cost.calls, cost.outermost_calls, own, total)
        })
    }

    fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 * self.seconds_per_tick
    }

    fn finish(&mut self) {
        let (started, first_tick) = self.started;
        let passed = ticks().saturating_sub(first_tick).max(1);
        self.seconds_per_tick = started.elapsed().as_secs_f64() / passed as f64;
        self.tally.forget_active();
    }

    fn number_of(&mut self, object: &PyObject) -> usize {
        let address = object.get_id();
        if let Some(number) = self.by_address.get(&address) {
            return *number;
        }
        let number = self.add(object);
        self.by_address.insert(address, number);
        number
    }

    /// Whether a generator steps others by `yield from` or awaits. Their frames no slot leads to.
    fn delegates(&mut self, code: &Py<PyCode>) -> bool {
        let address = code.as_object().get_id();
        if let Some(known) = self.delegating.get(&address) {
            return *known;
        }
        // It is numbered, and so kept.
        self.number_of(code.as_object());
        let delegates = code.code.instructions.iter().any(|unit| {
            let opcode = Opcode::from(unit.op);
            opcode.to_base().unwrap_or(opcode).deoptimize() == Opcode::Send
        });
        self.delegating.insert(address, delegates);
        delegates
    }

    fn number_of_name(&mut self, name: String, object: &PyObject) -> usize {
        if let Some(number) = self.by_name.get(&name) {
            return *number;
        }
        let number = self.add(object);
        self.by_name.insert(name, number);
        number
    }

    fn add(&mut self, object: &PyObject) -> usize {
        self.called.push(object.to_owned());
        self.leaves.push(Leaf::Never);
        self.tally.add_function()
    }

    fn set_quiet(&mut self, quiet: bool, vm: &VirtualMachine) {
        if self.quiet != quiet {
            std::mem::swap(&mut *vm.profile_func.borrow_mut(), &mut self.other_profile);
            self.quiet = quiet;
        }
    }

    fn begun(&self) -> Begun {
        Begun {
            counting: self.id,
            depth: self.tally.depth(),
            quiet_before: self.quiet,
            exact: false,
        }
    }

    fn begin_function(
        &mut self,
        version: u32,
        args: &mut FuncArgs,
        vm: &VirtualMachine,
    ) -> Attempt {
        let known = &self.functions[version as usize % KNOWN_FUNCTIONS];
        if known.version != version {
            return Attempt::Unknown;
        }
        if known.makes_generator {
            return Attempt::Pass;
        }
        let number = known.number;
        let begun = Begun {
            // Who traces lines wants a frame on the heap from the start.
            exact: known.complete(args) && vm.is_none(&vm.trace_func.borrow()),
            ..self.begun()
        };
        self.set_quiet(true, vm);
        self.tally.enter(number, ticks());
        Attempt::Begun(begun)
    }

    fn learn_function(&mut self, version: u32, code: &Py<PyCode>, defaults: Option<PyTupleRef>) {
        let taken = &code.code;
        let by_position = taken.flags.contains(CodeFlags::OPTIMIZED)
            && !taken
                .flags
                .intersects(CodeFlags::VARARGS | CodeFlags::VARKEYWORDS)
            && taken.kwonlyarg_count == 0;
        let known = KnownFunction {
            version,
            number: self.number_of(code.as_object()),
            positional: by_position.then_some(taken.arg_count as usize),
            defaults,
            makes_generator: makes_generator(code),
        };
        self.functions[version as usize % KNOWN_FUNCTIONS] = known;
    }

    fn number_of_known_native(&mut self, address: usize) -> Option<usize> {
        let known = &mut self.natives[place_of_native(address)];
        if known.address != address {
            let number = *self.by_address.get(&address)?;
            let leaf = self.leaves[number];
            *known = KnownNative {
                address,
                number,
                leaf,
            };
        }
        Some(known.number)
    }

    /// The native with these arguments, if calling it runs nothing else that is counted.
    fn known_leaf(
        &self,
        callable: &PyObject,
        args: &FuncArgs,
        vm: &VirtualMachine,
    ) -> Option<usize> {
        let address = callable.get_id();
        let known = &self.natives[place_of_native(address)];
        let is_one = self.quiet && known.address == address && known.leaf.fits(args, vm);
        is_one.then_some(known.number)
    }

    /// Begins the call of a native, if that is counted here and not by the profile function.
    fn begin_native(
        &mut self,
        callable: &PyObject,
        number: Option<usize>,
        args: &FuncArgs,
        vm: &VirtualMachine,
    ) -> Attempt {
        if !self.quiet {
            return Attempt::Pass;
        }
        let address = callable.get_id();
        let Some(number) = number.or_else(|| self.number_of_known_native(address)) else {
            return Attempt::Unknown;
        };
        let begun = self.begun();
        self.tally.enter(number, ticks());
        let code = match args.args.first() {
            Some(code) if address == self.exec => code.downcast_ref::<PyCode>(),
            _ => None,
        };
        match code.filter(|code| !makes_generator(code)) {
            Some(code) => {
                let number = self.number_of(code.as_object());
                self.tally.enter(number, ticks());
            }
            None => self.set_quiet(false, vm),
        }
        Attempt::Begun(begun)
    }
}

fn makes_generator(code: &Py<PyCode>) -> bool {
    code.code
        .flags
        .intersects(CodeFlags::GENERATOR | CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR)
}

/// Starts to count the calls of this thread. The profiler is the profile function by now.
pub(super) fn start(vm: &VirtualMachine) {
    let exec = vm.builtins.as_object().get_attr("exec", vm);
    let exec = exec.map_or(0, |exec| exec.get_id());
    install(vm);
    // Code is as if someone listened to its calls, so that it takes none of the runtime's shortcuts
    // past the slots. When nobody does, it needn't look who.
    if vm.state.monitoring.lock().callbacks.is_empty() {
        vm.state.monitoring_events.store(0);
    }
    let mut counting = Box::new(Counting::new(COUNTING.take(), exec, vm));
    counting.set_quiet(true, vm);
    COUNTING.set(Some(counting));
}

/// Ends what [`start`] began; none if nothing was.
pub(super) fn stop(vm: &VirtualMachine) -> Option<Box<Counting>> {
    let mut counting = COUNTING.take()?;
    counting.set_quiet(false, vm);
    COUNTING.set(counting.outer.take());
    counting.finish();
    uninstall(vm);
    Some(counting)
}

/// The types whose slots are hooked: what is called is a function, or one of the natives.
fn counted_types(vm: &VirtualMachine) -> [&'static Py<PyType>; KINDS] {
    let types = &vm.ctx.types;
    [
        types.function_type,
        types.builtin_function_or_method_type,
        types.method_descriptor_type,
        types.wrapper_descriptor_type,
        types.method_wrapper_type,
        types.type_type,
    ]
}

fn install(vm: &VirtualMachine) {
    let mut profiles = PROFILES.lock();
    *profiles += 1;
    if *profiles > 1 {
        return;
    }
    let types = counted_types(vm);
    let next = &vm.ctx.types.generator_type.slots().iternext;
    ORIGINALS.get_or_init(|| Originals {
        calls: types.map(|class| class.slots().call.load()),
        next_of_generator: next.load(),
    });
    for (class, hook) in types.iter().zip(HOOKS) {
        class.slots().call.store(Some(hook));
    }
    next.store(Some(next_of_generator));
}

fn uninstall(vm: &VirtualMachine) {
    let mut profiles = PROFILES.lock();
    *profiles -= 1;
    if *profiles > 0 {
        return;
    }
    if let Some(originals) = ORIGINALS.get() {
        for (class, original) in counted_types(vm).iter().zip(originals.calls) {
            class.slots().call.store(original);
        }
        let next = &vm.ctx.types.generator_type.slots().iternext;
        next.store(originals.next_of_generator);
    }
}

/// Lets what counts on this thread do something; none if nothing does.
fn counting<R>(act: impl FnOnce(&mut Counting) -> R) -> Option<R> {
    let acted = COUNTING.try_with(|counting| {
        let mut counting = counting.try_borrow_mut().ok()?;
        counting.as_deref_mut().map(act)
    });
    acted.ok().flatten()
}

fn end(begun: &Begun, vm: &VirtualMachine) {
    counting(|counting| {
        // Another one, if a profile was stopped or started meanwhile.
        if counting.id == begun.counting {
            counting.tally.leave_to(begun.depth, ticks());
            counting.set_quiet(begun.quiet_before, vm);
        }
    });
}

// -- functions

fn call_function(callable: &PyObject, mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let original = original_call(0, vm)?;
    let Some(function) = callable.downcast_ref::<PyFunction>() else {
        return original(callable, args, vm);
    };
    let Some(begun) = begin_function(function, &mut args, vm) else {
        return original(callable, args, vm);
    };
    let result = if begun.exact {
        function.invoke_exact_args(args.args, vm)
    } else {
        original(callable, args, vm)
    };
    end(&begun, vm);
    result
}

fn begin_function(
    function: &Py<PyFunction>,
    args: &mut FuncArgs,
    vm: &VirtualMachine,
) -> Option<Begun> {
    let mut version = function.func_version();
    if version == 0 {
        // Its code or its defaults were replaced.
        version = function.get_version_for_current_state();
    }
    if version == 0 {
        // There are no more versions, after four billion functions.
        return None;
    }
    let mut attempt = counting(|counting| counting.begin_function(version, args, vm))?;
    if matches!(attempt, Attempt::Unknown) {
        let function = function.as_object();
        let code = function.get_attr("__code__", vm).ok()?;
        let code = code.downcast::<PyCode>().ok()?;
        let defaults = function.get_attr("__defaults__", vm).ok()?;
        let defaults = defaults.downcast::<PyTuple>().ok();
        attempt = counting(|counting| {
            counting.learn_function(version, &code, defaults);
            counting.begin_function(version, args, vm)
        })?;
    }
    match attempt {
        Attempt::Begun(begun) => Some(begun),
        Attempt::Unknown | Attempt::Pass => None,
    }
}

// -- natives

fn call_native<const KIND: usize>(
    callable: &PyObject,
    args: FuncArgs,
    vm: &VirtualMachine,
) -> PyResult {
    let original = original_call(KIND, vm)?;
    let leaf = counting(|counting| {
        let number = counting.known_leaf(callable, &args, vm)?;
        Some((counting.id, number))
    });
    if let Some((id, number)) = leaf.flatten() {
        let since = ticks();
        let result = original(callable, args, vm);
        let took = ticks().saturating_sub(since);
        counting(|counting| {
            if counting.id == id {
                counting.tally.add(number, took);
            }
        });
        return result;
    }
    let Some(begun) = begin_native(callable, &args, vm) else {
        return original(callable, args, vm);
    };
    let result = original(callable, args, vm);
    end(&begun, vm);
    result
}

fn begin_native(callable: &PyObject, args: &FuncArgs, vm: &VirtualMachine) -> Option<Begun> {
    let mut attempt = counting(|counting| counting.begin_native(callable, None, args, vm))?;
    if matches!(attempt, Attempt::Unknown) {
        if is_original(callable) {
            // Its own stand-in was counted.
            return None;
        }
        let number = number_of_native(callable, vm);
        attempt = counting(|counting| counting.begin_native(callable, number, args, vm))?;
    }
    match attempt {
        Attempt::Begun(begun) => Some(begun),
        Attempt::Unknown | Attempt::Pass => None,
    }
}

/// The number of a native. Nothing may be counting while its name is asked for.
fn number_of_native(native: &PyObject, vm: &VirtualMachine) -> Option<usize> {
    let known = counting(|counting| counting.by_address.get(&native.get_id()).copied())?;
    if known.is_some() {
        return known;
    }
    let name = is_made_for_each_call(native, vm).then(|| native_name(native, vm));
    let leaf = Leaf::of(native, vm);
    counting(|counting| match name {
        Some(name) => counting.number_of_name(name, native),
        None => {
            let number = counting.number_of(native);
            counting.leaves[number] = leaf;
            number
        }
    })
}

/// Where a native of this address is, if it was called last of those with the same place.
fn place_of_native(address: usize) -> usize {
    // Objects are at least 16 bytes apart.
    (address >> 4) % KNOWN_NATIVES
}

fn original_call(kind: usize, vm: &VirtualMachine) -> PyResult<CallSlot> {
    ORIGINALS
        .get()
        .and_then(|originals| originals.calls[kind])
        .ok_or_else(|| vm.new_system_error("the profiler lost what it stands in for"))
}

fn next_of_generator(generator: &PyObject, vm: &VirtualMachine) -> PyResult<PyIterReturn> {
    let original = ORIGINALS.get().and_then(|it| it.next_of_generator);
    let original =
        original.ok_or_else(|| vm.new_system_error("the profiler lost what it stands in for"))?;
    let coro = generator.downcast_ref::<PyGenerator>();
    let coro = coro.map(|generator| generator.as_coro());
    // One that is exhausted may be asked all the same, and runs nothing.
    let code = coro.filter(|coro| !coro.closed() && !coro.running());
    let code = code.map(|coro| coro.code());
    let begun = counting(|counting| {
        let begun = counting.begun();
        match &code {
            Some(code) if !counting.delegates(code) => {
                let number = counting.number_of(code.as_object());
                counting.set_quiet(true, vm);
                counting.tally.enter(number, ticks());
            }
            _ => counting.set_quiet(false, vm),
        }
        begun
    });
    let result = original(generator, vm);
    if let Some(begun) = begun {
        end(&begun, vm);
    }
    result
}

// -- what the profile function is told

pub(super) fn frame_begins(code: &Py<PyCode>) {
    counting(|counting| {
        let number = counting.number_of(code.as_object());
        counting.tally.enter(number, ticks());
    });
}

pub(super) fn frame_ends() {
    counting(|counting| counting.tally.leave(ticks()));
}

pub(super) fn native_begins(native: &PyObject, vm: &VirtualMachine) {
    if is_counted(native, vm)
        && let Some(number) = number_of_native(native, vm)
    {
        counting(|counting| counting.tally.enter(number, ticks()));
    }
}

pub(super) fn native_ends(native: &PyObject, vm: &VirtualMachine) {
    if is_counted(native, vm) {
        counting(|counting| counting.tally.leave(ticks()));
    }
}

/// Whether its calls are counted in quiet frames, and so in others, too.
fn is_counted(native: &PyObject, vm: &VirtualMachine) -> bool {
    counted_types(vm)
        .iter()
        .any(|class| native.class().is(*class))
        && !is_original(native)
}

// -- what natives are called

/// What a native function is bound to: its module, an object, a class.
fn owner_of_native(object: &PyObject, vm: &VirtualMachine) -> Option<PyObjectRef> {
    if !object
        .class()
        .is(vm.ctx.types.builtin_function_or_method_type)
    {
        return None;
    }
    let owner = object.get_attr("__self__", vm).ok()?;
    (!vm.is_none(&owner)).then_some(owner)
}

fn is_module(object: &PyObject) -> bool {
    object.downcast_ref::<PyModule>().is_some()
}

/// Whether each access makes a new one, as for the methods of native objects.
fn is_made_for_each_call(native: &PyObject, vm: &VirtualMachine) -> bool {
    native.class().is(vm.ctx.types.method_wrapper_type)
        || owner_of_native(native, vm).is_some_and(|owner| !is_module(&owner))
}

/// The name of what isn't written in Python, as pstats shows it.
pub(super) fn native_name(object: &PyObject, vm: &VirtualMachine) -> String {
    let text = |object: &PyObject, name: &'static str| -> Option<String> {
        let text = object.get_attr(name, vm).ok()?;
        Some(text.downcast_ref::<PyStr>()?.to_string_lossy().into_owned())
    };
    if let Some(class) = object.downcast_ref::<PyType>() {
        return format!("<class {}>", class.name());
    }
    if object
        .class()
        .is(vm.ctx.types.builtin_function_or_method_type)
    {
        let name = text(object, "__name__").unwrap_or_default();
        return match owner_of_native(object, vm) {
            Some(owner) if owner.downcast_ref::<PyType>().is_some() => {
                let name = text(object, "__qualname__").unwrap_or(name);
                format!("<built-in method {name}>")
            }
            Some(owner) if !is_module(&owner) => {
                format!("<method '{name}' of '{}' objects>", owner.class().name())
            }
            _ => match text(object, "__module__") {
                Some(module) => format!("<built-in method {module}.{name}>"),
                None => format!("<built-in method {name}>"),
            },
        };
    }
    let kind = object.class().name().to_string();
    let owner = object.get_attr("__objclass__", vm).ok().and_then(|class| {
        class
            .downcast_ref::<PyType>()
            .map(|class| class.name().to_string())
    });
    match (text(object, "__name__"), owner) {
        (Some(name), Some(owner)) => format!("<method '{name}' of '{owner}' objects>"),
        _ => format!("<call of a {kind}>"),
    }
}
