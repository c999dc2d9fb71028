//! Watchers: clients that follow what others run, print, and how that ends.
//!
//! A watcher is sent so much, and more as it says that it has seen some. What
//! comes meanwhile is kept for it, up to a limit; then the oldest is lost, and
//! it is told how much. So a slow watcher slows nobody, and needs no memory.
//!
//! Engines don't tell that they begin something: they begin what is first.

use super::Controller;
use super::pieces::{Owner, Parcel};
use crate::id::{ClientId, EngineId};
use crate::message::{
    Activity, Answer, Operation, Outcome, Output, Payload, TaskName, Timing, ToClient,
};
use std::collections::{BTreeSet, VecDeque};

/// How much a watcher is sent that it hasn't seen.
const UNSEEN_MAX: u32 = 256;

/// How much is kept for it beyond that.
const KEPT_MAX: usize = 1024;
const KEPT_BYTES_MAX: usize = 4 << 20;

/// Longer texts are cut for watchers.
const TEXT_BYTES_MAX: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Watcher {
    /// The engines that it watches; all, if there are none.
    engines: BTreeSet<EngineId>,
    unseen: u32,
    kept: VecDeque<(EngineId, TaskName, Activity)>,
    kept_bytes: usize,
    /// How much was lost since it was told last.
    lost: u64,
}

impl Watcher {
    fn new(targets: Vec<EngineId>) -> Self {
        Self {
            engines: targets.into_iter().collect(),
            unseen: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            lost: 0,
        }
    }

    /// Watches other engines from here on: what it wasn't told yet concerns it
    /// no more. What it was sent it has still to see.
    fn turn_to(&mut self, targets: Vec<EngineId>) {
        *self = Self {
            unseen: self.unseen,
            ..Self::new(targets)
        };
    }

    fn watches(&self, engine: EngineId) -> bool {
        self.engines.is_empty() || self.engines.contains(&engine)
    }

    fn keep(&mut self, engine: EngineId, task: TaskName, activity: Activity) {
        self.kept_bytes += activity_bytes(&activity);
        self.kept.push_back((engine, task, activity));
        while self.kept.len() > KEPT_MAX || self.kept_bytes > KEPT_BYTES_MAX {
            let Some((_, _, oldest)) = self.kept.pop_front() else {
                break;
            };
            self.kept_bytes -= activity_bytes(&oldest);
            self.lost += 1;
        }
    }

    /// Returns what to send it next, if it may be sent something.
    fn next(&mut self) -> Option<ToClient> {
        if self.unseen >= UNSEEN_MAX || self.kept.is_empty() {
            return None;
        }
        self.unseen += 1;
        if self.lost > 0 {
            let count = std::mem::take(&mut self.lost);
            return Some(ToClient::WatchLost { count });
        }
        let (engine, task, activity) = self.kept.pop_front()?;
        self.kept_bytes -= activity_bytes(&activity);
        Some(ToClient::Watched {
            engine,
            task,
            activity,
        })
    }
}

impl Controller {
    /// A client watches these engines from here on, or all.
    pub(super) fn watch(&mut self, client: ClientId, targets: Vec<EngineId>) -> Answer {
        let mut targets_there = targets.iter();
        if let Some(missing) = targets_there.find(|id| !self.engines.contains_key(id)) {
            let departure = self.departures.get(missing).map(String::as_str);
            let reason = super::failures::no_engine(*missing, departure).message;
            return Answer::Refused { reason };
        }
        let unseen = self.clients.get_mut(&client);
        let unseen = unseen.map_or(0, |client| std::mem::take(&mut client.unseen));
        let watcher = self.watchers.entry(client);
        let watcher = watcher.or_insert_with(|| Watcher {
            unseen,
            ..Watcher::new(Vec::new())
        });
        watcher.turn_to(targets);
        let ids: Vec<EngineId> = self.engines.keys().copied().collect();
        for id in ids {
            // Others may have been told already.
            if let Some((task, activity)) = self.first_begun(id) {
                self.tell_watcher(client, id, task, activity);
            }
            self.announce_first(id);
        }
        Answer::Done
    }

    /// A client watches no more. What it was sent it has still to see.
    pub(super) fn unwatch(&mut self, client: ClientId) {
        let watcher = self.watchers.remove(&client);
        if let (Some(watcher), Some(client)) = (watcher, self.clients.get_mut(&client)) {
            client.unseen = watcher.unseen;
        }
    }

    /// A watcher has seen so much of what it was sent.
    pub(super) fn on_watch_seen(&mut self, client: ClientId, count: u32) {
        if let Some(watcher) = self.watchers.get_mut(&client) {
            watcher.unseen = watcher.unseen.saturating_sub(count);
            self.send_watched(client);
        } else if let Some(client) = self.clients.get_mut(&client) {
            client.unseen = client.unseen.saturating_sub(count);
        }
    }

    fn send_watched(&mut self, client: ClientId) {
        while let Some(message) = self.watchers.get_mut(&client).and_then(Watcher::next) {
            self.send_client(client, message, Payload::default());
        }
    }

    /// Tells one of those who watch.
    fn tell_watcher(
        &mut self,
        client: ClientId,
        engine: EngineId,
        task: TaskName,
        activity: Activity,
    ) {
        if let Some(watcher) = self.watchers.get_mut(&client)
            && client != task.client
            && watcher.watches(engine)
        {
            watcher.keep(engine, task, activity);
            self.send_watched(client);
        }
    }

    /// Tells all who watch an engine what one client's work does there.
    fn tell_watchers(&mut self, engine: EngineId, task: TaskName, activity: &Activity) {
        let others = self.watchers.iter_mut();
        let others = others.filter(|(id, watcher)| **id != task.client && watcher.watches(engine));
        let mut told = Vec::new();
        for (id, watcher) in others {
            watcher.keep(engine, task, activity.clone());
            told.push(*id);
        }
        for id in told {
            self.send_watched(id);
        }
    }

    /// What is first at an engine runs, as far as can be known.
    pub(super) fn announce_first(&mut self, id: EngineId) {
        if self.watchers.is_empty() {
            return;
        }
        let engine = self.engines.get(&id);
        let first = engine.and_then(|engine| engine.window.iter().next());
        if first.is_some_and(super::window::InFlight::surely_runs) {
            self.announce(id, 0);
        }
    }

    /// Tells that something runs, once.
    fn announce(&mut self, id: EngineId, index: usize) {
        let Some(engine) = self.engines.get_mut(&id) else {
            return;
        };
        let entry = engine.window.get(index);
        let key = entry.piece;
        let Some(Owner { client, request }) = self.pieces[key].owner else {
            return;
        };
        if entry.announced.is_some() {
            return;
        }
        let task = TaskName { client, request };
        engine.window.note_announced(index, task);
        let activity = self.started(client, &self.pieces[key].parcel);
        self.tell_watchers(id, task, &activity);
    }

    /// What is first at an engine, if those who watch were told that it runs, and how.
    fn first_begun(&self, id: EngineId) -> Option<(TaskName, Activity)> {
        let first = self.engines.get(&id)?.window.iter().next()?;
        let task = first.announced?;
        let piece = &self.pieces[first.piece];
        // Nobody is told of what its client has left.
        let owner = piece.owner?;
        Some((task, self.started(owner.client, &piece.parcel)))
    }

    fn started(&self, client: ClientId, parcel: &Parcel) -> Activity {
        Activity::Started {
            by: self.clients[&client].info(),
            operation: parcel.work.operation.name().to_owned(),
            what: what(parcel),
        }
    }

    /// Something was printed by what runs at an engine.
    pub(super) fn watch_output(&mut self, id: EngineId, index: usize, output: &Output) {
        if self.watchers.is_empty() {
            return;
        }
        self.announce(id, index);
        let Some(task) = self.engines[&id].window.get(index).announced else {
            return;
        };
        let output = match output {
            Output::Stdout(text) => Output::Stdout(shortened(text)),
            Output::Stderr(text) => Output::Stderr(shortened(text)),
            Output::CellResult { count, data } => Output::CellResult {
                count: *count,
                data: plain(data),
            },
            Output::Display(data) => Output::Display(plain(data)),
        };
        self.tell_watchers(id, task, &Activity::Output(output));
    }

    /// Something at an engine is about to be answered.
    pub(super) fn watch_end(
        &mut self,
        id: EngineId,
        index: usize,
        outcome: &Outcome,
        timing: Timing,
    ) {
        if self.watchers.is_empty() {
            return;
        }
        self.announce(id, index);
        let task = self.engines[&id].window.get(index).announced;
        self.watch_ended(id, task, outcome, timing);
    }

    /// What was told to run has ended.
    pub(super) fn watch_ended(
        &mut self,
        id: EngineId,
        task: Option<TaskName>,
        outcome: &Outcome,
        timing: Timing,
    ) {
        if let Some(task) = task {
            let failure = match outcome {
                Outcome::Done => None,
                Outcome::Failed(failure) => {
                    Some((failure.exception.clone(), shortened(&failure.message)))
                }
            };
            self.tell_watchers(id, task, &Activity::Ended { failure, timing });
        }
    }

    pub(super) fn check_watchers(&self) {
        for (client, watcher) in &self.watchers {
            let client = self.clients.get(client);
            let is_there = client.is_some_and(|client| client.connection.is_some());
            assert!(is_there, "watchers are there");
            let is_full = watcher.unseen >= UNSEEN_MAX;
            assert!(
                watcher.kept.is_empty() || is_full,
                "nothing is kept without reason"
            );
            assert!(
                watcher.kept.len() <= KEPT_MAX,
                "no more is kept than is allowed"
            );
            let bytes: usize = watcher
                .kept
                .iter()
                .map(|kept| activity_bytes(&kept.2))
                .sum();
            assert_eq!(watcher.kept_bytes, bytes, "what is kept is counted");
        }
    }
}

/// Returns what people see of work: its code, its function, or its names.
fn what(parcel: &Parcel) -> String {
    match (&parcel.work.operation, &parcel.function) {
        (Operation::Execute { code, .. }, _) => shortened(code),
        (Operation::Pull { names, .. }, _) => shortened(&names.join(", ")),
        (
            Operation::Checkpoint { name, .. }
            | Operation::Restore { name, .. }
            | Operation::Recover { name },
            _,
        ) => name.clone(),
        (_, Some(function)) => function.name.clone(),
        (_, None) => String::new(),
    }
}

/// Returns what a text terminal shows of something.
fn plain(data: &[(String, String)]) -> Vec<(String, String)> {
    let plain = data.iter().filter(|(kind, _)| kind == "text/plain");
    plain
        .map(|(kind, text)| (kind.clone(), shortened(text)))
        .collect()
}

fn shortened(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    format!("{}\n… cut here: {} bytes in all", &text[..end], text.len())
}

fn activity_bytes(activity: &Activity) -> usize {
    const FIXED_BYTES: usize = 64;
    let texts = match activity {
        Activity::Started {
            by,
            operation,
            what,
        } => by.name.len() + operation.len() + what.len(),
        Activity::Output(Output::Stdout(text) | Output::Stderr(text)) => text.len(),
        Activity::Output(Output::Display(data) | Output::CellResult { data, .. }) => {
            data.iter().map(|(_, text)| text.len()).sum()
        }
        Activity::Ended { failure, .. } => failure
            .as_ref()
            .map_or(0, |(exception, message)| exception.len() + message.len()),
    };
    FIXED_BYTES + texts
}
