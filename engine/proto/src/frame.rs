//! Frames: how messages and their payloads become bytes, and bytes become them.
//!
//! Nothing here reads or writes: a reader fills [`Decoder::space`], a writer
//! sends [`encode_head`] and then each buffer as it is. The messages
//! themselves are in [`crate::message`].
//!
//! # Shapes
//! All numbers are little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic `RHMB` |
//! | 2 | [`PROTOCOL_VERSION`] |
//! | 1 | [`Kind`] |
//! | 1 | flags, 0 |
//! | 4 | length of the message |
//! | 4 | number of buffers |
//! | 8 | length of all buffers together |
//! | … | the message, in bincode |
//! | 8 × buffers | length of each buffer; the highest bit says that it comes beside |
//! | … | the buffers, without those |
//!
//! A buffer that comes *beside* the stream is handed over by other means, such
//! as shared memory, before the last byte of the head arrives; what those are is
//! the business of whoever reads and writes.

use crate::message::{PROTOCOL_VERSION, Payload};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use thiserror::Error;

/// What every frame starts with.
pub const MAGIC: [u8; 4] = *b"RHMB";

/// The length of the part that has the same shape in every frame.
pub const PROLOGUE_BYTES: usize = 24;

/// No message to the controller is longer than this, whatever [`Limits`] say: bincode takes a
/// limit of its own as a constant.
pub const HEADER_BYTES_MAX: usize = 16 << 20;

/// So much longer a message from the controller may be. What is passed on, of a client's or of an
/// engine's, always finds room with what says where it goes, that of a host's 4096 engines among it.
const PASSED_ON_BYTES_MAX: usize = 256 << 10;

/// As bincode counts what it reads, each number is as long as its type, however few bytes it
/// was written in: at most eight for one. What could be written can always be read.
const DECODED_BYTES_MAX: usize = 8 * (HEADER_BYTES_MAX + PASSED_ON_BYTES_MAX);

/// What is read at once when no single buffer is large.
const INBOX_BYTES: usize = 256 << 10;

/// A buffer longer than this that is still on its way is read straight into
/// its own allocation.
const LARGE_BUFFER_BYTES: usize = 64 << 10;

/// Set in the length of a buffer that comes beside the stream.
const BESIDE: u64 = 1 << 63;

/// How many buffers of one frame may come beside the stream.
pub const BESIDE_COUNT_MAX: usize = 16;

/// A larger buffer is allocated in steps, each when the one before is full, so
/// that a lying length costs at most what was sent plus this.
const ALLOCATION_STEP_BYTES: usize = 64 << 20;

const BINCODE: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<DECODED_BYTES_MAX>,
> = bincode::config::standard().with_limit::<DECODED_BYTES_MAX>();

/// How large a frame may be, whoever sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All buffers of one frame together.
    pub payload_bytes_max: u64,
    /// The message, which holds the source of cells. At most [`HEADER_BYTES_MAX`]; what the
    /// controller passes on may be a little longer.
    pub header_bytes_max: usize,
    pub buffer_count_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes_max: 1 << 30,
            header_bytes_max: HEADER_BYTES_MAX,
            buffer_count_max: 65_536,
        }
    }
}

/// Which of the two message enums a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`crate::message::ToController`].
    ToController,
    /// [`crate::message::FromController`].
    FromController,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::ToController => 1,
            Self::FromController => 2,
        }
    }

    /// How long a message of this kind may be.
    fn header_bytes_max(self, limits: &Limits) -> usize {
        let to_controller = limits.header_bytes_max.min(HEADER_BYTES_MAX);
        match self {
            Self::ToController => to_controller,
            Self::FromController => to_controller + PASSED_ON_BYTES_MAX,
        }
    }
}

/// Why a frame can't be made or understood. After one of these in a
/// [`Decoder`] the connection is of no more use.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    #[error(
        "the data is {bytes} bytes, more than the {limit} bytes that one message may carry: send it in parts"
    )]
    PayloadTooLarge { bytes: u64, limit: u64 },
    #[error(
        "the message is {bytes} bytes, more than the limit of {limit} bytes: send a shorter cell, pass the data as an argument, or name fewer at once"
    )]
    HeaderTooLarge { bytes: u64, limit: u64 },
    #[error(
        "the data is in {count} separate buffers, more than the {limit} that one message may carry: join them, or send it in parts"
    )]
    TooManyBuffers { count: u64, limit: u64 },
    #[error(
        "the peer does not speak rhumba's protocol: check that both sides name the same cluster"
    )]
    NotRhumba,
    #[error(
        "this process speaks version {ours} of the protocol and the peer speaks version {theirs}: \
         start the cluster and connect to it with the same rhumba"
    )]
    VersionMismatch { ours: u16, theirs: u16 },
    #[error("the peer sent a frame that makes no sense: {0}")]
    Malformed(String),
    #[error("the message can't be written: {0}")]
    Unwritable(String),
}

/// Returns everything of a frame before its buffers: write it, then each
/// buffer of `payload` in order.
///
/// # Errors
/// Something exceeds `limits`; nothing may then be written.
pub fn encode_head<M: Serialize>(
    kind: Kind,
    message: &M,
    payload: &Payload,
    limits: &Limits,
) -> Result<Bytes, FrameError> {
    encode_head_beside(kind, message, payload, &[], limits)
}

/// As [`encode_head`], for a frame some of whose buffers come beside the
/// stream: those with the places that `beside` lists in ascending order, at most
/// [`BESIDE_COUNT_MAX`].
///
/// # Errors
/// As [`encode_head`].
pub fn encode_head_beside<M: Serialize>(
    kind: Kind,
    message: &M,
    payload: &Payload,
    beside: &[usize],
    limits: &Limits,
) -> Result<Bytes, FrameError> {
    let payload_bytes = payload.bytes();
    if payload_bytes > limits.payload_bytes_max {
        return Err(FrameError::PayloadTooLarge {
            bytes: payload_bytes,
            limit: limits.payload_bytes_max,
        });
    }
    let buffer_count = payload.buffers.len();
    let buffer_count = u32::try_from(buffer_count)
        .ok()
        .filter(|count| *count <= limits.buffer_count_max)
        .ok_or(FrameError::TooManyBuffers {
            count: buffer_count as u64,
            limit: u64::from(limits.buffer_count_max),
        })?;

    let mut head = Vec::with_capacity(PROLOGUE_BYTES + 104 + 8 * payload.buffers.len());
    head.extend_from_slice(&[0; PROLOGUE_BYTES]);
    bincode::serde::encode_into_std_write(message, &mut head, BINCODE)
        .map_err(|error| FrameError::Unwritable(error.to_string()))?;
    let header_bytes = head.len() - PROLOGUE_BYTES;
    let header_bytes_max = kind.header_bytes_max(limits);
    let header_bytes = u32::try_from(header_bytes)
        .ok()
        .filter(|_| header_bytes <= header_bytes_max)
        .ok_or(FrameError::HeaderTooLarge {
            bytes: header_bytes as u64,
            limit: header_bytes_max as u64,
        })?;

    let prologue = Prologue {
        kind_byte: kind.byte(),
        header_bytes,
        buffer_count,
        payload_bytes,
    };
    head[..PROLOGUE_BYTES].copy_from_slice(&prologue.to_bytes());
    let mut beside = beside.iter().peekable();
    for (place, buffer) in payload.buffers.iter().enumerate() {
        let is_beside = beside.next_if_eq(&&place).is_some();
        let length = buffer.len() as u64 | if is_beside { BESIDE } else { 0 };
        head.extend_from_slice(&length.to_le_bytes());
    }
    Ok(head.into())
}

/// Returns a frame's head with all of its buffers in the stream.
#[must_use]
pub fn without_beside(head: &[u8]) -> Bytes {
    let mut head = head.to_vec();
    let buffer_count = head.get(12..16).and_then(|bytes| bytes.try_into().ok());
    let lengths_bytes = 8 * buffer_count.map_or(0, u32::from_le_bytes) as usize;
    let lengths_start = head.len().saturating_sub(lengths_bytes);
    let (lengths, _) = head[lengths_start..].as_chunks_mut::<8>();
    for length in lengths {
        *length = (u64::from_le_bytes(*length) & !BESIDE).to_le_bytes();
    }
    head.into()
}

/// The part of a frame that always has the same shape.
struct Prologue {
    kind_byte: u8,
    header_bytes: u32,
    buffer_count: u32,
    payload_bytes: u64,
}

impl Prologue {
    fn to_bytes(&self) -> [u8; PROLOGUE_BYTES] {
        let mut bytes = [0; PROLOGUE_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
        bytes[6] = self.kind_byte;
        bytes[8..12].copy_from_slice(&self.header_bytes.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.buffer_count.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes
    }

    /// Reads what is announced and checks it, before anything is allocated for it.
    fn parse(
        bytes: &[u8; PROLOGUE_BYTES],
        kind: Kind,
        limits: &Limits,
    ) -> Result<Self, FrameError> {
        let [m0, m1, m2, m3, v0, v1, kind_byte, flags, rest @ ..] = *bytes;
        let [h0, h1, h2, h3, c0, c1, c2, c3, payload_bytes @ ..] = rest;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(FrameError::NotRhumba);
        }
        let theirs = u16::from_le_bytes([v0, v1]);
        if theirs != PROTOCOL_VERSION {
            return Err(FrameError::VersionMismatch {
                ours: PROTOCOL_VERSION,
                theirs,
            });
        }
        if kind_byte != kind.byte() || flags != 0 {
            return Err(FrameError::Malformed(format!(
                "kind {kind_byte} and flags {flags} are not expected here"
            )));
        }
        let header_bytes = u32::from_le_bytes([h0, h1, h2, h3]);
        let header_bytes_max = kind.header_bytes_max(limits) as u64;
        if u64::from(header_bytes) > header_bytes_max {
            return Err(FrameError::HeaderTooLarge {
                bytes: u64::from(header_bytes),
                limit: header_bytes_max,
            });
        }
        let buffer_count = u32::from_le_bytes([c0, c1, c2, c3]);
        if buffer_count > limits.buffer_count_max {
            return Err(FrameError::TooManyBuffers {
                count: u64::from(buffer_count),
                limit: u64::from(limits.buffer_count_max),
            });
        }
        let payload_bytes = u64::from_le_bytes(payload_bytes);
        if payload_bytes > limits.payload_bytes_max {
            return Err(FrameError::PayloadTooLarge {
                bytes: payload_bytes,
                limit: limits.payload_bytes_max,
            });
        }
        Ok(Self {
            kind_byte,
            header_bytes,
            buffer_count,
            payload_bytes,
        })
    }

    /// Returns how long everything before the buffers is.
    fn head_bytes(&self) -> usize {
        PROLOGUE_BYTES + self.header_bytes as usize + 8 * self.buffer_count as usize
    }

    /// Reads the buffers' lengths, which must add up to what is announced.
    fn parse_lengths(&self, bytes: &[u8]) -> Result<Vec<BufferLength>, FrameError> {
        let mut lengths = Vec::with_capacity(self.buffer_count as usize);
        let mut sum: u64 = 0;
        let mut beside_count = 0;
        let (chunks, _) = bytes.as_chunks::<8>();
        for chunk in chunks {
            let length = u64::from_le_bytes(*chunk);
            let is_beside = length & BESIDE != 0;
            let length = length & !BESIDE;
            sum = sum.saturating_add(length);
            let bytes = usize::try_from(length)
                .ok()
                .filter(|_| sum <= self.payload_bytes)
                .ok_or_else(|| {
                    FrameError::Malformed("the buffers are longer than announced".to_owned())
                })?;
            beside_count += usize::from(is_beside);
            lengths.push(BufferLength { bytes, is_beside });
        }
        if beside_count > BESIDE_COUNT_MAX {
            return Err(FrameError::Malformed(format!(
                "{beside_count} of its buffers come beside it, more than {BESIDE_COUNT_MAX}"
            )));
        }
        if sum != self.payload_bytes {
            return Err(FrameError::Malformed(
                "the buffers are shorter than announced".to_owned(),
            ));
        }
        Ok(lengths)
    }
}

/// What a head says of one buffer.
#[derive(Clone, Copy)]
struct BufferLength {
    bytes: usize,
    is_beside: bool,
}

/// Turns bytes into messages as they arrive, for blocking and async readers
/// alike. After each read, take messages with [`Decoder::next`] until there is
/// none; then read into [`Decoder::space`] again.
pub struct Decoder {
    kind: Kind,
    limits: Limits,
    /// Bytes that arrived and belong to no large buffer: `inbox[start..end]`.
    inbox: Vec<u8>,
    start: usize,
    end: usize,
    /// How many bytes from `start` on must be there before `next` can go on.
    wanted: usize,
    frame: Option<PartialFrame>,
    /// Buffers that came beside the stream and belong to no frame yet.
    beside: VecDeque<Bytes>,
    failure: Option<FrameError>,
}

/// A frame whose head has arrived and whose buffers haven't all.
struct PartialFrame {
    message: Vec<u8>,
    lengths: std::vec::IntoIter<BufferLength>,
    buffers: Vec<Bytes>,
    /// The buffer that is being read into its own allocation. While there is
    /// one, the inbox is empty.
    large: Option<LargeBuffer>,
}

struct LargeBuffer {
    /// Zeroed space up to what is allocated by now.
    data: Vec<u8>,
    arrived: usize,
    length: usize,
}

impl Decoder {
    /// Returns a decoder for frames of `kind`, none larger than `limits`.
    #[must_use]
    pub fn new(kind: Kind, limits: Limits) -> Self {
        Self {
            kind,
            limits,
            inbox: vec![0; INBOX_BYTES],
            start: 0,
            end: 0,
            wanted: PROLOGUE_BYTES,
            frame: None,
            beside: VecDeque::new(),
            failure: None,
        }
    }

    /// Returns how large a frame may be.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Says how large the payloads may be of frames that come after those that
    /// were returned.
    pub fn set_payload_bytes_max(&mut self, payload_bytes_max: u64) {
        self.limits.payload_bytes_max = payload_bytes_max;
    }

    /// Takes a buffer that came beside the stream. Call it before [`Decoder::filled`]
    /// for the bytes that it came with.
    pub fn attach(&mut self, buffer: Bytes) {
        // Of a frame whose other buffers are still on their way, and of the next: its head may come
        // together with the last of them.
        if self.beside.len() < 2 * BESIDE_COUNT_MAX {
            self.beside.push_back(buffer);
        } else if self.failure.is_none() {
            self.failure = Some(FrameError::Malformed(
                "more came beside it than it announced".to_owned(),
            ));
        }
    }

    /// Returns where to put the bytes that arrive next; never empty. Say how
    /// many they were with [`Decoder::filled`].
    pub fn space(&mut self) -> &mut [u8] {
        match &mut self.frame {
            Some(PartialFrame {
                large: Some(large), ..
            }) => large.space(),
            _ => {
                make_room(&mut self.inbox, &mut self.start, &mut self.end, self.wanted);
                &mut self.inbox[self.end..]
            }
        }
    }

    /// Takes note that the first `n` bytes of the last [`Decoder::space`] are filled.
    ///
    /// # Panics
    /// More is said to be filled than there was space.
    pub fn filled(&mut self, n: usize) {
        if let Some(PartialFrame {
            large: Some(large), ..
        }) = &mut self.frame
        {
            assert!(
                n <= large.data.len() - large.arrived,
                "no more can be filled than there is space"
            );
            large.arrived += n;
        } else {
            assert!(
                n <= self.inbox.len() - self.end,
                "no more can be filled than there is space"
            );
            self.end += n;
        }
    }

    /// Returns whether all of [`Decoder::space`] is for one buffer in the stream: nothing comes
    /// beside the bytes that fill it.
    #[must_use]
    pub fn is_within_buffer(&self) -> bool {
        let large = self.frame.as_ref().map(|frame| &frame.large);
        matches!(large, Some(Some(_)))
    }

    /// Returns whether no part of a frame is waiting for the rest: the one
    /// moment at which the end of a connection cuts nothing off.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.start == self.end && self.frame.is_none()
    }

    /// Returns the next whole message, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// The peer sent something that is no frame or exceeds the limits. Every
    /// later call returns the same error.
    #[allow(
        clippy::should_implement_trait,
        reason = "each call may yield another type of message"
    )]
    pub fn next<M: DeserializeOwned>(&mut self) -> Result<Option<(M, Payload)>, FrameError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let next = self.try_next();
        if let Err(failure) = &next {
            self.failure = Some(failure.clone());
        }
        next
    }

    fn try_next<M: DeserializeOwned>(&mut self) -> Result<Option<(M, Payload)>, FrameError> {
        if self.frame.is_none() {
            let arrived = &self.inbox[self.start..self.end];
            let Some(prologue) = arrived.first_chunk::<PROLOGUE_BYTES>() else {
                self.wanted = PROLOGUE_BYTES;
                return Ok(None);
            };
            let prologue = Prologue::parse(prologue, self.kind, &self.limits)?;
            let head_bytes = prologue.head_bytes();
            if arrived.len() < head_bytes {
                self.wanted = head_bytes;
                return Ok(None);
            }
            let (head, arrived) = arrived.split_at(head_bytes);
            let (message, lengths) =
                head[PROLOGUE_BYTES..].split_at(prologue.header_bytes as usize);
            let lengths = prologue.parse_lengths(lengths)?;
            if arrived.len() as u64 >= prologue.payload_bytes
                && !lengths.iter().any(|length| length.is_beside)
            {
                let buffers = &arrived[..prologue.payload_bytes as usize];
                let message = decode_message(message)?;
                let consumed = head_bytes + buffers.len();
                let payload = split_copy(buffers, &lengths);
                self.start += consumed;
                return Ok(Some((message, payload)));
            }
            self.frame = Some(PartialFrame {
                message: message.to_vec(),
                buffers: Vec::with_capacity(lengths.len()),
                lengths: lengths.into_iter(),
                large: None,
            });
            self.start += head_bytes;
        }
        if !self.collect_buffers()? {
            return Ok(None);
        }
        let frame = self
            .frame
            .take()
            .expect("a frame whose buffers have all arrived is still here");
        let message = decode_message(&frame.message)?;
        Ok(Some((
            message,
            Payload {
                buffers: frame.buffers,
            },
        )))
    }

    /// Takes what has arrived of the current frame's buffers; returns whether
    /// that was the last of them.
    ///
    /// # Errors
    /// What was to come beside the stream is not there, or of another length.
    fn collect_buffers(&mut self) -> Result<bool, FrameError> {
        let frame = self
            .frame
            .as_mut()
            .expect("only called while a frame is on its way");
        loop {
            if let Some(large) = &mut frame.large {
                if large.arrived < large.length {
                    return Ok(false);
                }
                frame
                    .buffers
                    .push(Bytes::from(std::mem::take(&mut large.data)));
                frame.large = None;
            }
            let Some(&BufferLength {
                bytes: length,
                is_beside,
            }) = frame.lengths.as_slice().first()
            else {
                return Ok(true);
            };
            let arrived = &self.inbox[self.start..self.end];
            if is_beside {
                let buffer = self.beside.pop_front();
                let buffer = buffer.filter(|buffer| buffer.len() == length);
                frame.buffers.push(buffer.ok_or_else(|| {
                    FrameError::Malformed("what came beside it isn't what it announced".to_owned())
                })?);
            } else if arrived.len() >= length {
                frame
                    .buffers
                    .push(Bytes::copy_from_slice(&arrived[..length]));
                self.start += length;
            } else if length > LARGE_BUFFER_BYTES {
                frame.large = Some(LargeBuffer::new(length, arrived));
                self.start = self.end;
            } else {
                self.wanted = length;
                return Ok(false);
            }
            frame.lengths.next();
        }
    }
}

/// Makes room at the end of `inbox`, for what is missing of `wanted` or more.
fn make_room(inbox: &mut Vec<u8>, start: &mut usize, end: &mut usize, wanted: usize) {
    if start == end {
        (*start, *end) = (0, 0);
        if inbox.len() > INBOX_BYTES {
            *inbox = vec![0; INBOX_BYTES];
        }
    }
    let missing = wanted.saturating_sub(*end - *start).max(1);
    let tail = inbox.len() - *end;
    if *start > 0 && (tail < missing || tail < inbox.len() / 4) {
        inbox.copy_within(*start..*end, 0);
        *end -= *start;
        *start = 0;
    }
    // Doubling only when full: an announced length alone allocates nothing.
    if *end == inbox.len() {
        let doubled = inbox.len() * 2;
        inbox.resize(doubled, 0);
    }
}

impl LargeBuffer {
    fn new(length: usize, arrived: &[u8]) -> Self {
        let mut data = vec![0; length.min(ALLOCATION_STEP_BYTES)];
        data[..arrived.len()].copy_from_slice(arrived);
        Self {
            data,
            arrived: arrived.len(),
            length,
        }
    }

    fn space(&mut self) -> &mut [u8] {
        if self.arrived == self.data.len() {
            let next = self.length.min(self.data.len().saturating_mul(2));
            self.data.reserve_exact(next - self.data.len());
            self.data.resize(next, 0);
        }
        &mut self.data[self.arrived..]
    }
}

fn decode_message<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, FrameError> {
    let (message, consumed) = bincode::serde::decode_from_slice(bytes, BINCODE)
        .map_err(|error| FrameError::Malformed(format!("its message can't be read ({error})")))?;
    if consumed != bytes.len() {
        return Err(FrameError::Malformed(
            "its message is longer than it should be".to_owned(),
        ));
    }
    Ok(message)
}

/// Copies buffers that lie one behind another with a single allocation.
fn split_copy(bytes: &[u8], lengths: &[BufferLength]) -> Payload {
    let mut rest = Bytes::copy_from_slice(bytes);
    let buffers = lengths
        .iter()
        .map(|length| rest.split_to(length.bytes))
        .collect();
    Payload { buffers }
}

#[cfg(test)]
mod tests;
