//! The native module `_rhumba_profile`: what `sys.setprofile` and `sys.settrace` are given to count
//! calls and lines without running Python for each of them.
//!
//! It only counts; `python/rhumba/_magics/profiling.py` chooses what, and makes tables of it.
//! [`CallTally`] and [`LineTally`] know no interpreter, and take their times from who calls them.

pub(crate) use _rhumba_profile::module_def;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

/// What one function, or one function on behalf of one caller, has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    calls: u64,
    /// Calls that weren't made from within another call of the same.
    outermost_calls: u64,
    own: Duration,
    /// With all that was called, by outermost calls.
    total: Duration,
    /// Calls that haven't returned.
    active: u32,
}

impl Cost {
    fn enter(&mut self) {
        self.active += 1;
    }

    fn leave(&mut self, own: Duration, total: Duration) {
        self.active = self.active.saturating_sub(1);
        self.calls += 1;
        self.own += own;
        if self.active == 0 {
            self.outermost_calls += 1;
            self.total += total;
        }
    }
}

/// A call that hasn't returned.
struct ActiveCall {
    function: usize,
    since: Instant,
    in_callees: Duration,
}

/// Counts calls: how often, how long, from where.
#[derive(Default)]
struct CallTally {
    functions: Vec<Cost>,
    /// By caller and callee.
    edges: HashMap<(usize, usize), Cost, BuildHasherDefault<NumberHasher>>,
    stack: Vec<ActiveCall>,
}

impl CallTally {
    fn add_function(&mut self) -> usize {
        self.functions.push(Cost::default());
        self.functions.len() - 1
    }

    fn enter(&mut self, function: usize, now: Instant) {
        self.functions[function].enter();
        if let Some(caller) = self.stack.last() {
            self.edges
                .entry((caller.function, function))
                .or_default()
                .enter();
        }
        self.stack.push(ActiveCall {
            function,
            since: now,
            in_callees: Duration::ZERO,
        });
    }

    /// Ends the innermost call. Without one, what began before the counting has returned.
    fn leave(&mut self, now: Instant) {
        let Some(call) = self.stack.pop() else {
            return;
        };
        let total = now.saturating_duration_since(call.since);
        let own = total.saturating_sub(call.in_callees);
        self.functions[call.function].leave(own, total);
        if let Some(caller) = self.stack.last_mut() {
            caller.in_callees += total;
            if let Some(edge) = self.edges.get_mut(&(caller.function, call.function)) {
                edge.leave(own, total);
            }
        }
    }
}

/// The line that a call of a followed function is on.
struct ActiveLine {
    code: usize,
    line: Option<u32>,
    since: Instant,
}

/// Counts lines of chosen code: how often, how long, with all that they call.
#[derive(Default)]
struct LineTally {
    /// For each code, by line: how often it was reached, and the time.
    lines: Vec<HashMap<u32, (u64, Duration), BuildHasherDefault<NumberHasher>>>,
    stack: Vec<ActiveLine>,
}

impl LineTally {
    fn with_codes(count: usize) -> Self {
        Self {
            lines: std::iter::repeat_with(HashMap::default)
                .take(count)
                .collect(),
            stack: Vec::new(),
        }
    }

    fn enter(&mut self, code: usize, now: Instant) {
        self.stack.push(ActiveLine {
            code,
            line: None,
            since: now,
        });
    }

    fn reach(&mut self, line: u32, now: Instant) {
        self.settle(now);
        if let Some(active) = self.stack.last_mut() {
            active.line = Some(line);
            self.lines[active.code].entry(line).or_default().0 += 1;
        }
    }

    fn leave(&mut self, now: Instant) {
        self.settle(now);
        self.stack.pop();
    }

    /// Gives the time since the last event to the line that took it.
    fn settle(&mut self, now: Instant) {
        let Some(active) = self.stack.last_mut() else {
            return;
        };
        if let Some(line) = active.line {
            let spent = now.saturating_duration_since(active.since);
            self.lines[active.code].entry(line).or_default().1 += spent;
        }
        active.since = now;
    }
}

/// Spreads numbers and addresses over a table; nobody chooses them, so nothing stronger is needed.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

#[rustpython_vm::pymodule]
#[allow(
    clippy::unwrap_used,
    reason = "the macro unwraps what it does with attributes"
)]
mod _rhumba_profile {
    use std::collections::HashMap;
    use std::fmt;
    use std::hash::BuildHasherDefault;
    use std::time::Instant;

    use parking_lot::Mutex;
    use rustpython_vm::builtins::{PyCode, PyDictRef, PyListRef, PyModule, PyStr, PyType};
    use rustpython_vm::frame::FrameObject;
    use rustpython_vm::function::FuncArgs;
    use rustpython_vm::types::{Callable, Constructor};
    use rustpython_vm::{
        AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
    };

    use super::{CallTally, LineTally, NumberHasher};

    type NumberMap = HashMap<usize, usize, BuildHasherDefault<NumberHasher>>;

    /// Counts calls while it is what `sys.setprofile` was given.
    #[pyattr]
    #[pyclass(name = "CallProfiler")]
    #[derive(PyPayload)]
    struct CallProfiler {
        calls: Mutex<Calls>,
    }

    #[derive(Default)]
    struct Calls {
        tally: CallTally,
        /// What each function of the tally is; kept, so that no address comes to mean another.
        called: Vec<PyObjectRef>,
        by_address: NumberMap,
        /// Methods of native objects, of which each access makes a new one.
        by_name: HashMap<String, usize>,
    }

    impl fmt::Debug for CallProfiler {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("CallProfiler")
        }
    }

    impl Constructor for CallProfiler {
        type Args = ();

        fn py_new(_class: &Py<PyType>, (): (), _vm: &VirtualMachine) -> PyResult<Self> {
            Ok(Self {
                calls: Mutex::default(),
            })
        }
    }

    impl Callable for CallProfiler {
        type Args = FuncArgs;

        fn call(zelf: &Py<Self>, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
            let [frame, event, called] = args.args.as_slice() else {
                return Err(vm.new_type_error("a profiler is called with frame, event and object"));
            };
            let event = event
                .downcast_ref::<PyStr>()
                .map_or(&b""[..], |event| event.as_bytes());
            let mut calls = zelf.calls.lock();
            match event {
                b"call" => {
                    if let Some(frame) = frame.downcast_ref::<FrameObject>() {
                        let function = calls.number_of(frame.iframe().code().as_object());
                        calls.tally.enter(function, Instant::now());
                    }
                }
                b"c_call" => {
                    let function = calls.number_of_native(called, vm);
                    calls.tally.enter(function, Instant::now());
                }
                b"return" | b"c_return" | b"c_exception" => calls.tally.leave(Instant::now()),
                _ => {}
            }
            Ok(vm.ctx.none())
        }
    }

    impl Calls {
        fn number_of(&mut self, object: &PyObject) -> usize {
            let address = object.get_id();
            if let Some(number) = self.by_address.get(&address) {
                return *number;
            }
            let number = self.add(object);
            self.by_address.insert(address, number);
            number
        }

        fn number_of_native(&mut self, object: &PyObject, vm: &VirtualMachine) -> usize {
            if let Some(number) = self.by_address.get(&object.get_id()) {
                return *number;
            }
            if owner_of_native(object, vm).is_none_or(|owner| is_module(&owner)) {
                return self.number_of(object);
            }
            let name = native_name(object, vm);
            if let Some(number) = self.by_name.get(&name) {
                return *number;
            }
            let number = self.add(object);
            self.by_name.insert(name, number);
            number
        }

        fn add(&mut self, object: &PyObject) -> usize {
            self.called.push(object.to_owned());
            self.tally.add_function()
        }
    }

    #[pyclass(with(Constructor, Callable))]
    impl CallProfiler {
        /// Forgets the calls that haven't returned: what ended the profile is none of it.
        #[pymethod]
        fn stop(zelf: &Py<Self>) {
            zelf.calls.lock().tally.stack.clear();
        }

        /// For each function: (file, line, name), calls, outermost calls, own and total seconds.
        #[pymethod]
        fn functions(zelf: &Py<Self>, vm: &VirtualMachine) -> PyListRef {
            let calls = zelf.calls.lock();
            let rows = calls.tally.functions.iter().zip(&calls.called);
            let rows = rows.map(|(cost, called)| {
                let key = match called.downcast_ref::<PyCode>() {
                    Some(code) => vec![
                        code.code.source_path.to_owned().into(),
                        vm.ctx
                            .new_int(code.code.first_line_number.map_or(0, |line| line.get()))
                            .into(),
                        code.code.obj_name.to_owned().into(),
                    ],
                    None => vec![
                        vm.ctx.new_str("~").into(),
                        vm.ctx.new_int(0).into(),
                        vm.ctx.new_str(native_name(called, vm)).into(),
                    ],
                };
                let row = vec![
                    vm.ctx.new_tuple(key).into(),
                    vm.ctx.new_int(cost.calls).into(),
                    vm.ctx.new_int(cost.outermost_calls).into(),
                    vm.ctx.new_float(cost.own.as_secs_f64()).into(),
                    vm.ctx.new_float(cost.total.as_secs_f64()).into(),
                ];
                vm.ctx.new_tuple(row).into()
            });
            vm.ctx.new_list(rows.collect())
        }

        /// For each pair of caller and callee, by their places in `functions`: what the callee
        /// cost on behalf of the caller.
        #[pymethod]
        fn edges(zelf: &Py<Self>, vm: &VirtualMachine) -> PyListRef {
            let calls = zelf.calls.lock();
            let rows = calls.tally.edges.iter().map(|((caller, callee), cost)| {
                let row = vec![
                    vm.ctx.new_int(*caller).into(),
                    vm.ctx.new_int(*callee).into(),
                    vm.ctx.new_int(cost.calls).into(),
                    vm.ctx.new_int(cost.outermost_calls).into(),
                    vm.ctx.new_float(cost.own.as_secs_f64()).into(),
                    vm.ctx.new_float(cost.total.as_secs_f64()).into(),
                ];
                vm.ctx.new_tuple(row).into()
            });
            vm.ctx.new_list(rows.collect())
        }
    }

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

    /// The name of what isn't written in Python, as pstats shows it.
    fn native_name(object: &PyObject, vm: &VirtualMachine) -> String {
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

    /// Counts the lines of chosen code while it is what `sys.settrace` was given.
    #[pyattr]
    #[pyclass(name = "LineProfiler")]
    #[derive(PyPayload)]
    struct LineProfiler {
        /// Kept, so that no address comes to mean another.
        codes: Vec<PyRef<PyCode>>,
        by_address: NumberMap,
        tally: Mutex<LineTally>,
    }

    impl fmt::Debug for LineProfiler {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "LineProfiler({} functions)", self.codes.len())
        }
    }

    impl Constructor for LineProfiler {
        type Args = (Vec<PyRef<PyCode>>,);

        fn py_new(
            _class: &Py<PyType>,
            (codes,): Self::Args,
            _vm: &VirtualMachine,
        ) -> PyResult<Self> {
            let by_address = codes.iter().enumerate();
            let by_address = by_address.map(|(number, code)| (code.as_object().get_id(), number));
            Ok(Self {
                by_address: by_address.collect(),
                tally: Mutex::new(LineTally::with_codes(codes.len())),
                codes,
            })
        }
    }

    impl Callable for LineProfiler {
        type Args = FuncArgs;

        fn call(zelf: &Py<Self>, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
            let [frame, event, ..] = args.args.as_slice() else {
                return Err(vm.new_type_error("a tracer is called with frame, event and argument"));
            };
            let Some(frame) = frame.downcast_ref::<FrameObject>() else {
                return Ok(vm.ctx.none());
            };
            let event = event
                .downcast_ref::<PyStr>()
                .map_or(&b""[..], |event| event.as_bytes());
            match event {
                b"call" => {
                    let address = frame.iframe().code().as_object().get_id();
                    if let Some(code) = zelf.by_address.get(&address) {
                        zelf.tally.lock().enter(*code, Instant::now());
                        // What it returns follows the lines of this call.
                        return Ok(zelf.to_owned().into());
                    }
                }
                b"line" => {
                    let line = u32::try_from(frame.lineno()).unwrap_or(0);
                    zelf.tally.lock().reach(line, Instant::now());
                }
                b"return" => zelf.tally.lock().leave(Instant::now()),
                _ => {}
            }
            Ok(vm.ctx.none())
        }
    }

    #[pyclass(with(Constructor, Callable))]
    impl LineProfiler {
        /// Forgets the calls that haven't returned.
        #[pymethod]
        fn stop(zelf: &Py<Self>) {
            zelf.tally.lock().stack.clear();
        }

        /// For each code, in order: a dict from its lines to hits and seconds.
        #[pymethod]
        fn lines(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<PyListRef> {
            let tally = zelf.tally.lock();
            let tables = tally.lines.iter().map(|lines| {
                let table: PyDictRef = vm.ctx.new_dict();
                let mut lines: Vec<_> = lines.iter().collect();
                lines.sort_unstable();
                for (line, (hits, spent)) in lines {
                    let cost = vec![
                        vm.ctx.new_int(*hits).into(),
                        vm.ctx.new_float(spent.as_secs_f64()).into(),
                    ];
                    let cost = vm.ctx.new_tuple(cost);
                    table.set_item(vm.ctx.new_int(*line).as_object(), cost.into(), vm)?;
                }
                Ok(table.into())
            });
            Ok(vm.ctx.new_list(tables.collect::<PyResult<_>>()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    fn cost(calls: u64, outermost_calls: u64, own: u64, total: u64) -> Cost {
        Cost {
            calls,
            outermost_calls,
            own: Duration::from_millis(own),
            total: Duration::from_millis(total),
            active: 0,
        }
    }

    #[test]
    fn time_is_that_of_the_function_and_of_all_that_called_it() {
        let start = Instant::now();
        let mut tally = CallTally::default();
        let (outer, inner) = (tally.add_function(), tally.add_function());
        tally.leave(start);
        tally.enter(outer, start);
        tally.enter(inner, at(start, 10));
        tally.leave(at(start, 40));
        tally.enter(inner, at(start, 50));
        tally.leave(at(start, 60));
        tally.leave(at(start, 100));
        assert_eq!(tally.functions, [cost(1, 1, 60, 100), cost(2, 2, 40, 40)]);
        assert_eq!(tally.edges[&(outer, inner)], cost(2, 2, 40, 40));
    }

    #[test]
    fn the_time_of_recursion_counts_once() {
        let start = Instant::now();
        let mut tally = CallTally::default();
        let function = tally.add_function();
        for depth in 0..3 {
            tally.enter(function, at(start, depth * 10));
        }
        for depth in 0..3 {
            tally.leave(at(start, 30 + depth * 10));
        }
        assert_eq!(tally.functions, [cost(3, 1, 50, 50)]);
        assert_eq!(tally.edges[&(function, function)], cost(2, 1, 30, 30));
    }

    #[test]
    fn a_line_takes_the_time_until_the_next() {
        let start = Instant::now();
        let mut tally = LineTally::with_codes(2);
        tally.enter(0, start);
        tally.reach(5, at(start, 10));
        tally.reach(6, at(start, 30));
        tally.enter(1, at(start, 40));
        tally.reach(1, at(start, 45));
        tally.leave(at(start, 55));
        tally.reach(5, at(start, 60));
        tally.leave(at(start, 65));
        let lines = |code: usize| {
            let mut lines: Vec<_> = tally.lines[code]
                .iter()
                .map(|(line, (hits, spent))| (*line, *hits, spent.as_millis()))
                .collect();
            lines.sort_unstable();
            lines
        };
        assert_eq!(lines(0), [(5, 2, 25), (6, 1, 30)]);
        assert_eq!(lines(1), [(1, 1, 10)]);
    }
}
