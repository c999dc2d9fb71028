//! One connection of the controller: a task that reads and frames, and a queue
//! that is written as the socket takes it.
//!
//! Writing happens from the controller's loop without waiting; only where the
//! socket is full does a task wait for room and push an event.

mod left_out;

use self::left_out::LeftOut;
use super::Event;
use crate::shared_memory;
use crate::tasks::Backlog;
use bytes::Bytes;
use rhumba_proto::frame::{self, Decoder, Kind, Limits};
use rhumba_proto::id::ConnectionId;
use rhumba_proto::message::{FromClient, FromController, Payload, ToController, Welcome};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::Interest;
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
    queue: VecDeque<Piece>,
    /// Small messages at the queue's end, still growing.
    gathered: Vec<u8>,
    queued_bytes: u64,
    left_out: LeftOut,
    /// A task waits for room in the socket.
    waiting: Arc<AtomicBool>,
    events: mpsc::Sender<Event>,
    reading: tokio::task::JoinHandle<()>,
}

/// Bytes to be written in one run.
struct Piece {
    bytes: Bytes,
    /// What goes with the first byte, if this is a frame with buffers in shared memory.
    beside: Option<Box<Beside>>,
}

/// A frame whose large buffers go by descriptor; its other buffers are in the piece's bytes.
struct Beside {
    head_bytes: usize,
    payload: Payload,
    places: Vec<usize>,
}

impl Piece {
    fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            beside: None,
        }
    }

    /// What it counts for among the bytes that wait.
    fn weight(&self) -> u64 {
        let beside = self.beside.iter().flat_map(|beside| beside.buffers());
        let beside: usize = beside.map(Bytes::len).sum();
        (self.bytes.len() + beside) as u64
    }
}

impl Beside {
    fn buffers(&self) -> impl Iterator<Item = &Bytes> {
        self.places
            .iter()
            .map(|&place| &self.payload.buffers[place])
    }
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
        let (reader, writer) = stream.into_split();
        let reading = tokio::spawn(read_all(id, reader, limits, events.clone(), backlog));
        Self {
            id,
            role: None,
            writer: Arc::new(writer),
            queue: VecDeque::new(),
            gathered: Vec::new(),
            queued_bytes: 0,
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
    ) -> Result<(), String> {
        if self.left_out.takes(message, self.queued_bytes) {
            return Ok(());
        }
        for missing in self.left_out.told_before(message) {
            self.push(&missing, &Payload::default(), limits)?;
        }
        self.push(message, payload, limits)
    }

    fn push(
        &mut self,
        message: &FromController,
        payload: &Payload,
        limits: &Limits,
    ) -> Result<(), String> {
        let mut beside = shared_memory::large_buffers(payload);
        let is_mapping = |&place: &usize| shared_memory::is_mapping(&payload.buffers[place]);
        if !beside.iter().all(is_mapping) {
            beside.clear();
        }
        let kind = Kind::FromController;
        let head = frame::encode_head_beside(kind, message, payload, &beside, limits)
            .map_err(|error| error.to_string())?;
        self.queued_bytes += head.len() as u64 + payload.bytes();
        if self.queued_bytes > QUEUED_BYTES_MAX {
            return Err(format!(
                "it did not read what it was sent, and {} MiB had piled up",
                self.queued_bytes >> 20
            ));
        }
        if !beside.is_empty() {
            self.queue_beside(head, payload, beside);
            return Ok(());
        }
        self.gathered.extend_from_slice(&head);
        for buffer in &payload.buffers {
            if buffer.len() <= GATHERED_BYTES {
                self.gathered.extend_from_slice(buffer);
            } else {
                self.seal();
                self.queue.push_back(Piece::new(buffer.clone()));
            }
        }
        if self.gathered.len() >= GATHERED_BYTES {
            self.seal();
        }
        Ok(())
    }

    fn queue_beside(&mut self, head: Bytes, payload: &Payload, places: Vec<usize>) {
        let head_bytes = head.len();
        let mut bytes = Vec::from(head);
        let others = payload.buffers.iter().enumerate();
        for (_, buffer) in others.filter(|(place, _)| !places.contains(place)) {
            bytes.extend_from_slice(buffer);
        }
        self.seal();
        self.queue.push_back(Piece {
            bytes: bytes.into(),
            beside: Some(Box::new(Beside {
                head_bytes,
                payload: payload.clone(),
                places,
            })),
        });
    }

    fn seal(&mut self) {
        if !self.gathered.is_empty() {
            let gathered = Bytes::from(std::mem::take(&mut self.gathered));
            self.queue.push_back(Piece::new(gathered));
        }
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&mut self) -> Flushed {
        if self.waiting.load(Ordering::Acquire) {
            return Flushed::Partly;
        }
        self.seal();
        while let Some(first) = self.queue.front() {
            let sent = match &first.beside {
                None => self.writer.try_write_vectored(&self.slices()),
                Some(beside) => self.send_beside(&first.bytes, beside),
            };
            match sent {
                Ok(0) => return Flushed::Failed("its socket takes nothing more".into()),
                Ok(written) => self.on_written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait_for_room();
                    return Flushed::Partly;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if shared_memory::goes_by_bytes_instead(&error) => self.give_bytes(),
                Err(error) => return Flushed::Failed(error.to_string()),
            }
        }
        Flushed::All
    }

    /// What can be written in one call.
    fn slices(&self) -> Vec<IoSlice<'_>> {
        self.queue
            .iter()
            .take_while(|piece| piece.beside.is_none())
            .take(SLICE_COUNT_MAX)
            .map(|piece| IoSlice::new(&piece.bytes))
            .collect()
    }

    fn send_beside(&self, bytes: &[u8], beside: &Beside) -> io::Result<usize> {
        let stream: &UnixStream = (*self.writer).as_ref();
        let descriptors = beside.buffers().filter_map(shared_memory::descriptor_of);
        let descriptors: Vec<_> = descriptors.collect();
        stream.try_io(Interest::WRITABLE, || {
            shared_memory::send(stream, bytes, &descriptors)
        })
    }

    /// Puts the first frame into the queue anew, with all of its buffers as bytes.
    fn give_bytes(&mut self) {
        let Some(Piece {
            bytes,
            beside: Some(beside),
        }) = self.queue.pop_front()
        else {
            return;
        };
        let head = frame::without_beside(&bytes[..beside.head_bytes]);
        let buffers = beside.payload.buffers.into_iter().rev();
        for bytes in buffers.chain([head]) {
            self.queue.push_front(Piece::new(bytes));
        }
    }

    fn on_written(&mut self, mut written: usize) {
        while written > 0
            && let Some(first) = self.queue.front_mut()
        {
            // What went beside went with the first byte.
            let before = first.weight();
            first.beside = None;
            if first.bytes.len() > written {
                first.bytes = first.bytes.slice(written..);
                self.queued_bytes -= before - first.weight();
                return;
            }
            written -= first.bytes.len();
            self.queued_bytes -= before;
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

async fn read_all(
    connection: ConnectionId,
    reader: OwnedReadHalf,
    limits: Limits,
    events: mpsc::Sender<Event>,
    backlog: Option<Arc<Backlog>>,
) {
    let stream: &UnixStream = reader.as_ref();
    let mut decoder = Decoder::new(Kind::ToController, limits);
    let (cause, refused) = loop {
        let space = decoder.space();
        shared_memory::prefer_huge_pages(space);
        let receive = || shared_memory::receive(stream, space);
        match stream.async_io(Interest::READABLE, receive).await {
            Ok((0, _)) => break ("it closed the connection".to_owned(), false),
            Ok((count, beside)) => {
                beside.into_iter().for_each(|buffer| decoder.attach(buffer));
                decoder.filled(count);
            }
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
