//! What a client is told of a cluster when it asks: who is there, and what each
//! engine has to do. Nothing changes by that.

use super::clients::Client;
use super::pieces::{Owner, Piece, Place};
use super::{Controller, Engine};
use crate::id::{ClientId, EngineId};
use crate::message::{Answer, QUEUE_NAMES_MAX, QueueInfo, QueuedName, TaskName};
use std::collections::BTreeMap;

impl Controller {
    /// Returns what these engines have to do, or all of them.
    pub(super) fn queue_status(&self, targets: &[EngineId], verbose: bool) -> Answer {
        let mut names_left = if verbose { QUEUE_NAMES_MAX } else { 0 };
        let mut info = |engine: &Engine| {
            let names = self.names_at(engine, names_left);
            names_left -= names.len();
            QueueInfo {
                engine: engine.id,
                queue: engine.window.requests()
                    + (engine.waiting.len() + engine.kept_out.len()) as u32
                    - u32::from(engine.duty.is_some()),
                tasks: engine.window.tasks() + engine.bound.len() as u32,
                completed: engine.completed,
                holder: self.holder_of(engine.id),
                by_client: match verbose {
                    true => self.owners_at(engine),
                    false => Vec::new(),
                },
                names,
            }
        };
        let engines = if targets.is_empty() {
            self.engines.values().map(&mut info).collect()
        } else {
            targets
                .iter()
                .filter_map(|target| self.engines.get(target))
                .map(&mut info)
                .collect()
        };
        Answer::Queues {
            engines,
            unassigned: self.scheduler.queued() as u32 - self.bound_tasks()
                + self.dependents.held(),
            unassigned_names: self.unassigned_names(names_left),
        }
    }

    /// Returns what is at an engine, in the order in which it runs there.
    fn pieces_at<'a>(&'a self, engine: &'a Engine) -> impl Iterator<Item = (Owner, &'a Piece)> {
        let sent = engine.window.iter().map(|entry| entry.piece);
        let requests = engine.waiting.values().chain(engine.kept_out.values());
        let waiting = requests.chain(engine.bound.values()).copied();
        let pieces = sent.chain(waiting).map(|key| &self.pieces[key]);
        pieces.filter_map(|piece| Some((piece.owner?, piece)))
    }

    /// Returns how much at an engine is whose.
    fn owners_at(&self, engine: &Engine) -> Vec<(ClientId, u32)> {
        let mut counts: BTreeMap<ClientId, u32> = BTreeMap::new();
        for (owner, _) in self.pieces_at(engine) {
            *counts.entry(owner.client).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    fn names_at(&self, engine: &Engine, count_max: usize) -> Vec<QueuedName> {
        let named = self.pieces_at(engine).map(|(owner, piece)| QueuedName {
            name: owner.name(),
            is_task: piece.is_task(),
            is_part: piece.parcel.is_divided(),
        });
        named.take(count_max).collect()
    }

    /// Returns what the tasks that have no engine are called, the oldest first.
    fn unassigned_names(&self, count_max: usize) -> Vec<TaskName> {
        if count_max == 0 {
            return Vec::new();
        }
        let has_no_engine = |piece: &Piece| matches!(piece.place, Place::Held | Place::Queue(_));
        let unassigned = self.pieces.iter().map(|(_, piece)| piece);
        let mut names: Vec<(u64, TaskName)> = unassigned
            .filter(|piece| has_no_engine(piece))
            .filter_map(|piece| Some((piece.order, piece.owner?.name())))
            .collect();
        if names.len() > count_max {
            names.select_nth_unstable_by_key(count_max, |(order, _)| *order);
            names.truncate(count_max);
        }
        names.sort_unstable_by_key(|(order, _)| *order);
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// Returns how many queued tasks are counted with an engine.
    fn bound_tasks(&self) -> u32 {
        let bound = self.engines.values().map(|engine| engine.bound.len());
        bound.sum::<usize>() as u32
    }

    /// Returns who is there.
    pub(super) fn cluster_status(&self) -> Answer {
        Answer::Cluster {
            engines: self.engines.values().map(|engine| engine.info()).collect(),
            clients: self
                .clients
                .values()
                .filter(|client| client.connection.is_some())
                .map(Client::info)
                .collect(),
            hosts: self.hosts.values().map(|host| host.pid).collect(),
        }
    }
}
