//! A link: one connection, in both directions. What is said arrives late, in
//! order, and perhaps not to the end.

use crate::random::Random;
use rhumba_proto::message::{FromController, Payload, ToController};
use std::collections::VecDeque;

pub enum Item<M> {
    Message(M, Payload),
    /// The other end is gone. Nothing follows.
    Closed,
}

/// One direction.
pub struct Lane<M> {
    items: VecDeque<(u64, Item<M>)>,
    latest_at: u64,
    is_closed: bool,
}

impl<M> Default for Lane<M> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            latest_at: 0,
            is_closed: false,
        }
    }
}

impl<M> Lane<M> {
    /// Puts an item on its way; returns when it arrives, if it does.
    pub fn push(&mut self, at: u64, item: Item<M>) -> Option<u64> {
        if self.is_closed {
            return None;
        }
        self.is_closed = matches!(item, Item::Closed);
        self.latest_at = self.latest_at.max(at);
        self.items.push_back((self.latest_at, item));
        Some(self.latest_at)
    }

    /// Returns what arrives now, if it hasn't been lost.
    pub fn pop(&mut self, now: u64) -> Option<Item<M>> {
        let (at, _) = self.items.front()?;
        if *at > now {
            return None;
        }
        self.items.pop_front().map(|(_, item)| item)
    }

    /// Loses some of what is on its way: the end of it, or all.
    pub fn lose_some(&mut self, random: &mut Random) {
        let kept = random.index(self.items.len() + 1);
        self.items.truncate(kept);
    }

    pub fn lose_all(&mut self) {
        self.items.clear();
    }

    /// Nothing can be said here any more.
    pub fn shut(&mut self) {
        self.is_closed = true;
    }

    /// Returns how much is on its way.
    pub fn under_way(&self) -> usize {
        self.items.len()
    }
}

#[derive(Default)]
pub struct Link {
    pub to_controller: Lane<ToController>,
    pub to_peer: Lane<FromController>,
    /// The controller was told of its end, or ended it.
    pub is_over: bool,
}
