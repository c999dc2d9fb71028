//! The source of frozen modules, of the standard library and of rhumba, for people who read it: in
//! tracebacks, by `obj??`, `inspect.getsource` and the debugger. What runs is the frozen code; this
//! is only looked at.
//!
//! Build scripts pack it (`pack.rs`), each module by itself, so that showing one unpacks no other.

use parking_lot::RwLock;
use rustpython_vm::builtins::{PyStr, PyStrRef};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use crate::session;

const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/library"));
const PACKED_OWN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/own"));

/// An index in plain text, a module on each line, an empty line, and behind it the modules. It
/// stands apart from other constants, all of which a cold start reads.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static LIBRARY: [u8; PACKED.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/library"));

/// The same of the modules of this crate.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static OWN: [u8; PACKED_OWN.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/own"));

/// Archives of the modules that other crates have frozen.
static MORE: RwLock<Vec<&'static [u8]>> = RwLock::new(Vec::new());

/// Makes the importer of frozen modules answer with their source where that is known.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let importer = vm
        .import("_frozen_importlib", 0)?
        .get_attr("FrozenImporter", vm)?;
    let get_source = vm.new_function("get_source", get_source);
    importer.set_attr("get_source", get_source, vm)?;
    watch_for_inspect(vm, importer)
}

/// Has `inspect` find the source of what is in no file, once it is imported: it looks for files.
fn watch_for_inspect(vm: &VirtualMachine, importer: PyObjectRef) -> PyResult<()> {
    let usual = importer.get_attr("exec_module", vm)?;
    let watched = importer.clone();
    let execute = move |module: PyObjectRef, vm: &VirtualMachine| -> PyResult<()> {
        usual.call((module.clone(),), vm)?;
        let name = module.get_attr("__name__", vm)?;
        let name = name.downcast_ref::<PyStr>();
        if name.is_some_and(|name| name.as_bytes() == b"inspect") {
            watched.set_attr("exec_module", usual.clone(), vm)?;
            let sources = session::import(vm, "rhumba._sources")?;
            vm.call_method(&sources, "extend", (module,))?;
        }
        Ok(())
    };
    let execute = vm.new_function("exec_module", execute);
    importer.set_attr("exec_module", execute, vm)
}

/// Adds the source of more frozen modules, as `pack.rs` writes it.
pub(crate) fn add(archive: &'static [u8]) {
    let mut more = MORE.write();
    if !more.iter().any(|known| std::ptr::eq(*known, archive)) {
        more.push(archive);
    }
}

fn get_source(fullname: PyStrRef, vm: &VirtualMachine) -> PyObjectRef {
    let source = source(&fullname.to_string_lossy());
    source.map_or_else(|| vm.ctx.none(), |text| vm.ctx.new_str(text).into())
}

/// The source of a frozen module; `None` for any other.
pub(crate) fn source(module: &str) -> Option<String> {
    let more = MORE.read();
    let archives = [&OWN[..], &LIBRARY[..]].into_iter();
    archives
        .chain(more.iter().copied())
        .find_map(|archive| unpacked(archive, module))
}

fn unpacked(archive: &[u8], module: &str) -> Option<String> {
    let boundary = archive.windows(2).position(|pair| pair == b"\n\n")?;
    let (index, modules) = (&archive[..boundary], &archive[boundary + 2..]);
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
        for (module, file) in [
            ("rhumba.shell", "rhumba/shell.py"),
            ("IPython", "IPython/__init__.py"),
        ] {
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
            let expected = std::fs::read_to_string(own.join(file)).expect("it is there");
            assert_eq!(source(module), Some(expected), "{module}");
        }
        for module in [
            "",
            "jso",
            "json.",
            "json.nothing",
            "rhumba.nothing",
            "json 0",
        ] {
            assert_eq!(source(module), None, "{module}");
        }
    }
}
