//! Output that arrives while a person types: it is shown above the cell, which stays as it is.
//!
//! Python's threads hand text over here and go on, as does what reads what is written past the shell; a thread of its own
//! passes whole lines to what shows the cell ([`super::view`]), which stays below them. Text that waits is bounded: who writes faster
//! than the terminal takes it waits too, but never the thread that the editor itself runs on.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// As much text as may wait to be shown.
const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// As much as is shown at once, so that keys are looked at in between.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Adds what has been written past the shell so far.
type AddWritten = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub struct Above {
    /// Held by who writes to the terminal past this, so that no cell begins in the middle of it.
    direct: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
    /// Called before text is taken: what was written earlier stands before it.
    add_written: Mutex<Option<AddWritten>>,
}

#[derive(Default)]
struct State {
    /// The thread on which a cell is edited, while it is.
    editor: Option<ThreadId>,
    waiting: String,
    /// Whether a piece is being shown.
    is_passing: bool,
    /// The number of the thread that passes text on; with another one, it ends.
    passer: u64,
}

impl Above {
    /// Keeps cells from beginning, for who asks [`Above::take`] and writes what it doesn't take.
    pub fn keep_out(&self) -> MutexGuard<'_, ()> {
        self.direct.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a cell is edited on this thread.
    pub fn begin(&self) {
        let _direct = self.keep_out();
        self.lock().editor = Some(std::thread::current().id());
    }

    /// Nothing is edited any more; gives what was not shown yet.
    pub fn end(&self) -> String {
        let mut state = self.lock();
        state.editor = None;
        self.changed.notify_all();
        self.rest(state)
    }

    /// Gives what was not shown yet, lines that aren't whole too: the process ends while a cell is edited.
    pub fn last_words(&self) -> String {
        self.rest(self.lock())
    }

    fn rest(&self, mut state: MutexGuard<'_, State>) -> String {
        // What comes first is shown first.
        while state.is_passing {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::take(&mut state.waiting)
    }

    /// Whether a cell is edited now.
    pub fn is_edited(&self) -> bool {
        self.lock().editor.is_some()
    }

    /// Has what was written past the shell be added by `add_written`, each time before text is taken.
    pub fn follow(&self, add_written: impl Fn() + Send + Sync + 'static) {
        let mut known = self
            .add_written
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(add_written));
    }

    /// Takes text to be shown above the cell that is edited; false if none is.
    pub fn take(&self, text: &str) -> bool {
        if self.is_edited() {
            let known = self
                .add_written
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let add_written = known.clone();
            drop(known);
            if let Some(add_written) = add_written {
                add_written();
            }
        }
        self.add(text)
    }

    /// The same of what was written past the shell.
    pub fn add(&self, text: &str) -> bool {
        let mut state = self.lock();
        while let Some(editor) = state.editor {
            let may_wait = editor != std::thread::current().id();
            if state.waiting.len() < WAITING_BYTES_MAX || !may_wait {
                state.waiting.push_str(text);
                self.changed.notify_all();
                return true;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        false
    }

    /// Makes room for another thread that passes text on: gives its number, and ends the one before.
    pub fn next_passer(&self) -> u64 {
        let mut state = self.lock();
        state.passer += 1;
        self.changed.notify_all();
        state.passer
    }

    /// Passes whole lines on to be shown until [`Above::stop`], or another does.
    pub fn pass_on(&self, passer: u64, show: impl Fn(&str)) {
        loop {
            let mut state = self.lock();
            let piece = loop {
                if state.passer != passer {
                    return;
                }
                if state.editor.is_some()
                    && let Some(piece) = whole_lines(&mut state.waiting)
                {
                    break piece;
                }
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            };
            state.is_passing = true;
            self.changed.notify_all();
            drop(state);
            show(&piece);
            self.lock().is_passing = false;
            self.changed.notify_all();
        }
    }

    pub fn stop(&self) {
        self.next_passer();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the lines that are whole, as many as are shown at once.
fn whole_lines(waiting: &mut String) -> Option<String> {
    let bytes = waiting.as_bytes();
    let first = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let piece = &bytes[..bytes.len().min(PIECE_BYTES_MAX)];
    let last = piece.iter().rposition(|byte| *byte == b'\n');
    let end = last.map_or(first, |last| last + 1);
    let rest = waiting.split_off(end);
    Some(std::mem::replace(waiting, rest))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    fn shown(printed: &Receiver<String>) -> String {
        let text = printed.recv_timeout(Duration::from_secs(60));
        text.expect("it is passed on")
    }

    #[test]
    fn whole_lines_are_passed_on_while_a_cell_is_edited() {
        let above = Above::default();
        let (sender, printed) = channel();
        std::thread::scope(|scope| {
            let (passer, above) = (above.next_passer(), &above);
            scope.spawn(move || {
                above.pass_on(passer, |text| {
                    sender.send(text.to_owned()).expect("it is listened to");
                });
            });
            assert!(!above.take("not edited\n"));
            above.begin();
            assert!(above.take("a\nb\nhalf"));
            assert_eq!(shown(&printed), "a\nb\n");
            assert!(above.take(" a line\n"));
            assert_eq!(shown(&printed), "half a line\n");
            assert!(above.take("last"));
            assert_eq!(above.last_words(), "last");
            assert!(above.take("rest"));
            assert_eq!(above.end(), "rest");
            assert!(!above.take("later\n"));
            above.stop();
        });
    }

    #[test]
    fn what_was_written_earlier_stands_before_what_is_taken() {
        let above = Arc::new(Above::default());
        let own = Arc::downgrade(&above);
        above.follow(move || {
            let above = own.upgrade().expect("it is asked by it");
            assert!(above.add("written\n"));
        });
        assert!(!above.take("not edited\n"));
        above.begin();
        assert!(above.take("taken\n"));
        assert_eq!(above.end(), "written\ntaken\n");
    }

    #[test]
    fn the_thread_that_edits_never_waits() {
        let above = Above::default();
        above.begin();
        let much = "x".repeat(WAITING_BYTES_MAX);
        assert!(above.take(&much));
        assert!(above.take("more"));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| above.take("from elsewhere\n"));
            // It is let go when nothing is edited any more, and writes for itself.
            assert_eq!(above.end().len(), WAITING_BYTES_MAX + 4);
            assert!(!waits.join().expect("it doesn't panic"));
        });
    }

    #[test]
    fn a_long_line_is_one_piece() {
        let mut waiting = format!("{}\nb\n", "x".repeat(PIECE_BYTES_MAX));
        assert_eq!(
            whole_lines(&mut waiting).map(|piece| piece.len()),
            Some(PIECE_BYTES_MAX + 1)
        );
        assert_eq!(whole_lines(&mut waiting).as_deref(), Some("b\n"));
        assert_eq!(whole_lines(&mut waiting), None);
    }
}
