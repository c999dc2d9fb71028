//! Bytecode: what the compiler makes passes, and what it can't have made doesn't.

use std::cell::Cell;
use std::time::Instant;

use bytes::Bytes;
use proptest::prelude::*;
use rustpython_vm::bytecode::{CodeUnits, ExceptionTableEntry, Opcode, encode_exception_table};

use super::hostile::random_cases;
use super::{eval, run, with_functions};
use crate::snapshot::bytecode::{Limits, verify};
use crate::snapshot::{DecodeContext, EncodeOptions, decode, encode};

const LIBRARY: &str = r#"
import argparse, ast, asyncio, collections, concurrent.futures, dataclasses, datetime, decimal, difflib, doctest, email
import enum, fractions, functools, html.parser, http.client, inspect, ipaddress, json, logging, multiprocessing, optparse
import pathlib, pdb, pickle, pickletools, pprint, random, shutil, socketserver, statistics, string, subprocess, tarfile
import tempfile, textwrap, threading, tokenize, traceback, types, typing, unittest.mock, urllib.request, uuid, xml.dom
import zipfile, zoneinfo, importlib.metadata, asyncio.streams, unittest.case, contextlib, tomllib, csv, configparser
def codes():
    found, rest = {}, []
    for module in list(sys.modules.values()):
        rest.extend(vars(module).values() if isinstance(module, types.ModuleType) else ())
    seen = set()
    while rest:
        x = rest.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, types.CodeType):
            found[id(x)] = x
            rest.extend(x.co_consts)
        elif isinstance(x, type):
            rest.extend(vars(x).values())
        elif isinstance(x, (staticmethod, classmethod)):
            rest.append(x.__func__)
        elif isinstance(x, property):
            rest.extend((x.fget, x.fset, x.fdel))
        elif isinstance(x, types.FunctionType):
            rest.append(x.__code__)
            rest.extend(x.__wrapped__ for _ in range(hasattr(x, '__wrapped__')))
    return list(found.values())
import sys
all_codes = codes()
assert len(all_codes) > 7_000, len(all_codes)
failed = []
for code in all_codes:
    try:
        assert carry(code).co_code == code.co_code
    except Exception as e:
        failed.append((code, e))
assert not failed, (len(failed), len(all_codes), failed[:5])
"#;

#[test]
fn what_the_compiler_makes_passes() {
    with_functions(|vm, scope, _| {
        if let Err(error) = run(vm, scope, LIBRARY, "library") {
            let mut report = String::new();
            vm.write_exception(&mut report, &error)
                .expect("a String takes it");
            panic!("{report}");
        }
    });
}

/// Whether code of these instructions is refused: opcodes with their operands.
fn is_refused(code: &[(Opcode, u8)], table: &[ExceptionTableEntry]) -> bool {
    is_refused_of_depth(code, table, 4)
}

fn is_refused_of_depth(
    code: &[(Opcode, u8)],
    table: &[ExceptionTableEntry],
    stack_depth: usize,
) -> bool {
    let bytes: Vec<u8> = code
        .iter()
        .flat_map(|&(opcode, operand)| [u8::from(opcode), operand])
        .collect();
    let units = CodeUnits::try_from(bytes.as_slice()).expect("they are instructions");
    let limits = Limits {
        constant_count: 2,
        name_count: 1,
        kinds: &[0x20, 0x40],
        cell_bits: 0x40 | 0x80,
        free_count: 0,
        stack_depth,
        exception_table: &encode_exception_table(table),
    };
    verify(&units, &limits).is_err()
}

#[test]
fn what_it_cannot_have_made_is_refused() {
    use Opcode::*;
    let fine: [&[(Opcode, u8)]; 5] = [
        &[(LoadConst, 1), (ReturnValue, 0)],
        &[
            (LoadSmallInt, 5),
            (StoreFast, 0),
            (LoadFast, 0),
            (ReturnValue, 0),
        ],
        &[(MakeCell, 1), (LoadDeref, 1), (ReturnValue, 0)],
        &[
            (PushNull, 0),
            (StoreFast, 0),
            (LoadConst, 0),
            (ReturnValue, 0),
        ],
        &[(JumpForward, 1), (Nop, 0), (LoadConst, 0), (ReturnValue, 0)],
    ];
    for code in fine {
        assert!(!is_refused(code, &[]), "{code:?}");
    }
    let refused: [&[(Opcode, u8)]; 20] = [
        &[],
        &[(LoadConst, 2), (ReturnValue, 0)],
        &[(LoadFast, 2), (ReturnValue, 0)],
        &[(LoadDeref, 0), (ReturnValue, 0)],
        &[(LoadName, 1), (ReturnValue, 0)],
        &[(CopyFreeVars, 1), (LoadConst, 0), (ReturnValue, 0)],
        // Off the end, before the beginning, into the operand of another.
        &[(LoadConst, 0)],
        &[(JumpForward, 1), (Nop, 0)],
        &[(JumpBackwardNoInterrupt, 5), (Nop, 0)],
        &[
            (JumpForward, 1),
            (ExtendedArg, 0),
            (Nop, 0),
            (LoadConst, 0),
            (ReturnValue, 0),
        ],
        // Too little or too much on the stack, or another height on another path.
        &[(ReturnValue, 0)],
        &[(LoadConst, 0), (PopTop, 0), (PopTop, 0)],
        &[
            (LoadConst, 0),
            (LoadConst, 0),
            (LoadConst, 0),
            (LoadConst, 0),
            (LoadConst, 0),
            (ReturnValue, 0),
        ],
        &[(LoadConst, 0), (JumpBackwardNoInterrupt, 2)],
        &[(LoadConst, 0), (Copy, 2), (ReturnValue, 0)],
        &[(LoadConst, 0), (Swap, 0), (ReturnValue, 0)],
        &[
            (LoadConst, 0),
            (ListAppend, 1),
            (LoadConst, 0),
            (ReturnValue, 0),
        ],
        // Null where there has to be an object; instructions that only the runtime makes; operands
        // that choose nothing.
        &[(PushNull, 0), (ReturnValue, 0)],
        &[(LoadConst, 0), (Cache, 0), (ReturnValue, 0)],
        &[(LoadCommonConstant, 200), (ReturnValue, 0)],
    ];
    for code in refused {
        assert!(is_refused(code, &[]), "{code:?}");
    }
    let code = [
        (LoadConst, 0),
        (PopTop, 0),
        (LoadConst, 0),
        (ReturnValue, 0),
    ];
    let entry = |start, end, target, depth| ExceptionTableEntry {
        start,
        end,
        target,
        depth,
        push_lasti: false,
    };
    assert!(!is_refused(&code, &[entry(0, 1, 3, 0)]));
    for bad in [
        entry(0, 9, 3, 0),
        entry(0, 1, 9, 0),
        entry(0, 1, 3, 2),
        entry(0, 1, 3, 9),
        entry(1, 1, 3, 0),
    ] {
        assert!(is_refused(&code, &[bad]), "{bad:?}");
    }
}

/// An entry for each pair of instructions, which are as many as that.
#[test]
fn handlers_are_found_without_a_look_at_all() {
    use Opcode::*;
    let time = |count: usize| {
        let mut code = [(LoadConst, 0_u8), (PopTop, 0)].repeat(count);
        code.extend([(LoadConst, 0), (ReturnValue, 0)]);
        let target = code.len() as u32;
        code.extend([(PopTop, 0), (LoadConst, 0), (ReturnValue, 0)]);
        let entry = |index: usize| ExceptionTableEntry {
            start: 2 * index as u32,
            end: 2 * index as u32 + 1,
            target,
            depth: 0,
            push_lasti: false,
        };
        let table: Vec<_> = (0..count).map(entry).collect();
        let times = (0..3).map(|_| {
            let start = Instant::now();
            assert!(!is_refused(&code, &table));
            start.elapsed()
        });
        times.min().expect("there are three")
    };
    let (few, many) = (time(4_000), time(16_000));
    assert!(
        many < few * 10,
        "{few:?}, and {many:?} for four times as many"
    );
}

/// The first of several ranges that an instruction is in is the one that counts, as in the runtime.
#[test]
fn the_first_of_several_handlers_counts() {
    use Opcode::*;
    let code = [
        (LoadConst, 0),
        (LoadConst, 0),
        (PopTop, 0),
        (ReturnValue, 0),
        (PopTop, 0),
        (LoadConst, 0),
        (ReturnValue, 0),
    ];
    let entry = |start, end, depth| ExceptionTableEntry {
        start,
        end,
        target: 4,
        depth,
        push_lasti: false,
    };
    // What is behind `PopTop` has one object on the stack, and the beginning none.
    let (none, one) = (entry(0, 3, 0), entry(1, 3, 1));
    assert!(!is_refused(&code, &[none, one]), "only the first counts");
    assert!(is_refused(&code, &[one, none]), "they differ in depth");
    assert!(is_refused(&code, &[entry(0, 1, 1)]), "it isn't there yet");
    assert!(!is_refused(&code, &[entry(0, 1, 0), entry(0, 3, 0)]));
}

#[test]
fn code_that_needs_much_memory_is_refused() {
    use Opcode::*;
    let code = |count: usize| {
        let mut code = vec![(LoadSmallInt, 1_u8); 900];
        let branch = [(LoadSmallInt, 1), (PopJumpIfTrue, 0), (Cache, 0)];
        code.extend(branch.repeat(count));
        code.push((ReturnValue, 0));
        code
    };
    assert!(!is_refused_of_depth(&code(1_000), &[], 1_000));
    assert!(is_refused_of_depth(&code(10_000), &[], 1_000));
}

const SAMPLES: &str = r#"
def plain(a=1, b='x', *rest, k=(1, 2)):
    c = [a, b, {a: b}, {a}]
    try:
        c.append(a + 1 if a else f'{b}!{a:>3}')
        c[0], *d = c[1:]
        with_it = [x for x in c if x] + [*rest]
    except (TypeError, ValueError) as e:
        return e
    finally:
        b = None
    match c:
        case [first, *_]: return first, k
        case {'a': y}: return y
    return len(c) > 2 and not b
def cells(n=3):
    def inner(x=n):
        nonlocal n
        n = x
        return n
    class K:
        y = n
        def f(self): return super().__init__()
    return inner(5), K().f(), n
def makes(n=2):
    value = yield n
    yield from (value, n)
samples = [plain, cells, makes, lambda: (1, 'a')[0]]
"#;

/// Any change of the instructions gives an error or a function, and never a panic. Whether what
/// passes does anything sensible when it is called is another matter, and isn't tried.
#[test]
fn damaged_code_is_refused_or_made() {
    with_functions(|vm, scope, receiver| {
        run(vm, scope, SAMPLES, "samples").expect("they can be made");
        let samples: Vec<(Vec<u8>, usize, usize)> = (0..4)
            .map(|index| {
                let object = eval(vm, scope, &format!("samples[{index}]"));
                let snapshot = encode(vm, &object, &EncodeOptions::default()).expect("carried");
                let code = eval(vm, scope, &format!("samples[{index}].__code__.co_code"));
                let code: Vec<u8> = code.try_to_value(vm).expect("it is bytes");
                let table = snapshot.buffers[0].to_vec();
                let at = table.windows(code.len()).position(|part| part == code);
                (table, at.expect("its code is in the table"), code.len())
            })
            .collect();
        let strategy = (
            0..samples.len(),
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
        );
        let (passed, refused) = (Cell::new(0), Cell::new(0));
        random_cases(20_000)
            .run(&strategy, |(sample, changes)| {
                let (table, at, length) = &samples[sample];
                let mut table = table.clone();
                for (index, value) in changes {
                    table[at + index.index(*length)] = value;
                }
                let context = DecodeContext::new(receiver.clone());
                let count = match decode(vm, vec![Bytes::from(table)], &context) {
                    Ok(_) => &passed,
                    Err(_) => &refused,
                };
                count.set(count.get() + 1);
                Ok(())
            })
            .expect("no case panics");
        assert!(passed.get() > 1_000 && refused.get() > 1_000);
    });
}
