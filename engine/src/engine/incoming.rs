//! What reaches an engine: from the controller, and what its host passes on to it,
//! put in the order in which the controller said it ([`Arrivals`]).
//!
//! It only reads; what is done with a message is in [`super::on_message`].

use crate::socket::{ConnectionError, FrameReader};
use rhumba_proto::arrivals::Arrivals;
use rhumba_proto::message::{FromController, Payload, ToEngine};
use rustix::event::{PollFd, PollFlags};
use std::io;

pub(super) struct Incoming {
    controller: FrameReader,
    /// Until the host is gone.
    host: Option<FrameReader>,
    arrivals: Arrivals,
}

/// Why nothing more comes.
pub(super) enum End {
    /// The controller closed the connection.
    Closed,
    Refused {
        reason: String,
    },
}

impl Incoming {
    pub(super) fn new(controller: FrameReader, host: Option<FrameReader>) -> Self {
        Self {
            controller,
            host,
            arrivals: Arrivals::default(),
        }
    }

    /// Waits for the next message whose turn it is, or the end.
    ///
    /// # Errors
    /// If the connection to the controller breaks, or what arrives there is not a frame.
    pub(super) fn receive(&mut self) -> Result<Result<(ToEngine, Payload), End>, ConnectionError> {
        loop {
            if let Some(next) = self.arrivals.poll() {
                return Ok(Ok(next));
            }
            match self.controller.buffered()? {
                Some((FromController::Engine(message), payload)) => {
                    self.arrivals.on_direct(message, payload);
                }
                Some((FromController::Refused { reason }, _)) => {
                    return Ok(Err(End::Refused { reason }));
                }
                // Not for an engine, so not from a controller of this version.
                Some(_) => {}
                None if self.take_buffered_of_host() => {}
                None if !self.fill()? => return Ok(Err(End::Closed)),
                None => {}
            }
        }
    }

    /// Takes what the host has passed on, if a message is there.
    fn take_buffered_of_host(&mut self) -> bool {
        let Some(host) = &mut self.host else {
            return false;
        };
        match host.buffered() {
            Ok(Some((FromController::Engine(ToEngine::Relayed { turn, message }), payload))) => {
                self.arrivals.on_relayed(turn, message, payload);
                true
            }
            Ok(Some(_)) => true,
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, "nothing more is taken from the host");
                self.host = None;
                false
            }
        }
    }

    /// Waits until something comes, by either way. False: the controller closed the connection.
    fn fill(&mut self) -> Result<bool, ConnectionError> {
        let Some(host) = &mut self.host else {
            return self.controller.fill();
        };
        let mut watched = [
            PollFd::new(self.controller.stream(), PollFlags::IN),
            PollFd::new(host.stream(), PollFlags::IN),
        ];
        match rustix::event::poll(&mut watched, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        let [from_controller, from_host] = watched.map(|ready| !ready.revents().is_empty());
        if from_host {
            match host.fill() {
                Ok(true) => {}
                // Its end is no news: the controller tells what it may have kept.
                Ok(false) => self.host = None,
                Err(error) => {
                    tracing::warn!(%error, "nothing more is taken from the host");
                    self.host = None;
                }
            }
        }
        if from_controller {
            return self.controller.fill();
        }
        Ok(true)
    }
}
