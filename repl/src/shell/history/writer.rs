//! The thread that keeps cells: it alone touches the history's file.
//!
//! A file that is damaged is put aside and a new one begun; one that can't be written is read once for what it holds,
//! and this session's cells stay in memory. Either is told once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use rhumba_interpreter::history::{HistoryAnswer, HistoryQuery};

use super::database::{self, Database};
use super::kept::{CLOSED, Guard, Kept};
use super::recent::Recent;
use super::{CELLS_MAX, Trouble, text_file};

pub const FILE_NAME: &str = "history.sqlite";
/// What earlier versions called theirs, in the same folder.
const TEXT_FILE_NAME: &str = "history";
/// When cells that found the file locked are tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How many names are tried for a damaged file.
const PUT_ASIDE_MAX: u32 = 100;

/// What the thread is asked to do.
pub enum Order {
    /// `kept` is let go of when the cell is in the file, or can't be.
    Input {
        line: u32,
        source: String,
        kept: Sender<Never>,
    },
    Output {
        line: u32,
        text: String,
    },
    Query {
        query: HistoryQuery,
        answer: Sender<HistoryAnswer>,
    },
    Session {
        answer: Sender<Result<i64, String>>,
    },
    /// The file was closed by somebody else, and under its number may be another by now.
    Lose,
    Finish {
        done: Sender<()>,
    },
}

/// What nobody says.
#[derive(Debug, PartialEq)]
pub enum Never {}

/// A cell or a result on its way to the file.
enum Unwritten {
    Input { line: u32, source: String },
    Output { line: u32, text: String },
}

pub struct Writer {
    folder: Option<PathBuf>,
    recent: Arc<Recent>,
    trouble: Arc<Trouble>,
    unwritten: Vec<Unwritten>,
    /// The cells that were given to this thread and are kept nowhere yet.
    unkept: Arc<AtomicUsize>,
    /// This session, once it has a cell.
    session: Option<Session>,
}

/// The session that cells belong to.
#[derive(Clone, Copy)]
struct Session {
    number: i64,
    /// The last cell's number in it, or none yet.
    last_line: u32,
}

impl Session {
    fn begin(database: &Database) -> database::Result<Self> {
        Ok(Self {
            number: database.begin_session()?,
            last_line: 0,
        })
    }

    /// Keeps a cell. Where a program has set its number back, it is the first of another session.
    fn add_cell(&mut self, database: &Database, line: u32, source: &str) -> database::Result<()> {
        if line <= self.last_line {
            database.end_session(self.number)?;
            *self = Self::begin(database)?;
        }
        self.last_line = line;
        database.add_cell(self.number, line, source)
    }
}

impl Writer {
    pub fn new(
        folder: Option<PathBuf>,
        recent: Arc<Recent>,
        trouble: Arc<Trouble>,
        unkept: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            folder,
            recent,
            trouble,
            unwritten: Vec::new(),
            unkept,
            session: None,
        }
    }

    /// Does what it is asked until it is told to finish, or nobody can ask any more.
    pub fn run(mut self, orders: &Receiver<Order>) {
        let Some(mut kept) = self.open() else {
            self.recent.fill(Vec::new());
            return;
        };
        loop {
            let order = if self.unwritten.is_empty() {
                match orders.recv() {
                    Ok(order) => Some(order),
                    Err(_) => return,
                }
            } else {
                match orders.recv_timeout(RETRY_AFTER) {
                    Ok(order) => Some(order),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            };
            // What has gathered meanwhile is written together.
            let mut answers = Vec::new();
            let mut waiting = Vec::new();
            let mut is_lost = false;
            let mut next = order;
            while let Some(order) = next {
                match order {
                    Order::Input { line, source, kept } => {
                        self.unwritten.push(Unwritten::Input { line, source });
                        waiting.push(kept);
                    }
                    Order::Output { line, text } => {
                        self.unwritten.push(Unwritten::Output { line, text });
                    }
                    Order::Lose => is_lost = true,
                    other => {
                        answers.push(other);
                        break;
                    }
                }
                next = orders.try_recv().ok();
            }
            if (is_lost || kept.is_lost()) && !self.lose(&mut kept) {
                return;
            }
            if !self.write(&mut kept) {
                return;
            }
            drop(waiting);
            for order in answers {
                if let Some(done) = self.answer(&kept, order) {
                    if let Some(session) = self.session {
                        // Its end is only told; the cells are there.
                        let _ = kept.end_session(session.number);
                    }
                    drop(kept);
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    /// Opens the file, or what can stand in for it, and gives the editor its last cells.
    fn open(&self) -> Option<Kept> {
        let (kept, cells) = match &self.folder {
            None => (Kept::in_memory(), Vec::new()),
            Some(folder) => match self.open_file(folder) {
                Ok(kept) => {
                    let cells = kept.recent(CELLS_MAX).unwrap_or_default();
                    (Ok(kept), cells)
                }
                Err(reason) => {
                    let path = folder.join(FILE_NAME);
                    self.tell_unkept(&path, &reason);
                    let readable = path.is_file().then(|| Database::open_to_read(&path));
                    let cells = readable.and_then(|database| database.ok()?.recent(CELLS_MAX).ok());
                    (Kept::in_memory(), cells.unwrap_or_default())
                }
            },
        };
        self.recent.fill(cells);
        match kept {
            Ok(kept) => Some(kept),
            Err(error) => {
                let reason = database::reason(&error);
                self.trouble
                    .tell(format!("cells aren't remembered: {reason}"));
                None
            }
        }
    }

    fn open_file(&self, folder: &Path) -> Result<Kept, String> {
        rhumba_engine::home::create_directory(folder).map_err(|error| error.to_string())?;
        let path = folder.join(FILE_NAME);
        // A pipe would be waited for until somebody writes to it.
        if path
            .metadata()
            .is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
        {
            return Err("it is no ordinary file".to_owned());
        }
        let imported = || text_file::load(&folder.join(TEXT_FILE_NAME));
        let guard = Guard::of(folder)?;
        let opened = match Database::open(&path, imported) {
            // The first cell may have run meanwhile.
            Err(_) if guard.is_gone() => return Err(CLOSED.to_owned()),
            Err(error) if database::is_busy(&error) => {
                // Several shells began at once on a file that isn't laid out yet.
                Database::open(&path, imported)
            }
            Err(error) if database::is_damage(&error) => {
                self.put_aside(&path)?;
                Database::open(&path, imported)
            }
            opened => opened,
        };
        let database = opened.map_err(|error| database::reason(&error))?;
        Ok(Kept::new(database, guard))
    }

    /// Moves a damaged file out of the way, with what SQLite keeps beside it.
    fn put_aside(&self, path: &Path) -> Result<(), String> {
        let named = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
        let place = (1..=PUT_ASIDE_MAX)
            .map(|number| named(&format!(".damaged-{number}")))
            .find(|place| !place.exists())
            .ok_or("it is damaged, and so are a hundred before it")?;
        std::fs::rename(path, &place)
            .map_err(|error| format!("it is damaged and can't be moved away: {error}"))?;
        for suffix in ["-wal", "-shm"] {
            // They belong to the damaged file; a new one must not read them.
            let _ = std::fs::remove_file(named(suffix));
        }
        self.trouble.tell(format!(
            "the history {} was damaged; it is now {}, and a new one has begun",
            path.display(),
            place.display()
        ));
        Ok(())
    }

    fn tell_unkept(&self, path: &Path, reason: &str) {
        self.trouble.tell(format!(
            "cells are remembered only until this shell ends: the history {} can't be used: {reason}",
            path.display()
        ));
    }

    /// Goes on in memory; false if even that can't be.
    fn lose(&mut self, kept: &mut Kept) -> bool {
        if kept.is_in_memory() {
            return true;
        }
        kept.leave();
        self.session = None;
        let folder = self.folder.take().unwrap_or_default();
        self.tell_unkept(&folder.join(FILE_NAME), CLOSED);
        match Kept::in_memory() {
            Ok(fresh) => {
                *kept = fresh;
                true
            }
            Err(_) => false,
        }
    }

    /// Writes what has gathered; false if it can't be written anywhere.
    fn write(&mut self, kept: &mut Kept) -> bool {
        if self.unwritten.is_empty() {
            return true;
        }
        match self.try_write(kept) {
            Ok(()) => true,
            // What SQLite says is about files of others.
            Err(_) if kept.is_lost() => self.lose(kept) && self.try_write(kept).is_ok(),
            // They stay for the next attempt.
            Err(error) if database::is_busy(&error) => true,
            Err(error) => {
                let mut opened = Kept::in_memory().ok();
                match self.folder.clone() {
                    Some(folder) if database::is_damage(&error) => {
                        let path = folder.join(FILE_NAME);
                        if let Ok(()) = self.put_aside(&path)
                            && let Ok(guard) = Guard::of(&folder)
                            && let Ok(fresh) = Database::open(&path, Vec::new)
                        {
                            opened = Some(Kept::new(fresh, guard));
                        }
                    }
                    folder => {
                        let path = folder.unwrap_or_default().join(FILE_NAME);
                        self.tell_unkept(&path, &database::reason(&error));
                    }
                }
                let Some(fresh) = opened else { return false };
                *kept = fresh;
                self.session = None;
                self.try_write(kept).is_ok()
            }
        }
    }

    fn try_write(&mut self, database: &mut Database) -> database::Result<()> {
        let known = self.session;
        let unwritten = &self.unwritten;
        let session = database.together(|database| {
            let mut session = known.map_or_else(|| Session::begin(database), Ok)?;
            for item in unwritten {
                match item {
                    Unwritten::Input { line, source } => {
                        session.add_cell(database, *line, source)?;
                    }
                    Unwritten::Output { line, text } => {
                        database.add_output(session.number, *line, text)?;
                    }
                }
            }
            Ok(session)
        })?;
        self.session = Some(session);
        let is_cell = |item: &&Unwritten| matches!(item, Unwritten::Input { .. });
        let cells = self.unwritten.iter().filter(is_cell).count();
        self.unkept.fetch_sub(cells, Ordering::Relaxed);
        self.unwritten.clear();
        Ok(())
    }

    /// Answers a question; gives back whom to tell when it was the last.
    fn answer(&self, database: &Database, order: Order) -> Option<Sender<()>> {
        match order {
            Order::Query { query, answer } => {
                let found = database.find(&query).map_err(|error| {
                    format!("the history can't be read: {}", database::reason(&error))
                });
                // Who asked may have been interrupted.
                let _ = answer.send(found);
                None
            }
            Order::Session { answer } => {
                let _ = answer.send(Ok(self.session.map_or(0, |session| session.number)));
                None
            }
            Order::Finish { done } => Some(done),
            Order::Input { .. } | Order::Output { .. } | Order::Lose => None,
        }
    }
}
