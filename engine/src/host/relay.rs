//! What a host passes on to its engines: requests that go out as a tree.
//!
//! Each engine has a socket of its own from its host, made before it was forked.
//! Nothing here waits: an engine that doesn't read keeps nobody else from what is
//! theirs. What can't be passed on is said, and comes from the controller then; in
//! which order an engine takes it is in [`rhumba_proto::arrivals`].

use crate::outbox::{Outbox, Written};
use rhumba_proto::frame::Limits;
use rhumba_proto::message::{FromController, Payload, Relayed, ToEngine, Turn};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// The way from the host to one engine.
pub(super) struct Relay {
    stream: UnixStream,
    outbox: Outbox,
}

impl Relay {
    /// Returns the host's end and the engine's.
    pub(super) fn pair() -> io::Result<(Self, UnixStream)> {
        let (stream, engine_end) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        // The kernel caps it by its own limit; a smaller buffer only costs speed.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(
            &stream,
            crate::socket::SOCKET_BUFFER_BYTES,
        );
        let relay = Self {
            stream,
            outbox: Outbox::default(),
        };
        Ok((relay, engine_end))
    }

    /// Passes a message on, as far as the engine takes it now.
    ///
    /// # Errors
    /// If the engine won't get it, nor what follows. A sentence says why.
    pub(super) fn pass_on(
        &mut self,
        turn: Turn,
        message: Relayed,
        payload: &Payload,
        limits: &Limits,
    ) -> Result<(), String> {
        let message = FromController::Engine(ToEngine::Relayed { turn, message });
        let taken = self.outbox.push(&message, payload, limits);
        taken.map_err(|error| error.to_string())?;
        self.flush()
    }

    /// Passes on what the engine didn't take before, as far as it takes it now.
    ///
    /// # Errors
    /// As [`pass_on`](Self::pass_on).
    pub(super) fn flush(&mut self) -> Result<(), String> {
        match self.outbox.write_to(&self.stream) {
            Ok(Written::All | Written::Partly) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The socket, if something waits for room in it.
    pub(super) fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        (!self.outbox.is_empty()).then(|| self.stream.as_fd())
    }
}
