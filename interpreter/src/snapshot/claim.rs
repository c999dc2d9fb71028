//! Claims: one thread at a time makes and fills the object that has an identity. The others wait until it is
//! there, so that they get the same, and a finished one.
//!
//! Making an object may run Python code, which may need what another thread makes. A thread doesn't wait for
//! what waits for it; nor for itself, and so not for what it has begun: that is met as it is.
//!
//! Read next: `identity.rs`, `decode/definition.rs`.

use std::collections::BTreeMap;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use crate::interrupt;

/// The identity of an object, in the interpreter that has this `sys` module.
type Key = (usize, u128);

/// Who decodes goes on once it has begun to wait that long ago: the code that the other thread runs may wait for this
/// one in ways that aren't known here, a lock or an import.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The longest wait that no signal ends, before it is looked again who waits for whom.
const SLICE_MAX: Duration = Duration::from_millis(20);

static CLAIMS: Mutex<Claims> = Mutex::new(Claims::new());

/// Told when a claim has ended.
static ENDED: Condvar = Condvar::new();

struct Claims {
    held: BTreeMap<Key, Holder>,
    /// Which thread waits for what. One whose signal handler waits again is here twice.
    waiting: Vec<(ThreadId, Key)>,
}

struct Holder {
    thread: ThreadId,
    /// A process that was forked has none of the threads that held something.
    process: u32,
    /// How many times the thread has it: code that runs meanwhile may meet the object again.
    count: usize,
}

/// The right to make and fill what has an identity, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    /// None if it was waited for in vain.
    held: Option<Key>,
}

/// Until when one decoding waits for claims of others, all together.
#[derive(Default)]
pub(super) struct Patience(Option<Instant>);

impl Patience {
    fn until(&mut self) -> Instant {
        *self.0.get_or_insert_with(|| Instant::now() + WAIT_MAX)
    }
}

impl Claim {
    /// Waits until no other thread has a claim to this identity, or patience is at its end.
    ///
    /// # Errors
    /// What the handler of a signal raised meanwhile, if it may be interrupted.
    pub(super) fn wait(
        vm: &VirtualMachine,
        identity: u128,
        patience: &mut Patience,
        may_be_interrupted: bool,
    ) -> PyResult<Self> {
        let key = (vm.sys_module.get_id(), identity);
        let thread = std::thread::current().id();
        let mut claims = CLAIMS.lock();
        if claims.take(key, thread) {
            return Ok(Self { held: Some(key) });
        }
        claims.waiting.push((thread, key));
        drop(claims);
        let deadline = patience.until();
        let mut is_taken = false;
        let mut done = |slice| {
            let mut claims = CLAIMS.lock();
            is_taken = claims.take(key, thread);
            if is_taken || claims.waits_for(key, thread) || Instant::now() >= deadline {
                return true;
            }
            ENDED.wait_for(&mut claims, slice);
            is_taken = claims.take(key, thread);
            is_taken
        };
        let waited = match may_be_interrupted {
            true => interrupt::interruptible_wait(vm, &mut done),
            false => {
                while !vm.allow_threads(|| done(SLICE_MAX)) {}
                Ok(())
            }
        };
        CLAIMS.lock().end_wait(key, thread);
        waited.map(|()| Self {
            held: is_taken.then_some(key),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(key) = self.held {
            CLAIMS.lock().end(key, std::thread::current().id());
            ENDED.notify_all();
        }
    }
}

impl Claims {
    const fn new() -> Self {
        Self {
            held: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Gives a thread the claim, unless another one has it.
    fn take(&mut self, key: Key, thread: ThreadId) -> bool {
        let process = std::process::id();
        let held = self.held.get_mut(&key);
        match held.filter(|holder| holder.process == process) {
            Some(holder) if holder.thread == thread => {
                holder.count += 1;
                true
            }
            Some(_) => false,
            None => {
                let holder = Holder {
                    thread,
                    process,
                    count: 1,
                };
                self.held.insert(key, holder);
                true
            }
        }
    }

    fn end(&mut self, key: Key, thread: ThreadId) {
        let Some(holder) = self.held.get_mut(&key) else {
            return;
        };
        if holder.thread != thread {
            return;
        }
        holder.count -= 1;
        if holder.count == 0 {
            self.held.remove(&key);
        }
    }

    fn end_wait(&mut self, key: Key, thread: ThreadId) {
        let mut waiting = self.waiting.iter();
        if let Some(position) = waiting.rposition(|wait| *wait == (thread, key)) {
            self.waiting.remove(position);
        }
    }

    /// Whether who has this claim waits for one that the thread has, or for one whose holder does.
    fn waits_for(&self, key: Key, thread: ThreadId) -> bool {
        let mut key = key;
        // More steps than there are waits lead round among others.
        for _ in 0..=self.waiting.len() {
            let Some(holder) = self.held.get(&key) else {
                return false;
            };
            if holder.thread == thread {
                return true;
            }
            let mut waiting = self.waiting.iter();
            match waiting.rfind(|(waiting, _)| *waiting == holder.thread) {
                Some((_, next)) => key = *next,
                None => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads<const COUNT: usize>() -> [ThreadId; COUNT] {
        [(); COUNT].map(|()| {
            let thread = std::thread::spawn(|| std::thread::current().id());
            thread.join().expect("it doesn't panic")
        })
    }

    #[test]
    fn a_claim_is_one_threads_until_it_has_ended_it_as_often_as_it_took_it() {
        let [one, other] = threads();
        let mut claims = Claims::new();
        assert!(claims.take((1, 1), one) && claims.take((1, 1), one));
        assert!(claims.take((1, 2), other) && claims.take((2, 1), other));
        claims.end((1, 1), other);
        claims.end((1, 1), one);
        assert!(!claims.take((1, 1), other));
        claims.end((1, 1), one);
        assert!(claims.take((1, 1), other));
    }

    #[test]
    fn a_claim_from_before_a_fork_is_nobodys() {
        let [one, other] = threads();
        let mut claims = Claims::new();
        assert!(claims.take((1, 1), one));
        let holder = claims.held.get_mut(&(1, 1)).expect("it was taken");
        holder.process = 0;
        assert!(claims.take((1, 1), other));
    }

    #[test]
    fn who_waits_for_whom_is_followed_from_thread_to_thread() {
        let [first, second, third] = threads();
        let mut claims = Claims::new();
        assert!(claims.take((1, 1), first) && claims.take((1, 2), second));
        assert!(claims.take((1, 3), third));
        claims.waiting.push((second, (1, 1)));
        claims.waiting.push((third, (1, 2)));
        assert!(claims.waits_for((1, 3), first));
        assert!(!claims.waits_for((1, 1), second));
        claims.end_wait((1, 2), third);
        assert!(!claims.waits_for((1, 3), first));
        // Others who wait for each other don't wait for this one.
        claims.waiting.push((first, (1, 2)));
        assert!(!claims.waits_for((1, 1), third));
    }
}
