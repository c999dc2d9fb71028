//! Waiting for what becomes of engines, for a thread that does nothing else.
//!
//! It keeps no connection: once the last [`Client`] of it is gone the waiting ends.

use super::{Client, Shared};
use parking_lot::Mutex;
use std::sync::Arc;

/// Who wants to know when an engine has left, or something was noticed of a namespace.
pub struct Following {
    shared: Arc<Shared>,
    seen: Mutex<Seen>,
}

/// How many of each were there when it was looked at last.
#[derive(Default)]
struct Seen {
    departures: usize,
    notices: usize,
}

impl Client {
    /// Follows what has become of engines since this client connected.
    #[must_use]
    pub fn following(&self) -> Following {
        Following {
            shared: Arc::clone(&self.shared),
            seen: Mutex::new(Seen::default()),
        }
    }
}

impl Following {
    /// Waits, as long as it takes, until an engine has left or something was noticed since this
    /// returned last. Returns whether there is; `false` once the connection is over.
    #[must_use]
    pub fn wait(&self) -> bool {
        let mut seen = self.seen.lock();
        let mut state = self.shared.state.lock();
        loop {
            if state.ended.is_some() {
                return false;
            }
            let (departures, notices) = (state.departures.len(), state.notices.len());
            if departures > seen.departures || notices > seen.notices {
                *seen = Seen {
                    departures,
                    notices,
                };
                return true;
            }
            self.shared.changed.wait(&mut state);
        }
    }
}
