//! What must be true of everything that clients are told.

use super::{Expected, Oracle, Sent};
use crate::peers::{Mark, ticket_of_result};
use rhumba_proto::id::{ConnectionId, EngineId, RequestId};
use rhumba_proto::message::{
    Answer, Failure, FailureKind, Outcome, Output, Payload, TaskName, ToClient,
};
use std::collections::BTreeMap;

impl Oracle {
    /// The controller ordered to tell a client something.
    pub fn on_told(&mut self, connection: ConnectionId, message: &ToClient, payload: &Payload) {
        let client = self.clients.get_mut(&connection);
        let client = client.expect("only clients that are there are told something");
        match message {
            ToClient::EngineJoined { engine } => {
                self.counts.joined += 1;
                let before = client.engines.insert(engine.engine, engine.pid);
                assert_eq!(before, None, "an engine joins once");
            }
            ToClient::EngineLeft { engine, cause } => {
                let engine = *engine;
                self.counts.left += 1;
                let is_killed = cause.contains("did not end when it was interrupted");
                self.counts.killed += u64::from(is_killed);
                assert!(
                    client.engines.remove(&engine).is_some(),
                    "only who joined can leave"
                );
                assert!(!cause.is_empty(), "there is a cause for everything");
                self.on_engine_left(engine);
                self.recoveries.on_left(engine, cause, self.is_ending);
            }
            ToClient::Answer { query, answer } => {
                assert!(client.queries.remove(query), "each query is answered once");
                let own = self.locks.on_answer(connection, *query, answer);
                self.counts.locked += u64::from(!own.is_empty());
                for engine in own {
                    let window = self.windows.get(&engine).into_iter().flatten();
                    let mut owners = window.map(|entry| self.tickets.get(&entry.ticket));
                    let is_own = |sent: Option<&Sent>| {
                        sent.is_some_and(|sent| sent.mark.client == connection)
                    };
                    assert!(owners.all(is_own), "who holds an engine has it alone");
                }
                if let Answer::Cluster { engines, .. } = answer {
                    let engines: BTreeMap<_, _> =
                        engines.iter().map(|info| (info.engine, info.pid)).collect();
                    assert_eq!(
                        engines, client.engines,
                        "a client's list is the controller's"
                    );
                }
            }
            ToClient::Output {
                request,
                engine,
                output,
            } => {
                self.check_output(connection, *request, *engine, output);
            }
            ToClient::Data {
                request,
                engine,
                parts,
            } => {
                self.counts.data += 1;
                let is_task = client.tasks.contains(request);
                let target = (!is_task).then_some(*engine);
                let is_owed = client.expected.contains_key(&(*request, target));
                assert!(is_owed, "what is told belongs to something that runs");
                let mark = Mark {
                    client: connection,
                    request: *request,
                };
                assert_eq!(Mark::of(payload), mark, "what is told reaches who asked");
                assert_eq!(
                    parts.len(),
                    payload.buffers.len(),
                    "parts have their buffers"
                );
            }
            ToClient::Result {
                request,
                engine,
                outcome,
                ..
            } => {
                if let Some(wanted) = client.fetching.remove(request) {
                    self.counts.fetched += u64::from(*outcome == Outcome::Done);
                    match &self.records {
                        Some(records) => records.check_fetched(&wanted, outcome, payload),
                        None => assert!(matches!(outcome, Outcome::Failed(_))),
                    }
                    return;
                }
                let mark = Mark {
                    client: connection,
                    request: *request,
                };
                if let Some(records) = &self.records {
                    let is_task = client.tasks.contains(request);
                    let task = TaskName {
                        client: client.id,
                        request: *request,
                    };
                    let target = if is_task { None } else { *engine };
                    records.check_told(&(task, target), outcome, payload);
                }
                self.on_result(mark, *engine, outcome, payload);
            }
            ToClient::Locked { engines, holder } => {
                self.counts.kept_out += 1;
                assert_ne!(holder.client, client.id, "nobody waits for itself");
                assert!(!engines.is_empty(), "it is told which");
            }
            ToClient::Watched { task, .. } => {
                self.counts.watched += 1;
                assert_ne!(task.client, client.id, "who watches knows its own work");
                self.locks.on_watched(connection);
            }
            ToClient::WatchLost { count } => {
                assert!(*count > 0, "it is told how much");
                self.locks.on_watched(connection);
            }
            ToClient::Gathered { request, parts } => {
                self.counts.gathered += 1;
                let mark = Mark {
                    client: connection,
                    request: *request,
                };
                let mut buffers = payload.buffers.iter().cloned();
                for part in parts {
                    let own = buffers.by_ref().take(part.buffers as usize).collect();
                    let payload = Payload { buffers: own };
                    self.on_result(mark, part.engine, &part.outcome, &payload);
                }
                assert!(buffers.next().is_none(), "every buffer is some part's");
            }
            ToClient::EngineRestored {
                engine,
                replaces,
                checkpoint,
                checkpoint_us,
                requests_lost,
                left_out,
            } => {
                assert!(left_out.is_empty(), "nothing was said to be left out");
                assert!(
                    client.engines.contains_key(engine),
                    "an engine joins before it is restored"
                );
                self.counts.restored += 1;
                let checkpoint = (checkpoint.clone(), *checkpoint_us);
                self.recoveries
                    .on_restored(connection, *engine, *replaces, &checkpoint);
                self.recoveries.check_lost(*replaces, *requests_lost);
            }
            ToClient::EngineNotRestored {
                engine,
                replaces,
                reason,
                requests_lost,
            } => {
                assert!(!reason.is_empty(), "there is a reason for everything");
                let is_there = engine.is_none_or(|engine| client.engines.contains_key(&engine));
                assert!(is_there, "an engine joins before it replaces another");
                self.counts.not_restored += 1;
                self.recoveries.on_not_restored(connection, *replaces);
                self.recoveries.check_lost(*replaces, *requests_lost);
            }
            ToClient::EngineNotCheckpointed { engine, reason } => {
                assert!(
                    client.engines.contains_key(engine),
                    "who is told of is there"
                );
                assert!(!reason.is_empty(), "there is a reason for everything");
                self.counts.failed_checkpoints += 1;
            }
        }
    }

    fn check_output(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        engine: EngineId,
        output: &Output,
    ) {
        let client = self
            .clients
            .get_mut(&connection)
            .expect("checked by the caller");
        let target = if client.tasks.contains(&request) {
            None
        } else {
            Some(engine)
        };
        // What is printed between belongs to what is answered already.
        let Some(expected) = client.expected.get_mut(&(request, target)) else {
            return;
        };
        let Output::Stdout(number) = output else {
            panic!("engines here print numbers only")
        };
        let number: u64 = number.parse().expect("engines here print numbers only");
        let latest = expected.latest_output.insert(engine, number);
        assert!(
            latest.is_none_or(|latest| latest < number),
            "output stays in its order"
        );
    }

    pub(super) fn on_result(
        &mut self,
        mark: Mark,
        engine: Option<EngineId>,
        outcome: &Outcome,
        payload: &Payload,
    ) {
        let is_absent = !self.clients.contains_key(&mark.client);
        let there = self.clients.get_mut(&mark.client);
        let client = there.or_else(|| self.absent.get_mut(&mark.client));
        let client = client.expect("checked by the caller");
        let is_task = client.tasks.contains(&mark.request);
        let target = if is_task { None } else { engine };
        let expected = client.expected.remove(&(mark.request, target));
        let expected =
            expected.unwrap_or_else(|| panic!("{mark:?} is answered once, and was asked"));
        let is_done = *outcome == Outcome::Done;
        self.endings
            .on_ended(client.id, mark.request, is_done, engine);
        match outcome {
            Outcome::Done => {
                self.counts.done += 1;
                assert_eq!(Mark::of(payload), mark, "a result reaches who asked for it");
                let ticket = ticket_of_result(payload);
                let sent = self
                    .tickets
                    .get_mut(&ticket)
                    .expect("results have a known ticket");
                assert_eq!(
                    (sent.mark, sent.target),
                    (mark, target),
                    "a ticket means one piece"
                );
                assert!(sent.has_started, "a result comes from something that ran");
                assert!(
                    !std::mem::replace(&mut sent.has_result, true),
                    "a ticket has one result"
                );
            }
            Outcome::Failed(failure) => {
                // Nobody tells who has left which engines are there.
                let here = |engine: &EngineId| !is_absent && client.engines.contains_key(engine);
                let is_there = engine.as_ref().is_some_and(here);
                let has_engines = match expected.targets.as_slice() {
                    [] => !is_absent && !client.engines.is_empty(),
                    targets => targets.iter().any(here),
                };
                if failure.kind == FailureKind::Dependency {
                    self.endings.check_dependency(&expected.wish, failure, here);
                }
                let there = [is_there, has_engines];
                let is_untold = is_absent && client.was_untold;
                self.check_failure(&expected, failure, is_task, there, is_untold);
            }
        }
    }

    fn check_failure(
        &mut self,
        expected: &Expected,
        failure: &Failure,
        is_task: bool,
        [is_there, has_engines]: [bool; 2],
        is_untold: bool,
    ) {
        let may_stop_early =
            expected.was_aborted || expected.wish.has_limit || self.is_ending || is_untold;
        let is_used_up = expected.charges > expected.retries;
        match failure.kind {
            FailureKind::Raised => {
                self.counts.raised += 1;
                assert!(expected.starts > 0, "only what ran can raise");
                let is_interrupt = failure.exception == "KeyboardInterrupt";
                // One that may wait no longer is not tried again, and says what it failed with.
                let is_late = expected.wish.has_timeout;
                assert!(
                    !is_task || is_used_up || is_interrupt || is_late || may_stop_early,
                    "a task that raised is tried as often as was asked"
                );
            }
            FailureKind::EngineDied => {
                self.counts.died += 1;
                assert!(!is_there, "an engine that died is no longer listed");
                assert!(
                    !is_task || is_used_up || may_stop_early,
                    "a task with retries left survives its engine"
                );
            }
            FailureKind::Aborted => {
                self.counts.aborted += 1;
                self.counts.cancelled += u64::from(expected.was_cancelled && expected.starts > 0);
                assert!(
                    is_task || expected.starts == 0 || expected.was_cancelled,
                    "what was aborted never ran"
                );
                assert!(
                    expected.was_aborted || !is_task,
                    "nobody asked to abort this task, and nothing aborts tasks by itself"
                );
            }
            FailureKind::NoEngine => {
                self.counts.no_engine += 1;
                let is_needless = if is_task { has_engines } else { is_there };
                assert!(
                    !is_needless || self.is_ending,
                    "there is an engine for this"
                );
            }
            FailureKind::Dependency => self.counts.impossible += 1,
            FailureKind::Timeout => {
                self.counts.late += 1;
                let is_limited = expected.wish.has_limit && expected.dispatches > 0;
                self.counts.too_long += u64::from(is_limited && !expected.wish.has_timeout);
                assert!(
                    expected.wish.has_timeout || is_limited,
                    "who has patience is given time"
                );
            }
            FailureKind::Limit => self.counts.limit += 1,
            FailureKind::Locked => self.counts.refused += 1,
            FailureKind::Invalid => panic!("lawful work was called invalid: {}", failure.message),
        }
    }
}
