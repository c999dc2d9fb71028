//! The native module `_rhumba_profile`: what counts calls and lines without running Python for each
//! of them.
//!
//! It only counts; `python/rhumba/_magics/profiling.py` chooses what, and makes tables of it.
//! [`calls`] and [`LineTally`] know no interpreter, and take their times from who calls them;
//! [`hooks`] tells the one of calls (`leaf` of those that need no second look), and what `sys.settrace` is given tells the other of lines.

mod calls;
mod hooks;
mod leaf;

pub(crate) use _rhumba_profile::module_def;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

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
    use rustpython_vm::builtins::{PyCode, PyDictRef, PyListRef, PyStr, PyType};
    use rustpython_vm::frame::FrameObject;
    use rustpython_vm::function::FuncArgs;
    use rustpython_vm::types::{Callable, Constructor};
    use rustpython_vm::{AsObject, Py, PyPayload, PyRef, PyResult, VirtualMachine, pyclass};

    use super::hooks::{self, Counting};
    use super::{LineTally, NumberHasher};

    type NumberMap = HashMap<usize, usize, BuildHasherDefault<NumberHasher>>;

    /// Counts the calls of a thread from `start` to `stop`, if it is the profile function by then.
    #[pyattr]
    #[pyclass(name = "CallProfiler")]
    #[derive(PyPayload)]
    struct CallProfiler {
        /// What was counted, once it is over.
        counted: Mutex<Option<Box<Counting>>>,
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
                counted: Mutex::default(),
            })
        }
    }

    impl Callable for CallProfiler {
        type Args = FuncArgs;

        fn call(_zelf: &Py<Self>, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
            let [frame, event, called] = args.args.as_slice() else {
                return Err(vm.new_type_error("a profiler is called with frame, event and object"));
            };
            let event = event
                .downcast_ref::<PyStr>()
                .map_or(&b""[..], |event| event.as_bytes());
            match event {
                b"call" => {
                    if let Some(frame) = frame.downcast_ref::<FrameObject>() {
                        hooks::frame_begins(frame.iframe().code());
                    }
                }
                b"return" => hooks::frame_ends(),
                b"c_call" => hooks::native_begins(called, vm),
                b"c_return" | b"c_exception" => hooks::native_ends(called, vm),
                _ => {}
            }
            Ok(vm.ctx.none())
        }
    }

    #[pyclass(with(Constructor, Callable))]
    impl CallProfiler {
        #[pymethod]
        fn start(_zelf: &Py<Self>, vm: &VirtualMachine) {
            hooks::start(vm);
        }

        /// Ends the counting; calls that haven't returned by then are none of it.
        #[pymethod]
        fn stop(zelf: &Py<Self>, vm: &VirtualMachine) {
            if let Some(counted) = hooks::stop(vm) {
                *zelf.counted.lock() = Some(counted);
            }
        }

        /// For each function: (file, line, name), calls, outermost calls, own and total seconds.
        #[pymethod]
        fn functions(zelf: &Py<Self>, vm: &VirtualMachine) -> PyListRef {
            let counted = zelf.counted.lock();
            let rows = counted.iter().flat_map(|counted| counted.functions());
            let rows = rows.map(|(called, calls, outermost_calls, own, total)| {
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
                        vm.ctx.new_str(hooks::native_name(called, vm)).into(),
                    ],
                };
                let row = vec![
                    vm.ctx.new_tuple(key).into(),
                    vm.ctx.new_int(calls).into(),
                    vm.ctx.new_int(outermost_calls).into(),
                    vm.ctx.new_float(own).into(),
                    vm.ctx.new_float(total).into(),
                ];
                vm.ctx.new_tuple(row).into()
            });
            vm.ctx.new_list(rows.collect())
        }

        /// For each pair of caller and callee, by their places in `functions`: what the callee
        /// cost on behalf of the caller.
        #[pymethod]
        fn edges(zelf: &Py<Self>, vm: &VirtualMachine) -> PyListRef {
            let counted = zelf.counted.lock();
            let rows = counted.iter().flat_map(|counted| counted.edges());
            let rows = rows.map(|(caller, callee, calls, outermost_calls, own, total)| {
                let row = vec![
                    vm.ctx.new_int(caller).into(),
                    vm.ctx.new_int(callee).into(),
                    vm.ctx.new_int(calls).into(),
                    vm.ctx.new_int(outermost_calls).into(),
                    vm.ctx.new_float(own).into(),
                    vm.ctx.new_float(total).into(),
                ];
                vm.ctx.new_tuple(row).into()
            });
            vm.ctx.new_list(rows.collect())
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
