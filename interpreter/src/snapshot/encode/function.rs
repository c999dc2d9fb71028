//! Functions and what hangs on them: cells, methods, descriptors.
//!
//! A function that can be imported goes by name. Another goes by value: its code and its cells
//! are built, the rest is filled where it differs from what a fresh function has.
//!
//! Read next: `globals.rs`, `code.rs`, `annotations.rs`.

use rustpython_vm::builtins::{PyCode, PyDict, PyFunction, PyTuple};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::globals::{own_item, text_of};
use super::path::Slot;
use super::{Encoder, Frame, Step, annotations};
use crate::snapshot::attribute::attributes;
use crate::snapshot::code;
use crate::snapshot::format::{Write, kind};

/// Which parts of a function a fill sets, in the order in which they come.
pub mod present {
    pub const NAME: u16 = 1;
    pub const QUALNAME: u16 = 2;
    pub const DEFAULTS: u16 = 4;
    pub const DOC: u16 = 8;
    pub const MODULE: u16 = 16;
    pub const ANNOTATE: u16 = 32;
    /// Where nothing computes them, or beside what computes others
    pub const ANNOTATIONS: u16 = 64;
    pub const TYPE_PARAMS: u16 = 128;
    /// Keyword defaults and attributes as dicts that something else has too, or of a subclass
    pub const KWDEFAULTS_SHARED: u16 = 256;
    pub const DICT_SHARED: u16 = 512;
    /// Keyword defaults and attributes by their entries
    pub const KWDEFAULTS: u16 = 1024;
    pub const DICT: u16 = 2048;
}

/// References to the contents of a cell that was just asked for them.
const CELL_HELD: usize = 2;

impl Encoder<'_> {
    pub fn function(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        if self.named(object)? {
            return Ok(());
        }
        let vm = self.vm;
        let function = object
            .downcast_ref::<PyFunction>()
            .expect("class is function");
        let known = attributes(vm);
        let code = known
            .code
            .get(object, vm)?
            .downcast::<PyCode>()
            .map_err(|_| vm.new_type_error("a function's __code__ is not code"))?;
        let globals = self.function_globals(function, &code, origin)?;
        let fill = self.function_fill(object, &code, origin)?;
        let closure = known.closure.get(object, vm)?;
        let cells = closure
            .downcast_ref::<PyTuple>()
            .map_or(&[][..], |cells| cells.as_slice());
        for cell in cells {
            if let Ok(contents) = known.cell_contents.get(cell, vm) {
                self.submodules(&contents, &code)?;
            }
        }
        if self.are_cells_at_hand(cells, origin)
            && let Some(code) = self.code_edge(&code)?
        {
            return self.function_at_once(object, origin, [code, globals], cells, fill);
        }
        let mut children = vec![code.into()];
        children.extend_from_slice(cells);
        let step = Step::Function { globals };
        let mut frame = Frame::new(step, object.to_owned(), origin, children);
        frame.then.extend(fill);
        self.begin(frame)
    }

    /// Whether each cell has a number that can be used, or gets one when its record is written.
    fn are_cells_at_hand(&self, cells: &[PyObjectRef], origin: u32) -> bool {
        cells.iter().enumerate().all(|(index, cell)| {
            let slot = Slot::Closure(index as u32);
            match self.numbers.get(&cell.get_id()) {
                Some(&number) => self.is_there(cell, number),
                None => self.unfit(cell, origin, slot).is_none(),
            }
        })
    }

    /// Writes a function whose parts need no frames.
    fn function_at_once(
        &mut self,
        object: &PyObject,
        origin: u32,
        [code, globals]: [u32; 2],
        cells: &[PyObjectRef],
        fill: Option<Frame>,
    ) -> PyResult<()> {
        let from = self.edges.len();
        for (index, cell) in cells.iter().enumerate() {
            if let Some(&number) = self.numbers.get(&cell.get_id()) {
                let edge = self.local_edge(cell, number)?;
                self.edges.push(edge);
                continue;
            }
            let slot = Slot::Closure(index as u32);
            let origin = self.new_origin(cell, origin, slot)?;
            self.cell(cell, origin)?;
        }
        // Right behind it, so that it is made with what the fill says.
        let said = match &fill {
            Some(fill) => self.whole_children(fill)?,
            None => None,
        };
        self.table.push(kind::FUNCTION);
        self.table.edge(code);
        self.table.edge(globals);
        self.edges_since(from);
        let target = self.built(object)?;
        let Some(mut fill) = fill else {
            return Ok(());
        };
        fill.target = target;
        match said {
            Some(edges) => self.write_fill(&fill, &edges),
            None => self.fill_now_or_follow(fill),
        }
    }

    /// Writes the record of a fill at once if that needs no frames; else it waits in line.
    pub fn fill_now_or_follow(&mut self, fill: Frame) -> PyResult<()> {
        match self.whole_children(&fill)? {
            Some(edges) => self.write_fill(&fill, &edges),
            None => self.follow(fill),
        }
    }

    /// The edges of a fill's children, if none of them needs a frame.
    fn whole_children(&mut self, fill: &Frame) -> PyResult<Option<Vec<u32>>> {
        let held = fill.held();
        if !fill.children.iter().all(|child| self.is_whole(child, held)) {
            return Ok(None);
        }
        let mut edges = Vec::with_capacity(fill.children.len());
        for child in &fill.children {
            let Some(edge) = self.write_whole_part(child, held)? else {
                return Ok(None);
            };
            edges.push(edge);
        }
        Ok(Some(edges))
    }

    /// The fill for whatever a function has beyond its code; None for most.
    fn function_fill(
        &self,
        object: &PyObject,
        code: &Py<PyCode>,
        origin: u32,
    ) -> PyResult<Option<Frame>> {
        let vm = self.vm;
        let mut bits = 0;
        let mut children = Vec::new();
        let mut add = |bit: u16, value: PyObjectRef| {
            bits |= bit;
            children.push(value);
        };
        let known = attributes(vm);
        let name = known.name.get(object, vm)?;
        if !is_text(&name, code.obj_name.as_str()) {
            add(present::NAME, name);
        }
        let qualname = known.qualname.get(object, vm)?;
        if !is_text(&qualname, code.qualname.as_str()) {
            add(present::QUALNAME, qualname);
        }
        let defaults = known.defaults.get(object, vm)?;
        if !vm.is_none(&defaults) {
            add(present::DEFAULTS, defaults);
        }
        let doc = known.doc.get(object, vm)?;
        let fresh_doc = code::docstring(code, vm);
        if !doc.is(&fresh_doc) {
            add(present::DOC, doc);
        }
        let module = known.module.get(object, vm)?;
        if !self.is_fresh_module(object, &module)? {
            add(present::MODULE, module);
        }
        let annotate = known.annotate.get(object, vm)?;
        let type_params = known.type_params.get(object, vm)?;
        let annotations = match vm.is_none(&annotate) {
            true => Some(known.annotations.get(object, vm)?),
            false => annotations::kept_by(object, &type_params, &annotate),
        };
        let annotations = annotations.filter(|it| annotations::differ(vm, it, &annotate));
        if !vm.is_none(&annotate) {
            add(present::ANNOTATE, annotate);
        }
        if let Some(annotations) = annotations {
            add(present::ANNOTATIONS, annotations);
        }
        if !type_params.is(&vm.ctx.empty_tuple) {
            add(present::TYPE_PARAMS, type_params);
        }
        let kwdefaults = known.kwdefaults.get(object, vm)?;
        let kwdefaults = kwdefaults.downcast::<PyDict>().ok();
        let dict = object.dict();
        let mut kwdefault_count = 0;
        let mut pairs = Vec::new();
        for (dict, shared, by_entries) in [
            (&kwdefaults, present::KWDEFAULTS_SHARED, present::KWDEFAULTS),
            (&dict, present::DICT_SHARED, present::DICT),
        ] {
            let Some(dict) = dict else { continue };
            // The reference of the function, and this one.
            let is_shared = dict.as_object().strong_count() > 2;
            if is_shared || !dict.class().is(vm.ctx.types.dict_type) {
                add(shared, dict.clone().into());
            } else if by_entries == present::KWDEFAULTS || !dict.is_empty() {
                pairs.push((by_entries, dict.items_vec()));
            }
        }
        for (bit, items) in pairs {
            bits |= bit;
            if bit == present::KWDEFAULTS {
                kwdefault_count = items.len();
            }
            children.extend(items.into_iter().flat_map(|(key, value)| [key, value]));
        }
        if bits == 0 {
            return Ok(None);
        }
        let step = Step::FillFunction {
            present: bits,
            kwdefault_count,
        };
        let frame = Frame::new(step, object.to_owned(), origin, children);
        Ok(Some(frame))
    }

    /// Whether a function made anew would get this `__module__` from its globals.
    fn is_fresh_module(&self, object: &PyObject, module: &PyObject) -> PyResult<bool> {
        let vm = self.vm;
        let globals = attributes(vm).globals.get(object, vm)?;
        let Some(globals) = globals.downcast_ref::<PyDict>() else {
            return Ok(false);
        };
        let name = own_item(vm, globals, "__name__")?;
        if self.is_filled_later(globals, name.as_deref())? {
            // They may be filled before it is made nevertheless, where code needs them until then.
            return Ok(name.is_none() && vm.is_none(module));
        }
        Ok(match name {
            Some(name) => {
                name.is(module) || text_of(&name).is_some_and(|name| is_text(module, name))
            }
            None => vm.is_none(module),
        })
    }

    pub fn write_function(&mut self, globals: u32, edges: &[u32]) {
        self.table.push(kind::FUNCTION);
        self.table.edge(edges[0]);
        self.table.edge(globals);
        self.edge_body(&edges[1..]);
    }

    pub fn write_function_fill(
        &mut self,
        target: u32,
        bits: u16,
        kwdefault_count: usize,
        edges: &[u32],
    ) {
        let single = (bits & (present::KWDEFAULTS - 1)).count_ones() as usize;
        let (single, pairs) = edges.split_at(single);
        let (kwdefaults, attributes) = pairs.split_at(2 * kwdefault_count);
        // Attributes of a function can be set by whoever gets it.
        self.mutable |= bits & (present::DICT | present::DICT_SHARED) != 0;
        self.table.push(kind::FILL_FUNCTION);
        self.table.edge(target);
        self.table.extend_from_slice(&bits.to_le_bytes());
        self.table.edges(single);
        for (bit, pairs) in [
            (present::KWDEFAULTS, kwdefaults),
            (present::DICT, attributes),
        ] {
            if bits & bit != 0 {
                let (keys, values) = super::unzip(pairs);
                self.edge_body(&keys);
                self.edge_body(&values);
            }
        }
    }

    pub fn cell(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        // Even an empty cell can be filled by the function that has it.
        self.mutable = true;
        let contents = attributes(self.vm).cell_contents.get(object, self.vm).ok();
        // A dict may be that of a class, which a fill looks at. What is there already comes right behind the
        // cell, so that it is made with that.
        let simple = match &contents {
            Some(contents) if contents.downcast_ref::<PyDict>().is_none() => {
                self.simple(contents, CELL_HELD)?
            }
            _ => None,
        };
        self.table.push(kind::CELL);
        let number = self.built(object)?;
        if let Some(edge) = simple {
            self.fill_with_one(kind::FILL_CELL, number, &[edge]);
            return Ok(());
        }
        if contents.is_none() {
            return Ok(());
        }
        let mut frame = Frame::new(Step::FillCell, object.to_owned(), origin, Vec::new());
        frame.target = number;
        self.follow(frame)
    }

    /// Builds an object from a few of its attributes.
    pub fn with_parts(
        &mut self,
        step: Step,
        object: &PyObject,
        origin: u32,
        names: &[&'static str],
    ) -> PyResult<()> {
        let children = names
            .iter()
            .map(|&name| object.get_attr(name, self.vm))
            .collect::<PyResult<Vec<_>>>()?;
        self.begin(Frame::new(step, object.to_owned(), origin, children))
    }

    /// A `staticmethod` or a `classmethod`: what it wraps, and the attributes that it has beside those that it
    /// takes from there as it is made.
    pub fn wrapped_method(&mut self, step: Step, object: &PyObject, origin: u32) -> PyResult<()> {
        const TAKEN: [&str; 4] = ["__module__", "__name__", "__qualname__", "__doc__"];
        const COMPUTED: [&str; 2] = ["__annotations__", "__annotate__"];
        let vm = self.vm;
        let wrapped = object.get_attr("__func__", vm)?;
        let mut own = object.dict().map_or_else(Vec::new, |dict| dict.items_vec());
        own.retain(|(name, value)| {
            let name = self.text(name).unwrap_or_default();
            if !TAKEN.contains(&name.as_str()) {
                return !COMPUTED.contains(&name.as_str());
            }
            let taken = vm.get_attribute_opt(&wrapped, vm.ctx.intern_str(name));
            taken.ok().flatten().is_none_or(|taken| {
                let text = self.text(&taken);
                let is_equal = text.is_some() && text == self.text(value);
                !is_equal && !taken.is(value)
            })
        });
        let mut frame = Frame::new(step, object.to_owned(), origin, vec![wrapped]);
        frame.then.extend(self.given_entries(object, origin, own));
        self.begin(frame)
    }

    /// A function or method of the runtime: by name if it belongs to a module, else as the
    /// attribute of what it is bound to.
    pub fn native_function(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        if self.named(object)? || self.method_of_module(object)? {
            return Ok(());
        }
        let vm = self.vm;
        for owner in ["__self__", "__objclass__"] {
            let Some(owner) = vm.get_attribute_opt(object, owner)? else {
                continue;
            };
            let name = object.get_attr("__name__", vm)?.str(vm)?.to_string();
            let found = vm.get_attribute_opt(&owner, &*vm.ctx.new_str(name.as_str()))?;
            if found.is_some_and(|found| found.class().is(object.class())) {
                let step = Step::Attribute { name };
                let frame = Frame::new(step, object.to_owned(), origin, vec![owner]);
                return self.begin(frame.draining());
            }
        }
        if self.class_entry(object, origin)? {
            return Ok(());
        }
        // One that stands in the place of the runtime's own says of no module that it is from there.
        let name = object.get_attr("__name__", vm)?.str(vm)?.to_string();
        if self.is_found_at(object, "os", &name)? {
            return self.write_named(object, "os", &name);
        }
        Err(self.refuse_object(origin))
    }
}

impl Slot {
    /// What a child of a function's fill is called.
    pub fn of_function(present: u16, kwdefault_count: usize, index: usize) -> Self {
        const NAMES: [(u16, &str); 10] = [
            (present::NAME, ".__name__"),
            (present::QUALNAME, ".__qualname__"),
            (present::DEFAULTS, ".__defaults__"),
            (present::DOC, ".__doc__"),
            (present::MODULE, ".__module__"),
            (present::ANNOTATE, ".__annotate__"),
            (present::ANNOTATIONS, ".__annotations__"),
            (present::TYPE_PARAMS, ".__type_params__"),
            (present::KWDEFAULTS_SHARED, ".__kwdefaults__"),
            (present::DICT_SHARED, ".__dict__"),
        ];
        let mut singles = NAMES.iter().filter(|(bit, _)| present & bit != 0);
        let single_count = singles.clone().count();
        if let Some((_, name)) = singles.nth(index) {
            return Self::Named(name);
        }
        let pair = (index - single_count) / 2;
        if pair < kwdefault_count {
            Self::KwDefault(pair as u32)
        } else {
            Self::Attribute((pair - kwdefault_count) as u32)
        }
    }
}

fn is_text(object: &PyObject, text: &str) -> bool {
    text_of(object) == Some(text)
}

/// Whether a dict is what the runtime makes where there is none.
pub fn is_fresh_dict(vm: &VirtualMachine, object: &PyObject) -> bool {
    let dict = object.downcast_ref::<PyDict>();
    dict.is_none_or(|dict| dict.is_empty() && dict.class().is(vm.ctx.types.dict_type))
}
