//! Sizes for which there is no memory: MemoryError, as elsewhere in Python.
//!
//! Most of the runtime asks for memory in a way that can fail. What is here doesn't: a width in a `%`
//! format, and a few functions that take a number of bytes or bits. Memory that is there when it is asked
//! for, and gone when it is written to, is the system's business.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBytes, PyInt, PyStr, PyType};
use rustpython_vm::function::{FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

type Binary = fn(&PyObject, &PyObject, &VirtualMachine) -> PyResult;

/// Whatever is shorter is not worth asking for, in bytes.
const SMALL: u64 = 1 << 24;

/// The runtime's own. Its types are there once for all interpreters of a process.
struct Originals {
    remainders: [Binary; 2],
    random_bits: PyObjectRef,
    random_bytes: PyObjectRef,
}

static ORIGINALS: OnceLock<Originals> = OnceLock::new();

static RANDOM_BITS: PyMethodDef = PyMethodDef::new_const(
    "getrandbits",
    random_bits,
    PyMethodFlags::METHOD,
    ItemDoc::static_text("getrandbits($self, k, /)\n--\n\nReturns an int with k random bits."),
);

static RANDOM_BYTES: PyMethodDef = PyMethodDef::new_const(
    "urandom",
    random_bytes,
    PyMethodFlags::STATIC,
    ItemDoc::static_text(
        "urandom(size, /)\n--\n\nReturns random bytes from the system, fit for secrets.",
    ),
);

/// Puts what asks first in the place of the runtime's.
///
/// # Errors
/// What looking the runtime's classes up raised.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let formats = [vm.ctx.types.str_type, vm.ctx.types.bytes_type];
    let slots = formats.map(|class| &class.slots().as_number.remainder);
    let posix = vm.import("posix", 0)?;
    let class = vm.import("_random", 0)?.get_attr("Random", vm)?;
    let remainders = slots.map(|slot| slot.load());
    if let (None, [Some(of_str), Some(of_bytes)]) = (ORIGINALS.get(), remainders) {
        let originals = Originals {
            remainders: [of_str, of_bytes],
            random_bits: class.get_attr("getrandbits", vm)?,
            random_bytes: posix.get_attr("urandom", vm)?,
        };
        if ORIGINALS.set(originals).is_ok() {
            slots[0].store(Some(format::<0>));
            slots[1].store(Some(format::<1>));
            let class = class
                .downcast::<PyType>()
                .map_err(|_| vm.new_type_error("random's generator is a class"))?;
            // A native class lives as long as the process.
            let class: &'static Py<PyType> = Box::leak(Box::new(class));
            let method = RANDOM_BITS.build_method(&vm.ctx, class);
            class.set_attr(vm.ctx.intern_str("getrandbits"), method.into());
        }
    }
    // Modules are made for each interpreter.
    posix.set_attr("urandom", RANDOM_BYTES.build_function(&vm.ctx), vm)
}

fn originals() -> &'static Originals {
    ORIGINALS.get().expect("set before they are asked for")
}

/// Asks for so many bytes, and gives them back.
fn ask_for(bytes: u64, vm: &VirtualMachine) -> PyResult<()> {
    if bytes < SMALL {
        return Ok(());
    }
    let there =
        usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    match there {
        true => Ok(()),
        false => Err(vm.new_memory_error(format!("there is no memory for {bytes} bytes"))),
    }
}

/// `format % values`, of `str` or bytes.
fn format<const TYPE: usize>(
    format: &PyObject,
    values: &PyObject,
    vm: &VirtualMachine,
) -> PyResult {
    let text = match format.downcast_ref::<PyStr>() {
        Some(text) => Some(text.as_wtf8().as_bytes()),
        None => format
            .downcast_ref::<PyBytes>()
            .map(|bytes| bytes.as_bytes()),
    };
    if let Some(text) = text {
        ask_for(longest_width(text), vm)?;
    }
    originals().remainders[TYPE](format, values, vm)
}

/// The largest width or precision of a format's conversions. What a `*` takes is at most 2 GiB.
fn longest_width(format: &[u8]) -> u64 {
    let mut longest = 0;
    let mut rest = format;
    while let Some(start) = rest.iter().position(|&byte| byte == b'%') {
        rest = &rest[start + 1..];
        if rest.first() == Some(&b'(') {
            let end = rest.iter().position(|&byte| byte == b')');
            rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
        }
        let is_part = |byte: &u8| byte.is_ascii_digit() || b"#0- +.*".contains(byte);
        let end = rest.iter().position(|byte| !is_part(byte));
        let (conversion, behind) = rest.split_at(end.unwrap_or(rest.len()));
        for digits in conversion.split(|byte| !byte.is_ascii_digit()) {
            let number = digits.iter().fold(0_u64, |number, digit| {
                number
                    .saturating_mul(10)
                    .saturating_add(u64::from(digit - b'0'))
            });
            longest = longest.max(number);
        }
        // What ends it may be a sign of its own: `%%`.
        rest = behind.get(1..).unwrap_or_default();
    }
    longest
}

fn number_of(args: &FuncArgs) -> Option<u64> {
    let number = args.args.first()?.downcast_ref::<PyInt>()?;
    u64::try_from(number.as_bigint()).ok()
}

fn random_bits(generator: PyObjectRef, mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    if let Some(bits) = number_of(&args) {
        // They are drawn as words, and become an int of as many bytes.
        ask_for(bits / 4, vm)?;
    }
    args.prepend_arg(generator);
    originals().random_bits.as_object().call_with_args(args, vm)
}

fn random_bytes(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    if let Some(bytes) = number_of(&args) {
        ask_for(bytes, vm)?;
    }
    originals()
        .random_bytes
        .as_object()
        .call_with_args(args, vm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_width_of_a_format_counts() {
        for (format, width) in [
            ("", 0),
            ("%d", 0),
            ("%05d of %-12s", 12),
            ("%1000000000000d", 1_000_000_000_000),
            ("%99999999999999999999999d", u64::MAX),
            ("%.20f", 20),
            ("%(a 99)7s", 7),
            ("number 1234567890123456: %d", 0),
            ("100 %% of 99999 %3d", 3),
            ("%(", 0),
            ("%", 0),
        ] {
            assert_eq!(longest_width(format.as_bytes()), width, "{format}");
        }
    }
}
