//! Frames over a blocking Unix socket, one half each for reading and writing.
//!
//! Where writes have a timeout ([`FrameWriter::set_write_timeout`]) a peer that
//! doesn't read holds nobody up: what it doesn't take stays in the writer, and is
//! the first that is written the next time, so that no frame is ever cut.
//!
//! Engines, hosts and clients use these; the controller, which serves many
//! connections at once, frames bytes itself ([`crate::controller`]). What the
//! bytes are is [`rhumba_proto::frame`].

use crate::cluster_file::ClusterFile;
use crate::shared_memory::{self, Handle};
use bytes::Bytes;
use rhumba_proto::frame::{self, Decoder, FrameError, Kind, Limits};
use rhumba_proto::message::{
    FromController, Hello, PROTOCOL_VERSION, Payload, Role, ToController, Welcome,
};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The environment variable that sets the largest payload, in bytes.
pub const PAYLOAD_BYTES_MAX_VARIABLE: &str = "RHUMBA_PAYLOAD_BYTES_MAX";

/// Bytes of small messages that are gathered before they are written.
const WRITE_BUFFER_BYTES: usize = 128 << 10;

/// Buffers handed to the kernel in one call.
const SLICE_COUNT_MAX: usize = 64;

/// How long it is waited for room before large buffers are shared.
const ROOM_TIMEOUT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// The kernel's buffer for one direction of a connection, in bytes: large
/// enough that a large payload costs few switches between processes.
pub(crate) const SOCKET_BUFFER_BYTES: usize = 1 << 20;

/// Why a connection ended or never began. Each is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error(
        "the controller that wrote {cluster_file} is gone (nothing answers at its socket); remove what it left with: rhumba cluster stop {cluster_id}"
    )]
    Stale {
        cluster_file: String,
        cluster_id: String,
    },
    #[error("the controller did not answer within {seconds} s; it may be overloaded{log}")]
    Timeout {
        seconds: f64,
        /// Where to see more, as the end of that sentence; empty if it isn't known.
        log: String,
    },
    #[error("the controller refused: {reason}")]
    Refused { reason: String },
    #[error(
        "the process at the socket belongs to another user (uid {uid}), so nothing was sent to it"
    )]
    ForeignController { uid: u32 },
    #[error("the connection to the controller is closed: {cause}")]
    Closed { cause: String },
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the connection to the controller failed: {0}")]
    Io(#[from] io::Error),
}

impl ConnectionError {
    /// Says of a socket where nobody listens what that means for its cluster.
    pub(crate) fn about(self, cluster_file: &Path, cluster: &ClusterFile) -> Self {
        match self {
            Self::Io(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
                ) =>
            {
                Self::Stale {
                    cluster_file: cluster_file.display().to_string(),
                    cluster_id: cluster.cluster_id.clone(),
                }
            }
            Self::Timeout { seconds, .. } => Self::Timeout {
                seconds,
                log: log_hint(cluster),
            },
            error => error,
        }
    }
}

/// Says where the logs of a cluster are. A controller started by hand has none.
pub(crate) fn log_hint(cluster: &ClusterFile) -> String {
    if cluster.log_directory.is_dir() {
        format!(", see its log in {}", cluster.log_directory.display())
    } else {
        String::new()
    }
}

/// Returns the limits of this process, as the environment sets them.
///
/// # Errors
/// If the variable is set to something that isn't a number of bytes.
pub fn limits_from_environment() -> Result<Limits, String> {
    let mut limits = Limits::default();
    let value = std::env::var_os(PAYLOAD_BYTES_MAX_VARIABLE);
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        limits.payload_bytes_max = value
            .to_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| {
                format!("{PAYLOAD_BYTES_MAX_VARIABLE} must be a number of bytes, but is {value:?}")
            })?;
    }
    Ok(limits)
}

/// The sending half. Not shared: put a lock around it where several threads send.
pub struct FrameWriter {
    stream: UnixStream,
    /// The process whose connection it is.
    owner_pid: u32,
    limits: Limits,
    /// Taken and not written yet, before what is gathered.
    unwritten: VecDeque<Bytes>,
    gathered: Vec<u8>,
}

/// What became of large buffers that were to go in shared memory.
enum HandOver {
    Done,
    /// The peer has no room: nothing was sent.
    Later,
    /// The kernel has no descriptors or no memory left for it: nothing was sent.
    InBytes,
}

/// The receiving half.
pub struct FrameReader {
    stream: UnixStream,
    decoder: Decoder,
}

impl FrameWriter {
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks that a payload may be sent at all.
    ///
    /// # Errors
    /// If it is larger, or in more buffers, than one message may carry.
    pub fn check(&self, payload: &Payload) -> Result<(), FrameError> {
        let bytes = payload.bytes();
        if bytes > self.limits.payload_bytes_max {
            return Err(FrameError::PayloadTooLarge {
                bytes,
                limit: self.limits.payload_bytes_max,
            });
        }
        let count = payload.buffers.len() as u64;
        if count > u64::from(self.limits.buffer_count_max) {
            return Err(FrameError::TooManyBuffers {
                count,
                limit: u64::from(self.limits.buffer_count_max),
            });
        }
        Ok(())
    }

    /// Sends a message, and all that was [gathered](Self::gather) before it.
    ///
    /// # Errors
    /// If the frame exceeds the limits (nothing was sent then), or the
    /// connection is broken.
    pub fn send(
        &mut self,
        message: &ToController,
        payload: &Payload,
    ) -> Result<(), ConnectionError> {
        self.gather(message, payload)?;
        self.flush()
    }

    /// Takes a message to be sent with the next [`flush`](Self::flush). Large
    /// buffers go out at once, the largest in [shared memory](crate::shared_memory).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn gather(
        &mut self,
        message: &ToController,
        payload: &Payload,
    ) -> Result<(), ConnectionError> {
        while !self.try_gather(message, payload)? {}
        Ok(())
    }

    /// Does what [`gather`](Self::gather) does, unless the peer takes nothing for
    /// as long as a write may last, or a signal arrives. Returns whether the
    /// message was taken: all of it, or nothing.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn try_gather(
        &mut self,
        message: &ToController,
        payload: &Payload,
    ) -> Result<bool, ConnectionError> {
        let is_full = !self.unwritten.is_empty() || self.gathered.len() >= WRITE_BUFFER_BYTES;
        if is_full && !self.try_flush()? {
            return Ok(false);
        }
        let beside = shared_memory::large_buffers(payload);
        let mut is_handed_over = false;
        if !beside.is_empty() {
            match self.hand_over(message, payload, &beside)? {
                HandOver::Done => is_handed_over = true,
                HandOver::Later => return Ok(false),
                HandOver::InBytes => {}
            }
        }
        if !is_handed_over {
            let head = frame::encode_head(Kind::ToController, message, payload, &self.limits)?;
            self.gathered.extend_from_slice(&head);
        }
        for (place, buffer) in payload.buffers.iter().enumerate() {
            if buffer.is_empty() || is_handed_over && beside.contains(&place) {
                continue;
            }
            if self.gathered.len() + buffer.len() <= WRITE_BUFFER_BYTES {
                self.gathered.extend_from_slice(buffer);
            } else {
                self.seal();
                self.unwritten.push_back(buffer.clone());
            }
        }
        if !self.unwritten.is_empty() || self.gathered.len() >= WRITE_BUFFER_BYTES {
            // What isn't written now comes first the next time.
            self.try_flush()?;
        }
        Ok(true)
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn flush(&mut self) -> Result<(), ConnectionError> {
        while !self.try_flush()? {}
        Ok(())
    }

    /// Does what [`flush`](Self::flush) does, unless the peer takes nothing for as
    /// long as a write may last, or a signal arrives. Returns whether all is
    /// written.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn try_flush(&mut self) -> Result<bool, ConnectionError> {
        while !self.unwritten.is_empty() || !self.gathered.is_empty() {
            match self.write_some() {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(written) => self.on_written(written),
                Err(error) if is_passing(&error) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Says how long one write waits for a peer that doesn't read.
    ///
    /// # Errors
    /// If the socket doesn't take it.
    pub fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(Some(timeout))
    }

    /// Ends the connection for both halves; later calls fail.
    pub fn close(&mut self) {
        // A child that was forked has the same socket, which is its parent's to shut.
        if self.owner_pid != std::process::id() {
            return;
        }
        // Fails only where it is closed already.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Sends a frame's head, and with it the buffers at these places in shared
    /// memory.
    fn hand_over(
        &mut self,
        message: &ToController,
        payload: &Payload,
        beside: &[usize],
    ) -> Result<HandOver, ConnectionError> {
        let kind = Kind::ToController;
        let head = frame::encode_head_beside(kind, message, payload, beside, &self.limits)?;
        // Sharing may copy the buffers: not before the head is likely to be taken.
        if !self.try_flush()? || !self.has_room()? {
            return Ok(HandOver::Later);
        }
        let buffers = beside.iter().map(|&place| &payload.buffers[place]);
        let handles: Vec<Handle<'_>> = match buffers.map(shared_memory::share).collect() {
            Ok(handles) => handles,
            Err(error) => {
                tracing::debug!(%error, "a large payload goes through the socket");
                return Ok(HandOver::InBytes);
            }
        };
        let descriptors: Vec<_> = handles.iter().map(AsFd::as_fd).collect();
        match shared_memory::send(&self.stream, &head, &descriptors) {
            Ok(sent) => {
                if sent < head.len() {
                    self.unwritten.push_back(head.slice(sent..));
                }
                Ok(HandOver::Done)
            }
            Err(error) if is_passing(&error) => Ok(HandOver::Later),
            Err(error) if shared_memory::goes_by_bytes_instead(&error) => Ok(HandOver::InBytes),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits a moment until the peer takes something. Returns whether it does.
    fn has_room(&self) -> Result<bool, ConnectionError> {
        let mut watched = [PollFd::new(&self.stream, PollFlags::OUT)];
        match rustix::event::poll(&mut watched, Some(&ROOM_TIMEOUT)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    /// Moves what is gathered behind what is to be written before it.
    fn seal(&mut self) {
        if !self.gathered.is_empty() {
            let gathered = std::mem::take(&mut self.gathered);
            self.unwritten.push_back(Bytes::from(gathered));
        }
    }

    /// Writes once, as much as the socket takes.
    fn write_some(&mut self) -> io::Result<usize> {
        if self.unwritten.is_empty() {
            return self.stream.write(&self.gathered);
        }
        let before = self.unwritten.iter().map(|bytes| &bytes[..]);
        let all = before.chain([&self.gathered[..]]);
        let slices: Vec<IoSlice<'_>> = all.take(SLICE_COUNT_MAX).map(IoSlice::new).collect();
        (&self.stream).write_vectored(&slices)
    }

    fn on_written(&mut self, mut written: usize) {
        while let Some(first) = self.unwritten.front_mut() {
            let length = first.len();
            if written < length {
                *first = first.slice(written..);
                return;
            }
            written -= length;
            self.unwritten.pop_front();
        }
        self.gathered.drain(..written);
    }
}

/// Whether the same call may go well when it is made again.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

impl FrameReader {
    /// Reads what a host passes on, through a socket between the two.
    #[must_use]
    pub(crate) fn of_host(stream: UnixStream, limits: Limits) -> Self {
        shared_memory::keep_spares();
        Self {
            stream,
            decoder: Decoder::new(Kind::FromController, limits),
        }
    }

    /// What the controller's messages may have.
    #[must_use]
    pub(crate) fn limits(&self) -> Limits {
        self.decoder.limits()
    }

    /// Waits for the next message. `None`: the controller closed the connection.
    ///
    /// # Errors
    /// If what arrives is not a frame, or the connection breaks.
    pub fn receive(&mut self) -> Result<Option<(FromController, Payload)>, ConnectionError> {
        loop {
            if let Some(message) = self.buffered()? {
                return Ok(Some(message));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Waits until something arrives. False: the other end closed the connection.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn fill(&mut self) -> Result<bool, ConnectionError> {
        let memory_bytes_max = self.decoder.limits().payload_bytes_max;
        let is_within_buffer = self.decoder.is_within_buffer();
        let space = self.decoder.space();
        shared_memory::prefer_huge_pages(space);
        let received = if is_within_buffer {
            shared_memory::receive(&self.stream, space, Some(memory_bytes_max))
        } else {
            shared_memory::receive_surely(self.stream.as_fd(), space, memory_bytes_max)
        };
        match received {
            Ok((0, _)) => return Ok(false),
            Ok((count, beside)) => {
                beside
                    .into_iter()
                    .for_each(|buffer| self.decoder.attach(buffer));
                self.decoder.filled(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Returns a message that has arrived whole already, without waiting.
    ///
    /// # Errors
    /// If what arrived is not a frame.
    pub fn buffered(&mut self) -> Result<Option<(FromController, Payload)>, ConnectionError> {
        Ok(self.decoder.next()?)
    }

    /// The socket, to wait on it together with other things.
    #[must_use]
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

/// Dials a controller's socket and says hello. `timeout` bounds the wait for
/// its welcome.
///
/// # Errors
/// If nobody listens there, the listener is another user's process, it refuses,
/// or does not answer in time.
pub fn dial(
    socket: &Path,
    role: Role,
    runtime: &str,
    limits: Limits,
    timeout: Duration,
) -> Result<(FrameReader, FrameWriter, Welcome), ConnectionError> {
    let mut dialling = Dialling::begin(socket, role, runtime, limits)?;
    match dialling.welcome(timeout)? {
        Some(welcome) => {
            let (reader, writer) = dialling.halves()?;
            Ok((reader, writer, welcome))
        }
        None => Err(ConnectionError::Timeout {
            seconds: timeout.as_secs_f64(),
            log: String::new(),
        }),
    }
}

/// A connection whose controller was said hello to and has not answered yet.
pub struct Dialling {
    reader: FrameReader,
    writer: FrameWriter,
}

impl Dialling {
    /// Dials a controller's socket and says hello.
    ///
    /// # Errors
    /// If nobody listens there, or the listener is another user's process.
    pub fn begin(
        socket: &Path,
        role: Role,
        runtime: &str,
        limits: Limits,
    ) -> Result<Self, ConnectionError> {
        let stream = UnixStream::connect(socket)?;
        check_peer(&stream)?;
        for set in [
            rustix::net::sockopt::set_socket_send_buffer_size,
            rustix::net::sockopt::set_socket_recv_buffer_size,
        ] {
            // The kernel caps it by its own limit; a smaller buffer only costs speed.
            let _ = set(&stream, SOCKET_BUFFER_BYTES);
        }
        let mut writer = FrameWriter {
            stream: stream.try_clone()?,
            owner_pid: std::process::id(),
            limits,
            unwritten: VecDeque::new(),
            gathered: Vec::new(),
        };
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            runtime: runtime.to_owned(),
            pid: std::process::id(),
            role,
        };
        writer.send(&ToController::Hello(hello), &Payload::default())?;
        shared_memory::keep_spares();
        let reader = FrameReader {
            stream,
            decoder: Decoder::new(Kind::FromController, limits),
        };
        Ok(Self { reader, writer })
    }

    /// Waits for the welcome, at most for `timeout`. `None`: it isn't there yet.
    ///
    /// # Errors
    /// If the controller refuses, or the connection breaks.
    pub fn welcome(&mut self, timeout: Duration) -> Result<Option<Welcome>, ConnectionError> {
        self.reader
            .stream
            .set_read_timeout(Some(timeout.max(Duration::from_millis(1))))?;
        match self.reader.receive() {
            Err(ConnectionError::Io(error)) if is_passing(&error) => Ok(None),
            Err(error) => Err(error),
            Ok(Some((FromController::Welcome(welcome), _))) => {
                // It sends what is as large as its own limit allows, and takes no more.
                let theirs = payload_bytes_max(&welcome);
                let ours = &mut self.writer.limits.payload_bytes_max;
                *ours = theirs.min(*ours);
                self.reader.decoder.set_payload_bytes_max(theirs);
                Ok(Some(welcome))
            }
            Ok(Some((FromController::Refused { reason }, _))) => {
                Err(ConnectionError::Refused { reason })
            }
            Ok(Some(_)) => Err(ConnectionError::Closed {
                cause: "its first message was not a welcome".into(),
            }),
            Ok(None) => Err(ConnectionError::Closed {
                cause: "it ended before saying welcome".into(),
            }),
        }
    }

    /// Returns the connection, once it was welcomed.
    ///
    /// # Errors
    /// If the socket doesn't wait for ever again.
    pub fn halves(self) -> io::Result<(FrameReader, FrameWriter)> {
        self.reader.stream.set_read_timeout(None)?;
        Ok((self.reader, self.writer))
    }
}

fn payload_bytes_max(welcome: &Welcome) -> u64 {
    match welcome {
        Welcome::Client {
            payload_bytes_max, ..
        }
        | Welcome::Engine {
            payload_bytes_max, ..
        }
        | Welcome::Host {
            payload_bytes_max, ..
        } => *payload_bytes_max,
    }
}

/// Checks that the process at the other end belongs to this user.
fn check_peer(stream: &UnixStream) -> Result<(), ConnectionError> {
    let uid = rustix::net::sockopt::socket_peercred(stream)
        .map_err(io::Error::from)?
        .uid;
    if uid == rustix::process::geteuid() || uid.is_root() {
        Ok(())
    } else {
        Err(ConnectionError::ForeignController { uid: uid.as_raw() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhumba_proto::message::FromEngine;
    use std::io::Read;

    #[test]
    fn what_a_peer_does_not_take_is_written_later_and_whole() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut writer = FrameWriter {
            owner_pid: std::process::id(),
            stream: ours,
            limits: Limits::default(),
            unwritten: VecDeque::new(),
            gathered: Vec::new(),
        };
        writer.set_write_timeout(Duration::from_millis(10)).unwrap();
        let message = ToController::Engine(FromEngine::Pong);
        let payload = |number: u8| Payload::from(vec![Bytes::from(vec![number; 900_000])]);
        let mut taken = 0;
        while writer.try_gather(&message, &payload(taken)).unwrap() {
            taken += 1;
        }
        assert!(taken > 0, "the first is on its way");
        assert!(!writer.try_flush().unwrap(), "nobody reads");
        let reading = std::thread::spawn(move || {
            let mut decoder = Decoder::new(Kind::ToController, Limits::default());
            let mut numbers = Vec::new();
            loop {
                while let Some((_, payload)) = decoder.next::<ToController>().unwrap() {
                    let buffer = &payload.buffers[0];
                    assert_eq!(buffer.len(), 900_000);
                    assert!(buffer.iter().all(|byte| *byte == buffer[0]));
                    numbers.push(buffer[0]);
                }
                let count = theirs.read(decoder.space()).unwrap();
                if count == 0 {
                    return numbers;
                }
                decoder.filled(count);
            }
        });
        writer.send(&message, &payload(taken)).unwrap();
        writer.close();
        let expected: Vec<u8> = (0..=taken).collect();
        assert_eq!(reading.join().unwrap(), expected);
    }
}
