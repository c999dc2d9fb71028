//! One connection of the controller: a task that reads and frames, and a queue
//! that is written as the socket takes it.
//!
//! Writing happens from the controller's loop without waiting; only where the
//! socket is full does a task wait for room and push an event.

use super::Event;
use crate::socket;
use bytes::Bytes;
use rhumba_proto::frame::{self, Decoder, Kind, Limits};
use rhumba_proto::id::ConnectionId;
use rhumba_proto::message::{FromController, Payload, ToController, Welcome};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;

/// Bytes that may wait for a peer that does not read. A peer that lets more
/// pile up is disconnected, so that one stuck process can't use up the memory.
const QUEUED_BYTES_MAX: u64 = 8 << 30;

/// Small pieces up to this size are gathered in one buffer, in bytes.
const GATHERED_BYTES: usize = 64 << 10;

/// Pieces handed to the kernel in one call.
const SLICE_COUNT_MAX: usize = 64;

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
    writer: Arc<tokio::net::unix::OwnedWriteHalf>,
    queue: VecDeque<Bytes>,
    /// Small messages at the queue's end, still growing.
    gathered: Vec<u8>,
    queued_bytes: u64,
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
    ) -> Self {
        for set in [
            rustix::net::sockopt::set_socket_send_buffer_size,
            rustix::net::sockopt::set_socket_recv_buffer_size,
        ] {
            // The kernel caps it by its own limit; a smaller buffer only costs speed.
            let _ = set(&stream, crate::socket::SOCKET_BUFFER_BYTES);
        }
        let (reader, writer) = stream.into_split();
        let reading = tokio::spawn(read_all(id, reader, limits, events.clone()));
        Self {
            id,
            role: None,
            writer: Arc::new(writer),
            queue: VecDeque::new(),
            gathered: Vec::new(),
            queued_bytes: 0,
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

    /// Queues a message. Large buffers are shared, never copied.
    ///
    /// # Errors
    /// If the peer lets too much pile up, or the message exceeds the limits.
    pub(super) fn queue(
        &mut self,
        message: &FromController,
        payload: &Payload,
        limits: &Limits,
    ) -> Result<(), String> {
        let head = frame::encode_head(Kind::FromController, message, payload, limits)
            .map_err(|error| error.to_string())?;
        self.queued_bytes += head.len() as u64 + payload.bytes();
        if self.queued_bytes > QUEUED_BYTES_MAX {
            return Err(format!(
                "it did not read what it was sent, and {} MiB had piled up",
                self.queued_bytes >> 20
            ));
        }
        self.gathered.extend_from_slice(&head);
        for buffer in &payload.buffers {
            if buffer.len() <= GATHERED_BYTES {
                self.gathered.extend_from_slice(buffer);
            } else {
                self.seal();
                self.queue.push_back(buffer.clone());
            }
        }
        if self.gathered.len() >= GATHERED_BYTES {
            self.seal();
        }
        Ok(())
    }

    fn seal(&mut self) {
        if !self.gathered.is_empty() {
            self.queue
                .push_back(Bytes::from(std::mem::take(&mut self.gathered)));
        }
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&mut self) -> Flushed {
        if self.waiting.load(Ordering::Acquire) {
            return Flushed::Partly;
        }
        self.seal();
        while !self.queue.is_empty() {
            let slices: Vec<IoSlice<'_>> = self
                .queue
                .iter()
                .take(SLICE_COUNT_MAX)
                .map(|bytes| IoSlice::new(bytes))
                .collect();
            match self.writer.try_write_vectored(&slices) {
                Ok(0) => return Flushed::Failed("its socket takes nothing more".into()),
                Ok(written) => self.on_written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait_for_room();
                    return Flushed::Partly;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Flushed::Failed(error.to_string()),
            }
        }
        Flushed::All
    }

    fn on_written(&mut self, mut written: usize) {
        self.queued_bytes -= written as u64;
        while written > 0
            && let Some(first) = self.queue.front_mut()
        {
            if first.len() > written {
                *first = first.slice(written..);
                return;
            }
            written -= first.len();
            self.queue.pop_front();
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

impl Drop for Connection {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn read_all(
    connection: ConnectionId,
    mut reader: OwnedReadHalf,
    limits: Limits,
    events: mpsc::Sender<Event>,
) {
    let mut decoder = Decoder::new(Kind::ToController, limits);
    let (cause, refused) = loop {
        let space = decoder.space();
        socket::prefer_huge_pages(space);
        match reader.read(space).await {
            Ok(0) => break ("it closed the connection".to_owned(), false),
            Ok(count) => decoder.filled(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
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
