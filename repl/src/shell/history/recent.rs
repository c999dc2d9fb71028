//! The cells that the editor goes back to: the latest, in memory.
//!
//! They are read from the file while the first prompt is already shown. So that nothing moves
//! under the editor when they arrive, it sees [`CELLS_MAX`] places from the start, of which the
//! last are filled, the newest at the end.

use std::borrow::Cow;
use std::collections::BTreeMap;
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
    /// The place of what a search has found last.
    found_at: usize,
    walk: Option<Walk>,
    /// Whether arrows lead to all cells, whatever was typed.
    passes_all: bool,
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

/// The way through earlier cells, away from a cell that is being typed. Whatever was typed on the way
/// stays where it was typed, until a cell is run.
struct Walk {
    /// What cells must begin with to be shown, if not all are.
    prefix: Option<String>,
    /// Where it is: at a place, or behind all of them, where one types.
    place: usize,
    /// What was shown there.
    text: String,
    /// What was typed, by place.
    typed: BTreeMap<usize, String>,
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
        state.walk = None;
    }

    /// Another cell is begun.
    pub fn begin(&self) {
        let mut state = self.lock();
        state.shown = None;
        state.walk = None;
    }

    /// Sets whether arrows lead to cells that begin as what was typed, or to all.
    pub fn begin_as_typed(&self, is_wanted: bool) {
        self.lock().passes_all = !is_wanted;
    }

    /// An arrow leads away from this text, with the cursor at `position`: it is kept, and which cells
    /// are shown is decided if it is none that was just shown. Whether there is one is answered.
    pub fn leave(&self, text: &str, position: usize, direction: SearchDirection) -> bool {
        let mut state = self.lock_filled();
        let passes_all = state.passes_all;
        let walk = state.walk.get_or_insert_with(|| Walk {
            prefix: None,
            place: CELLS_MAX,
            text: String::new(),
            typed: BTreeMap::new(),
        });
        if walk.text != text || walk.place == CELLS_MAX {
            let prefix = &text[..position];
            walk.prefix = (!passes_all && !prefix.is_empty()).then(|| prefix.to_owned());
            walk.typed.insert(walk.place, text.to_owned());
            text.clone_into(&mut walk.text);
        }
        let place = walk.place;
        // From the newest cell the editor returns to what was typed without asking.
        if direction == SearchDirection::Forward && place + 1 == CELLS_MAX {
            walk.place = CELLS_MAX;
            walk.text = walk.typed.get(&CELLS_MAX).cloned().unwrap_or_default();
        }
        match direction {
            SearchDirection::Forward => place < CELLS_MAX,
            SearchDirection::Reverse => place
                .checked_sub(1)
                .is_some_and(|start| state.following(start, direction).is_some()),
        }
    }

    /// What the editor was given last, if that is still the text that it holds.
    pub fn shown_as(&self, text: &str) -> Option<Shown> {
        let state = self.lock();
        let shown = state.shown.as_ref()?;
        let (Shown::Neighbour(cell) | Shown::Begun(cell) | Shown::Found(cell)) = shown;
        (cell == text).then(|| shown.clone())
    }

    /// The next other cell that holds what was searched for, away from the one that was found if that is
    /// still the text, and where in it.
    pub fn find_again(
        &self,
        term: &str,
        text: &str,
        direction: SearchDirection,
    ) -> Option<(String, usize)> {
        let is_found = matches!(self.shown_as(text), Some(Shown::Found(_)));
        let mut state = self.lock_filled();
        let start = match direction {
            SearchDirection::Reverse if is_found => state.found_at.checked_sub(1)?,
            SearchDirection::Reverse => CELLS_MAX,
            SearchDirection::Forward if is_found => state.found_at + 1,
            SearchDirection::Forward => return None,
        };
        let found = state.nearest(start, direction, |cell| {
            holds(cell, term).filter(|_| cell != text)
        })?;
        let cell = state.found(found);
        Some((cell.entry.into_owned(), cell.pos))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lock_filled().cells.is_empty()
    }

    /// The cell that was entered so many before this one: the latest is 1. It doesn't wait.
    pub fn earlier(&self, steps: usize) -> Option<String> {
        let state = self.lock();
        let index = state.cells.len().checked_sub(steps)?;
        state.cells.get(index).cloned()
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

    /// The next cell of a walk.
    fn following(&self, start: usize, direction: SearchDirection) -> Option<SearchResult<'static>> {
        let walk = self.walk.as_ref();
        let prefix = walk.and_then(|walk| walk.prefix.as_deref());
        let shown = walk.map(|walk| walk.text.as_str());
        self.nearest(start, direction, |cell| {
            let is_another = prefix.is_none() || shown != Some(cell);
            let begins = prefix.is_none_or(|prefix| cell.starts_with(prefix));
            (begins && is_another).then_some(0)
        })
    }

    /// The same, or what was typed behind all of them: it is shown from now on.
    fn step(&mut self, start: usize, direction: SearchDirection) -> Option<SearchResult<'static>> {
        let prefix = self.walk.as_ref().and_then(|walk| walk.prefix.clone());
        let found = self.following(start, direction);
        let place = match (&found, direction) {
            (Some(found), _) => found.idx,
            (None, SearchDirection::Forward) => CELLS_MAX,
            (None, SearchDirection::Reverse) => return None,
        };
        let cell = found.map(|found| found.entry.into_owned());
        let text = match &mut self.walk {
            Some(walk) => {
                let typed = walk.typed.get(&place).cloned();
                walk.text = typed.or(cell).unwrap_or_default();
                walk.place = place;
                walk.text.clone()
            }
            None => cell?,
        };
        self.shown = (place < CELLS_MAX).then(|| match prefix {
            Some(_) => Shown::Begun(text.clone()),
            None => Shown::Neighbour(text.clone()),
        });
        Some(SearchResult {
            entry: Cow::Owned(text),
            idx: place,
            pos: 0,
        })
    }

    /// Takes notice of what a search has found.
    fn found(&mut self, found: SearchResult<'static>) -> SearchResult<'static> {
        self.shown = Some(Shown::Found(found.entry.clone().into_owned()));
        self.found_at = found.idx;
        found
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

/// Where a cell holds what is searched for. Without capitals in that, none in the cell matter.
fn holds(cell: &str, term: &str) -> Option<usize> {
    if term.bytes().any(|byte| byte.is_ascii_uppercase()) {
        cell.find(term)
    } else {
        cell.to_ascii_lowercase().find(term)
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
        Ok(state.step(start, direction))
    }

    fn search(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        let mut state = self.0.lock_filled();
        let found = state.nearest(start, direction, |cell| holds(cell, term));
        Ok(found.map(|found| state.found(found)))
    }

    fn starts_with(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        let state = self.0.lock_filled();
        Ok(state.nearest(start, direction, |cell| {
            cell.starts_with(term).then_some(term.len())
        }))
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
        self.0.is_empty()
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
