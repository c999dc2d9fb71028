//! Namespaces: a table for each name, and how a later one refers to what an earlier one made.
//!
//! Numbers of objects are those of the segment that made them. Another segment gives such an object
//! a node of its own, by an external record, when it first meets it.

use rustpython_vm::{PyObjectRef, PyResult};

use super::Encoder;
use super::walk::Number;
use crate::snapshot::format::{FIRST_NODE, kind};
use crate::snapshot::namespace::{External, NamespaceSnapshot, Segment};

impl Encoder<'_> {
    pub fn names(&mut self, names: &[(String, PyObjectRef)]) -> PyResult<NamespaceSnapshot> {
        self.has_segments = true;
        let namespace = self.root_name.clone();
        let mut segments = Vec::with_capacity(names.len());
        for (name, object) in names {
            self.root_name = format!("{namespace}['{name}']");
            match self.root(object) {
                Ok(root) => {
                    let buffers = self.finish_table(root);
                    segments.push(Segment {
                        name: name.clone(),
                        buffers,
                        externals: std::mem::take(&mut self.externals),
                    });
                    self.end_segment();
                }
                Err(error) => self.leave_name_out(error)?,
            }
        }
        Ok(NamespaceSnapshot {
            segments,
            left_out: self.left_out(),
        })
    }

    fn end_segment(&mut self) {
        self.segment += 1;
        self.edges_of_externals.clear();
        for address in self.again.drain(..) {
            self.numbers.remove(&address);
        }
        self.leaving.end_segment();
    }

    /// Forgets what the walk through the current segment has made.
    pub fn roll_back(&mut self) {
        let segment = self.segment;
        self.numbers.retain(|_, number| number.segment() != segment);
        let numbers = &self.numbers;
        self.carried_globals
            .retain(|address| numbers.contains_key(address));
        self.again.clear();
        self.externals.clear();
        self.edges_of_externals.clear();
        self.postponed.clear();
        self.stack.clear();
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
    pub fn local_edge(&mut self, number: Number) -> PyResult<u32> {
        match number.edge() {
            Some(edge) if number.segment() == self.segment => Ok(edge),
            edge => self.external_edge(number.segment(), edge.unwrap_or_default()),
        }
    }

    fn external_edge(&mut self, segment: u32, edge: u32) -> PyResult<u32> {
        let node = edge - FIRST_NODE;
        let external = External { segment, node };
        if let Some(&edge) = self.edges_of_externals.get(&external) {
            return Ok(edge);
        }
        // Whoever shares it may change it.
        self.mutable = true;
        self.table.push(kind::EXTERNAL);
        let edge = self.next_number()?;
        self.externals.push(external);
        self.edges_of_externals.insert(external, edge);
        Ok(edge)
    }
}
