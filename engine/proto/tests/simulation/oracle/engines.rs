//! What must be true of everything that engines are sent, and what they say.

use super::{Due, InWindow, Oracle, Sent};
use crate::peers::{Asked, Mark};
use rhumba_proto::id::{ConnectionId, EngineId, Ticket};
use rhumba_proto::message::{Failure, FailureKind, FromEngine, Outcome};

/// More often than this no single piece of work should be sent anywhere.
const DISPATCHES_MAX: u32 = 500;

impl Oracle {
    /// The controller ordered an engine to do something for itself.
    pub fn on_duty_dispatched(&mut self, engine: EngineId, ticket: Ticket, asked: Asked) {
        let window = self.windows.entry(engine).or_default();
        assert!(
            window.is_empty(),
            "a duty is for an engine that has nothing else"
        );
        window.push(InWindow {
            ticket,
            has_started: false,
        });
        self.recoveries.on_duty_dispatched(engine, ticket, asked);
    }

    /// The controller ordered to send a piece of work to an engine.
    pub fn on_dispatched(
        &mut self,
        connection: ConnectionId,
        engine: EngineId,
        ticket: Ticket,
        mark: Mark,
    ) {
        self.counts.dispatches += 1;
        self.locks.check_sent(engine, mark.client);
        self.recoveries.on_dispatched(engine);
        let client = self.clients.get_mut(&mark.client);
        let client = client.or_else(|| self.absent.get_mut(&mark.client));
        let client = client.expect("no work is sent for clients that are forgotten");
        let target = if client.tasks.contains(&mark.request) {
            None
        } else {
            Some(engine)
        };
        let expected = client.expected.get_mut(&(mark.request, target));
        let expected = expected.expect("only what is owed is sent");
        expected.dispatches += 1;
        assert!(
            expected.targets.is_empty() || expected.targets.contains(&engine),
            "a task runs where it may"
        );
        assert!(
            !expected.must_not_be_sent,
            "what was aborted isn't sent again: {mark:?} to {engine}, {target:?}"
        );
        assert!(
            expected.dispatches < DISPATCHES_MAX,
            "nothing is sent around for ever"
        );
        self.endings.check_sent(&expected.wish, engine);
        let window = self.windows.entry(engine).or_default();
        window.push(InWindow {
            ticket,
            has_started: false,
        });
        let sent = Sent {
            engine: connection,
            mark,
            target,
            arrival: expected.arrival,
            has_started: false,
            has_result: false,
        };
        assert!(
            self.tickets.insert(ticket, sent).is_none(),
            "a ticket is used once"
        );
    }

    /// An engine started a piece of work.
    pub fn on_started(&mut self, connection: ConnectionId, ticket: Ticket) {
        let sent = self
            .tickets
            .get_mut(&ticket)
            .expect("engines run what they were sent");
        assert_eq!(sent.engine, connection, "a ticket is for one engine");
        assert!(
            !std::mem::replace(&mut sent.has_started, true),
            "a ticket runs once"
        );
        if sent.target.is_some() {
            let latest = self
                .latest_started
                .insert((connection, sent.mark.client), sent.arrival);
            let in_order = latest.is_none_or(|latest| latest < sent.arrival);
            assert!(in_order, "requests run in the order of their arrival");
        }
        let there = self.clients.get_mut(&sent.mark.client);
        if let Some(client) = there.or_else(|| self.absent.get_mut(&sent.mark.client))
            && let Some(expected) = client.expected.get_mut(&(sent.mark.request, sent.target))
        {
            expected.starts += 1;
            let is_too_often = expected.starts > expected.retries + 1;
            assert!(
                !is_too_often || self.is_lossy,
                "a task is tried as often as was asked"
            );
        }
    }

    /// The controller is being handed what an engine says. Returns what must be
    /// settled when it has dealt with that.
    pub fn on_engine_message(&mut self, engine: EngineId, message: &FromEngine) -> Option<Due> {
        let window = self.windows.get_mut(&engine)?;
        let index = |ticket: &Ticket| window.iter().position(|entry| entry.ticket == *ticket);
        match message {
            FromEngine::Recalled { ticket, taken } => {
                let index = index(ticket)?;
                if *taken {
                    window.remove(index);
                } else {
                    window[index].has_started = true;
                }
                None
            }
            FromEngine::Finished {
                ticket,
                outcome,
                timing,
            } => {
                let index = index(ticket)?;
                window.remove(index);
                if let Some(asked) = self
                    .recoveries
                    .on_finished(engine, *ticket, outcome, timing)
                {
                    let is_checkpoint = matches!(asked, Asked::ToCheckpoint(_));
                    self.counts.checkpoints +=
                        u64::from(is_checkpoint && *outcome == Outcome::Done);
                    return None;
                }
                let sent = &self.tickets[ticket];
                let (mark, target) = (sent.mark, sent.target);
                let is_final = match outcome {
                    Outcome::Failed(failure) if is_worth_a_retry(failure) => {
                        self.charge(*ticket);
                        target.is_some()
                    }
                    _ => true,
                };
                let client = self.clients.get(&mark.client)?;
                let expected = client.expected.get(&(mark.request, target))?;
                let has_failed = matches!(outcome, Outcome::Failed(_));
                let stops = expected.stops_on_error && has_failed;
                let stopped = target
                    .filter(|_| stops)
                    .map(|engine| (engine, expected.arrival));
                Some(Due {
                    mark,
                    target,
                    is_final,
                    stopped,
                })
            }
            _ => None,
        }
    }

    pub fn check_due(&self, due: &Due) {
        let client = &self.clients[&due.mark.client];
        let owed = client.expected.get(&(due.mark.request, due.target));
        let is_owed = owed.is_some_and(|expected| !expected.is_gathered);
        assert!(!is_owed || !due.is_final, "what has ended is answered");
        if let Some((engine, arrival)) = due.stopped {
            let waits = client.expected.iter().any(|((_, target), expected)| {
                let is_told = !expected.is_gathered;
                *target == Some(engine) && expected.arrival > arrival && is_told
            });
            assert!(!waits, "what is behind a failed cell is aborted with it");
        }
    }

    /// An engine left: what may have started there used up one try.
    pub(super) fn on_engine_left(&mut self, engine: EngineId) {
        self.locks.on_engine_left(engine);
        let window = self.windows.remove(&engine).unwrap_or_default();
        let started = window.iter().rposition(|entry| entry.has_started);
        for entry in window.iter().take(started.unwrap_or(0) + 1) {
            self.charge(entry.ticket);
        }
    }

    fn charge(&mut self, ticket: Ticket) {
        // Nobody waits for a duty.
        let Some(sent) = self.tickets.get(&ticket) else {
            return;
        };
        let there = self.clients.get_mut(&sent.mark.client);
        if let Some(client) = there.or_else(|| self.absent.get_mut(&sent.mark.client))
            && let Some(expected) = client.expected.get_mut(&(sent.mark.request, sent.target))
        {
            expected.charges += 1;
            assert!(
                expected.charges <= expected.retries + 1,
                "there are no tries for free"
            );
        }
    }
}

/// Only what the work raised itself is tried again.
fn is_worth_a_retry(failure: &Failure) -> bool {
    failure.kind == FailureKind::Raised && failure.exception != "KeyboardInterrupt"
}
