//! The client's side of a connection: sends work, files the answers.
//!
//! A reader thread files whatever arrives; callers send from their own threads
//! and wait on a [`Group`]. Nothing here knows Python: functions, arguments and
//! results are payloads. Read next: [`group`] for what callers hold, [`asking`] for
//! how they wait, [`namespaces`] for how whole namespaces are saved and moved.

pub mod asking;
pub mod following;
pub mod group;
pub mod namespaces;
pub mod records;
mod sender;
pub mod watching;

use crate::cluster_file::{ClusterFile, ClusterFileError};
use crate::socket::{self, ConnectionError, Dialling, FrameReader};
use asking::Patience;
use group::{Event, Group};
use namespaces::Notice;
use parking_lot::{Condvar, Mutex};
use rhumba_proto::frame::Limits;
use rhumba_proto::id::{BlobId, ClientId, EngineId, QueryId, RequestId};
use rhumba_proto::message::{
    Answer, DataPart, Failure, FailureKind, FromClient, FromController, Manner, Outcome, Payload,
    Role, TaskName, Terms, Timing, ToClient, ToController, Welcome, Work,
};
use sender::Sender;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use watching::{Watched, Watching};

/// How long the controller is given to take something before it is asked whether
/// that is waited for any longer.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);

/// Why a client can't be connected or a request can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    ClusterFile(#[from] ClusterFileError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("{0}")]
    Settings(String),
    #[error("the controller could not do it: {0}")]
    Refused(String),
    /// Whoever waits wants that no longer.
    #[error("it was interrupted before the controller answered")]
    Interrupted,
}

/// A connection of a client to its controller. Cheap to share; it closes when
/// the last one is dropped.
pub struct Client {
    shared: Arc<Shared>,
    cluster: ClusterFile,
    cluster_file: PathBuf,
    id: ClientId,
    engine_next: EngineId,
    session: String,
}

struct Shared {
    writer: Mutex<Sender>,
    state: Mutex<State>,
    /// Notified when engines come or go, a query is answered, or it all ends;
    /// and when groups have news, if somebody waits for any of several.
    changed: Condvar,
    next_id: AtomicU64,
}

#[derive(Default)]
struct State {
    engines: BTreeMap<EngineId, u32>,
    departures: Vec<(EngineId, String)>,
    /// What the controller told of namespaces that it saves by itself.
    notices: Vec<Notice>,
    waiting: HashMap<RequestId, Waiting>,
    /// What each engine answered last: a thread of it may print afterwards.
    answered: HashMap<EngineId, Answered>,
    queries: HashMap<QueryId, Option<(Answer, Payload)>>,
    watching: Watching,
    /// How many wait for any of several groups.
    any_waiters: u32,
    /// Why the connection is over, once it is.
    ended: Option<String>,
}

/// Who waits for the answers to a request.
struct Waiting {
    group: Arc<Group>,
    /// The group's first part that belongs to the request.
    first_part: usize,
    unanswered: usize,
    /// Which part an engine answers, where there are several.
    part_of: Option<HashMap<EngineId, usize>>,
}

/// A part that an engine has answered, as long as somebody holds it.
struct Answered {
    request: RequestId,
    group: Weak<Group>,
    part: usize,
}

impl Waiting {
    fn new(group: &Arc<Group>, first_part: usize, targets: &[EngineId]) -> Self {
        let part_of = (targets.len() > 1).then(|| {
            targets
                .iter()
                .enumerate()
                .map(|(offset, &engine)| (engine, first_part + offset))
                .collect()
        });
        Self {
            group: Arc::clone(group),
            first_part,
            unanswered: targets.len().max(1),
            part_of,
        }
    }

    fn part(&self, engine: Option<EngineId>) -> Option<usize> {
        match &self.part_of {
            None => Some(self.first_part),
            Some(part_of) => part_of.get(&engine?).copied(),
        }
    }
}

/// A function as a client sends it: its content address and the content.
#[derive(Clone)]
pub struct FunctionBlob {
    pub blob: BlobId,
    /// What people call it.
    pub name: String,
    pub content: Payload,
}

impl FunctionBlob {
    /// Addresses this content.
    #[must_use]
    pub fn new(name: String, content: Payload) -> Self {
        let mut hasher = blake3::Hasher::new();
        for buffer in &content.buffers {
            hasher.update(&(buffer.len() as u64).to_le_bytes());
            hasher.update(buffer);
        }
        Self {
            blob: BlobId(*hasher.finalize().as_bytes()),
            name,
            content,
        }
    }
}

/// One piece of what is submitted together.
pub struct Piece {
    /// The engines that each run it, each named once; or none: any engine.
    pub targets: Vec<EngineId>,
    pub work: Work,
    pub payload: Payload,
    /// How it is placed and tried; only without targets.
    pub terms: Terms,
    /// How it is treated; only with targets.
    pub manner: Manner,
}

impl Piece {
    fn message(&self, request: RequestId) -> FromClient {
        let work = self.work.clone();
        if self.targets.is_empty() {
            let terms = self.terms.clone();
            return FromClient::Task {
                request,
                work,
                terms,
            };
        }
        FromClient::Request {
            request,
            targets: self.targets.clone(),
            work,
            manner: self.manner,
        }
    }
}

impl Client {
    /// Connects to the controller that a cluster file names.
    ///
    /// # Errors
    /// If the file can't be used, or the controller is gone, refuses, or does
    /// not answer in time.
    pub fn connect<'a>(
        cluster_file: &Path,
        name: &str,
        patience: impl Into<Patience<'a>>,
    ) -> Result<Self, ClientError> {
        let cluster = ClusterFile::read(cluster_file)?;
        let limits = socket::limits_from_environment().map_err(ClientError::Settings)?;
        let runtime = rhumba_interpreter::runtime::runtime_version();
        let role = Role::Client {
            name: name.to_owned(),
        };
        let mut dialling = Dialling::begin(&cluster.socket, role, &runtime, limits)
            .map_err(|error| error.about(cluster_file, &cluster))?;
        let mut patience: Patience<'a> = patience.into();
        let welcome = patience.until(|slice| dialling.welcome(slice).transpose())??;
        let (reader, frames) = dialling.halves().map_err(ConnectionError::Io)?;
        frames
            .set_write_timeout(WRITE_TIMEOUT)
            .map_err(ConnectionError::Io)?;
        let Welcome::Client {
            client: id,
            engines,
            engine_next,
            ..
        } = welcome
        else {
            return Err(ConnectionError::Closed {
                cause: "it took this client for an engine".into(),
            }
            .into());
        };
        let state = State {
            engines: engines
                .into_iter()
                .map(|info| (info.engine, info.pid))
                .collect(),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            writer: Mutex::new(Sender::new(frames)),
            state: Mutex::new(state),
            changed: Condvar::new(),
            next_id: AtomicU64::new(0),
        });
        let for_reader = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("rhumba-client".into())
            .spawn(move || read_all(reader, &for_reader))
            .map_err(ConnectionError::Io)?;
        let session = format!("{}-{id}", cluster.session());
        Ok(Self {
            shared,
            cluster,
            cluster_file: cluster_file.to_owned(),
            id,
            engine_next,
            session,
        })
    }

    #[must_use]
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// The number that the next engine to join had when this client connected: those with lower ones
    /// have been there, whether they still are or not.
    #[must_use]
    pub fn engine_next(&self) -> EngineId {
        self.engine_next
    }

    #[must_use]
    pub fn cluster(&self) -> &ClusterFile {
        &self.cluster
    }

    #[must_use]
    pub fn cluster_file(&self) -> &Path {
        &self.cluster_file
    }

    /// Returns the name by which people see this client: what its requests' names begin with.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Returns the name by which people see a request: unique for this cluster.
    #[must_use]
    pub fn message_id(&self, request: RequestId) -> String {
        format!("{}_{request}", self.session)
    }

    /// Returns the name by which people see somebody's request.
    #[must_use]
    pub fn message_id_of(&self, task: TaskName) -> String {
        let cluster = self
            .session
            .rsplit_once('-')
            .map_or("", |(cluster, _)| cluster);
        format!("{cluster}-{}_{}", task.client, task.request)
    }

    /// Returns what a request is called that goes by this name, also if another
    /// client of this cluster sent it. The part of an engine goes by its request.
    #[must_use]
    pub fn named_by(&self, message_id: &str) -> Option<TaskName> {
        let (session, request) = message_id.rsplit_once('_')?;
        let (cluster, client) = session.rsplit_once('-')?;
        let (own_cluster, _) = self.session.rsplit_once('-')?;
        let request = request.split('.').next()?;
        (cluster == own_cluster).then_some(TaskName {
            client: ClientId(client.parse().ok()?),
            request: RequestId(request.parse().ok()?),
        })
    }

    /// Returns the largest payload that may be sent, in bytes.
    #[must_use]
    pub fn limits(&self) -> Limits {
        *self.shared.writer.lock().frames.limits()
    }

    /// Returns the engines that are there now, with their process ids.
    #[must_use]
    pub fn engines(&self) -> Vec<(EngineId, u32)> {
        self.shared
            .state
            .lock()
            .engines
            .iter()
            .map(|(&engine, &pid)| (engine, pid))
            .collect()
    }

    /// Returns the engines that have left since this client connected, and why.
    #[must_use]
    pub fn departures(&self) -> Vec<(EngineId, String)> {
        self.shared.state.lock().departures.clone()
    }

    /// Returns why the connection is over, `None` while it lasts.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        self.shared.state.lock().ended.clone()
    }

    /// Waits until `count` engines are there, at most for `timeout`.
    /// Returns whether they are; `false` at once if the connection is over.
    #[must_use]
    pub fn wait_for_engines(&self, count: usize, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while state.engines.len() < count {
            if state.ended.is_some()
                || self
                    .shared
                    .changed
                    .wait_until(&mut state, deadline)
                    .timed_out()
            {
                return state.engines.len() >= count;
            }
        }
        true
    }

    /// Waits until one of these groups is finished, at most for `timeout`.
    /// Returns whether one is.
    #[must_use]
    pub fn wait_any(&self, groups: &[Arc<Group>], timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while !groups.iter().any(|group| group.is_finished()) {
            state.any_waiters += 1;
            let timed_out = self
                .shared
                .changed
                .wait_until(&mut state, deadline)
                .timed_out();
            state.any_waiters -= 1;
            if timed_out {
                return groups.iter().any(|group| group.is_finished());
            }
        }
        true
    }

    /// Sends work and returns at once. Every part of the group is answered in
    /// the end: with a result, a failure, or the end of the connection.
    ///
    /// # Errors
    /// If a piece exceeds the limits (nothing was sent then), or the connection
    /// is over.
    pub fn submit(
        &self,
        pieces: &[Piece],
        function: Option<&FunctionBlob>,
    ) -> Result<Arc<Group>, ClientError> {
        self.submit_labelled(pieces, function, None, &mut Patience::endless())
    }

    /// Does what [`Client::submit`] does; records of it have this label.
    ///
    /// # Errors
    /// As [`Client::submit`]. If whoever waits is interrupted, the pieces that the
    /// controller had taken by then run.
    pub fn submit_labelled(
        &self,
        pieces: &[Piece],
        function: Option<&FunctionBlob>,
        label: Option<&str>,
        patience: &mut Patience<'_>,
    ) -> Result<Arc<Group>, ClientError> {
        let parts: usize = pieces.iter().map(|piece| piece.targets.len().max(1)).sum();
        let first = self
            .shared
            .next_id
            .fetch_add(pieces.len() as u64, Ordering::Relaxed);
        let mut group = Group::new(parts);
        for (offset, piece) in pieces.iter().enumerate() {
            group.add_request(RequestId(first + offset as u64), &piece.targets);
        }
        let group = Arc::new(group);
        {
            let mut state = self.shared.state.lock();
            if let Some(cause) = &state.ended {
                return Err(ConnectionError::Closed {
                    cause: cause.clone(),
                }
                .into());
            }
            let mut part = 0;
            for (offset, piece) in pieces.iter().enumerate() {
                let request = RequestId(first + offset as u64);
                state
                    .waiting
                    .insert(request, Waiting::new(&group, part, &piece.targets));
                part += piece.targets.len().max(1);
            }
        }
        let mut taken = 0;
        let sent = self.send_pieces(first, pieces, function, label, &mut taken, patience);
        if let Err(error) = sent {
            if !matches!(error, ClientError::Interrupted) {
                taken = 0;
            }
            let mut state = self.shared.state.lock();
            for offset in taken..pieces.len() {
                state.waiting.remove(&RequestId(first + offset as u64));
            }
            return Err(error);
        }
        Ok(group)
    }

    /// Sends all pieces; `taken` counts those that are on their way.
    fn send_pieces(
        &self,
        first: u64,
        pieces: &[Piece],
        function: Option<&FunctionBlob>,
        label: Option<&str>,
        taken: &mut usize,
        patience: &mut Patience<'_>,
    ) -> Result<(), ClientError> {
        // All or nothing: half a map must not run because the rest is too large.
        {
            let sender = self.shared.writer.lock();
            for piece in pieces {
                let checked = sender.frames.check(&piece.payload);
                checked.map_err(ConnectionError::Frame)?;
            }
        }
        self.send_in_steps(patience, |sender| {
            let is_begun = sender.set_label(label)?
                && match function {
                    Some(function) => sender.make_known(function)?,
                    None => true,
                };
            if !is_begun {
                return Ok(false);
            }
            while let Some(piece) = pieces.get(*taken) {
                let request = RequestId(first + *taken as u64);
                let message = ToController::Client(piece.message(request));
                if !sender.frames.try_gather(&message, &piece.payload)? {
                    return Ok(false);
                }
                *taken += 1;
            }
            sender.frames.try_flush()
        })
    }

    /// Closes the connection; what is unanswered is answered with its end.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl State {
    /// Returns the part of this request that this engine has answered, if it is the
    /// last that it did, and somebody holds it.
    fn answered_by(&self, engine: EngineId, request: RequestId) -> Option<(Arc<Group>, usize)> {
        let answered = self.answered.get(&engine)?;
        let group = answered.group.upgrade()?;
        (answered.request == request).then_some((group, answered.part))
    }
}

impl Shared {
    fn close(&self) {
        // The reader sees the end and files it.
        self.writer.lock().frames.close();
    }

    /// Files what arrived. Returns the groups that have news, to be told once
    /// all that arrived together is filed.
    fn on_message(&self, message: ToClient, payload: Payload, told: &mut Vec<Arc<Group>>) {
        match message {
            ToClient::Result {
                request,
                engine,
                outcome,
                timing,
            } => {
                self.on_event(
                    request,
                    Event::Finished {
                        engine,
                        outcome,
                        timing,
                        payload,
                    },
                    told,
                );
            }
            ToClient::Output {
                request,
                engine,
                output,
            } => {
                self.on_event(request, Event::Output { engine, output }, told);
            }
            ToClient::Data {
                request,
                engine,
                parts,
            } => {
                let data = split(parts, payload);
                self.on_event(request, Event::Data { engine, data }, told);
            }
            ToClient::EngineJoined { engine } => {
                self.state.lock().engines.insert(engine.engine, engine.pid);
                self.changed.notify_all();
            }
            ToClient::EngineLeft { engine, cause } => {
                let mut state = self.state.lock();
                state.engines.remove(&engine);
                state.answered.remove(&engine);
                state.departures.push((engine, cause));
                drop(state);
                self.changed.notify_all();
            }
            ToClient::Answer { query, answer } => {
                let mut state = self.state.lock();
                state.watching.on_answer(query, &answer);
                if let Some(place) = state.queries.get_mut(&query) {
                    *place = Some((answer, payload));
                }
                drop(state);
                self.changed.notify_all();
            }
            ToClient::Gathered { request, parts } => {
                let mut buffers = payload.buffers.into_iter();
                for part in parts {
                    let own: Vec<_> = buffers.by_ref().take(part.buffers as usize).collect();
                    let event = Event::Finished {
                        engine: part.engine,
                        outcome: part.outcome,
                        timing: part.timing,
                        payload: Payload::from(own),
                    };
                    self.on_event(request, event, told);
                }
            }
            ToClient::Watched {
                engine,
                task,
                activity,
            } => self.on_watched(Watched::Seen {
                engine,
                task,
                activity,
            }),
            ToClient::WatchLost { count } => self.on_watched(Watched::Lost { count }),
            ToClient::Locked { .. }
            | ToClient::EngineRestored { .. }
            | ToClient::EngineNotRestored { .. }
            | ToClient::EngineNotCheckpointed { .. } => {
                self.state.lock().notices.extend(Notice::of(message));
                self.changed.notify_all();
            }
        }
    }

    fn on_watched(&self, watched: Watched) {
        self.state.lock().watching.on_told(watched);
        self.changed.notify_all();
    }

    fn on_event(&self, request: RequestId, event: Event, told: &mut Vec<Arc<Group>>) {
        let mut state = self.state.lock();
        if let Event::Output { engine, .. } = &event
            && let Some((group, part)) = state.answered_by(*engine, request)
        {
            drop(state);
            group.on_event(part, event);
            told.push(group);
            return;
        }
        // An answer nobody waits for comes from a controller that answered twice.
        let Some(waiting) = state.waiting.get_mut(&request) else {
            return;
        };
        let engine = match &event {
            Event::Finished { engine, .. } => *engine,
            Event::Output { engine, .. } | Event::Data { engine, .. } => Some(*engine),
        };
        let Some(part) = waiting.part(engine) else {
            return;
        };
        let group = Arc::clone(&waiting.group);
        if matches!(event, Event::Finished { .. }) {
            waiting.unanswered -= 1;
            if waiting.unanswered == 0 {
                state.waiting.remove(&request);
            }
            if let Some(engine) = engine {
                let answered = Answered {
                    request,
                    group: Arc::downgrade(&group),
                    part,
                };
                state.answered.insert(engine, answered);
            }
        }
        drop(state);
        group.on_event(part, event);
        if !told.last().is_some_and(|last| Arc::ptr_eq(last, &group)) {
            told.push(group);
        }
    }

    fn on_ended(&self, cause: &str) {
        let waiting = {
            let mut state = self.state.lock();
            state.ended = Some(cause.to_owned());
            state.engines.clear();
            std::mem::take(&mut state.waiting)
        };
        self.changed.notify_all();
        for group in groups_of(waiting) {
            group.fail_unanswered(cause);
            group.tell();
        }
        self.tell_any_waiters();
    }

    /// Wakes those who wait for any of several groups. Called after news are
    /// filed: a waiter looks at its groups and begins to wait under one lock.
    fn tell_any_waiters(&self) {
        if self.state.lock().any_waiters > 0 {
            self.changed.notify_all();
        }
    }
}

/// Returns the groups that wait, each once however many requests it has.
fn groups_of(waiting: HashMap<RequestId, Waiting>) -> Vec<Arc<Group>> {
    let mut seen = HashSet::new();
    let groups = waiting.into_values().map(|waiting| waiting.group);
    groups
        .filter(|group| seen.insert(Arc::as_ptr(group)))
        .collect()
}

/// Files all that arrives until the connection ends.
fn read_all(mut reader: FrameReader, shared: &std::sync::Weak<Shared>) {
    let mut told = Vec::new();
    let cause = loop {
        let message = match reader.receive() {
            Ok(Some(message)) => message,
            Ok(None) => break "the controller ended or closed the connection".to_owned(),
            Err(error) => break error.to_string(),
        };
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let mut next = Some(message);
        let mut refused = None;
        while let Some((message, payload)) = next {
            match message {
                FromController::Client(message) => shared.on_message(message, payload, &mut told),
                FromController::Refused { reason } => refused = Some(reason),
                // Not for a client, so not from a controller of this version.
                FromController::Welcome(_)
                | FromController::Engine(_)
                | FromController::Host(_) => {}
            }
            next = reader.buffered().unwrap_or(None);
        }
        if !told.is_empty() {
            for group in told.drain(..) {
                group.tell();
            }
            shared.tell_any_waiters();
        }
        if let Some(reason) = refused {
            break reason;
        }
    };
    if let Some(shared) = shared.upgrade() {
        shared.on_ended(&cause);
    }
}

/// Gives each part of what was told its own buffers. An engine that counts wrong
/// leaves the last ones without.
fn split(parts: Vec<DataPart>, payload: Payload) -> Vec<(String, Payload)> {
    let mut buffers = payload.buffers.into_iter();
    let of = move |part: DataPart| {
        let own: Vec<_> = buffers.by_ref().take(part.buffers as usize).collect();
        (part.name, Payload::from(own))
    };
    parts.into_iter().map(of).collect()
}

/// The answer to a part whose connection ended.
pub(crate) fn connection_failure(cause: &str) -> (Outcome, Timing) {
    let failure = Failure {
        kind: FailureKind::EngineDied,
        exception: "ConnectionError".into(),
        message: format!("the connection to the controller is over: {cause}"),
        traceback: String::new(),
    };
    (Outcome::Failed(failure), Timing::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_many_requests_is_failed_once_when_the_connection_ends() {
        let mut waiting = HashMap::new();
        for first in [0, 1000] {
            let mut group = Group::new(1000);
            for request in first..first + 1000 {
                group.add_request(RequestId(request), &[]);
            }
            let group = Arc::new(group);
            for part in 0..1000 {
                let of_part = Waiting::new(&group, part, &[]);
                waiting.insert(RequestId(first + part as u64), of_part);
            }
        }
        let groups = groups_of(waiting);
        assert_eq!(groups.len(), 2);
        for group in groups {
            group.fail_unanswered("it was closed");
            assert!(group.is_finished());
        }
    }
}
