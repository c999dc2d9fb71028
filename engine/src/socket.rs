//! Frames over a blocking Unix socket, one half each for reading and writing.
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
use std::io::{self, IoSlice, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The environment variable that sets the largest payload, in bytes.
pub const PAYLOAD_BYTES_MAX_VARIABLE: &str = "RHUMBA_PAYLOAD_BYTES_MAX";

/// Bytes of small messages that are gathered before they are written.
const WRITE_BUFFER_BYTES: usize = 128 << 10;

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
    if let Some(value) = std::env::var_os(PAYLOAD_BYTES_MAX_VARIABLE) {
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
    gathered: Vec<u8>,
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
        let beside = shared_memory::large_buffers(payload);
        let is_handed_over = !beside.is_empty() && self.hand_over(message, payload, &beside)?;
        if !is_handed_over {
            let head = frame::encode_head(Kind::ToController, message, payload, &self.limits)?;
            self.gathered.extend_from_slice(&head);
        }
        for (place, buffer) in payload.buffers.iter().enumerate() {
            if is_handed_over && beside.contains(&place) {
                continue;
            }
            if self.gathered.len() + buffer.len() <= WRITE_BUFFER_BYTES {
                self.gathered.extend_from_slice(buffer);
            } else {
                self.write_with(buffer)?;
            }
        }
        if self.gathered.len() >= WRITE_BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn flush(&mut self) -> Result<(), ConnectionError> {
        self.stream.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
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
    /// memory. Returns whether it did: where the kernel has no descriptors or no
    /// memory left for that, nothing was sent.
    fn hand_over(
        &mut self,
        message: &ToController,
        payload: &Payload,
        beside: &[usize],
    ) -> Result<bool, ConnectionError> {
        let kind = Kind::ToController;
        let head = frame::encode_head_beside(kind, message, payload, beside, &self.limits)?;
        let buffers = beside.iter().map(|&place| &payload.buffers[place]);
        let handles: Vec<Handle<'_>> = match buffers.map(shared_memory::share).collect() {
            Ok(handles) => handles,
            Err(error) => {
                tracing::debug!(%error, "a large payload goes through the socket");
                return Ok(false);
            }
        };
        let descriptors: Vec<_> = handles.iter().map(AsFd::as_fd).collect();
        self.flush()?;
        loop {
            match shared_memory::send(&self.stream, &head, &descriptors) {
                Ok(sent) => {
                    self.stream.write_all(&head[sent..])?;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if shared_memory::goes_by_bytes_instead(&error) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes what was gathered and then `large`, in as few calls as it takes.
    fn write_with(&mut self, large: &Bytes) -> Result<(), ConnectionError> {
        let (mut first, mut second) = (&self.gathered[..], &large[..]);
        while !first.is_empty() || !second.is_empty() {
            let written = match self
                .stream
                .write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
            {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let of_first = written.min(first.len());
            first = &first[of_first..];
            second = &second[written - of_first..];
        }
        self.gathered.clear();
        Ok(())
    }
}

impl FrameReader {
    /// Waits for the next message. `None`: the controller closed the connection.
    ///
    /// # Errors
    /// If what arrives is not a frame, or the connection breaks.
    pub fn receive(&mut self) -> Result<Option<(FromController, Payload)>, ConnectionError> {
        loop {
            if let Some(message) = self.buffered()? {
                return Ok(Some(message));
            }
            let space = self.decoder.space();
            shared_memory::prefer_huge_pages(space);
            match shared_memory::receive(&self.stream, space) {
                Ok((0, _)) => return Ok(None),
                Ok((count, beside)) => {
                    beside
                        .into_iter()
                        .for_each(|buffer| self.decoder.attach(buffer));
                    self.decoder.filled(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
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
    socket: &std::path::Path,
    role: Role,
    runtime: &str,
    limits: Limits,
    timeout: Duration,
) -> Result<(FrameReader, FrameWriter, Welcome), ConnectionError> {
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
        gathered: Vec::new(),
    };
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        runtime: runtime.to_owned(),
        pid: std::process::id(),
        role,
    };
    writer.send(&ToController::Hello(hello), &Payload::default())?;
    let mut reader = FrameReader {
        stream,
        decoder: Decoder::new(Kind::FromController, limits),
    };
    reader
        .stream
        .set_read_timeout(Some(timeout.max(Duration::from_millis(1))))?;
    let first = match reader.receive() {
        Err(ConnectionError::Io(error))
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ) =>
        {
            return Err(ConnectionError::Timeout {
                seconds: timeout.as_secs_f64(),
                log: String::new(),
            });
        }
        other => other?,
    };
    reader.stream.set_read_timeout(None)?;
    match first {
        Some((FromController::Welcome(welcome), _)) => Ok((reader, writer, welcome)),
        Some((FromController::Refused { reason }, _)) => Err(ConnectionError::Refused { reason }),
        Some(_) => Err(ConnectionError::Closed {
            cause: "its first message was not a welcome".into(),
        }),
        None => Err(ConnectionError::Closed {
            cause: "it ended before saying welcome".into(),
        }),
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
