//! The cells that were entered, over runs and over several shells at once.
//!
//! Cells go to a thread of its own ([`writer`]), which keeps them in an SQLite file ([`database`]),
//! and the editor looks into a list in memory ([`recent`]), which that thread fills while the first
//! prompt is already there. A cell is run once it is kept, as it may be the end of the process; a
//! file that takes longer than a moment isn't waited for. History is a
//! comfort: whatever fails here is told once and never stops the shell, and what can't be kept
//! is remembered until it ends.
//!
//! [`text_file`] reads what earlier versions kept.

mod database;
mod kept;
mod outputs;
mod recent;
mod text_file;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, channel, sync_channel,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rhumba_interpreter::history::{CellHistory, CellOutput, HistoryAnswer, HistoryQuery};

use super::thread;
use outputs::{OUTPUTS, Outputs};
pub use recent::{Recent, RecentCells, Shown};
use writer::{Never, Order, Writer};

/// How many cells the editor can go back to. Older ones are found by `%history`.
pub const CELLS_MAX: usize = 10_000;
/// A cell longer than this is not kept: it was pasted, not typed.
const CELL_BYTES_MAX: usize = 256 * 1024;
/// What is kept of a result's text.
const OUTPUT_BYTES_MAX: usize = 16 * 1024;
/// Cells and questions that the thread hasn't come to. A program may run cells faster than any
/// disk takes them; those over this are not kept.
const ORDERS_MAX: usize = 4096;
/// How long a cell waits to be kept before it is run. It takes some 0.2 ms.
const KEEP_TIMEOUT: Duration = Duration::from_millis(10);
/// How long leaving the shell waits for the last cells to be kept.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// The history of this shell and of those before it.
pub struct History {
    orders: SyncSender<Order>,
    recent: Arc<Recent>,
    trouble: Arc<Trouble>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The file, where there is to be one.
    path: Option<PathBuf>,
    /// The cells that the thread was given and has kept nowhere yet.
    unkept: Arc<AtomicUsize>,
    /// Whether what comes goes to the thread at all.
    is_kept: AtomicBool,
    /// Tells when the cell is kept that wasn't waited for to the end: until then no other is.
    late: Mutex<Option<Receiver<Never>>>,
}

/// What went wrong, for the person to be told at the next prompt, once.
#[derive(Default)]
pub struct Trouble {
    sentence: Mutex<Option<String>>,
}

impl Trouble {
    fn tell(&self, sentence: String) {
        *self.sentence.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence);
    }

    fn take(&self) -> Option<String> {
        self.sentence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl History {
    /// Begins to read the history in a folder, which need not be there yet; without one, cells
    /// are remembered until the shell ends. Returns at once.
    pub fn open(folder: Option<PathBuf>) -> Self {
        let (orders, received) = sync_channel(ORDERS_MAX);
        let recent = Arc::new(Recent::default());
        let trouble = Arc::new(Trouble::default());
        let path = folder.as_ref().map(|folder| folder.join(writer::FILE_NAME));
        let unkept = Arc::new(AtomicUsize::new(0));
        let writer = Writer::new(
            folder,
            Arc::clone(&recent),
            Arc::clone(&trouble),
            Arc::clone(&unkept),
        );
        let started = thread::start("history", move || writer.run(&received));
        let thread = match started {
            Ok(thread) => Some(thread),
            Err(error) => {
                recent.fill(Vec::new());
                trouble.tell(format!(
                    "cells aren't kept: no thread can be started: {error}"
                ));
                None
            }
        };
        Self {
            orders,
            recent,
            trouble,
            thread: Mutex::new(thread),
            path,
            unkept,
            is_kept: AtomicBool::new(true),
            late: Mutex::default(),
        }
    }

    /// The cells that the editor goes back to.
    pub fn recent(&self) -> &Arc<Recent> {
        &self.recent
    }

    /// What the cells of this session have shown.
    pub fn outputs(&self) -> &'static Outputs {
        &OUTPUTS
    }

    /// What went wrong since this was last asked.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.take()
    }

    /// From now on cells are remembered in memory: a cell has closed the file. That is told.
    pub fn lose_file(&self) {
        self.order(Order::Lose);
    }

    /// Remembers the text of a cell's result.
    pub fn remember_output(&self, line: u32, text: &str) {
        if !self.is_kept() {
            return;
        }
        let mut kept = text;
        let cut;
        if text.len() > OUTPUT_BYTES_MAX {
            cut = format!("{}…", &text[..text.floor_char_boundary(OUTPUT_BYTES_MAX)]);
            kept = &cut;
        }
        self.order(Order::Output {
            line,
            text: kept.to_owned(),
        });
    }

    /// Keeps what is still to be kept and ends the session; gives a sentence on cells that can't be kept.
    pub fn finish(&self) -> Option<String> {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        let (done, finished) = channel();
        if self.orders.send(Order::Finish { done }).is_ok() {
            // A disk that hangs must not keep the person from leaving.
            if finished.recv_timeout(FINISH_TIMEOUT).is_ok() {
                let _ = thread.join();
            }
        }
        let path = self.path.as_ref()?;
        let cells = match self.unkept.load(Ordering::Relaxed) {
            0 => return None,
            1 => "the last cell isn't".to_owned(),
            count => format!("the last {count} cells aren't"),
        };
        Some(format!(
            "{cells} kept in the history {}: nothing could be written to it for some seconds, as when another process \
             keeps it locked",
            path.display()
        ))
    }

    fn order(&self, order: Order) {
        let is_cell = matches!(order, Order::Input { .. });
        if is_cell {
            self.unkept.fetch_add(1, Ordering::Relaxed);
        }
        let Err(refused) = self.orders.try_send(order) else {
            return;
        };
        if is_cell {
            self.unkept.fetch_sub(1, Ordering::Relaxed);
        }
        if let TrySendError::Full(_) = refused {
            self.trouble.tell(
                "some cells aren't kept in the history: they came faster than the disk takes them"
                    .to_owned(),
            );
        }
    }
}

impl CellHistory for History {
    fn begin(&self, ordinal: u32) {
        OUTPUTS.begin(ordinal);
    }

    fn remember(&self, line: u32, source: &str) {
        let source = source.trim_end();
        if !source.is_empty() && source.len() <= CELL_BYTES_MAX {
            self.recent.add(source);
            if !self.is_kept() {
                return;
            }
            let (kept, is_kept) = channel();
            self.order(Order::Input {
                line,
                source: source.to_owned(),
                kept,
            });
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            // The thread says nothing: it lets go of its end.
            let is_late = |kept: &Receiver<Never>| kept.try_recv() == Err(TryRecvError::Empty);
            if late.as_ref().is_some_and(is_late) {
                return;
            }
            let waited = is_kept.recv_timeout(KEEP_TIMEOUT);
            *late = (waited == Err(RecvTimeoutError::Timeout)).then_some(is_kept);
        }
    }

    fn ask(&self, query: HistoryQuery) -> Receiver<HistoryAnswer> {
        let (answer, answered) = channel();
        self.order(Order::Query { query, answer });
        answered
    }

    fn session(&self) -> Receiver<Result<i64, String>> {
        let (answer, answered) = channel();
        self.order(Order::Session { answer });
        answered
    }

    fn outputs(&self, ordinal: u32) -> Vec<CellOutput> {
        OUTPUTS.of(ordinal)
    }

    fn keep(&self, is_wanted: bool) {
        self.is_kept.store(is_wanted, Ordering::Relaxed);
    }

    fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }
}

/// How many cells `rhumba history` removed, and where from.
pub struct Trimmed {
    pub path: PathBuf,
    pub removed: usize,
}

/// Removes all but the last `keep` cells of the history in a folder.
///
/// # Errors
/// A sentence that says why it can't be changed.
pub fn trim(folder: &Path, keep: u64) -> Result<Trimmed, String> {
    let path = folder.join(writer::FILE_NAME);
    if !path.exists() {
        return Ok(Trimmed { path, removed: 0 });
    }
    let trimmed = database::Database::open(&path, Vec::new).and_then(|mut it| it.trim(keep));
    match trimmed {
        Ok(removed) => Ok(Trimmed { path, removed }),
        Err(error) => Err(format!(
            "the history {} can't be changed: {}",
            path.display(),
            database::reason(&error)
        )),
    }
}
