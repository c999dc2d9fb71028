//! Snapshots that earlier versions wrote, kept as files: every later version reads them.
//!
//! `golden.py` has a `make_NAME` and a `check_NAME` for each. A file is called `NAME.VERSION`, after
//! the format that it has. `RHUMBA_BLESS=1` writes the files that aren't there, in the format that is
//! current. A file that is there is never written again: if it can't be read, reading is broken.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustpython_vm::builtins::{PyDict, PyDictRef, PyStr};
use rustpython_vm::scope::Scope;
use rustpython_vm::{PyObjectRef, VirtualMachine};

use super::{run, with_functions};
use crate::cell::remember_source;
use crate::snapshot::format::Write;
use crate::snapshot::{
    DecodeContext, EncodeOptions, External, FORMAT_VERSION, NamespaceSnapshot, Segment, Snapshot,
    decode_names, encode_names, identity,
};

const SOURCE: &str = include_str!("golden.py");

/// The cell that the source of functions is found in, as it is at a prompt.
const CELL: &str = "<golden cell>";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/snapshot/tests/golden")
}

#[test]
fn golden_files_stay_readable() {
    with_functions(|vm, scope, receiver| {
        remember_source(vm, CELL, SOURCE).expect("nothing interrupts");
        run(vm, scope, SOURCE, CELL).expect("the cases can be made");
        let names = names(scope);
        assert!(names.len() > 5);
        for name in &names {
            let current = directory().join(format!("{name}.{FORMAT_VERSION}"));
            if !current.exists() {
                assert!(
                    std::env::var_os("RHUMBA_BLESS").is_some(),
                    "{} isn't there: RHUMBA_BLESS=1 writes it",
                    current.display()
                );
                fs::write(&current, made(vm, scope, name)).expect("it can be written");
            }
        }
        for entry in fs::read_dir(directory()).expect("the golden files are there") {
            let file = entry.expect("the folder can be read").path();
            let name = file.file_stem().and_then(|name| name.to_str());
            let name = name.expect("its name is text");
            let bytes = fs::read(&file).expect("it can be read");
            check(vm, scope, &receiver, name, bytes, &file);
        }
        // What is written now can be read too.
        for name in &names {
            let bytes = made(vm, scope, name);
            check(vm, scope, &receiver, name, bytes, Path::new("now"));
        }
    });
}

fn names(scope: &Scope) -> Vec<String> {
    let mut names = Vec::new();
    for (key, _) in scope.globals.items_vec() {
        let key = key.downcast_ref::<PyStr>().and_then(|key| key.to_str());
        let name = key.and_then(|key| key.strip_prefix("make_"));
        names.extend(name.map(str::to_owned));
    }
    names
}

/// The bytes of a case: the names of the dict that it makes, as a namespace.
fn made(vm: &VirtualMachine, scope: &Scope, name: &str) -> Vec<u8> {
    let make = scope.globals.get_item(&*format!("make_{name}"), vm);
    let dict = make.and_then(|make| make.call((), vm));
    let dict = dict.expect("it is made").downcast::<PyDict>();
    let mut pairs = Vec::new();
    for (key, value) in dict.expect("it is a dict of names").items_vec() {
        let key = key.str(vm).expect("names are text");
        pairs.push((key.to_string(), value));
    }
    let snapshot = encode_names(vm, &pairs, &EncodeOptions::default()).expect("it is carried");
    let mut buffers = Vec::new();
    for segment in snapshot.segments {
        let mut externals = Vec::new();
        for external in &segment.externals {
            externals.edge(external.segment);
            externals.edge(external.node);
        }
        buffers.push(Bytes::from(segment.name));
        buffers.push(Bytes::from(externals));
        let inner = Snapshot {
            buffers: segment.buffers,
        };
        buffers.push(Bytes::from(inner.into_bytes()));
    }
    Snapshot { buffers }.into_bytes()
}

fn read(bytes: Vec<u8>) -> NamespaceSnapshot {
    let parts = Snapshot::from_bytes(Bytes::from(bytes)).expect("the lengths are right");
    let segment = |part: &[Bytes]| {
        let (words, _) = part[1].as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        let external = |&[segment, node]: &[[u8; 4]; 2]| External {
            segment: u32::from_le_bytes(segment),
            node: u32::from_le_bytes(node),
        };
        let inner = Snapshot::from_bytes(part[2].clone()).expect("the lengths are right");
        Segment {
            name: String::from_utf8(part[0].to_vec()).expect("names are text"),
            externals: pairs.iter().map(external).collect(),
            buffers: inner.buffers,
        }
    };
    NamespaceSnapshot {
        segments: parts.buffers.chunks_exact(3).map(segment).collect(),
        left_out: Vec::new(),
    }
}

fn check(
    vm: &VirtualMachine,
    scope: &Scope,
    receiver: &PyDictRef,
    name: &str,
    bytes: Vec<u8>,
    file: &Path,
) {
    identity::forget_all();
    let context = DecodeContext::new(receiver.clone());
    let checked = decode_names(vm, read(bytes), &context).and_then(|(names, _)| {
        let there = vm.ctx.new_dict();
        for (name, object) in names {
            there.set_item(&*name, object, vm)?;
        }
        let check = scope.globals.get_item(&*format!("check_{name}"), vm)?;
        check.call((PyObjectRef::from(there),), vm)
    });
    if let Err(error) = checked {
        let mut report = String::new();
        vm.write_exception(&mut report, &error)
            .expect("a String takes it");
        panic!("{}: {report}", file.display());
    }
}
