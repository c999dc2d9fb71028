//! Whole namespaces, what is left out of objects, and bytes that nobody vouches for.
//!
//! `namespaces.py` finds `carry_names(dict)`, which gives the names as they arrive; `tables(dict)`,
//! the bytes of each name; `externals(dict)`, how many objects of earlier names each refers to;
//! `partial(obj)` and `partial_names(dict)`, which give what arrives and what was left out;
//! `rebuilt(dict)` and `rebuilt_here(dict)`, which give what of the names can be brought back, and what can't,
//! in a process that has never seen the classes, and in this one;
//! `carried_globals(obj)`; and `loads_data(bytes)`.

use bytes::Bytes;
use rustpython_vm::builtins::{PyBytesRef, PyDict, PyDictRef};
use rustpython_vm::function::IntoPyNativeFn;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::check;
use crate::snapshot::{
    DecodeContext, EncodeOptions, Globals, LeftOut, NamespaceSnapshot, Snapshot, Trust, decode,
    decode_names, encode, encode_names, encode_partial, identity,
};

#[test]
fn namespaces() {
    check(include_str!("namespaces.py"), "namespaces.py");
}

pub fn add_functions(vm: &VirtualMachine, receiver: &PyDictRef, set: &impl Fn(&str, PyObjectRef)) {
    add(vm, set, "carry_names", {
        let globals = receiver.clone();
        move |names: PyDictRef, vm: &VirtualMachine| {
            let snapshot = encoded(vm, &names, false)?;
            decoded(vm, snapshot, &globals)
        }
    });
    add(
        vm,
        set,
        "tables",
        |names: PyDictRef, vm: &VirtualMachine| {
            by_name(vm, &names, |segment| {
                vm.ctx.new_bytes(segment.buffers[0].to_vec()).into()
            })
        },
    );
    add(
        vm,
        set,
        "externals",
        |names: PyDictRef, vm: &VirtualMachine| {
            by_name(vm, &names, |segment| {
                vm.ctx.new_int(segment.externals.len()).into()
            })
        },
    );
    add(vm, set, "partial_names", {
        let globals = receiver.clone();
        move |names: PyDictRef, vm: &VirtualMachine| {
            let snapshot = encoded(vm, &names, true)?;
            let left_out = listed(vm, &snapshot.left_out)?;
            let there = decoded(vm, snapshot, &globals)?;
            PyResult::Ok(vm.ctx.new_tuple(vec![there, left_out]))
        }
    });
    add(vm, set, "partial", {
        let globals = receiver.clone();
        move |object: PyObjectRef, vm: &VirtualMachine| {
            let (snapshot, left_out) = encode_partial(vm, &object, &EncodeOptions::new("args"))?;
            let there = decode(vm, snapshot.buffers, &DecodeContext::new(globals.clone()))?;
            PyResult::Ok(vm.ctx.new_tuple(vec![there, listed(vm, &left_out)?]))
        }
    });
    // What of a namespace can be rebuilt, and what can't.
    add(vm, set, "rebuilt", {
        let globals = receiver.clone();
        move |names: PyDictRef, vm: &VirtualMachine| {
            identity::forget_all();
            rebuilt(vm, &names, &globals)
        }
    });
    add(vm, set, "rebuilt_here", {
        let globals = receiver.clone();
        move |names: PyDictRef, vm: &VirtualMachine| rebuilt(vm, &names, &globals)
    });
    add(vm, set, "carried_globals", {
        let globals = receiver.clone();
        move |object: PyObjectRef, vm: &VirtualMachine| {
            let options = EncodeOptions {
                globals: Globals::Carried,
                ..EncodeOptions::new("args")
            };
            let snapshot = encode(vm, &object, &options)?;
            decode(vm, snapshot.buffers, &DecodeContext::new(globals.clone()))
        }
    });
    add(vm, set, "loads_data", {
        let globals = receiver.clone();
        move |bytes: PyBytesRef, vm: &VirtualMachine| {
            let snapshot = Snapshot::from_bytes(Bytes::copy_from_slice(bytes.as_bytes()));
            let context = DecodeContext {
                trust: Trust::Data,
                ..DecodeContext::new(globals.clone())
            };
            decode(
                vm,
                snapshot.expect("the lengths are right").buffers,
                &context,
            )
        }
    });
}

fn add<Kind>(
    vm: &VirtualMachine,
    set: &impl Fn(&str, PyObjectRef),
    name: &'static str,
    function: impl IntoPyNativeFn<Kind>,
) {
    set(name, vm.new_function(name, function).into());
}

fn encoded(vm: &VirtualMachine, names: &PyDict, partial: bool) -> PyResult<NamespaceSnapshot> {
    let options = EncodeOptions {
        partial,
        ..EncodeOptions::new("ns")
    };
    let mut pairs = Vec::new();
    for (name, object) in names.items_vec() {
        pairs.push((name.str(vm)?.to_string(), object));
    }
    encode_names(vm, &pairs, &options)
}

fn decoded(vm: &VirtualMachine, snapshot: NamespaceSnapshot, globals: &PyDictRef) -> PyResult {
    let there = vm.ctx.new_dict();
    let context = DecodeContext::new(globals.clone());
    for (name, object) in decode_names(vm, snapshot, &context)?.0 {
        there.set_item(&*name, object, vm)?;
    }
    Ok(there.into())
}

fn rebuilt(vm: &VirtualMachine, names: &PyDict, globals: &PyDictRef) -> PyResult {
    let context = DecodeContext {
        partial: true,
        ..DecodeContext::new(globals.clone())
    };
    let snapshot = encoded(vm, names, false)?;
    let (names, left_out) = decode_names(vm, snapshot, &context)?;
    let there = vm.ctx.new_dict();
    for (name, object) in names {
        there.set_item(&*name, object, vm)?;
    }
    let left_out = listed(vm, &left_out)?;
    Ok(vm.ctx.new_tuple(vec![there.into(), left_out]).into())
}

fn by_name(
    vm: &VirtualMachine,
    names: &PyDict,
    what: impl Fn(&crate::snapshot::Segment) -> PyObjectRef,
) -> PyResult {
    let described = vm.ctx.new_dict();
    for segment in encoded(vm, names, false)?.segments {
        described.set_item(&*segment.name, what(&segment), vm)?;
    }
    Ok(described.into())
}

fn listed(vm: &VirtualMachine, left_out: &[LeftOut]) -> PyResult {
    let pairs = left_out.iter().map(|left_out| {
        let path = vm.ctx.new_str(left_out.path.as_str()).into();
        let reason = vm.ctx.new_str(left_out.reason.as_str()).into();
        vm.ctx.new_tuple(vec![path, reason]).into()
    });
    Ok(vm.ctx.new_list(pairs.collect()).into())
}
