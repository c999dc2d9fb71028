//! Memory that arrives where no descriptor is free: a program may open files until it can't open
//! another, and what is handed over to it arrives all the same.
//!
//! Some descriptors are kept for that. What arrives is looked at before it is taken: what found no
//! descriptor is still in the socket then, and comes again when the spare ones are given up. It is
//! copied out of its memory, so that they can be kept anew.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::LazyLock;

use bytes::Bytes;
use parking_lot::Mutex;
use rhumba_proto::frame::BESIDE_COUNT_MAX;
use rustix::fs::MemfdFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags};
use rustix::process::{Resource, getrlimit};

use super::{File, adopt, adopt_all, copied, no_descriptor};

/// What this process keeps, however many connections it has.
static SPARES: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// How many that are: as many as one message may bring, or, where few files may be open at all, a
/// part of these.
static SPARE_COUNT: LazyLock<usize> = LazyLock::new(|| {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / 16).map_or(BESIDE_COUNT_MAX, |count| count.min(BESIDE_COUNT_MAX))
});

/// Keeps descriptors for memory that arrives, as far as some are free.
pub(crate) fn keep_spares() {
    // Who has it fills it; a child that was forked meanwhile does without.
    if let Some(mut spares) = SPARES.try_lock() {
        fill(&mut spares);
    }
}

fn fill(spares: &mut Vec<File>) {
    while spares.len() < *SPARE_COUNT {
        let spare = rustix::fs::memfd_create("rhumba-spare", MemfdFlags::CLOEXEC);
        match spare.map_err(io::Error::from).and_then(File::new) {
            Ok(spare) => spares.push(spare),
            Err(_) => return,
        }
    }
}

/// Gives a descriptor up, if its number still stands for it: a program may have closed all numbers,
/// and have opened others.
fn give_up(spare: File) {
    let found = rustix::fs::fstat(&spare.descriptor);
    let is_own =
        found.is_ok_and(|found| found.st_dev == spare.device && found.st_ino == spare.inode);
    if !is_own {
        let _ = spare.descriptor.into_raw_fd();
    }
}

/// Does what [`receive`](super::receive) does, where no descriptor may be free.
///
/// # Errors
/// As that, if the descriptors that are kept aren't enough either.
pub(crate) fn receive_surely(
    stream: BorrowedFd<'_>,
    space: &mut [u8],
    memory_bytes_max: u64,
) -> io::Result<(usize, Vec<Bytes>)> {
    let seen = look(stream, space)?;
    if !seen.is_cut {
        return take(stream, space, seen, memory_bytes_max, adopt);
    }
    drop(seen);
    let mut spares = SPARES.try_lock();
    if let Some(spares) = &mut spares {
        spares.drain(..).for_each(give_up);
    }
    let received = look(stream, space).and_then(|seen| match seen.is_cut {
        false => take(stream, space, seen, memory_bytes_max, copied),
        true => Err(no_descriptor()),
    });
    if let Some(spares) = &mut spares {
        fill(spares);
    }
    received
}

/// What is in a socket.
struct Seen {
    count: usize,
    files: Vec<OwnedFd>,
    /// Some of the files found no descriptor.
    is_cut: bool,
}

/// Waits until something is there, and leaves it there.
fn look(stream: BorrowedFd<'_>, space: &mut [u8]) -> io::Result<Seen> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BESIDE_COUNT_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let mut slices = [IoSliceMut::new(space)];
    let flags = RecvFlags::PEEK | RecvFlags::CMSG_CLOEXEC;
    let seen = rustix::net::recvmsg(stream, &mut slices, &mut control, flags)?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    Ok(Seen {
        count: seen.bytes,
        files,
        is_cut: seen.flags.contains(ReturnFlags::CTRUNC),
    })
}

/// Takes what was seen, and no more: with that files might come that weren't.
fn take(
    stream: BorrowedFd<'_>,
    space: &mut [u8],
    seen: Seen,
    memory_bytes_max: u64,
    make: impl Fn(OwnedFd, u64) -> io::Result<Bytes>,
) -> io::Result<(usize, Vec<Bytes>)> {
    if seen.count == 0 {
        return Ok((0, Vec::new()));
    }
    // The files are here already: read without room for them, those in the socket are closed.
    let count = rustix::io::read(stream, &mut space[..seen.count])?;
    let buffers = adopt_all(seen.files, Some(memory_bytes_max), make)?;
    Ok((count, buffers))
}
