//! Requests and tasks: how they are accepted, and how each gets its one answer.

use super::Controller;
use super::clients::Held;
use super::dependencies::Wait;
use super::failures;
use super::pieces::{Aim, Owner, Parcel, Piece, PieceKey, Place, Rules};
use super::timers::Timer;
use crate::id::{ClientId, ConnectionId, EngineId, RequestId};
use crate::message::{
    Failure, GatheredPart, Manner, Operation, Outcome, Payload, Terms, Timing, ToClient, Work,
};
use std::sync::Arc;

impl Controller {
    /// Accepts work for named engines: it becomes one piece for each of them.
    pub(super) fn on_request(
        &mut self,
        id: ClientId,
        connection: ConnectionId,
        request: RequestId,
        mut targets: Vec<EngineId>,
        (work, manner): (Work, Manner),
        payload: Payload,
    ) {
        if self.is_number_in_use(id, connection, request) {
            return;
        }
        targets.sort_unstable();
        targets.dedup();
        let owner = Owner {
            client: id,
            request,
        };
        let gathers = manner.gathers && targets.len() > 1;
        let relays = manner.relays && targets.len() > 1;
        let parcel = match self.accept(id, targets.len(), 0, work, payload) {
            Ok(parcel) if gathers => Arc::new(Parcel {
                gathers,
                ..Arc::into_inner(parcel).expect("nobody else has it yet")
            }),
            Ok(parcel) => parcel,
            Err(failure) => {
                for target in targets {
                    self.refuse(owner, Some(target), failure.clone());
                }
                return;
            }
        };
        if relays {
            self.begin_batch(owner);
        }
        for target in targets {
            if !self.engines.contains_key(&target) {
                let departure = self.departures.get(&target).map(String::as_str);
                self.refuse(owner, Some(target), failures::no_engine(target, departure));
                continue;
            }
            let key = self.add_piece(
                owner,
                Arc::clone(&parcel),
                Aim::Engine(target),
                Place::Waiting(target),
            );
            self.record_accepted(key, None);
            if let Err(failure) = self.place_request(key, target, manner.waits) {
                self.withdraw(key);
                self.fail(key, Some(target), failure);
                continue;
            }
            self.make_way(target);
            self.pump(target);
        }
        self.end_batch(&parcel);
        self.release_parcel(parcel);
    }

    /// Accepts work for any engine.
    pub(super) fn on_task(
        &mut self,
        id: ClientId,
        connection: ConnectionId,
        request: RequestId,
        work: Work,
        terms: Terms,
        payload: Payload,
    ) {
        if self.is_number_in_use(id, connection, request) {
            return;
        }
        let owner = Owner {
            client: id,
            request,
        };
        if self.engines.is_empty() && !self.awaits_engines() {
            self.refuse(owner, None, failures::no_engines());
            return;
        }
        match self.accept(id, 1, terms_bytes(&terms), work, payload) {
            Ok(parcel) => {
                let recorded = self.terms_to_record(&terms);
                let aim = Aim::Any {
                    retries_left: terms.retries,
                    priority: terms.priority,
                    rules: rules_of(terms),
                    tried: Vec::new(),
                    yielded: false,
                };
                let key = self.add_piece(owner, parcel, aim, Place::Held);
                self.record_accepted(key, recorded);
                self.admit(key);
            }
            Err(failure) => self.refuse(owner, None, failure),
        }
    }

    /// Gives up on a client that numbers two unfinished requests the same:
    /// their answers could not be told apart.
    pub(super) fn is_number_in_use(
        &mut self,
        id: ClientId,
        connection: ConnectionId,
        request: RequestId,
    ) -> bool {
        let client = &self.clients[&id];
        let in_use =
            client.pieces_of(request).next().is_some() || client.fetches.contains_key(&request);
        if !in_use && let Some(client) = self.clients.get_mut(&id) {
            client.outcomes.forget(request);
        }
        if in_use {
            let reason = format!("it used the number {request} for two requests at once");
            self.disconnect(connection, reason);
        }
        in_use
    }

    /// Checks work for `pieces` pieces against the limits and what it names.
    /// `terms_bytes` is what its terms hold.
    fn accept(
        &mut self,
        id: ClientId,
        pieces: usize,
        terms_bytes: u64,
        work: Work,
        payload: Payload,
    ) -> Result<Arc<Parcel>, Failure> {
        let client = &self.clients[&id];
        let pieces_max = self.config.queued_requests_max_per_client;
        if client.pieces.len() as u64 + pieces as u64 > pieces_max {
            return Err(failures::limit(format!(
                "there are {} unfinished requests of this client, and no more than {pieces_max} \
                 are allowed: wait for some, then send more",
                client.pieces.len()
            )));
        }
        let bytes = payload.bytes() + inline_bytes(&work.operation) + terms_bytes;
        let bytes_max = self.config.queued_bytes_max;
        if self.queued_bytes.saturating_add(bytes) > bytes_max {
            return Err(failures::limit(format!(
                "unfinished requests hold {} bytes, and with {bytes} more they would exceed the \
                 limit of {bytes_max}: wait for some, then send more",
                self.queued_bytes
            )));
        }
        let function = match work.function {
            None => {
                if matches!(work.operation, Operation::Apply | Operation::Map) {
                    let name = work.operation.name();
                    return Err(failures::invalid(format!("{name} needs a function")));
                }
                None
            }
            Some(blob) => match client.blobs.get(&blob) {
                Some(Held::Kept { .. }) => Some(self.blobs.start_use(blob)),
                Some(Held::Refused) => {
                    return Err(failures::limit(format!(
                        "this function is too large to be kept: the functions of one client may \
                         be {} bytes together. Pass large data as arguments, or push it",
                        self.config.blob_bytes_max_per_client
                    )));
                }
                None => {
                    return Err(failures::invalid(
                        "the function of this request was not sent before it".to_owned(),
                    ));
                }
            },
        };
        self.queued_bytes += bytes;
        Ok(Arc::new(Parcel {
            work,
            payload,
            bytes,
            function,
            pieces: u32::try_from(pieces).unwrap_or(u32::MAX),
            gathers: false,
        }))
    }

    fn add_piece(&mut self, owner: Owner, parcel: Arc<Parcel>, aim: Aim, place: Place) -> PieceKey {
        let key = self.pieces.insert(Some(owner), parcel, aim, place);
        let target = self.pieces[key].target();
        let client = self
            .clients
            .get_mut(&owner.client)
            .expect("only clients own pieces");
        client.pieces.insert((owner.request, target), key);
        key
    }

    /// Answers what never became a piece.
    fn refuse(&mut self, owner: Owner, engine: Option<EngineId>, failure: Failure) {
        self.note_ended(owner.client, owner.request, false, engine);
        let message = ToClient::Result {
            request: owner.request,
            engine,
            outcome: Outcome::Failed(failure),
            timing: Timing::default(),
        };
        self.send_client(owner.client, message, Payload::default());
    }

    /// Gives a piece its one answer. It is in no queue and no window any more.
    pub(super) fn answer(
        &mut self,
        key: PieceKey,
        engine: Option<EngineId>,
        outcome: Outcome,
        timing: Timing,
        payload: Payload,
    ) {
        let piece = self.remove_piece(key);
        let target = piece.target();
        let gathers = piece.parcel.gathers;
        self.release_parcel(piece.parcel);
        let Some(Owner {
            client: id,
            request,
        }) = piece.owner
        else {
            return;
        };
        let ended = (engine, &outcome, timing, &payload);
        self.record_ended(
            piece.order,
            Owner {
                client: id,
                request,
            },
            target,
            ended,
        );
        let client = self
            .clients
            .get_mut(&id)
            .expect("an owner that is forgotten owns nothing");
        client.pieces.remove(&(request, target));
        if client.connection.is_none() && client.pieces.is_empty() {
            self.left.push(id);
        }
        let is_last = client.pieces_of(request).next().is_none();
        self.note_ended(id, request, outcome == Outcome::Done, engine);
        if gathers {
            let part = GatheredPart {
                engine,
                outcome,
                timing,
                buffers: payload.buffers.len() as u32,
            };
            let owner = Owner {
                client: id,
                request,
            };
            self.gather(owner, part, payload, is_last);
            return;
        }
        let message = ToClient::Result {
            request,
            engine,
            outcome,
            timing,
        };
        self.send_client(id, message, payload);
    }

    /// Drops a piece that nobody waits for and that is in no queue any more.
    pub(super) fn discard(&mut self, key: PieceKey) {
        let piece = self.remove_piece(key);
        self.release_parcel(piece.parcel);
    }

    fn remove_piece(&mut self, key: PieceKey) -> Piece {
        let piece = self.pieces.remove(key);
        if let Some(at) = piece.rules().and_then(|rules| rules.timer_at) {
            self.timers.cancel(at, Timer::Patience(key));
        }
        piece
    }

    /// Takes a piece that wasn't sent out of where it waits.
    pub(super) fn withdraw(&mut self, key: PieceKey) {
        let piece = &self.pieces[key];
        match piece.place {
            Place::Held => self.release(key),
            Place::Queue(_) | Place::Bound(..) => self.dequeue(key),
            Place::Waiting(id) => {
                let engine = self
                    .engines
                    .get_mut(&id)
                    .expect("pieces don't wait for the dead");
                engine.waiting.remove(&piece.order);
                engine.kept_out.remove(&piece.order);
                self.rerank(id);
            }
            Place::Window(_) => unreachable!("what was sent can only be recalled"),
        }
    }

    /// Lets go of one reference to a parcel; with the last, of what it holds.
    fn release_parcel(&mut self, parcel: Arc<Parcel>) {
        if let Ok(parcel) = Arc::try_unwrap(parcel) {
            self.queued_bytes -= parcel.bytes;
            if let Some(function) = parcel.function {
                self.blobs.end_use(function.id);
            }
        }
    }
}

/// Returns what holds for a task besides what holds for all.
fn rules_of(terms: Terms) -> Option<Box<Rules>> {
    let mut targets = terms.targets;
    targets.sort_unstable();
    targets.dedup();
    let rules = Rules {
        targets: (!targets.is_empty()).then(|| targets.into()),
        after: terms.after.and_then(|after| Wait::new(*after)),
        follow: terms.follow.and_then(|follow| Wait::new(*follow)),
        timeout_us: terms.timeout_us,
        time_limit_us: terms.time_limit_us,
        ..Rules::default()
    };
    let is_plain = rules.targets.is_none()
        && rules.after.is_none()
        && rules.follow.is_none()
        && rules.timeout_us.is_none()
        && rules.time_limit_us.is_none();
    (!is_plain).then(|| Box::new(rules))
}

/// Returns about how much the terms of a task hold while it waits.
fn terms_bytes(terms: &Terms) -> u64 {
    /// The name, and the way from what is named to the task.
    const DEPENDENCY_BYTES: usize = 64;
    let dependencies = terms.after.iter().chain(&terms.follow);
    let names: usize = dependencies.map(|named| named.tasks.len()).sum();
    (names * DEPENDENCY_BYTES + size_of_val(terms.targets.as_slice())) as u64
}

/// Returns what an operation holds besides its payload.
fn inline_bytes(operation: &Operation) -> u64 {
    let bytes = match operation {
        Operation::Execute { code, .. } => code.len(),
        Operation::Pull { names, .. } => names.iter().map(String::len).sum(),
        Operation::Checkpoint { name, .. }
        | Operation::Restore { name, .. }
        | Operation::Recover { name } => name.len(),
        Operation::Apply
        | Operation::Map
        | Operation::Push
        | Operation::Clear
        | Operation::TakeNamespace { .. }
        | Operation::PutNamespace => 0,
    };
    bytes as u64
}
