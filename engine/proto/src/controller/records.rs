//! Records: what is told to be remembered of pieces, and what is fetched of it.
//!
//! With a task store ([`super::Config::keeps_records`]) everything that happens
//! to a piece is ordered to be recorded. What a client left unfinished goes on
//! then: the client stays, without a connection, until its last piece has ended.
//! Anybody may fetch the result of a piece. If it hasn't ended, that is waited
//! for here; then, and for all others, the record tells it. Orders to record
//! and to fetch are carried out one after the other, so a record that was
//! ordered is found.
//!
//! How records are kept is not known here; their words are in [`crate::record`].

use super::pieces::{Owner, PieceKey};
use super::{Action, Controller, failures};
use crate::id::{ClientId, ConnectionId, EngineId, QueryId, RequestId};
use crate::message::{
    Answer, Failure, Outcome, Output, Payload, TaskName, Terms, Timing, ToClient,
};
use crate::record::{Accepted, Ended, Fetched, PieceName, Question, Record, StoreAnswer};
use std::collections::{BTreeMap, BTreeSet};

/// What finds an unfinished piece: what it is called, and its engine if it is a
/// request.
pub(super) type Awaited = (TaskName, Option<EngineId>);

/// Who waits for the ends of pieces that others asked for.
#[derive(Debug, Default)]
pub(super) struct Fetches(BTreeMap<Awaited, BTreeSet<(ClientId, RequestId)>>);

impl Controller {
    pub(super) fn record(&mut self, record: Record) {
        if self.config.keeps_records {
            self.outbox.push_back(Action::Record(record));
        }
    }

    /// Returns terms for a record, if there is something to say of them.
    pub(super) fn terms_to_record(&self, terms: &Terms) -> Option<Box<Terms>> {
        let is_told = self.config.keeps_records && *terms != Terms::default();
        is_told.then(|| Box::new(terms.clone()))
    }

    /// Orders to remember that a piece was accepted.
    pub(super) fn record_accepted(&mut self, key: PieceKey, terms: Option<Box<Terms>>) {
        if !self.config.keeps_records {
            return;
        }
        let piece = &self.pieces[key];
        let owner = piece.owner.expect("it was accepted just now");
        let accepted = Accepted {
            number: piece.order,
            task: owner.name(),
            target: piece.target(),
            is_part: piece.parcel.is_divided(),
            shared_by: piece.parcel.pieces,
            work: piece.parcel.work.clone(),
            terms,
            label: self.clients[&owner.client].label.clone(),
            payload: piece.parcel.payload.clone(),
            omitted_bytes: 0,
        };
        self.record(Record::Accepted(Box::new(accepted)));
    }

    /// Orders to remember how a piece of this owner ended, and to tell those who
    /// fetch it.
    pub(super) fn record_ended(
        &mut self,
        number: u64,
        owner: Owner,
        target: Option<EngineId>,
        ended: (Option<EngineId>, &Outcome, Timing, &Payload),
    ) {
        if !self.config.keeps_records {
            return;
        }
        let (engine, outcome, timing, payload) = ended;
        let awaited = (owner.name(), target);
        let fetching = self.fetches.0.remove(&awaited).unwrap_or_default();
        let there = self.clients.get(&owner.client);
        let is_absent = there.is_none_or(|client| client.connection.is_none());
        self.record(Record::Ended(Box::new(Ended {
            number,
            engine,
            outcome: outcome.clone(),
            timing,
            payload: payload.clone(),
            omitted_bytes: 0,
            is_wanted: is_absent || !fetching.is_empty(),
        })));
        for (client, request) in fetching {
            let there = self.clients.get_mut(&client);
            let there = there.expect("who fetches is there");
            there.fetches.insert(request, None);
            let piece = PieceName {
                session: None,
                task: owner.name(),
                engine: target,
            };
            self.order_fetch(client, request, piece);
        }
    }

    /// Orders to remember that a piece doesn't go on without its client, as too
    /// many have left some.
    pub(super) fn record_dropped(&mut self, key: PieceKey) {
        let piece = &self.pieces[key];
        let (number, target) = (piece.order, piece.target());
        let owner = piece.owner.expect("it was listed by who owned it");
        let outcome = Outcome::Failed(failures::too_many_left(self.config.clients_max));
        let ended = (target, &outcome, Timing::default(), &Payload::default());
        self.record_ended(number, owner, target, ended);
    }

    fn order_fetch(&mut self, client: ClientId, request: RequestId, piece: PieceName) {
        self.outbox.push_back(Action::FetchRecord {
            client,
            request,
            piece,
        });
    }

    pub(super) fn record_output(&mut self, key: PieceKey, output: &Output) {
        if self.config.keeps_records {
            let number = self.pieces[key].order;
            let output = output.clone();
            self.record(Record::Printed { number, output });
        }
    }

    /// A client wants the results of pieces, under numbers of its own.
    pub(super) fn on_fetch(
        &mut self,
        id: ClientId,
        connection: ConnectionId,
        first: RequestId,
        pieces: Vec<PieceName>,
    ) {
        for (offset, piece) in (0..).zip(pieces) {
            let request = RequestId(first.0.saturating_add(offset));
            if self.is_number_in_use(id, connection, request) {
                return;
            }
            let client = self.clients.get_mut(&id).expect("it asked just now");
            let waiting = client.pieces.len() + client.fetches.len();
            if waiting as u64 >= self.config.queued_requests_max_per_client {
                let pieces_max = self.config.queued_requests_max_per_client;
                self.refuse_fetch(id, request, failures::too_many_fetches(pieces_max));
                continue;
            }
            if !self.config.keeps_records {
                self.refuse_fetch(id, request, failures::no_store());
                continue;
            }
            let awaited = self.find_unfinished(&piece);
            let client = self.clients.get_mut(&id).expect("it asked just now");
            client.fetches.insert(request, awaited);
            match awaited {
                Some(awaited) => {
                    let fetching = self.fetches.0.entry(awaited).or_default();
                    fetching.insert((id, request));
                }
                None => self.order_fetch(id, request, piece),
            }
        }
    }

    fn find_unfinished(&self, piece: &PieceName) -> Option<Awaited> {
        if piece.session.is_some() {
            return None;
        }
        let client = self.clients.get(&piece.task.client)?;
        let key = match piece.engine {
            Some(_) => *client.pieces.get(&(piece.task.request, piece.engine))?,
            None => client.pieces_of(piece.task.request).next()?,
        };
        Some((piece.task, self.pieces[key].target()))
    }

    fn refuse_fetch(&mut self, id: ClientId, request: RequestId, failure: Failure) {
        let message = ToClient::Result {
            request,
            engine: None,
            outcome: Outcome::Failed(failure),
            timing: Timing::default(),
        };
        self.send_client(id, message, Payload::default());
    }

    /// What was ordered to be fetched is there, or isn't known.
    pub(super) fn on_record_fetched(
        &mut self,
        id: ClientId,
        request: RequestId,
        fetched: Result<Fetched, Failure>,
        payload: Payload,
    ) {
        let client = self.clients.get_mut(&id);
        if client.and_then(|client| client.fetches.remove(&request)) != Some(None) {
            return;
        }
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(failure) => {
                self.refuse_fetch(id, request, failure);
                return;
            }
        };
        for output in fetched.outputs {
            // What ran nowhere has printed nothing.
            let engine = fetched.engine.unwrap_or(EngineId(0));
            let message = ToClient::Output {
                request,
                engine,
                output,
            };
            self.send_client(id, message, Payload::default());
        }
        let message = ToClient::Result {
            request,
            engine: fetched.engine,
            outcome: fetched.outcome,
            timing: fetched.timing,
        };
        self.send_client(id, message, payload);
    }

    /// Returns the unfinished piece that a client fetches under this number.
    pub(super) fn fetched_piece(&self, id: ClientId, request: RequestId) -> Option<PieceKey> {
        let (task, target) = (*self.clients[&id].fetches.get(&request)?)?;
        let client = self.clients.get(&task.client)?;
        client.pieces.get(&(task.request, target)).copied()
    }

    pub(super) fn on_ask_store(&mut self, id: ClientId, query: QueryId, question: Question) {
        if self.config.keeps_records {
            self.outbox.push_back(Action::AskStore {
                client: id,
                query,
                question,
            });
        } else {
            let answer = StoreAnswer::Failed(failures::no_store());
            self.answer_query(id, query, Answer::Store(answer));
        }
    }

    pub(super) fn on_store_answered(
        &mut self,
        id: ClientId,
        query: QueryId,
        answer: StoreAnswer,
        payload: Payload,
    ) {
        let answer = Answer::Store(answer);
        self.send_client(id, ToClient::Answer { query, answer }, payload);
    }

    /// A client that leaves waits for nothing any more.
    pub(super) fn end_fetches(&mut self, id: ClientId) {
        let client = self.clients.get_mut(&id).expect("it leaves just now");
        for (request, awaited) in std::mem::take(&mut client.fetches) {
            let Some(awaited) = awaited else { continue };
            let fetching = self.fetches.0.get_mut(&awaited);
            let fetching = fetching.expect("what is waited for is known");
            fetching.remove(&(id, request));
            if fetching.is_empty() {
                self.fetches.0.remove(&awaited);
            }
        }
    }

    pub(super) fn check_fetches(&self) {
        let mut fetches: BTreeMap<Awaited, BTreeSet<_>> = BTreeMap::new();
        for client in self.clients.values() {
            for (request, awaited) in &client.fetches {
                if let Some(awaited) = awaited {
                    let fetching = fetches.entry(*awaited).or_default();
                    fetching.insert((client.id, *request));
                }
            }
            let is_there = client.connection.is_some();
            assert!(
                is_there || client.fetches.is_empty(),
                "who left waits for nothing"
            );
            assert!(
                is_there || !client.pieces.is_empty(),
                "who left is forgotten with the last piece"
            );
        }
        assert_eq!(self.fetches.0, fetches, "who waits for what is known");
        for (task, target) in self.fetches.0.keys() {
            let client = self.clients.get(&task.client);
            let is_unfinished =
                client.is_some_and(|client| client.pieces.contains_key(&(task.request, *target)));
            assert!(is_unfinished, "only what hasn't ended is waited for");
        }
    }
}

impl Owner {
    pub(super) fn name(self) -> TaskName {
        TaskName {
            client: self.client,
            request: self.request,
        }
    }
}
