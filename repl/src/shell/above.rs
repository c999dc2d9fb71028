//! Output that arrives while a person types: it is shown above the cell, which stays as it is.
//!
//! Python's threads hand text over here and go on, as does what reads what is written past the shell; a thread of its own
//! passes lines to what shows the cell ([`super::view`]), which stays below them: whole ones, and one that has begun and
//! doesn't end. Text that waits is bounded: who writes faster than the terminal takes it waits too, but never the thread
//! that the editor itself runs on.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// As much text as may wait to be shown.
const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// As much as is shown at once, so that keys are looked at in between.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// How long a line that has begun is waited for to end.
const LINE_END: Duration = Duration::from_millis(200);

/// Adds what has been written past the shell so far.
type AddWritten = Arc<dyn Fn() + Send + Sync>;

pub struct Above {
    /// Held by who writes to the terminal past this, so that no cell begins in the middle of it.
    direct: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
    /// Called before text is taken: what was written earlier stands before it.
    add_written: Mutex<Option<AddWritten>>,
    /// How long a line that has begun is waited for to end.
    line_end: Duration,
}

#[derive(Default)]
struct State {
    /// The thread on which a cell is edited, while it is.
    editor: Option<ThreadId>,
    waiting: Waiting,
    /// Whether a piece is being shown.
    is_passing: bool,
    /// The number of the thread that passes text on; with another one, it ends.
    passer: u64,
}

impl Default for Above {
    fn default() -> Self {
        Self::waiting_for_ends(LINE_END)
    }
}

impl Above {
    fn waiting_for_ends(line_end: Duration) -> Self {
        Self {
            direct: Mutex::default(),
            state: Mutex::default(),
            changed: Condvar::default(),
            add_written: Mutex::default(),
            line_end,
        }
    }

    /// Keeps cells from beginning, for who writes to the terminal past this.
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
        state.waiting.take_all()
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

    /// Takes text to be shown above the cell that is edited. Where none is, who asks writes it: this gives what
    /// keeps cells from beginning meanwhile.
    pub fn take(&self, text: &str) -> Option<MutexGuard<'_, ()>> {
        loop {
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
            // It may wait long, and keeps nobody from anything meanwhile.
            if self.add(text) {
                return None;
            }
            let direct = self.keep_out();
            if !self.is_edited() {
                return Some(direct);
            }
        }
    }

    /// Takes what was written past the shell in the same way; false if no cell is edited.
    pub fn add(&self, text: &str) -> bool {
        let mut state = self.lock();
        while let Some(editor) = state.editor {
            let may_wait = editor != std::thread::current().id();
            if state.waiting.text.len() < WAITING_BYTES_MAX || !may_wait {
                state.waiting.add(text);
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

    /// Passes lines on to be shown until [`Above::stop`], or another does.
    pub fn pass_on(&self, passer: u64, show: impl Fn(&str)) {
        loop {
            let mut state = self.lock();
            let piece = loop {
                if state.passer != passer {
                    return;
                }
                let next = if state.editor.is_some() {
                    state.waiting.take_piece(self.line_end)
                } else {
                    Next::WhenChanged
                };
                state = match next {
                    Next::Piece(piece) => break piece,
                    Next::After(left) => {
                        let waited = self.changed.wait_timeout(state, left);
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                    Next::WhenChanged => {
                        let waited = self.changed.wait(state);
                        waited.unwrap_or_else(PoisonError::into_inner)
                    }
                };
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

/// Text that waits to be shown.
#[derive(Default)]
struct Waiting {
    text: String,
    /// Where the last line that is whole ends.
    lines_end: usize,
    /// When text was added last.
    added: Option<Instant>,
    /// Whether the last that was taken is a line that had no end yet, and was given one.
    has_ended_line: bool,
}

/// What is to be shown next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Piece(String),
    /// What there is, if nothing is added for so long.
    After(Duration),
    /// Nothing before something is added.
    WhenChanged,
}

impl Waiting {
    fn add(&mut self, mut text: &str) {
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.has_ended_line) {
            text = text.strip_prefix('\n').unwrap_or(text);
        }
        if let Some(end) = text.rfind('\n') {
            self.lines_end = self.text.len() + end + 1;
        }
        self.text.push_str(text);
        self.added = Some(Instant::now());
    }

    fn take_all(&mut self) -> String {
        std::mem::take(self).text
    }

    /// Takes what is to be shown now, as much as is shown at once: lines that are whole, or one that has begun if
    /// it is that long, or nothing was added to it for the time that is given.
    fn take_piece(&mut self, line_end: Duration) -> Next {
        if self.lines_end > 0 {
            return Next::Piece(self.take_lines());
        }
        if self.text.len() < PIECE_BYTES_MAX {
            // Nothing would be seen of it.
            if self.text.trim().is_empty() {
                return Next::WhenChanged;
            }
            let waited = self.added.map_or(line_end, |added| added.elapsed());
            let left = line_end.saturating_sub(waited);
            if !left.is_zero() {
                return Next::After(left);
            }
        }
        self.has_ended_line = true;
        Next::Piece(std::mem::take(&mut self.text))
    }

    fn take_lines(&mut self) -> String {
        let lines = &self.text.as_bytes()[..self.lines_end];
        let piece = &lines[..lines.len().min(PIECE_BYTES_MAX)];
        let last = piece.iter().rposition(|byte| *byte == b'\n');
        // A line that is longer than that is one piece.
        let last = last.or_else(|| lines.iter().position(|byte| *byte == b'\n'));
        let end = last.map_or(self.lines_end, |last| last + 1);
        self.lines_end -= end;
        let rest = self.text.split_off(end);
        std::mem::replace(&mut self.text, rest)
    }
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

    /// What a thread passes on while `work` is done.
    fn passing_on(above: &Above, work: impl FnOnce(&Receiver<String>)) {
        let (sender, printed) = channel();
        std::thread::scope(|scope| {
            let passer = above.next_passer();
            scope.spawn(move || {
                above.pass_on(passer, |text| {
                    sender.send(text.to_owned()).expect("it is listened to");
                });
            });
            work(&printed);
            above.stop();
        });
    }

    #[test]
    fn whole_lines_are_passed_on_while_a_cell_is_edited() {
        let above = Above::waiting_for_ends(Duration::from_secs(3600));
        passing_on(&above, |printed| {
            assert!(above.take("not edited\n").is_some());
            above.begin();
            assert!(above.take("a\nb\nhalf").is_none());
            assert_eq!(shown(printed), "a\nb\n");
            assert!(above.take(" a line\n").is_none());
            assert_eq!(shown(printed), "half a line\n");
            assert!(above.take("last").is_none());
            assert_eq!(above.last_words(), "last");
            assert!(above.take("rest").is_none());
            assert_eq!(above.end(), "rest");
            assert!(above.take("later\n").is_some());
        });
    }

    #[test]
    fn a_line_that_does_not_end_is_passed_on_and_its_end_with_it() {
        let above = Above::waiting_for_ends(Duration::from_millis(1));
        passing_on(&above, |printed| {
            above.begin();
            assert!(above.take("begun").is_none());
            assert_eq!(shown(printed), "begun");
            assert!(above.take("\n").is_none());
            assert!(above.take("next\n").is_none());
            assert_eq!(shown(printed), "next\n");
        });
    }

    #[test]
    fn who_writes_no_ends_of_lines_waits_no_longer_than_they_are_shown() {
        let above = Above::waiting_for_ends(Duration::from_secs(3600));
        let part = format!("\r{}", "x".repeat(999));
        passing_on(&above, |printed| {
            above.begin();
            std::thread::scope(|scope| {
                let writes = scope.spawn(|| {
                    let parts = 3 * WAITING_BYTES_MAX / part.len();
                    (0..parts).for_each(|_| assert!(above.take(&part).is_none()));
                    assert!(above.take("end\n").is_none());
                });
                let mut text = String::new();
                while !text.ends_with('\n') {
                    text.push_str(&shown(printed));
                }
                writes.join().expect("it doesn't panic");
            });
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
        assert!(above.take("not edited\n").is_some());
        above.begin();
        assert!(above.take("taken\n").is_none());
        assert_eq!(above.end(), "written\ntaken\n");
    }

    #[test]
    fn the_thread_that_edits_never_waits() {
        let above = Above::default();
        above.begin();
        let much = "x".repeat(WAITING_BYTES_MAX);
        assert!(above.take(&much).is_none());
        assert!(above.take("more").is_none());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| above.take("from elsewhere\n").is_none());
            // It is let go when nothing is edited any more, and writes for itself.
            assert_eq!(above.end().len(), WAITING_BYTES_MAX + 4);
            assert!(!waits.join().expect("it doesn't panic"));
        });
    }

    #[test]
    fn a_long_line_is_one_piece() {
        let mut waiting = Waiting::default();
        let long = "x".repeat(PIECE_BYTES_MAX);
        waiting.add(&format!("{long}\nb\nhalf"));
        let hour = Duration::from_secs(3600);
        let piece = |text: &str| Next::Piece(text.to_owned());
        assert_eq!(waiting.take_piece(hour), piece(&format!("{long}\n")));
        assert_eq!(waiting.take_piece(hour), piece("b\n"));
        assert!(matches!(waiting.take_piece(hour), Next::After(_)));
        assert_eq!(waiting.take_piece(Duration::ZERO), piece("half"));
        waiting.add(" \r");
        assert_eq!(waiting.take_piece(Duration::ZERO), Next::WhenChanged);
        waiting.add(&long);
        assert_eq!(waiting.take_piece(hour), piece(&format!(" \r{long}")));
        waiting.add("\n");
        assert_eq!(waiting.take_piece(hour), Next::WhenChanged);
    }
}
