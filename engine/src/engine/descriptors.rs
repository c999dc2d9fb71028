//! What the process of an engine writes to its descriptors 1 and 2: commands that Python runs, native
//! code, processes that are forked. It is output of the work that runs, as what Python prints is.
//!
//! Each is a pipe, which the thread of [`super::output`] reads; it is written to the log of the process
//! as well, where it went without that. What the engine itself has to say goes there only ([`Log`]).
//! An engine inside of another program leaves its descriptors alone.
//!
//! What is left in the pipes when the process is killed is read by its host, which has the ends that
//! are read, too ([`Pipes`]). An engine that was started by hand has none: if a fault aborts it, that is
//! written to the log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rhumba_interpreter::output::Stream;

/// As much as is read at once, in bytes.
const PIECE_BYTES: usize = 16 << 10;

/// How much of it goes to the log as well, in bytes, from one engine: a command that prints without end must
/// not fill the disk.
const LOGGED_BYTES_MAX: u64 = 64 << 20;

/// More than a pipe holds, in bytes, if nobody has made it larger.
const REST_BYTES_MAX: u64 = 1 << 20;

/// Where the descriptors led to before they were captured: where this process has its log.
static LOG: AtomicI32 = AtomicI32::new(libc::STDERR_FILENO);

/// The ends of the pipes that are read, for a process that aborts and has no host.
static READ_ENDS: [AtomicI32; 2] = [AtomicI32::new(-1), AtomicI32::new(-1)];

/// Output was taken from a pipe or from Python, and isn't on its way yet.
static IS_HOLDING: AtomicBool = AtomicBool::new(false);

/// How long a process that aborts waits for what it holds to be sent, in slices.
const HOLDING_SLICES_MAX: u32 = 500;

/// A pipe for stdout and one for stderr, made by a host for one engine before it forks it.
pub(crate) struct Pipes {
    pub(crate) read_ends: [OwnedFd; 2],
    write_ends: [OwnedFd; 2],
}

/// Descriptors 1 and 2, captured until [`release`].
pub(super) struct Captured {
    pipes: [Pipe; 2],
    /// What is read goes through it; most engines never need it.
    piece: Vec<u8>,
    copy: Copied<Log>,
}

struct Pipe {
    stream: Stream,
    read_end: OwnedFd,
    /// The beginning of a character whose rest hasn't come yet.
    begun: Vec<u8>,
}

impl Pipes {
    pub(crate) fn new() -> io::Result<Self> {
        let [(out_read, out_write), (err_read, err_write)] = [pipe()?, pipe()?];
        Ok(Self {
            read_ends: [out_read, err_read],
            write_ends: [out_write, err_write],
        })
    }

    /// The ends that the host keeps, once the engine has its own.
    pub(crate) fn into_read_ends(self) -> [OwnedFd; 2] {
        self.read_ends
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: the array has room for two numbers.
    checked(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both were made above, and are owned by nobody else.
    let [read_end, write_end] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    // SAFETY: flags of a descriptor that is open; whoever writes still waits for room.
    checked(unsafe { libc::fcntl(read_end.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
    Ok((read_end, write_end))
}

/// Reads what is left in the pipes of an engine that has ended, and writes it to the log as well.
pub(crate) fn read_rest(read_ends: [OwnedFd; 2]) -> Vec<(Stream, String)> {
    let mut log = io::stderr();
    let rests = [Stream::Stdout, Stream::Stderr].into_iter().zip(read_ends);
    rests
        .filter_map(|(stream, read_end)| {
            let mut rest = Vec::new();
            // It ends where nothing more is in there, which is an error of its own kind.
            let _ = File::from(read_end)
                .take(REST_BYTES_MAX)
                .read_to_end(&mut rest);
            // A log that can't be written is no reason to lose output.
            let _ = log.write_all(&rest);
            let text = String::from_utf8_lossy(&rest).into_owned();
            (!text.is_empty()).then_some((stream, text))
        })
        .collect()
}

/// Takes note that output is held back, or that none is any more.
pub(super) fn note_holding(is_holding: bool) {
    IS_HOLDING.store(is_holding, Ordering::Release);
}

/// Captures what is written to descriptors 1 and 2 from now on, in pipes that the host has made or, without
/// one, in new ones.
pub(super) fn capture(pipes: Option<Pipes>) -> io::Result<Captured> {
    // SAFETY: a number that isn't open is answered by an error.
    let log = unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, 3) };
    LOG.store(checked(log)?, Ordering::Relaxed);
    let has_host = pipes.is_some();
    let Pipes {
        read_ends: [out_read, err_read],
        write_ends: [out_write, err_write],
    } = pipes.map_or_else(Pipes::new, Ok)?;
    let captured = Captured {
        pipes: [
            Pipe::in_place_of(libc::STDOUT_FILENO, Stream::Stdout, out_read, out_write)?,
            Pipe::in_place_of(libc::STDERR_FILENO, Stream::Stderr, err_read, err_write)?,
        ],
        piece: Vec::new(),
        copy: Copied::to(Log),
    };
    if !has_host {
        for (known, pipe) in READ_ENDS.iter().zip(&captured.pipes) {
            known.store(pipe.read_end.as_raw_fd(), Ordering::Relaxed);
        }
    }
    // SAFETY: the handler calls nothing that a signal handler may not call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_abort as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND;
        libc::sigaction(libc::SIGABRT, &raw const action, std::ptr::null_mut());
    }
    Ok(captured)
}

/// Leads the descriptors to the log again, for what is said at the very end.
pub(super) fn release() {
    let log = LOG.load(Ordering::Relaxed);
    if log > libc::STDERR_FILENO {
        // SAFETY: numbers that aren't open are answered by errors.
        unsafe {
            libc::dup2(log, libc::STDOUT_FILENO);
            libc::dup2(log, libc::STDERR_FILENO);
        }
        rescue();
    }
}

impl Captured {
    /// The descriptors that become readable when something is written.
    pub(super) fn read_ends(&self) -> [RawFd; 2] {
        self.pipes.each_ref().map(|pipe| pipe.read_end.as_raw_fd())
    }

    /// Whether something has been written: one question to the system, as it is asked for every
    /// piece of work.
    pub(super) fn has_something(&self) -> bool {
        let mut ends = self.read_ends().map(|end| libc::pollfd {
            fd: end,
            events: libc::POLLIN,
            revents: 0,
        });
        // SAFETY: the pointer and the number are those of one array.
        unsafe { libc::poll(ends.as_mut_ptr(), 2, 0) };
        ends.iter().any(|end| end.revents & libc::POLLIN != 0)
    }

    /// Hands over what has been written so far.
    pub(super) fn read(&mut self, mut take: impl FnMut(Stream, &str)) {
        self.piece.resize(PIECE_BYTES, 0);
        for pipe in &mut self.pipes {
            pipe.read(&mut self.piece, &mut self.copy, &mut take);
        }
    }

    /// Hands over what was the beginning of a character: no more of it comes.
    pub(super) fn end(&mut self, mut take: impl FnMut(Stream, &str)) {
        for pipe in &mut self.pipes {
            if !pipe.begun.is_empty() {
                let begun = std::mem::take(&mut pipe.begun);
                take(pipe.stream, &String::from_utf8_lossy(&begun));
            }
        }
    }
}

impl Pipe {
    fn in_place_of(
        descriptor: RawFd,
        stream: Stream,
        read_end: OwnedFd,
        write_end: OwnedFd,
    ) -> io::Result<Self> {
        // SAFETY: the new number is one of the two standard ones, which nothing owns.
        checked(unsafe { libc::dup2(write_end.as_raw_fd(), descriptor) })?;
        Ok(Self {
            stream,
            read_end,
            begun: Vec::new(),
        })
    }

    fn read(
        &mut self,
        piece: &mut [u8],
        copy: &mut Copied<Log>,
        take: &mut impl FnMut(Stream, &str),
    ) {
        loop {
            // SAFETY: no more is read than the slice has room for.
            let length = unsafe {
                let end = self.read_end.as_raw_fd();
                libc::read(end, piece.as_mut_ptr().cast(), piece.len())
            };
            let Some(length) = usize::try_from(length).ok().filter(|length| *length > 0) else {
                return;
            };
            copy.write(&piece[..length]);
            self.begun.extend_from_slice(&piece[..length]);
            let whole = whole_characters(&self.begun);
            let rest = self.begun.split_off(whole);
            take(self.stream, &String::from_utf8_lossy(&self.begun));
            self.begun = rest;
            if length < piece.len() {
                return;
            }
        }
    }
}

/// The copy of what is printed, up to [`LOGGED_BYTES_MAX`].
struct Copied<W> {
    log: W,
    bytes: u64,
}

impl<W: Write> Copied<W> {
    fn to(log: W) -> Self {
        Self { log, bytes: 0 }
    }

    fn write(&mut self, piece: &[u8]) {
        if self.bytes > LOGGED_BYTES_MAX {
            return;
        }
        self.bytes += piece.len() as u64;
        // A log that can't be written, as on a full disk, is no reason to lose output.
        let _ = self.log.write_all(piece);
        if self.bytes > LOGGED_BYTES_MAX {
            let _ = writeln!(
                self.log,
                "\n[what this engine's commands print from here on is not in this log: {} MiB of it are]",
                LOGGED_BYTES_MAX >> 20
            );
        }
    }
}

/// How many of the bytes are characters, or nothing that a next byte could make one.
fn whole_characters(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => continue,
        };
        if at + length > bytes.len() {
            return at;
        }
    }
    bytes.len()
}

fn checked(answer: i32) -> io::Result<i32> {
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer)
}

/// Where the process of an engine says what it has to say itself: its stderr, or where that led to
/// before it was captured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: no more is read than the slice has.
        let written = unsafe {
            libc::write(
                LOG.load(Ordering::Relaxed),
                bytes.as_ptr().cast(),
                bytes.len(),
            )
        };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what is in the pipes to the log. Safe in a signal handler.
fn rescue() {
    let mut piece = [0_u8; 4096];
    for end in &READ_ENDS {
        let end = end.load(Ordering::Relaxed);
        loop {
            // SAFETY: both calls stay within the array; numbers that aren't open give errors.
            unsafe {
                let length = libc::read(end, piece.as_mut_ptr().cast(), piece.len());
                let Ok(length) = usize::try_from(length) else {
                    break;
                };
                if length == 0 {
                    break;
                }
                libc::write(LOG.load(Ordering::Relaxed), piece.as_ptr().cast(), length);
            }
        }
    }
}

/// Lets the other thread send what it has taken, as long as that takes no longer than a moment: why the
/// process aborts is in there, or in the pipes.
extern "C" fn on_abort(signal: i32) {
    let slice = libc::timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    };
    for _ in 0..HOLDING_SLICES_MAX {
        if !IS_HOLDING.load(Ordering::Acquire) {
            break;
        }
        // SAFETY: it may be called in a signal handler; the rest of the time isn't asked for.
        unsafe { libc::nanosleep(&raw const slice, std::ptr::null_mut()) };
    }
    rescue();
    // The usual action is set again by now.
    // SAFETY: it may be called in a signal handler.
    unsafe {
        libc::raise(signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_in_the_log_has_a_limit_and_says_so_once() {
        let mut copy = Copied::to(Vec::new());
        let piece = vec![b'y'; 1 << 20];
        let fits = LOGGED_BYTES_MAX >> 20;
        for _ in 0..fits {
            copy.write(&piece);
        }
        assert_eq!(copy.log.len() as u64, LOGGED_BYTES_MAX);
        copy.write(b"z");
        let with_last_words = copy.log.len();
        copy.write(&piece);
        assert_eq!(copy.log.len(), with_last_words);
        let said = String::from_utf8(copy.log).unwrap();
        assert!(
            said.contains("not in this log: 64 MiB"),
            "{}",
            &said[said.len() - 120..]
        );
    }

    #[test]
    fn characters_are_kept_until_they_are_whole() {
        for (bytes, whole) in [
            (&b"abc"[..], 3),
            (b"", 0),
            ("aé".as_bytes(), 3),
            (&"aé".as_bytes()[..2], 1),
            (&"€".as_bytes()[..2], 0),
            (&"a😀".as_bytes()[..4], 1),
            (&"a😀".as_bytes()[..2], 1),
            ("a😀".as_bytes(), 5),
            (b"a\xff", 2),
            (b"\x80\x80\x80", 3),
        ] {
            assert_eq!(whole_characters(bytes), whole, "{bytes:?}");
        }
    }
}
