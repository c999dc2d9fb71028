//! Code objects: in one record where all in them is plain, else after their constants; and the source that travels
//! with them.
//!
//! Read next: `whole_code.rs`, and `snapshot/code.rs` for their fields.

use rustpython_vm::builtins::PyCode;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult};

use super::{Encoder, Frame, Step, whole_code};
use crate::snapshot::code;
use crate::snapshot::format::{Write, kind};
use crate::snapshot::source;

impl Encoder<'_> {
    pub fn code(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let code = object.downcast_ref::<PyCode>().expect("class is code");
        if let Some(edge) = self.code_edge(code)? {
            self.edges.push(edge);
            return Ok(());
        }
        self.has_code = true;
        let mut children = code::constants(code);
        children.push(self.source(code));
        self.begin(Frame::new(Step::Code, object.to_owned(), origin, children))
    }

    /// The edge of code that is known, or can be written in one record.
    pub(super) fn code_edge(&mut self, code: &Py<PyCode>) -> PyResult<Option<u32>> {
        let object = code.as_object();
        if let Some(&number) = self.numbers.get(&object.get_id()) {
            return match self.is_there(object, number) {
                true => self.local_edge(object, number).map(Some),
                false => Ok(None),
            };
        }
        if !whole_code::is_whole(self.vm, code, self.options.out_of_band_bytes_min) {
            return Ok(None);
        }
        self.has_code = true;
        let source = self.source(code);
        let source = self.scalar(&source, super::HELD_UNKNOWN)?;
        self.table.push(kind::CODE_WHOLE);
        self.table.edge(source.expect("text and None are scalars"));
        self.table.slice(code.source_path().as_bytes());
        let mut content = std::mem::take(&mut self.code_content);
        content.clear();
        whole_code::write(self.vm, &mut content, code);
        self.table.slice(&content);
        self.code_content = content;
        self.number_kept(object).map(Some)
    }

    pub fn write_code(&mut self, frame: &Frame, edges: &[u32]) {
        let code = frame
            .object
            .downcast_ref::<PyCode>()
            .expect("the frame is of a code object");
        self.table.push(kind::CODE);
        code::write(&mut self.table, code, code.source_path().as_str());
        let (source, constants) = edges.split_last().expect("the source is the last child");
        self.table.edge(*source);
        self.edge_body(constants);
    }

    /// The source that travels with code, None if there is none.
    fn source(&mut self, code: &Py<PyCode>) -> PyObjectRef {
        let path = code.source_path().as_str();
        let vm = self.vm;
        let source = self.sources.entry(path).or_insert_with(|| {
            let kept = self.has_segments;
            let text = source::of(vm, path);
            let text = text.or_else(|| kept.then(|| source::of_file(vm, path, code)).flatten());
            text.map_or_else(|| vm.ctx.none(), |text| vm.ctx.new_str(text).into())
        });
        let source = source.clone();
        // It ties no name to another that was entered with it.
        self.carried_again(source.get_id());
        source
    }
}
