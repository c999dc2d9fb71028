//! The records that rebuild functions and their cells. What is said of one right behind it, and is there already,
//! it is made with: that takes less time than setting it.
//!
//! Code is in `code.rs`.

use rustpython_vm::builtins::{PyCode, PyDict, PyFunction, PyType};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::types::Constructor;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef};

use super::body::edges_of_pairs;
use super::{Decoded, Decoder, annotations};
use crate::snapshot::attribute::attributes;
use crate::snapshot::encode::function_present as present;
use crate::snapshot::format::{FIRST_NODE, FormatError, Reader, kind};
use crate::snapshot::identifier::identifiers;

impl<'a> Decoder<'a> {
    pub fn cell(&mut self) -> Decoded<PyObjectRef> {
        let args = match self.contents_behind()? {
            Some(contents) => vec![contents],
            None => Vec::new(),
        };
        self.made_of(self.vm.ctx.types.cell_type, FuncArgs::from(args))
    }

    pub fn fill_cell(&mut self, target: &PyObject) -> Decoded<()> {
        let vm = self.vm;
        let contents = self.edge()?;
        if !target.class().is(vm.ctx.types.cell_type) {
            return Err(FormatError::Type { expected: "a cell" }.into());
        }
        attributes(vm).cell_contents.set(target, contents, vm)?;
        Ok(())
    }

    /// The contents of the cell whose record is being read.
    fn contents_behind(&mut self) -> Decoded<Option<PyObjectRef>> {
        let Some(mut fill) = self.fill_behind(kind::FILL_CELL)? else {
            return Ok(None);
        };
        let contents = fill.edge()?;
        if !self.is_there(contents) {
            return Ok(None);
        }
        self.reader = fill;
        self.get(contents).map(Some)
    }

    pub fn function(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let object = self.edge()?;
        let globals = self.edge()?;
        let cells = self.body()?;
        let code = object
            .downcast_ref::<PyCode>()
            .ok_or(FormatError::Type { expected: "code" })?;
        if code.freevars.len() != cells.len() {
            return Err(FormatError::Code.into());
        }
        let (name, qualname) = (code.obj_name, code.qualname);
        let defaults = self.defaults_behind()?;
        if cells.is_empty() && defaults.is_none() {
            return Ok(self.bare_function(vec![object, globals])?.into());
        }
        let closure = match cells.is_empty() {
            true => vm.ctx.none(),
            false => vm.ctx.new_tuple(cells).into(),
        };
        let [defaults, kwdefaults] = defaults.unwrap_or_else(|| [vm.ctx.none(), vm.ctx.none()]);
        // By position, which is told faster than a keyword.
        let name_given = name.to_owned().into();
        let args = vec![object, globals, name_given, defaults, closure, kwdefaults];
        let function = self.bare_function(args)?;
        if !std::ptr::eq(name, qualname) {
            // The name was taken for it.
            let qualname = qualname.to_owned().into();
            attributes(vm)
                .qualname
                .set(function.as_object(), qualname, vm)?;
        }
        Ok(function.into())
    }

    /// What calling the class of functions gives, but for the dict of its attributes: that comes with the first
    /// of them, as for an exception.
    fn bare_function(&self, args: Vec<PyObjectRef>) -> Decoded<PyRef<PyFunction>> {
        let vm = self.vm;
        let class = vm.ctx.types.function_type;
        let args = FuncArgs::from(args).bind(vm)?;
        let function = PyFunction::py_new(class, args, vm)?;
        Ok(function.into_ref_with_type_lazy_dict(vm, class.to_owned())?)
    }

    /// The defaults and the keyword defaults of the function whose record is being read, if nothing else is
    /// said of it right behind.
    fn defaults_behind(&mut self) -> Decoded<Option<[PyObjectRef; 2]>> {
        let vm = self.vm;
        let Some(mut fill) = self.fill_behind(kind::FILL_FUNCTION)? else {
            return Ok(None);
        };
        let bits = u16::from_le_bytes(fill.array()?);
        if bits & !(present::DEFAULTS | present::KWDEFAULTS) != 0 {
            return Ok(None);
        }
        let mut found = [vm.ctx.none(), vm.ctx.none()];
        if bits & present::DEFAULTS != 0 {
            let edge = fill.edge()?;
            if !self.is_there(edge) {
                return Ok(None);
            }
            found[0] = self.get(edge)?;
        }
        if bits & present::KWDEFAULTS != 0 {
            let Some((keys, values)) = edges_of_pairs(&mut fill)? else {
                return Ok(None);
            };
            let mut edges = keys.iter().chain(values);
            if !edges.all(|edge| self.is_there(u32::from_le_bytes(*edge))) {
                return Ok(None);
            }
            let dict = vm.ctx.new_dict();
            self.insert_edges(&dict, keys, values)?;
            found[1] = dict.into();
        }
        self.reader = fill;
        Ok(Some(found))
    }

    /// A fill of the object whose record is being read, if it is what comes next.
    fn fill_behind(&self, kind: u8) -> Result<Option<Reader<'a>>, FormatError> {
        let mut ahead = self.reader.clone();
        if ahead.peek() != Some(kind) {
            return Ok(None);
        }
        ahead.byte()?;
        let is_own = ahead.edge()? as usize == self.nodes.len() + FIRST_NODE as usize;
        Ok(is_own.then_some(ahead))
    }

    /// Whether an edge leads to what was before the object whose record is being read.
    fn is_there(&self, edge: u32) -> bool {
        (edge as usize) < self.nodes.len() + FIRST_NODE as usize
    }

    /// What calling a native class gives whose `__new__` does everything: asking that at once takes
    /// half the time.
    fn made_of(&self, class: &Py<PyType>, args: FuncArgs) -> Decoded<PyObjectRef> {
        let new = class.slots().new.load();
        let new = new.expect("functions and cells can be made");
        Ok(new(class.to_owned(), args, self.vm)?)
    }

    pub fn fill_function(&mut self, target: &PyObject) -> Decoded<()> {
        let vm = self.vm;
        if !target.class().is(vm.ctx.types.function_type) {
            let expected = "a function";
            return Err(FormatError::Type { expected }.into());
        }
        let known = attributes(vm);
        let singles = [
            (present::NAME, &known.name),
            (present::QUALNAME, &known.qualname),
            (present::DEFAULTS, &known.defaults),
            (present::DOC, &known.doc),
            (present::MODULE, &known.module),
            (present::ANNOTATE, &known.annotate),
            (present::ANNOTATIONS, &known.annotations),
            (present::TYPE_PARAMS, &known.type_params),
            (present::KWDEFAULTS_SHARED, &known.kwdefaults),
            (present::DICT_SHARED, &known.dict),
        ];
        let bits = u16::from_le_bytes(self.reader.array()?);
        // One that stands for what came along stays as it is.
        let is_settled = self.settled.contains(&target.get_id());
        for (bit, attribute) in singles {
            if bits & bit == 0 {
                continue;
            }
            let value = self.edge()?;
            match bit {
                _ if is_settled => {}
                present::ANNOTATIONS if bits & present::ANNOTATE != 0 => {
                    annotations::keep(target, value, vm)?;
                }
                _ => attribute.set(target, value, vm)?,
            }
        }
        if is_settled {
            for bit in [present::KWDEFAULTS, present::DICT] {
                if bits & bit != 0 {
                    self.fill_dict(&vm.ctx.new_dict())?;
                }
            }
            return Ok(());
        }
        if bits & present::KWDEFAULTS != 0 {
            let defaults = vm.ctx.new_dict();
            self.fill_dict(&defaults)?;
            known.kwdefaults.set(target, defaults.into(), vm)?;
        }
        if bits & present::DICT != 0 {
            let attributes = target.get_attr(identifiers().dict, vm)?;
            let expected = "a function with attributes";
            let dict = attributes.downcast_ref::<PyDict>();
            self.fill_dict(dict.ok_or(FormatError::Type { expected })?)?;
        }
        Ok(())
    }
}
