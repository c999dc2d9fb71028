//! Makes powers of ints end on Ctrl-C: `10 ** 10 ** 9` takes minutes, and forgets to ask.
//!
//! Large ones are computed on a thread of their own, which gives up at the next multiplication once nobody
//! waits for it any more. Small ones, and those of two, are the runtime's business.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};

use malachite_bigint::BigInt;
use num_traits::ToPrimitive;
use rustpython_vm::builtins::PyInt;
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use super::is_main_thread;
use crate::interrupt;

type Power = fn(&PyObject, &PyObject, &PyObject, &VirtualMachine) -> PyResult;

/// Results with so many bits, which take some milliseconds, are worth a thread.
const BITS_MIN: u64 = 1 << 22;

static ORIGINAL: OnceLock<Power> = OnceLock::new();

/// Puts it in the place of the runtime's.
pub(super) fn install(vm: &VirtualMachine) {
    let slots = &vm.ctx.types.int_type.slots().as_number;
    if let Some(original) = slots.power.load()
        && ORIGINAL.set(original).is_ok()
    {
        slots.power.store(Some(power));
        slots.right_power.store(Some(power));
    }
}

fn power(
    base: &PyObject,
    exponent: &PyObject,
    modulus: &PyObject,
    vm: &VirtualMachine,
) -> PyResult {
    if let Some((base, exponent)) = large(base, exponent, modulus, vm) {
        return interruptible(base, exponent, vm);
    }
    let original = ORIGINAL.get().expect("set before this is in a slot");
    original(base, exponent, modulus, vm)
}

/// The operands of a power that takes long, where there is memory for it.
fn large(
    base: &PyObject,
    exponent: &PyObject,
    modulus: &PyObject,
    vm: &VirtualMachine,
) -> Option<(BigInt, u64)> {
    let exponent = exponent.downcast_ref::<PyInt>()?.as_bigint();
    let base = base.downcast_ref::<PyInt>()?.as_bigint();
    let bits = base.bits();
    let is_power_of_two = base.trailing_zeros() == Some(bits.saturating_sub(1));
    let exponent = exponent.to_u64()?;
    let result_bits = bits.checked_mul(exponent)?;
    if result_bits < BITS_MIN || is_power_of_two || !vm.is_none(modulus) || !is_main_thread(vm) {
        return None;
    }
    // The runtime's own refuses what there is no memory for: the result and as much to compute with.
    let words = usize::try_from(result_bits / 32).ok()?;
    Vec::<u64>::new().try_reserve_exact(words).ok()?;
    Some((base.clone(), exponent))
}

fn interruptible(base: BigInt, exponent: u64, vm: &VirtualMachine) -> PyResult {
    let is_wanted = Arc::new(AtomicBool::new(true));
    let (sender, receiver) = mpsc::channel();
    let asked = Arc::clone(&is_wanted);
    std::thread::Builder::new()
        .name("power".into())
        .spawn(move || {
            if let Some(result) = raised(&base, exponent, &asked) {
                // Nobody may wait for it any more.
                let _ = sender.send(result);
            }
        })
        .map_err(|error| vm.new_runtime_error(format!("no thread for this power: {error}")))?;
    let mut result = None;
    let waited = interrupt::interruptible_wait(vm, |slice| match receiver.recv_timeout(slice) {
        Ok(value) => {
            result = Some(value);
            true
        }
        Err(mpsc::RecvTimeoutError::Timeout) => false,
        Err(mpsc::RecvTimeoutError::Disconnected) => true,
    });
    is_wanted.store(false, Ordering::Relaxed);
    waited?;
    match result {
        Some(result) => Ok(vm.ctx.new_int(result).into()),
        None => Err(vm.new_memory_error("there is not enough memory for this power")),
    }
}

/// Squares and multiplies from the exponent's highest bit down; none if it isn't wanted any more.
fn raised(base: &BigInt, exponent: u64, is_wanted: &AtomicBool) -> Option<BigInt> {
    let mut result = BigInt::from(1);
    for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
        if !is_wanted.load(Ordering::Relaxed) {
            return None;
        }
        result = &result * &result;
        if exponent >> bit & 1 == 1 {
            result *= base;
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_traits::Pow;

    #[test]
    fn powers_are_those_of_the_library() {
        let is_wanted = AtomicBool::new(true);
        for (base, exponent) in [
            (3, 0),
            (3, 1),
            (-3, 5),
            (10, 1000),
            (7, 1023),
            (7, 1024),
            (0, 9),
        ] {
            let base = BigInt::from(base);
            let expected = Pow::pow(&base, exponent);
            assert_eq!(
                raised(&base, exponent, &is_wanted),
                Some(expected),
                "{base} ** {exponent}"
            );
        }
    }

    #[test]
    fn a_power_that_nobody_wants_is_given_up() {
        let is_wanted = AtomicBool::new(false);
        assert_eq!(raised(&BigInt::from(3), u64::MAX, &is_wanted), None);
    }
}
