//! The order of what reaches an engine by two ways: from the controller itself,
//! and through its host, which passes on what goes to many.
//!
//! Either way may be the faster one, and what a host hadn't passed on when it died
//! comes again from the controller. An engine takes everything in the order
//! in which the controller said it, and nothing twice.
//!
//! Who decides what goes which way: `controller/relays.rs`.

use crate::message::{Payload, Relayed, ToEngine, Turn};
use std::collections::{BTreeMap, VecDeque};

/// What has reached an engine, put in order.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// How much in turn was taken of what the controller itself sent.
    direct: u64,
    /// The number of the latest that was taken of what was relayed.
    relayed: u64,
    /// From the controller, behind something that isn't relayed yet.
    held: VecDeque<(ToEngine, Payload)>,
    /// Relayed before its turn, by its number.
    early: BTreeMap<u64, (Turn, Relayed, Payload)>,
    due: VecDeque<(ToEngine, Payload)>,
}

impl Arrivals {
    /// Takes in what came from the controller itself.
    pub fn on_direct(&mut self, message: ToEngine, payload: Payload) {
        match message {
            ToEngine::Relayed { turn, message } => self.on_relayed(turn, message, payload),
            message if self.held.is_empty() && message.is_in_turn() => {
                self.direct += 1;
                self.due.push_back((message, payload));
                self.advance();
            }
            message if message.is_in_turn() || matches!(message, ToEngine::Await { .. }) => {
                self.held.push_back((message, payload));
                self.advance();
            }
            message => self.due.push_back((message, payload)),
        }
    }

    /// Takes in what the host has passed on, or the controller in its place.
    /// What was taken before is dropped.
    pub fn on_relayed(&mut self, turn: Turn, message: Relayed, payload: Payload) {
        if turn.number > self.relayed {
            self.early
                .entry(turn.number)
                .or_insert((turn, message, payload));
            self.advance();
        }
    }

    /// Returns the next thing to be taken, if its turn has come.
    pub fn poll(&mut self) -> Option<(ToEngine, Payload)> {
        self.due.pop_front()
    }

    fn advance(&mut self) {
        loop {
            if let Some(next) = self.early.first_entry()
                && *next.key() == self.relayed + 1
                && next.get().0.after <= self.direct
            {
                let (_, message, payload) = next.remove();
                self.relayed += 1;
                self.due.push_back((message.into(), payload));
                continue;
            }
            match self.held.front() {
                Some((ToEngine::Await { relayed }, _)) if *relayed <= self.relayed => {
                    self.held.pop_front();
                }
                Some((ToEngine::Await { .. }, _)) | None => return,
                Some(_) => {
                    self.direct += 1;
                    self.due.extend(self.held.pop_front());
                }
            }
        }
    }
}

impl From<Relayed> for ToEngine {
    fn from(message: Relayed) -> Self {
        match message {
            Relayed::StoreBlob { blob } => Self::StoreBlob { blob },
            Relayed::Run { ticket, work } => Self::Run { ticket, work },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Ticket;
    use crate::message::{Operation, Work};

    fn run(ticket: u64) -> ToEngine {
        relayed(ticket).into()
    }

    fn relayed(ticket: u64) -> Relayed {
        let work = Work {
            operation: Operation::Push,
            function: None,
        };
        Relayed::Run {
            ticket: Ticket(ticket),
            work,
        }
    }

    fn turn(number: u64, after: u64) -> Turn {
        Turn { number, after }
    }

    impl Arrivals {
        fn direct(&mut self, message: ToEngine) {
            self.on_direct(message, Payload::default());
        }

        fn relay(&mut self, number: u64, after: u64, ticket: u64) {
            self.on_relayed(turn(number, after), relayed(ticket), Payload::default());
        }

        /// What may be taken now: tickets, and 0 for a ping.
        fn taken(&mut self) -> Vec<u64> {
            std::iter::from_fn(|| self.poll())
                .map(|(message, _)| match message {
                    ToEngine::Run { ticket, .. } => ticket.0,
                    ToEngine::Ping => 0,
                    other => panic!("{other:?} is nothing to be taken"),
                })
                .collect()
        }
    }

    #[test]
    fn what_comes_one_way_is_taken_at_once() {
        let mut arrivals = Arrivals::default();
        for ticket in 1..4 {
            arrivals.direct(run(ticket));
            assert_eq!(arrivals.taken(), [ticket]);
        }
        arrivals.relay(1, 3, 4);
        arrivals.relay(2, 3, 5);
        assert_eq!(arrivals.taken(), [4, 5]);
    }

    #[test]
    fn what_is_relayed_too_early_waits_for_what_was_said_before() {
        let mut arrivals = Arrivals::default();
        arrivals.relay(1, 2, 3);
        arrivals.direct(run(1));
        assert_eq!(arrivals.taken(), [1]);
        arrivals.direct(run(2));
        assert_eq!(arrivals.taken(), [2, 3]);
    }

    #[test]
    fn what_is_relayed_late_holds_up_what_was_said_after() {
        let mut arrivals = Arrivals::default();
        arrivals.direct(ToEngine::Await { relayed: 2 });
        arrivals.direct(run(3));
        arrivals.direct(ToEngine::Await { relayed: 3 });
        arrivals.direct(run(5));
        arrivals.direct(ToEngine::Ping);
        assert_eq!(arrivals.taken(), [0], "a ping has no turn");
        arrivals.relay(1, 0, 1);
        assert_eq!(arrivals.taken(), [1]);
        arrivals.relay(2, 0, 2);
        assert_eq!(arrivals.taken(), [2, 3]);
        arrivals.relay(3, 1, 4);
        assert_eq!(arrivals.taken(), [4, 5]);
    }

    #[test]
    fn what_comes_again_from_the_controller_is_taken_once() {
        let mut arrivals = Arrivals::default();
        arrivals.relay(1, 0, 1);
        arrivals.direct(ToEngine::Await { relayed: 3 });
        arrivals.direct(run(4));
        assert_eq!(arrivals.taken(), [1]);
        // The host died; the controller can't know how far it came.
        for number in 1..4 {
            let (turn, message) = (turn(number, 0), relayed(number));
            arrivals.direct(ToEngine::Relayed { turn, message });
        }
        assert_eq!(arrivals.taken(), [2, 3, 4]);
        // And it hadn't died, but was slow.
        arrivals.relay(2, 0, 2);
        arrivals.relay(3, 0, 3);
        assert_eq!(arrivals.taken(), []);
        arrivals.relay(4, 1, 5);
        assert_eq!(arrivals.taken(), [5]);
    }
}
