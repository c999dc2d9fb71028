//! The cells that the editor goes back to: the latest, in memory.
//!
//! They are read from the file while the first prompt is already shown. So that nothing moves
//! under the editor when they arrive, it sees [`CELLS_MAX`] places from the start, of which the
//! last are filled, the newest at the end.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustyline::history::{History, SearchDirection, SearchResult};

use super::CELLS_MAX;

/// How long going back waits for the file to be read.
const FILL_TIMEOUT: Duration = Duration::from_secs(2);

/// The latest cells, and what of them the editor shows.
#[derive(Default)]
pub struct Recent {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    /// Oldest first, none the same as the one before it.
    cells: Vec<String>,
    filled: bool,
    shown: Option<Shown>,
}

/// A cell that the editor was given, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is the one before or after another.
    Neighbour(String),
    /// It begins as what was typed.
    Begun(String),
    /// It holds what was searched for.
    Found(String),
}

impl Recent {
    /// Puts the cells of the file before those of this session.
    pub fn fill(&self, mut cells: Vec<String>) {
        let mut state = self.lock();
        cells.append(&mut state.cells);
        cells.dedup();
        let surplus = cells.len().saturating_sub(CELLS_MAX);
        cells.drain(..surplus);
        state.cells = cells;
        state.filled = true;
        self.filled.notify_all();
    }

    pub fn add(&self, cell: &str) {
        let mut state = self.lock();
        if state.cells.last().is_none_or(|last| last != cell) {
            if state.cells.len() >= CELLS_MAX {
                state.cells.remove(0);
            }
            state.cells.push(cell.to_owned());
        }
        state.shown = None;
    }

    /// What the editor was given last, if that is still the text that it holds.
    pub fn shown_as(&self, text: &str) -> Option<Shown> {
        let state = self.lock();
        let shown = state.shown.as_ref()?;
        let (Shown::Neighbour(cell) | Shown::Begun(cell) | Shown::Found(cell)) = shown;
        (cell == text).then(|| shown.clone())
    }

    /// What the latest cell that begins with the text has behind it. It doesn't wait.
    pub fn continuation(&self, text: &str) -> Option<String> {
        let state = self.lock();
        let rest = state.cells.iter().rev().find_map(|cell| {
            let rest = cell.strip_prefix(text)?;
            (!rest.is_empty()).then_some(rest)
        })?;
        Some(rest.to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cells, once the file was read, or what there is when that takes too long.
    fn lock_filled(&self) -> MutexGuard<'_, State> {
        let state = self.lock();
        let waited = self
            .filled
            .wait_timeout_while(state, FILL_TIMEOUT, |state| !state.filled);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    /// The place of the cell at an index.
    fn place(&self, index: usize) -> usize {
        CELLS_MAX - self.cells.len() + index
    }

    /// The index of the cell at a place.
    fn index(&self, place: usize) -> Option<usize> {
        let index = (place + self.cells.len()).checked_sub(CELLS_MAX)?;
        (index < self.cells.len()).then_some(index)
    }

    /// The nearest cell from a place on that `test` finds something in, and where in it.
    fn nearest(
        &self,
        start: usize,
        direction: SearchDirection,
        test: impl Fn(&str) -> Option<usize>,
    ) -> Option<SearchResult<'static>> {
        let found = |index: usize| {
            let cell = &self.cells[index];
            test(cell).map(|pos| SearchResult {
                entry: Cow::Owned(cell.clone()),
                idx: self.place(index),
                pos,
            })
        };
        match direction {
            SearchDirection::Reverse => {
                let last = self.index(start.min(CELLS_MAX - 1))?;
                (0..=last).rev().find_map(found)
            }
            SearchDirection::Forward => {
                let first = self.index(start).or((start < self.place(0)).then_some(0))?;
                (first..self.cells.len()).find_map(found)
            }
        }
    }
}

/// The same as rustyline wants it.
pub struct RecentCells(pub Arc<Recent>);

impl History for RecentCells {
    fn get(
        &self,
        index: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        let mut state = self.0.lock_filled();
        // The first place of all stands for the oldest cell, wherever that is.
        let start = match direction {
            SearchDirection::Forward if index == 0 => state.place(0),
            _ => index,
        };
        let Some(index) = state.index(start) else {
            return Ok(None);
        };
        let cell = state.cells[index].clone();
        state.shown = Some(Shown::Neighbour(cell.clone()));
        Ok(Some(SearchResult {
            entry: Cow::Owned(cell),
            idx: start,
            pos: 0,
        }))
    }

    fn search(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        let mut state = self.0.lock_filled();
        // Without capitals in what is searched for, none in the cells matter.
        let folded = !term.bytes().any(|byte| byte.is_ascii_uppercase());
        let found = state.nearest(start, direction, |cell| {
            if folded {
                cell.to_ascii_lowercase().find(term)
            } else {
                cell.find(term)
            }
        });
        if let Some(found) = &found {
            state.shown = Some(Shown::Found(found.entry.clone().into_owned()));
        }
        Ok(found)
    }

    fn starts_with(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        let mut state = self.0.lock_filled();
        let last = match &state.shown {
            Some(Shown::Begun(cell)) => cell.clone(),
            _ => term.to_owned(),
        };
        let found = state.nearest(start, direction, |cell| {
            (cell.starts_with(term) && *cell != *last).then_some(term.len())
        });
        let found = match (found, direction) {
            (None, SearchDirection::Forward) => {
                // Behind the newest is what was typed.
                Some(SearchResult {
                    entry: Cow::Owned(term.to_owned()),
                    idx: CELLS_MAX,
                    pos: term.len(),
                })
            }
            (found, _) => found,
        };
        if let Some(found) = &found {
            state.shown = Some(Shown::Begun(found.entry.clone().into_owned()));
        }
        Ok(found)
    }

    /// Cells are added where they are run, not here.
    fn add(&mut self, _: &str) -> rustyline::Result<bool> {
        Ok(false)
    }

    fn add_owned(&mut self, _: String) -> rustyline::Result<bool> {
        Ok(false)
    }

    fn len(&self) -> usize {
        CELLS_MAX
    }

    fn is_empty(&self) -> bool {
        self.0.lock_filled().cells.is_empty()
    }

    fn set_max_len(&mut self, _: usize) -> rustyline::Result<()> {
        Ok(())
    }

    fn ignore_dups(&mut self, _: bool) -> rustyline::Result<()> {
        Ok(())
    }

    fn ignore_space(&mut self, _: bool) {}

    fn save(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn append(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn load(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> rustyline::Result<()> {
        Ok(())
    }
}
