//! Shows the value of a cell and what `display` is given: the forms of an object, as data.
//!
//! Small values of Python's own types, and objects that have nothing but a `__repr__`, are put into
//! text here, which most results are: an engine that shows them needs no more Python than it has.
//! Everything else is asked for its forms by `python/rhumba/_formatters.py`. Who gets the forms is the sink's
//! affair (`output`), or a list's while a program captures what is shown.

use rustpython_vm::builtins::{PyDict, PyDictRef, PyList, PyStr, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::interrupt;
use crate::lookup;
use crate::output::{self, DisplayItem};
use crate::session::{self, Session};

/// What fits on a line, in characters.
const LINE_MAX: usize = 79;
/// Containers inside of containers that are put into text here.
const DEPTH_MAX: usize = 6;

/// Shows the value of a cell under its number.
pub(crate) fn result(
    vm: &VirtualMachine,
    session: &Session,
    count: u32,
    value: &PyObjectRef,
) -> PyResult<()> {
    if session.captures().is_none()
        && !session.formats_every_result()
        && let Some(text) = plain_text(vm, value)?
    {
        return match session.sink() {
            Some(sink) if sink.shown_kinds().is_some() && output::is_redirected(vm) => {
                write_result(vm, count, &text)
            }
            Some(sink) => interrupt::stoppable(vm, || sink.cell_result(count, &text)),
            None => output::write_stdout(vm, &format!("{text}\n")),
        };
    }
    let forms = session::import(vm, "rhumba._display")?
        .get_attr("result", vm)?
        .call((value.clone(),), vm)?;
    let Some(forms) = forms.downcast_ref::<PyTuple>() else {
        // It has shown itself.
        return Ok(());
    };
    let item = match forms.as_slice() {
        [data, metadata] => item(vm, data, metadata)?,
        _ => return Err(vm.new_type_error("forms come with what is said of them")),
    };
    if let Some(captured) = session.captures() {
        return capture(vm, &captured, &item);
    }
    match session.sink() {
        Some(sink) if sink.shown_kinds().is_some() && output::is_redirected(vm) => {
            write_result(vm, count, item.plain_text())
        }
        Some(sink) => interrupt::stoppable(vm, || sink.cell_result_item(count, &item)),
        None => output::write_stdout(vm, &format!("{}\n", item.plain_text())),
    }
}

/// Writes the value of a cell to what a program has put in the place of `sys.stdout`.
fn write_result(vm: &VirtualMachine, count: u32, text: &str) -> PyResult<()> {
    let gap = if text.contains('\n') { '\n' } else { ' ' };
    output::write_stdout(vm, &format!("Out[{count}]:{gap}{text}\n"))
}

/// Shows forms through the session's sink; prints their text where none is set.
pub(crate) fn publish(
    vm: &VirtualMachine,
    data: &PyDictRef,
    metadata: &PyDictRef,
    id: Option<String>,
    is_update: bool,
) -> PyResult<()> {
    let session = Session::of(vm)?;
    let item = DisplayItem {
        id,
        is_update,
        ..item(vm, data.as_object(), metadata.as_object())?
    };
    if let Some(captured) = session.captures() {
        return capture(vm, &captured, &item);
    }
    match session.sink() {
        Some(sink) => interrupt::stoppable(vm, || sink.display_item(&item)),
        None => output::write_stdout(vm, &format!("{}\n", item.plain_text())),
    }
}

/// Takes away what the cell has shown, where that can be.
pub(crate) fn clear(vm: &VirtualMachine, wait: bool) -> PyResult<()> {
    let session = Session::of(vm)?;
    if let Some(captured) = session.captures() {
        captured.borrow_vec_mut().clear();
        return Ok(());
    }
    if let Some(sink) = session.sink() {
        vm.allow_threads(|| sink.clear(wait));
    }
    Ok(())
}

fn item(vm: &VirtualMachine, data: &PyObject, metadata: &PyObject) -> PyResult<DisplayItem> {
    let pairs = |dict: &PyObject| -> PyResult<Vec<(String, String)>> {
        let Some(dict) = dict.downcast_ref::<PyDict>() else {
            return Err(vm.new_type_error("forms are a dict by MIME type"));
        };
        let items = dict.items_vec().into_iter();
        let text = |object: PyObjectRef| -> PyResult<String> {
            Ok(object.str(vm)?.to_string_lossy().into_owned())
        };
        items
            .map(|(kind, form)| Ok((text(kind)?, text(form)?)))
            .collect()
    };
    Ok(DisplayItem {
        data: pairs(data)?,
        metadata: pairs(metadata)?,
        id: None,
        is_update: false,
    })
}

/// Adds what was shown to a program's list: its forms, what is said of them, its id, whether it
/// takes the place of another.
fn capture(vm: &VirtualMachine, captured: &PyRef<PyList>, item: &DisplayItem) -> PyResult<()> {
    let dict = |pairs: &[(String, String)]| -> PyResult<PyObjectRef> {
        let dict = vm.ctx.new_dict();
        for (kind, text) in pairs {
            dict.set_item(kind.as_str(), vm.ctx.new_str(text.as_str()).into(), vm)?;
        }
        Ok(dict.into())
    };
    let id = item.id.as_deref();
    let id = id.map_or_else(|| vm.ctx.none(), |id| vm.ctx.new_str(id).into());
    let shown = vec![
        dict(&item.data)?,
        dict(&item.metadata)?,
        id,
        vm.ctx.new_bool(item.is_update).into(),
    ];
    captured
        .borrow_vec_mut()
        .push(vm.ctx.new_tuple(shown).into());
    Ok(())
}

/// The text of a value that needs nobody to lay it out: one of Python's own types all through that
/// fits on a line, or one that says itself what its text is.
fn plain_text(vm: &VirtualMachine, value: &PyObject) -> PyResult<Option<String>> {
    if is_scalar(vm, value) {
        return Ok(Some(value.repr(vm)?.to_string_lossy().into_owned()));
    }
    let text = if is_plain(vm, value, &mut LINE_MAX.clone(), DEPTH_MAX) {
        value.repr(vm)?.to_string_lossy().into_owned()
    } else if let Some(text) = set_text(vm, value)? {
        text
    } else {
        return own_text(vm, value);
    };
    Ok((text.chars().count() <= LINE_MAX).then_some(text))
}

/// The text of a set whose items can be put in order.
fn set_text(vm: &VirtualMachine, value: &PyObject) -> PyResult<Option<String>> {
    let types = &vm.ctx.types;
    let (open, close) = match value.class() {
        class if class.is(types.set_type) => ("{", "}"),
        class if class.is(types.frozenset_type) => ("frozenset({", "})"),
        _ => return Ok(None),
    };
    let items: Vec<PyObjectRef> = value.to_owned().try_into_value(vm)?;
    let Some(first) = items.first().filter(|_| items.len() <= LINE_MAX) else {
        return Ok(None);
    };
    let kind = first.class();
    let is_ordered = kind.is(types.int_type) || kind.is(types.str_type);
    if !is_ordered || !items.iter().all(|item| item.class().is(kind)) {
        return Ok(None);
    }
    let list = vm.ctx.new_list(items.clone());
    vm.call_method(list.as_object(), "sort", ())?;
    let text = list.as_object().repr(vm)?.to_string_lossy().into_owned();
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    Ok(Some(format!("{open}{inner}{close}")))
}

/// The text of an object that has one form, that of its `__repr__`.
fn own_text(vm: &VirtualMachine, value: &PyObject) -> PyResult<Option<String>> {
    let class = value.class();
    let has_form = |name: &&str| lookup::class_attribute(vm, class, name).is_some();
    if FORM_METHODS.iter().any(has_form) {
        return Ok(None);
    }
    let bases = class.mro_collect();
    let own_repr = bases.iter().find(|class| {
        let attributes = class.attributes().entries();
        attributes.iter().any(|(key, _)| {
            key.downcast_ref::<PyStr>()
                .is_some_and(|key| key.as_bytes() == b"__repr__")
        })
    });
    let Some(own_repr) = own_repr else {
        return Ok(None);
    };
    let name = own_repr.name();
    let is_laid_out = LAID_OUT.contains(&&*name) || own_repr.is(vm.ctx.types.object_type);
    if is_laid_out {
        return Ok(None);
    }
    Ok(Some(value.repr(vm)?.to_string_lossy().into_owned()))
}

/// The methods by which an object has other forms than its text, or a text of another kind.
const FORM_METHODS: [&str; 12] = [
    "_repr_mimebundle_",
    "_ipython_display_",
    "_repr_pretty_",
    "_repr_html_",
    "_repr_markdown_",
    "_repr_svg_",
    "_repr_png_",
    "_repr_pdf_",
    "_repr_jpeg_",
    "_repr_latex_",
    "_repr_json_",
    "_repr_javascript_",
];

/// The classes whose objects `python/rhumba/_pretty.py` has a way of its own to put into text.
const LAID_OUT: [&str; 19] = [
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "super",
    "Pattern",
    "type",
    "function",
    "builtin_function_or_method",
    "SimpleNamespace",
    "mappingproxy",
    "BaseException",
    "defaultdict",
    "OrderedDict",
    "deque",
    "Counter",
    "UserList",
    "_Environ",
];

fn is_scalar(vm: &VirtualMachine, value: &PyObject) -> bool {
    let types = &vm.ctx.types;
    let class = value.class();
    vm.is_none(value)
        || [
            types.int_type,
            types.float_type,
            types.bool_type,
            types.str_type,
            types.bytes_type,
            types.complex_type,
        ]
        .iter()
        .any(|scalar| class.is(*scalar))
}

/// Whether a value holds nothing but scalars and lists, tuples and dictionaries of them, and no
/// more than could stand on a line.
fn is_plain(vm: &VirtualMachine, value: &PyObject, room: &mut usize, depth: usize) -> bool {
    if is_scalar(vm, value) {
        *room = room.saturating_sub(1);
        return *room > 0;
    }
    if depth == 0 {
        return false;
    }
    let types = &vm.ctx.types;
    let class = value.class();
    *room = room.saturating_sub(2);
    let mut all = |items: &[PyObjectRef]| {
        items.len() <= *room
            && items
                .iter()
                .all(|item| is_plain(vm, item, &mut *room, depth - 1))
    };
    if class.is(types.list_type) {
        let list = value.downcast_ref::<PyList>();
        return list.is_some_and(|list| all(&list.borrow_vec()));
    }
    if class.is(types.tuple_type) {
        let tuple = value.downcast_ref::<PyTuple>();
        return tuple.is_some_and(|tuple| all(tuple.as_slice()));
    }
    if class.is(types.dict_type) {
        let Some(dict) = value.downcast_ref::<PyDict>() else {
            return false;
        };
        if dict.__len__() > LINE_MAX {
            return false;
        }
        return all(&dict.keys_vec()) && all(&dict.values_vec());
    }
    false
}
