//! How often each function was called, from where, and how long that took.
//!
//! It knows no interpreter, and takes its times, in ticks, from who calls it.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::NumberHasher;

/// Reads a clock that costs little to read: of what counting a small function costs, the reading
/// is a good part. How long a tick is, [`super::hooks`] measures.
#[cfg(target_arch = "x86_64")]
pub(super) fn ticks() -> u64 {
    // SAFETY: it reads a counter of the processor and touches no memory.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Reads a clock; how long a tick is, [`super::hooks`] measures.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn ticks() -> u64 {
    static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let origin = ORIGIN.get_or_init(std::time::Instant::now);
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What one function, or one function on behalf of one caller, has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) calls: u64,
    /// Calls that weren't made from within another call of the same.
    pub(super) outermost_calls: u64,
    pub(super) own: u64,
    /// With all that was called, by outermost calls.
    pub(super) total: u64,
    /// Calls that haven't returned.
    active: u32,
}

impl Cost {
    fn enter(&mut self) {
        self.active += 1;
    }

    /// A whole call.
    fn add(&mut self, took: u64) {
        self.active += 1;
        self.leave(took, took);
    }

    fn leave(&mut self, own: u64, total: u64) {
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
    /// From whom; none for the first.
    edge: Option<usize>,
    since: u64,
    in_callees: u64,
}

struct Edge {
    caller: usize,
    callee: usize,
    cost: Cost,
}

/// Counts calls: how often, how long, from where.
#[derive(Default)]
pub(super) struct CallTally {
    functions: Vec<Cost>,
    /// For each function, who called it last, and the edge from there: most are called by few.
    last_edges: Vec<Option<(usize, usize)>>,
    edges: Vec<Edge>,
    /// By caller and callee.
    edge_numbers: HashMap<(usize, usize), usize, BuildHasherDefault<NumberHasher>>,
    stack: Vec<ActiveCall>,
}

impl CallTally {
    pub(super) fn add_function(&mut self) -> usize {
        self.functions.push(Cost::default());
        self.last_edges.push(None);
        self.functions.len() - 1
    }

    /// How many calls haven't returned.
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    pub(super) fn enter(&mut self, function: usize, now: u64) {
        self.functions[function].enter();
        let caller = self.stack.last().map(|call| call.function);
        let edge = caller.map(|caller| self.edge(caller, function));
        if let Some(edge) = edge {
            self.edges[edge].cost.enter();
        }
        self.stack.push(ActiveCall {
            function,
            edge,
            since: now,
            in_callees: 0,
        });
    }

    fn edge(&mut self, caller: usize, callee: usize) -> usize {
        if let Some((last_caller, edge)) = self.last_edges[callee]
            && last_caller == caller
        {
            return edge;
        }
        let edge = *self
            .edge_numbers
            .entry((caller, callee))
            .or_insert_with(|| {
                self.edges.push(Edge {
                    caller,
                    callee,
                    cost: Cost::default(),
                });
                self.edges.len() - 1
            });
        self.last_edges[callee] = Some((caller, edge));
        edge
    }

    /// Ends the innermost call. Without one, what began before the counting has returned.
    pub(super) fn leave(&mut self, now: u64) {
        let Some(call) = self.stack.pop() else {
            return;
        };
        let total = now.saturating_sub(call.since);
        let own = total.saturating_sub(call.in_callees);
        self.functions[call.function].leave(own, total);
        if let Some(edge) = call.edge {
            self.edges[edge].cost.leave(own, total);
        }
        if let Some(caller) = self.stack.last_mut() {
            caller.in_callees += total;
        }
    }

    /// Counts a call that is over, and from within which nothing was called.
    pub(super) fn add(&mut self, function: usize, took: u64) {
        self.functions[function].add(took);
        let Some(caller) = self.stack.last_mut() else {
            return;
        };
        caller.in_callees += took;
        let caller = caller.function;
        let edge = self.edge(caller, function);
        self.edges[edge].cost.add(took);
    }

    /// Ends calls until so many are left.
    pub(super) fn leave_to(&mut self, depth: usize, now: u64) {
        while self.stack.len() > depth {
            self.leave(now);
        }
    }

    /// Forgets the calls that haven't returned.
    pub(super) fn forget_active(&mut self) {
        self.stack.clear();
    }

    pub(super) fn functions(&self) -> &[Cost] {
        &self.functions
    }

    /// Caller, callee, and what the callee cost on behalf of the caller.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize, Cost)> + '_ {
        self.edges
            .iter()
            .map(|edge| (edge.caller, edge.callee, edge.cost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(calls: u64, outermost_calls: u64, own: u64, total: u64) -> Cost {
        Cost {
            calls,
            outermost_calls,
            own,
            total,
            active: 0,
        }
    }

    #[test]
    fn time_is_that_of_the_function_and_of_all_that_called_it() {
        let mut tally = CallTally::default();
        let (outer, inner) = (tally.add_function(), tally.add_function());
        tally.leave(0);
        tally.enter(outer, 0);
        tally.enter(inner, 10);
        tally.leave(40);
        tally.enter(inner, 50);
        tally.leave(60);
        tally.leave(100);
        assert_eq!(tally.functions(), [cost(1, 1, 60, 100), cost(2, 2, 40, 40)]);
        let edges: Vec<_> = tally.edges().collect();
        assert_eq!(edges, [(outer, inner, cost(2, 2, 40, 40))]);
    }

    #[test]
    fn the_time_of_recursion_counts_once() {
        let mut tally = CallTally::default();
        let function = tally.add_function();
        for depth in 0..3 {
            tally.enter(function, depth * 10);
        }
        tally.leave_to(2, 30);
        tally.leave_to(2, 35);
        tally.leave_to(0, 40);
        assert_eq!(tally.functions(), [cost(3, 1, 40, 40)]);
        let edges: Vec<_> = tally.edges().collect();
        assert_eq!(edges, [(function, function, cost(2, 1, 30, 30))]);
    }

    #[test]
    fn a_call_in_one_step_counts_as_one_in_two() {
        let (mut steps, mut whole) = (CallTally::default(), CallTally::default());
        for tally in [&mut steps, &mut whole] {
            let (outer, _) = (tally.add_function(), tally.add_function());
            tally.enter(outer, 0);
        }
        for begin in [10, 50] {
            steps.enter(1, begin);
            steps.leave(begin + 7);
            whole.add(1, 7);
        }
        for tally in [&mut steps, &mut whole] {
            tally.leave(100);
        }
        assert_eq!(whole.functions(), [cost(1, 1, 86, 100), cost(2, 2, 14, 14)]);
        assert_eq!(whole.functions(), steps.functions());
        let edges = |tally: &CallTally| tally.edges().collect::<Vec<_>>();
        assert_eq!(edges(&whole), edges(&steps));
    }

    #[test]
    fn each_caller_has_its_edge() {
        let mut tally = CallTally::default();
        let (one, two, called) = (
            tally.add_function(),
            tally.add_function(),
            tally.add_function(),
        );
        for caller in [one, two, one] {
            tally.enter(caller, 0);
            tally.enter(called, 0);
            tally.leave(5);
            tally.leave(5);
        }
        let edges: Vec<_> = tally.edges().collect();
        assert_eq!(
            edges,
            [
                (one, called, cost(2, 2, 10, 10)),
                (two, called, cost(1, 1, 5, 5))
            ]
        );
    }
}
