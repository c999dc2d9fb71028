//! One connection of the controller: a task that reads and frames, and an
//! [`Outbox`] that is written as the socket takes it.
//!
//! Writing happens from the controller's loop without waiting; only where the
//! socket is full does a task wait for room and push an event.

mod left_out;

use self::left_out::LeftOut;
use super::Event;
use crate::outbox::{Outbox, PushError, Socket, Written};
use crate::shared_memory;
use crate::tasks::Backlog;
use rhumba_proto::frame::{Decoder, Kind, Limits};
use rhumba_proto::id::ConnectionId;
use rhumba_proto::message::{FromClient, FromController, Payload, ToController, Welcome};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::{self, IoSlice};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

/// Who is at the other end, once it has been welcomed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerRole {
    Client,
    Engine,
    Host,
}

pub(super) struct Connection {
    id: ConnectionId,
    role: Option<PeerRole>,
    writer: Arc<OwnedWriteHalf>,
    outbox: Outbox,
    left_out: LeftOut,
    /// A task waits for room in the socket.
    waiting: Arc<AtomicBool>,
    events: mpsc::Sender<Event>,
    reading: tokio::task::JoinHandle<()>,
}

pub(super) enum Flushed {
    All,
    /// The rest follows when there is room: an event will tell.
    Partly,
    Failed(String),
}

impl Connection {
    pub(super) fn open(
        id: ConnectionId,
        stream: UnixStream,
        limits: Limits,
        events: mpsc::Sender<Event>,
        backlog: Option<Arc<Backlog>>,
    ) -> Self {
        for set in [
            rustix::net::sockopt::set_socket_send_buffer_size,
            rustix::net::sockopt::set_socket_recv_buffer_size,
        ] {
            // The kernel caps it by its own limit; a smaller buffer only costs speed.
            let _ = set(&stream, crate::socket::SOCKET_BUFFER_BYTES);
        }
        let process = process_of(&stream);
        let (reader, writer) = stream.into_split();
        let reading = read_all(id, reader, process, limits, events.clone(), backlog);
        let reading = tokio::spawn(reading);
        Self {
            id,
            role: None,
            writer: Arc::new(writer),
            outbox: Outbox::default(),
            left_out: LeftOut::default(),
            waiting: Arc::new(AtomicBool::new(false)),
            events,
            reading,
        }
    }

    pub(super) fn role(&self) -> Option<PeerRole> {
        self.role
    }

    pub(super) fn set_role(&mut self, welcome: &Welcome) {
        self.role = Some(match welcome {
            Welcome::Client { .. } => PeerRole::Client,
            Welcome::Engine { .. } => PeerRole::Engine,
            Welcome::Host { .. } => PeerRole::Host,
        });
    }

    /// Queues a message. Large buffers are shared, never copied; what came in
    /// shared memory goes on in it. What is printed is left out while a client
    /// doesn't read, and that it is missing is told in its place.
    ///
    /// # Errors
    /// If the peer lets too much pile up, or the message exceeds the limits.
    pub(super) fn queue(
        &mut self,
        message: &FromController,
        payload: &Payload,
        limits: &Limits,
    ) -> Result<(), PushError> {
        if self.left_out.takes(message, self.outbox.bytes()) {
            return Ok(());
        }
        for missing in self.left_out.told_before(message) {
            self.outbox.push(&missing, &Payload::default(), limits)?;
        }
        self.outbox.push(message, payload, limits)
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&mut self) -> Flushed {
        if self.waiting.load(Ordering::Acquire) {
            return Flushed::Partly;
        }
        match self.outbox.write_to(&*self.writer) {
            Ok(Written::All) => Flushed::All,
            Ok(Written::Partly) => {
                self.wait_for_room();
                Flushed::Partly
            }
            Err(error) => Flushed::Failed(error.to_string()),
        }
    }

    fn wait_for_room(&self) {
        self.waiting.store(true, Ordering::Release);
        let (writer, waiting, events) = (
            Arc::clone(&self.writer),
            Arc::clone(&self.waiting),
            self.events.clone(),
        );
        let connection = self.id;
        tokio::spawn(async move {
            // An error shows again, with its cause, when it is written next.
            let _ = writer.writable().await;
            waiting.store(false, Ordering::Release);
            // Fails only when the loop has ended already.
            let _ = events.send(Event::Writable { connection }).await;
        });
    }

    /// Lets go of a peer after what was queued for it has been written.
    pub(super) fn close_when_flushed(mut self) {
        self.reading.abort();
        if matches!(self.flush(), Flushed::Partly) {
            tokio::spawn(async move {
                while self.writer.writable().await.is_ok() {
                    self.waiting.store(false, Ordering::Release);
                    if !matches!(self.flush(), Flushed::Partly) {
                        break;
                    }
                }
            });
        }
    }
}

impl Socket for OwnedWriteHalf {
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(slices)
    }

    fn send(&self, bytes: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<usize> {
        let stream: &UnixStream = self.as_ref();
        stream.try_io(Interest::WRITABLE, || {
            shared_memory::send(stream, bytes, beside)
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// What leads to records, and can wait while there are too many.
fn is_work(message: &ToController) -> bool {
    let work = |message: &FromClient| {
        matches!(
            message,
            FromClient::Request { .. } | FromClient::Task { .. }
        )
    };
    matches!(message, ToController::Client(message) if work(message))
}

/// Watches the process that has connected: one that it forked may hold the socket open when it
/// has ended.
fn process_of(stream: &UnixStream) -> Option<AsyncFd<OwnedFd>> {
    // It has none where it is of another namespace of processes, say of a container.
    let pid = Pid::from_raw(stream.peer_cred().ok()?.pid()?)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from);
    let watch = |process| {
        // SAFETY: it owns its descriptor, which stays the same and open until it is dropped.
        let watched = unsafe { AsyncFd::register_with_interest(process, Interest::READABLE) };
        watched.map_err(io::Error::from)
    };
    match process.and_then(watch) {
        Ok(process) => Some(process),
        Err(error) => {
            tracing::debug!(%error, %pid, "the end of a process is seen by its socket alone");
            None
        }
    }
}

/// Waits for the end of a process that is watched.
async fn end_of(process: Option<&AsyncFd<OwnedFd>>) {
    if let Some(process) = process
        && process.readable().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

async fn read_all(
    connection: ConnectionId,
    reader: OwnedReadHalf,
    process: Option<AsyncFd<OwnedFd>>,
    limits: Limits,
    events: mpsc::Sender<Event>,
    backlog: Option<Arc<Backlog>>,
) {
    let stream: &UnixStream = reader.as_ref();
    let mut decoder = Decoder::new(Kind::ToController, limits);
    // What a greeting may be followed by: whoever hasn't said who it is costs no memory.
    let mut memory_bytes_max = None;
    let mut has_ended = false;
    let (cause, refused) = loop {
        let space = decoder.space();
        shared_memory::prefer_huge_pages(space);
        let mut receive = || shared_memory::receive(stream, space, memory_bytes_max);
        let received = if has_ended {
            receive()
        } else {
            tokio::select! {
                biased;
                received = stream.async_io(Interest::READABLE, &mut receive) => received,
                () = end_of(process.as_ref()) => {
                    // What it said before is read.
                    has_ended = true;
                    continue;
                }
            }
        };
        match received {
            Ok((0, _)) => break ("it closed the connection".to_owned(), false),
            Ok((count, beside)) => {
                beside.into_iter().for_each(|buffer| decoder.attach(buffer));
                decoder.filled(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if has_ended && error.kind() == io::ErrorKind::WouldBlock => {
                break ("its process ended".to_owned(), false);
            }
            Err(error) => break (error.to_string(), false),
        }
        let mut messages: Vec<(ToController, Payload)> = Vec::new();
        let failed = loop {
            match decoder.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        if !messages.is_empty() {
            memory_bytes_max = Some(limits.payload_bytes_max);
        }
        if let Some(backlog) = &backlog
            && messages.iter().any(|(message, _)| is_work(message))
        {
            backlog.relief().await;
        }
        if !messages.is_empty()
            && events
                .send(Event::Received {
                    connection,
                    messages,
                })
                .await
                .is_err()
        {
            return;
        }
        if let Some(error) = failed {
            break (error, true);
        }
    };
    // Fails only when the loop has ended already.
    let _ = events
        .send(Event::Closed {
            connection,
            cause,
            refused,
        })
        .await;
}
