//! Frames on their way to one peer, written as its socket takes them and never
//! waited for. Large buffers are shared between the peers they go to; what came
//! in shared memory goes on in it.
//!
//! The controller has one for each connection, a host one for each of its engines.
//! Who may wait for a peer uses [`crate::socket`].

use crate::shared_memory;
use bytes::Bytes;
use rhumba_proto::frame::{self, FrameError, Kind, Limits};
use rhumba_proto::message::{FromController, Payload};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;

/// Bytes that may wait for a peer that does not read. More than that is refused,
/// so that one stuck process can't use up the memory.
const BYTES_MAX: u64 = 8 << 30;

/// Small pieces up to this size are gathered in one buffer, in bytes.
const GATHERED_BYTES: usize = 64 << 10;

/// Pieces handed to the kernel in one call.
const SLICE_COUNT_MAX: usize = 64;

/// Why a message isn't taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    /// It exceeds a limit. Others can be sent all the same.
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("it did not read what it was sent, and {mib} MiB had piled up")]
    PiledUp { mib: u64 },
}

/// Where it is written to. Neither call waits: a full socket is an error of the
/// kind `WouldBlock`.
pub(crate) trait Socket {
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    fn send(&self, bytes: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<usize>;
}

/// For a socket that is set not to wait.
impl Socket for UnixStream {
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stream = self;
        io::Write::write_vectored(&mut stream, slices)
    }

    fn send(&self, bytes: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<usize> {
        shared_memory::send(self, bytes, beside)
    }
}

#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Piece>,
    /// Small messages at the queue's end, still growing.
    gathered: Vec<u8>,
    bytes: u64,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    All,
    /// The socket takes no more for now.
    Partly,
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

impl Outbox {
    /// How much waits to be written, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.gathered.is_empty()
    }

    /// Adds a message. Large buffers are shared, never copied; what came in
    /// shared memory goes on in it.
    ///
    /// # Errors
    /// If the peer lets too much pile up, or the message exceeds the limits.
    pub(crate) fn push(
        &mut self,
        message: &FromController,
        payload: &Payload,
        limits: &Limits,
    ) -> Result<(), PushError> {
        let mut beside = shared_memory::large_buffers(payload);
        let is_mapping = |&place: &usize| shared_memory::is_mapping(&payload.buffers[place]);
        if !beside.iter().all(is_mapping) {
            beside.clear();
        }
        let kind = Kind::FromController;
        let head = frame::encode_head_beside(kind, message, payload, &beside, limits)?;
        self.bytes += head.len() as u64 + payload.bytes();
        if self.bytes > BYTES_MAX {
            let mib = self.bytes >> 20;
            return Err(PushError::PiledUp { mib });
        }
        if !beside.is_empty() {
            self.push_beside(head, payload, beside);
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

    fn push_beside(&mut self, head: Bytes, payload: &Payload, places: Vec<usize>) {
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
    ///
    /// # Errors
    /// What the socket says: nothing more can be written then.
    pub(crate) fn write_to(&mut self, socket: &impl Socket) -> io::Result<Written> {
        self.seal();
        while let Some(first) = self.queue.front() {
            let sent = match &first.beside {
                None => socket.write(&self.slices()),
                Some(beside) => {
                    let descriptors = beside.buffers().filter_map(shared_memory::descriptor_of);
                    let descriptors: Vec<_> = descriptors.collect();
                    socket.send(&first.bytes, &descriptors)
                }
            };
            match sent {
                Ok(0) => return Err(io::Error::other("its socket takes nothing more")),
                Ok(written) => self.on_written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Written::Partly);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if shared_memory::goes_by_bytes_instead(&error) => self.give_bytes(),
                Err(error) => return Err(error),
            }
        }
        Ok(Written::All)
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
                self.bytes -= before - first.weight();
                return;
            }
            written -= first.bytes.len();
            self.bytes -= before;
            self.queue.pop_front();
        }
    }
}
