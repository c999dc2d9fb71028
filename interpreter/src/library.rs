//! The source of the frozen standard library, for people who read it: in tracebacks, by `obj??`,
//! `inspect.getsource` and the debugger. What runs is the frozen code; this is only looked at.
//!
//! `build.rs` packs it, each module by itself, so that showing one unpacks no other.

use rustpython_vm::builtins::PyStrRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/library"));

/// An index in plain text, a module on each line, an empty line, and behind it the modules. It
/// stands apart from other constants, all of which a cold start reads.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static ARCHIVE: [u8; PACKED.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/library"));

/// Makes the importer of frozen modules answer with their source where that is known.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let importer = vm
        .import("_frozen_importlib", 0)?
        .get_attr("FrozenImporter", vm)?;
    let get_source = vm.new_function("get_source", get_source);
    importer.set_attr("get_source", get_source, vm)
}

fn get_source(fullname: PyStrRef, vm: &VirtualMachine) -> PyObjectRef {
    let source = source(&fullname.to_string_lossy());
    source.map_or_else(|| vm.ctx.none(), |text| vm.ctx.new_str(text).into())
}

/// The source of a module of the standard library; `None` for any other.
pub(crate) fn source(module: &str) -> Option<String> {
    let boundary = ARCHIVE.windows(2).position(|pair| pair == b"\n\n")?;
    let (index, modules) = (&ARCHIVE[..boundary], &ARCHIVE[boundary + 2..]);
    let index = std::str::from_utf8(index).ok()?;
    let mut entries = index
        .lines()
        .filter_map(|line| line.strip_prefix(module)?.strip_prefix(' '));
    let mut numbers = entries.next()?.split(' ').map(str::parse::<usize>);
    let mut number = || numbers.next()?.ok();
    let (start, packed, length) = (number()?, number()?, number()?);
    let text = zstd::bulk::decompress(modules.get(start..start + packed)?, length).ok()?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::source;

    #[test]
    fn modules_and_packages_have_the_source_that_was_frozen() {
        let library = Path::new(rustpython_pylib::LIB_PATH);
        for (module, file) in [
            ("json", "json/__init__.py"),
            ("json.decoder", "json/decoder.py"),
            ("abc", "abc.py"),
            ("zipfile._path.glob", "zipfile/_path/glob.py"),
        ] {
            let expected = std::fs::read_to_string(library.join(file)).expect("it is there");
            assert_eq!(source(module), Some(expected), "{module}");
        }
        for module in ["", "jso", "json.", "json.nothing", "rhumba.shell", "json 0"] {
            assert_eq!(source(module), None, "{module}");
        }
    }
}
