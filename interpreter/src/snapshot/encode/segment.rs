//! Namespaces: a table for each name, and how a later one refers to what an earlier one made.
//!
//! Numbers of objects are those of the segment that made them. Another segment gives such an object
//! a node of its own, by an external record, when it first meets it.
//!
//! Names whose objects are brought back by code of the namespace come last: that code may look for the
//! others.

use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::Encoder;
use super::numbers::Number;
use crate::snapshot::format::{FIRST_NODE, Write, kind};
use crate::snapshot::namespace::{External, NamespaceSnapshot, Segment};

impl Encoder<'_> {
    pub fn names(&mut self, names: &[(String, PyObjectRef)]) -> PyResult<NamespaceSnapshot> {
        self.has_segments = true;
        self.numbers.begin_segment();
        let namespace = self.root_name.clone();
        let mut segments = Vec::with_capacity(names.len());
        let mut put_off = Vec::new();
        for (name, object) in names {
            // It would be walked for nothing, with all that it has in common with others.
            if self.classes_with_code.contains(&object.class().get_id()) {
                put_off.push((name, object));
                continue;
            }
            self.root_name = format!("{namespace}['{name}']");
            match self.root(object) {
                Ok(_) if std::mem::take(&mut self.runs_own_code) => {
                    put_off.push((name, object));
                    self.leaving.begin_segment_again();
                    self.roll_back();
                }
                Ok(root) => segments.push(self.segment_of(name, root)),
                Err(error) => self.leave_name_out(error)?,
            }
            self.runs_own_code = false;
        }
        for (name, object) in put_off {
            self.root_name = format!("{namespace}['{name}']");
            match self.root(object) {
                Ok(root) => segments.push(self.segment_of(name, root)),
                Err(error) => self.leave_name_out(error)?,
            }
        }
        Ok(NamespaceSnapshot {
            segments,
            left_out: self.left_out(),
        })
    }

    /// Ends the segment of a name.
    fn segment_of(&mut self, name: &str, root: u32) -> Segment {
        let buffers = self.finish_table(root);
        let segment = Segment {
            name: name.to_owned(),
            buffers,
            externals: std::mem::take(&mut self.externals),
        };
        self.end_segment();
        segment
    }

    fn end_segment(&mut self) {
        self.segment += 1;
        self.edges_of_externals.clear();
        for address in self.again.drain(..) {
            self.numbers.remove(&address);
        }
        self.numbers.begin_segment();
        self.leaving.end_segment();
    }

    /// Forgets what the walk through the current segment has made.
    pub fn roll_back(&mut self) {
        let segment = self.segment;
        self.numbers.forget_segment(segment);
        // They are in the order of their segments.
        while self
            .unindexed
            .pop_if(|run| run.segment() == segment)
            .is_some()
        {}
        let numbers = &self.numbers;
        self.carried_globals
            .retain(|address| numbers.contains_key(address));
        self.whole_globals.retain(|_, met_in| *met_in != segment);
        self.again.clear();
        self.externals.clear();
        self.edges_of_externals.clear();
        self.postponed.clear();
        self.stack.clear();
        self.filling.clear();
        self.edges.clear();
        self.line = super::Line::default();
        self.begin_table();
    }

    /// What goes by name is in each segment again: it ties no segment to another.
    pub fn carried_again(&mut self, address: usize) {
        if self.has_segments {
            self.again.push(address);
        }
    }

    /// The edge of a finished object in the segment that is being written.
    #[inline]
    pub fn local_edge(&mut self, object: &PyObject, number: Number) -> PyResult<u32> {
        match (number.edge(), number.index()) {
            (Some(edge), None) if number.segment() == self.segment => Ok(edge),
            (Some(edge), None) => self.external_edge(number.segment(), edge),
            (edge, Some(index)) => self.element_edge(object, number, edge, index),
            (None, None) => unreachable!("an object in the making has no edge yet"),
        }
    }

    /// Gives a node of its own to an object that was packed by value in a container.
    fn element_edge(
        &mut self,
        object: &PyObject,
        number: Number,
        container: Option<u32>,
        index: u32,
    ) -> PyResult<u32> {
        let Some(container) = container else {
            // The container itself is being packed: what it has twice isn't packed.
            return self.unpacked(object);
        };
        if number.segment() == self.segment {
            let edge = self.write_element(container, index)?;
            let number = Number::new(edge, self.segment);
            self.numbers.insert(object.get_id(), number);
            return Ok(edge);
        }
        let key = (number.segment(), container, index + 1);
        if let Some(&edge) = self.edges_of_externals.get(&key) {
            return Ok(edge);
        }
        let container = self.external_edge(number.segment(), container)?;
        let edge = self.write_element(container, index)?;
        self.edges_of_externals.insert(key, edge);
        Ok(edge)
    }

    fn write_element(&mut self, container: u32, index: u32) -> PyResult<u32> {
        self.table.push(kind::ELEMENT);
        self.table.edge(container);
        self.table.varint(index.into());
        self.next_number()
    }

    fn external_edge(&mut self, segment: u32, edge: u32) -> PyResult<u32> {
        let node = edge - FIRST_NODE;
        let external = External { segment, node };
        let key = (segment, edge, 0);
        if let Some(&edge) = self.edges_of_externals.get(&key) {
            return Ok(edge);
        }
        // Whoever shares it may change it.
        self.mutable = true;
        self.table.push(kind::EXTERNAL);
        let edge = self.next_number()?;
        self.externals.push(external);
        self.edges_of_externals.insert(key, edge);
        Ok(edge)
    }
}
