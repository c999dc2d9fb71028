//! The task store as the simulation plays it, and what must be true of records:
//! a part of the oracle.

use crate::peers::Mark;
use rhumba_proto::id::{ClientId, EngineId, RequestId};
use rhumba_proto::message::{Failure, FailureKind, Outcome, Output, Payload, TaskName};
use rhumba_proto::record::{Accepted, Ended, Fetched, PieceName, Record};
use std::collections::{BTreeMap, BTreeSet};

/// What a piece is called: a task has no engine.
pub type Name = (TaskName, Option<EngineId>);

#[derive(Default)]
pub struct Records {
    pieces: BTreeMap<u64, Kept>,
    numbers: BTreeMap<Name, u64>,
    clients: BTreeSet<ClientId>,
}

struct Kept {
    name: Name,
    outputs: Vec<Output>,
    ended: Option<Ended>,
}

/// A result that a client wants which another asked for.
pub struct Wanted {
    pub piece: PieceName,
    /// What it meant as it was asked for, if there was such a record.
    name: Option<Name>,
}

impl Records {
    /// The controller ordered to remember something. Returns what has ended by
    /// that, with its name.
    pub fn on_record(&mut self, record: &Record, marked: impl Fn(&Accepted)) -> Option<Name> {
        match record {
            Record::ClientJoined { client, .. } => {
                assert!(self.clients.insert(*client), "a client joins once");
                None
            }
            Record::FunctionStored { content, .. } => {
                assert!(!content.is_empty(), "a function has content");
                None
            }
            Record::Accepted(accepted) => {
                marked(accepted);
                let name = (accepted.task, accepted.target);
                let kept = Kept {
                    name,
                    outputs: Vec::new(),
                    ended: None,
                };
                let before = self.pieces.insert(accepted.number, kept);
                assert!(before.is_none(), "a piece has a number of its own");
                assert!(
                    self.clients.contains(&accepted.task.client),
                    "who asks has joined"
                );
                self.numbers.insert(name, accepted.number);
                None
            }
            Record::Printed { number, output } => {
                let kept = self.pieces.get_mut(number);
                let kept = kept.expect("what prints was accepted");
                assert!(kept.ended.is_none(), "what has ended prints nothing");
                kept.outputs.push(output.clone());
                None
            }
            Record::Ended(ended) => {
                let kept = self.pieces.get_mut(&ended.number);
                let kept = kept.expect("what ends was accepted");
                let before = kept.ended.replace((**ended).clone());
                assert!(before.is_none(), "a piece ends once");
                Some(kept.name)
            }
        }
    }

    pub fn ended(&self, name: &Name) -> Option<&Ended> {
        self.pieces[self.numbers.get(name)?].ended.as_ref()
    }

    /// Returns whether this was accepted and hasn't ended.
    pub fn is_unfinished(&self, name: &Name) -> bool {
        let number = self.numbers.get(name);
        number.is_some_and(|number| self.pieces[number].ended.is_none())
    }

    /// Returns the piece that somebody named.
    pub fn find(&self, piece: &PieceName) -> Option<Name> {
        let first = (piece.task, piece.engine);
        let last = match piece.engine {
            Some(_) => first,
            None => (piece.task, Some(EngineId(u32::MAX))),
        };
        // Of several parts, one that hasn't ended is what it means first.
        let mut found = self.numbers.range(first..=last).map(|(name, _)| *name);
        let all: Vec<Name> = found.by_ref().collect();
        let unfinished = all.iter().find(|name| self.is_unfinished(name));
        unfinished.or(all.first()).copied()
    }

    pub fn wanted(&self, piece: PieceName) -> Wanted {
        let name = self.find(&piece);
        Wanted { piece, name }
    }

    /// Answers an order to fetch, as a store does that has carried out all
    /// orders before it.
    pub fn fetch(&self, piece: &PieceName) -> (Result<Fetched, Failure>, Payload) {
        let name = self.find(piece);
        let kept = name.map(|name| &self.pieces[&self.numbers[&name]]);
        let Some((kept, ended)) = kept.and_then(|kept| Some((kept, kept.ended.as_ref()?))) else {
            let failure = Failure {
                kind: FailureKind::Invalid,
                exception: "KeyError".to_owned(),
                message: "no record".to_owned(),
                traceback: String::new(),
            };
            return (Err(failure), Payload::default());
        };
        let fetched = Fetched {
            engine: ended.engine,
            outcome: ended.outcome.clone(),
            timing: ended.timing,
            outputs: kept.outputs.clone(),
        };
        (Ok(fetched), ended.payload.clone())
    }

    /// Checks what a client was answered that wanted another's result.
    pub fn check_fetched(&self, wanted: &Wanted, outcome: &Outcome, payload: &Payload) {
        if let Outcome::Failed(failure) = outcome
            && failure.exception == "KeyError"
        {
            assert!(wanted.name.is_none(), "what was accepted has a record");
            return;
        }
        // Nobody may wait for more than so many, whatever it is.
        if let Outcome::Failed(failure) = outcome
            && failure.kind == FailureKind::Limit
            && failure.message.starts_with("this client waits for")
        {
            return;
        }
        let several = self.parts_of(wanted.piece.task) > 1 && wanted.piece.engine.is_none();
        if several {
            return;
        }
        let known = self.find(&wanted.piece);
        let known = known.expect("only what was accepted has a result");
        let ended = self.pieces[&self.numbers[&known]].ended.as_ref();
        let ended = ended.expect("only what has ended has a result");
        assert_eq!(*outcome, ended.outcome, "all are told the same");
        assert_eq!(*payload, ended.payload, "all are given the same");
        if *outcome == Outcome::Done {
            let request = wanted.piece.task.request;
            assert_eq!(
                Mark::of(payload).request,
                request,
                "it is what was asked for"
            );
        }
    }

    fn parts_of(&self, task: TaskName) -> usize {
        let all = (task, None)..=(task, Some(EngineId(u32::MAX)));
        self.numbers.range(all).count()
    }

    /// Returns some of what was accepted lately, of anybody.
    pub fn latest(&self, back: u64) -> Option<Name> {
        let index = (self.pieces.len() as u64).checked_sub(back)?;
        let (_, kept) = self.pieces.iter().nth(usize::try_from(index).ok()?)?;
        Some(kept.name)
    }

    /// Checks that a client that is told a result could fetch it.
    pub fn check_told(&self, name: &Name, outcome: &Outcome, payload: &Payload) {
        // What was refused at once was never accepted.
        let Some(ended) = self.ended(name) else {
            assert!(
                matches!(outcome, Outcome::Failed(_)),
                "a result that is told is recorded"
            );
            return;
        };
        assert_eq!(ended.outcome, *outcome, "what is told is what is recorded");
        assert_eq!(ended.payload, *payload, "what is given is what is recorded");
    }

    /// Checks that all that was accepted has ended.
    pub fn check_all_ended(&self) {
        let open = self.pieces.values().filter(|kept| kept.ended.is_none());
        assert_eq!(open.count(), 0, "what is accepted has an end");
    }
}

/// The names of one client's numbers may be used for a fetch, too. Each with whether it had that name
/// when it was fetched: who asks for what isn't there yet may find it, or not, and of several parts
/// another may be meant by now than was found.
pub fn fetched_names(
    fetching: &BTreeMap<RequestId, Wanted>,
    requests: &[RequestId],
    records: &Records,
) -> Vec<(Name, bool)> {
    let wanted = requests.iter().filter_map(|request| fetching.get(request));
    let names = wanted.filter_map(|wanted| {
        let name = records.find(&wanted.piece)?;
        Some((name, wanted.name == Some(name)))
    });
    names
        .filter(|(name, _)| records.is_unfinished(name))
        .collect()
}
