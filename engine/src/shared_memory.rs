//! Large buffers between processes of one machine: memory that is handed over
//! by descriptor, in place of bytes that are written, read and written again.
//!
//! A sender copies a buffer into a file in memory, seals it, and passes its
//! descriptor along with the head of the frame (`SCM_RIGHTS`). Whoever receives
//! it maps it and touches nothing: the mapping *is* the buffer, and a Python
//! `bytes` made of it is that same memory, shared by all who have it. What is
//! sent on goes by the same descriptor. That is why this module is also the
//! allocator: a `Vec<u8>` whose memory is a mapping is given back to
//! [`SharingAllocator`], which unmaps it. In an executable with another
//! allocator buffers are copied out of the memory instead.
//!
//! Sealed, the memory can't be changed or shortened by anybody. The mappings
//! are private: who gets hold of one as memory of its own may write, and writes
//! into pages of its own. Only what can't be written to in Python (`bytes`) is
//! ever lent to a payload, so what goes on by its descriptor is unchanged.
//!
//! What the bytes mean is [`rhumba_proto::frame`]; who sends and receives them
//! is [`crate::socket`] and [`crate::controller`]. Memory that two objects of
//! one process have in common is [`joined`]'s; how memory arrives where the
//! program has opened all files that it may is in [`spares`].

mod joining;
mod spares;

pub use joining::{joined, owned};
pub(crate) use spares::{keep_spares, receive_surely};

use bytes::Bytes;
use rhumba_proto::frame::BESIDE_COUNT_MAX;
use rhumba_proto::message::Payload;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// Buffers of at least this many bytes go by descriptor: below, making the file
/// and mapping it costs more than copying.
pub(crate) const BYTES_MIN: usize = 1 << 20;

/// How many mappings a process has at most, as each keeps a descriptor open.
/// Buffers beyond that are copied.
const MAPPING_COUNT_MAX: usize = 256;

/// How many it has in fact: no more than a quarter of the descriptors that the
/// process may open, as the rest is for whatever its program does.
static MAPPING_COUNT_ALLOWED: LazyLock<usize> = LazyLock::new(|| {
    use rustix::process::{Resource, getrlimit};
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / 4).map_or(MAPPING_COUNT_MAX, |count| count.min(MAPPING_COUNT_MAX))
});

/// Every mapping begins at a multiple of this.
const PAGE_BYTES: usize = 4096;

/// What makes it safe to look at memory that another process made.
const SEALS: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::WRITE)
    .union(SealFlags::SEAL);

/// The system's allocator, and the one that takes back what [`adopt`] and [`joined`] mapped.
///
/// An executable installs it with `#[global_allocator]`.
#[derive(Debug, Default)]
pub struct SharingAllocator;

/// Whether the allocator of this process is [`SharingAllocator`].
static IS_INSTALLED: LazyLock<bool> = LazyLock::new(|| {
    // No lesser sign will do: with another allocator, giving a mapping back would be the end.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(PROBE_BYTES)));
    WAS_PROBED.load(Ordering::Relaxed)
});

/// An allocation of just this size is noticed by the allocator.
const PROBE_BYTES: usize = BYTES_MIN + 4099;

static WAS_PROBED: AtomicBool = AtomicBool::new(false);

// SAFETY: all but mappings is the system allocator's. A mapping is known by its
// address, which no other live allocation can have. Parts of the system allocator's memory may have
// been mapped anew with the same content (`joining`), which changes nothing for it.
unsafe impl GlobalAlloc for SharingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() == PROBE_BYTES {
            WAS_PROBED.store(true, Ordering::Relaxed);
        }
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        if layout.size() >= BYTES_MIN {
            if MAPPINGS.remove(address, layout.size()) {
                return;
            }
            MAPPINGS.forget_moved(address, layout.size());
        }
        // SAFETY: as the caller's, as it wasn't a mapping.
        unsafe { System.dealloc(address, layout) }
    }

    unsafe fn realloc(&self, address: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.size() < BYTES_MIN || MAPPINGS.find(address, layout.size()).is_none() {
            if layout.size() >= BYTES_MIN {
                MAPPINGS.forget_moved(address, layout.size());
            }
            // SAFETY: as the caller's, as it isn't a mapping.
            return unsafe { System.realloc(address, layout, new_size) };
        }
        // SAFETY: the caller's layout with another size, which is not zero.
        let moved = unsafe {
            let layout = Layout::from_size_align_unchecked(new_size, layout.align());
            System.alloc(layout)
        };
        if !moved.is_null() {
            // SAFETY: both are as long as what is copied, and apart.
            unsafe { moved.copy_from_nonoverlapping(address, layout.size().min(new_size)) };
            MAPPINGS.remove(address, layout.size());
        }
        moved
    }
}

/// The mappings of this process. Without a lock, and without an allocation: the
/// allocator looks here, in children that threads have forked as well.
static MAPPINGS: Mappings = Mappings([const { Mapping::none() }; MAPPING_COUNT_MAX]);

struct Mappings([Mapping; MAPPING_COUNT_MAX]);

struct Mapping {
    /// 0: this place is free. 1: somebody is about to fill or to empty it.
    address: AtomicUsize,
    length: AtomicUsize,
    descriptor: AtomicI32,
    /// Where in memory the pages are that the descriptor's file has, its first byte first.
    file_begin: AtomicUsize,
    file_length: AtomicUsize,
    /// Which file it is: a program may have closed the descriptor's number, and opened another by it.
    device: AtomicU64,
    inode: AtomicU64,
    kind: AtomicU8,
    /// How often the place was filled: who has read what belongs together finds the same before and after.
    fill_count: AtomicUsize,
}

/// What a mapping is.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The file is just these bytes, and sealed.
    Sealed,
    /// The file has whole pages of it.
    Joined,
    /// Pages of the system allocator's memory, which takes it back.
    Moved,
}

const FREE: usize = 0;
const RESERVED: usize = 1;

impl Mapping {
    const fn none() -> Self {
        Self {
            address: AtomicUsize::new(FREE),
            length: AtomicUsize::new(0),
            descriptor: AtomicI32::new(-1),
            file_begin: AtomicUsize::new(0),
            file_length: AtomicUsize::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
            kind: AtomicU8::new(Kind::Sealed as u8),
            fill_count: AtomicUsize::new(0),
        }
    }

    /// Says what is there from now on. The place was reserved.
    fn fill(&self, kind: Kind, bytes: &[u8], file: File, file_bytes: &[u8]) {
        self.fill_count.fetch_add(1, Ordering::AcqRel);
        self.length.store(bytes.len(), Ordering::Release);
        self.device.store(file.device, Ordering::Release);
        self.inode.store(file.inode, Ordering::Release);
        self.descriptor
            .store(file.descriptor.into_raw_fd(), Ordering::Release);
        let begin = file_bytes.as_ptr() as usize;
        self.file_begin.store(begin, Ordering::Release);
        self.file_length.store(file_bytes.len(), Ordering::Release);
        self.kind.store(kind as u8, Ordering::Release);
        let address = bytes.as_ptr() as usize;
        self.address.store(address, Ordering::Release);
    }

    fn is(&self, kind: Kind) -> bool {
        self.kind.load(Ordering::Relaxed) == kind as u8
    }

    /// The file, if the number still stands for it.
    ///
    /// # Safety
    /// The mapping lives at least as long as what is returned.
    unsafe fn file<'a>(&self) -> Option<BorrowedFd<'a>> {
        let number = self.descriptor.load(Ordering::Relaxed);
        // SAFETY: it is open as long as the mapping lives, or stands for another file, or for none: then
        // asking about it fails, and nothing else is done with it.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        let found = rustix::fs::fstat(file).ok()?;
        let is_own = found.st_dev == self.device.load(Ordering::Relaxed)
            && found.st_ino == self.inode.load(Ordering::Relaxed);
        is_own.then_some(file)
    }

    /// Closes the file, if the number still stands for it.
    ///
    /// # Safety
    /// Nobody asks for the file from then on.
    unsafe fn close(&self) {
        // SAFETY: nobody else closes it.
        if let Some(file) = unsafe { self.file() } {
            drop(unsafe { OwnedFd::from_raw_fd(file.as_raw_fd()) });
        }
    }
}

/// A file in memory, and which it is.
struct File {
    descriptor: OwnedFd,
    device: u64,
    inode: u64,
}

impl File {
    fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let found = rustix::fs::fstat(&descriptor)?;
        Ok(Self {
            descriptor,
            device: found.st_dev,
            inode: found.st_ino,
        })
    }
}

impl Mappings {
    /// Reserves a place; `None` if there are too many mappings already.
    fn reserve(&self) -> Option<&Mapping> {
        self.0[..*MAPPING_COUNT_ALLOWED].iter().find(|mapping| {
            mapping
                .address
                .compare_exchange(FREE, RESERVED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        })
    }

    fn find(&self, address: *const u8, length: usize) -> Option<&Mapping> {
        let at = address as usize;
        self.0.iter().find(|mapping| {
            mapping.address.load(Ordering::Acquire) == at
                && mapping.length.load(Ordering::Relaxed) == length
                && !mapping.is(Kind::Moved)
        })
    }

    /// The mapping whose file has these bytes, and where in it they are.
    fn find_file(&self, bytes: &[u8]) -> Option<(&Mapping, usize)> {
        let at = bytes.as_ptr() as usize;
        self.0.iter().find_map(|mapping| {
            let fill_count = mapping.fill_count.load(Ordering::Acquire);
            let address = mapping.address.load(Ordering::Acquire);
            let begin = mapping.file_begin.load(Ordering::Acquire);
            let length = mapping.file_length.load(Ordering::Acquire);
            let offset = at.checked_sub(begin)?;
            let is_within = offset < length && bytes.len() <= length - offset;
            // Another thread may have emptied and filled the place meanwhile.
            let is_whole = address > RESERVED
                && mapping.address.load(Ordering::Acquire) == address
                && mapping.fill_count.load(Ordering::Acquire) == fill_count;
            (is_within && is_whole).then_some((mapping, offset))
        })
    }

    /// Lets go of the files of memory that is given back to the system's allocator.
    fn forget_moved(&self, address: *const u8, length: usize) {
        if length < joining::MOVED_BYTES_MIN {
            return;
        }
        let begin = address as usize;
        for mapping in &self.0 {
            let at = mapping.address.load(Ordering::Acquire);
            if at < begin || at - begin >= length || !mapping.is(Kind::Moved) {
                continue;
            }
            mapping.address.store(RESERVED, Ordering::Relaxed);
            // SAFETY: kept for this memory, of which the caller is the last owner.
            unsafe { mapping.close() };
            mapping.address.store(FREE, Ordering::Release);
        }
    }

    /// Unmaps what whoever calls owns; false if it isn't a mapping.
    fn remove(&self, address: *mut u8, length: usize) -> bool {
        let Some(mapping) = self.find(address, length) else {
            return false;
        };
        mapping.address.store(RESERVED, Ordering::Relaxed);
        let before = address as usize % PAGE_BYTES;
        // SAFETY: whole pages around this address and length were mapped by `adopt` or `joined`, the
        // descriptor kept for them, and all is given back by its one owner.
        unsafe {
            mapping.close();
            libc::munmap(address.sub(before).cast(), before + length);
        }
        mapping.address.store(FREE, Ordering::Release);
        true
    }
}

/// The memory of one buffer, to be handed over.
pub(crate) enum Handle<'a> {
    /// The buffer is a mapping already, and this its descriptor.
    Mapped(BorrowedFd<'a>),
    Made(OwnedFd),
}

impl AsFd for Handle<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Mapped(descriptor) => *descriptor,
            Self::Made(descriptor) => descriptor.as_fd(),
        }
    }
}

/// Returns the places of the buffers that should go by descriptor: all large
/// ones, if they are few and hold nearly everything.
pub(crate) fn large_buffers(payload: &Payload) -> Vec<usize> {
    if payload.bytes() < BYTES_MIN as u64 {
        return Vec::new();
    }
    let mut places = Vec::new();
    let mut rest_bytes = 0;
    for (place, buffer) in payload.buffers.iter().enumerate() {
        if buffer.len() >= BYTES_MIN {
            places.push(place);
        } else {
            rest_bytes += buffer.len();
        }
    }
    if places.len() > BESIDE_COUNT_MAX || rest_bytes >= BYTES_MIN {
        places.clear();
    }
    places
}

/// Whether the buffer is memory that a descriptor stands for.
pub(crate) fn is_mapping(buffer: &Bytes) -> bool {
    descriptor_of(buffer).is_some()
}

/// Returns the descriptor of a buffer that is a mapping of this process.
pub(crate) fn descriptor_of(buffer: &Bytes) -> Option<BorrowedFd<'_>> {
    if buffer.len() < BYTES_MIN {
        return None;
    }
    let mapping = MAPPINGS.find(buffer.as_ptr(), buffer.len())?;
    // SAFETY: the buffer keeps the mapping alive.
    let descriptor = unsafe { mapping.file() };
    descriptor.filter(|_| mapping.is(Kind::Sealed))
}

/// Returns memory with the buffer's bytes: its own if it is a mapping, else a
/// sealed copy.
///
/// # Errors
/// If the kernel has no descriptor or no memory left for it.
pub(crate) fn share(buffer: &Bytes) -> io::Result<Handle<'_>> {
    if let Some(descriptor) = descriptor_of(buffer) {
        return Ok(Handle::Mapped(descriptor));
    }
    let file = rustix::fs::memfd_create(
        "rhumba-payload",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )?;
    let mut rest = &buffer[..];
    while !rest.is_empty() {
        match rustix::io::write(&file, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    rustix::fs::fcntl_add_seals(&file, SEALS)?;
    Ok(Handle::Made(file))
}

/// Makes a buffer of memory that a peer handed over, of at most so many bytes.
///
/// # Errors
/// If it isn't memory, is not sealed against every change, is larger, or can't be mapped.
pub(crate) fn adopt(file: OwnedFd, bytes_max: u64) -> io::Result<Bytes> {
    let length = length_of(&file, bytes_max)?;
    if length < BYTES_MIN || !*IS_INSTALLED {
        return copy(&file, length);
    }
    let file = File::new(file)?;
    let Some(mapping) = MAPPINGS.reserve() else {
        return copy(&file.descriptor, length);
    };
    let address = match map(&file.descriptor, length) {
        Ok(address) => address,
        Err(error) => {
            mapping.address.store(FREE, Ordering::Release);
            return Err(error);
        }
    };
    // SAFETY: `length` readable and writable bytes that nobody else owns. The global allocator is
    // the one above, which takes them back with this address and length.
    let vector = unsafe { Vec::from_raw_parts(address.as_ptr(), length, length) };
    mapping.fill(Kind::Sealed, &vector, file, &vector);
    Ok(Bytes::from(vector))
}

/// Does what [`adopt`] does, and keeps no descriptor.
fn copied(file: OwnedFd, bytes_max: u64) -> io::Result<Bytes> {
    copy(&file, length_of(&file, bytes_max)?)
}

/// Returns the length of memory that a peer handed over, if that can be used.
fn length_of(file: &OwnedFd, bytes_max: u64) -> io::Result<usize> {
    let seals = rustix::fs::fcntl_get_seals(file)?;
    if !seals.contains(SEALS) {
        return Err(io::Error::other("its memory can still be changed"));
    }
    let length = usize::try_from(rustix::fs::fstat(file)?.st_size)
        .map_err(|_| io::Error::other("its memory has no length"))?;
    if length as u64 > bytes_max {
        return Err(io::Error::other(format!(
            "its memory has {length} bytes, where one message may still have {bytes_max}"
        )));
    }
    Ok(length)
}

/// Makes buffers of all that came at once.
fn adopt_all(
    files: Vec<OwnedFd>,
    memory_bytes_max: Option<u64>,
    make: impl Fn(OwnedFd, u64) -> io::Result<Bytes>,
) -> io::Result<Vec<Bytes>> {
    let mut buffers = Vec::with_capacity(files.len());
    let mut left = memory_bytes_max;
    for file in files {
        let Some(bytes_max) = &mut left else {
            return Err(io::Error::other(
                "it handed over memory before it said who it is",
            ));
        };
        let buffer = make(file, *bytes_max)?;
        *bytes_max -= buffer.len() as u64;
        buffers.push(buffer);
    }
    Ok(buffers)
}

fn map(file: &OwnedFd, length: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new mapping at an address that the kernel chooses; nobody can shorten the file.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast())
        .ok_or_else(|| io::Error::other("its memory was mapped at address 0"))
}

/// Reads memory into a buffer that is this process's alone.
fn copy(file: &OwnedFd, length: usize) -> io::Result<Bytes> {
    let mut buffer: Vec<u8> = Vec::new();
    buffer.try_reserve_exact(length)?;
    prefer_huge_pages(&mut buffer.spare_capacity_mut()[..length]);
    while buffer.len() < length {
        let offset = buffer.len() as u64;
        let missing = length - buffer.len();
        let space = &mut buffer.spare_capacity_mut()[..missing];
        let count = match rustix::io::pread(file, space, offset) {
            Ok((filled, _)) => filled.len(),
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // SAFETY: the kernel has just filled these bytes.
        unsafe { buffer.set_len(buffer.len() + count) };
    }
    Ok(Bytes::from(buffer))
}

/// Sends bytes together with descriptors. Returns how many bytes were taken;
/// the descriptors go with the first of them.
///
/// # Errors
/// What the socket says; [`goes_by_bytes_instead`] knows the one to expect.
pub(crate) fn send(
    stream: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BESIDE_COUNT_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("descriptors find no room in a message"));
    }
    let slices = [IoSlice::new(bytes)];
    let sent = rustix::net::sendmsg(stream, &slices, &mut control, SendFlags::NOSIGNAL)?;
    Ok(sent)
}

/// Whether descriptors could not be sent only because too many are on their
/// way already.
pub(crate) fn goes_by_bytes_instead(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ETOOMANYREFS)
}

/// Receives bytes, and the buffers that came beside them: together of at most so many bytes;
/// `None`: there may be none.
///
/// # Errors
/// What the socket says, that this process can't open another descriptor, or
/// that what came isn't sealed memory, or more than there may be.
pub(crate) fn receive(
    stream: impl AsFd,
    space: &mut [u8],
    memory_bytes_max: Option<u64>,
) -> io::Result<(usize, Vec<Bytes>)> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BESIDE_COUNT_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let mut slices = [IoSliceMut::new(space)];
    let received =
        rustix::net::recvmsg(stream, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    let buffers = adopt_all(files, memory_bytes_max, adopt)?;
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(no_descriptor());
    }
    Ok((received.bytes, buffers))
}

fn no_descriptor() -> io::Error {
    io::Error::other(
        "no file descriptor was free to receive a large payload with; close files, or raise the limit (ulimit -n)",
    )
}

/// Less than this to read gains nothing from huge pages, in bytes.
const HUGE_PAGES_BYTES_MIN: usize = 4 << 20;

/// Asks for huge pages where a large payload is about to be read: touching new
/// memory in small pages takes as long as copying it.
pub(crate) fn prefer_huge_pages<T>(space: &mut [T]) {
    let length = size_of_val(space);
    if length < HUGE_PAGES_BYTES_MIN {
        return;
    }
    let begin: *mut u8 = space.as_mut_ptr().cast();
    let offset = begin.align_offset(PAGE_BYTES);
    let Some(length) = length.checked_sub(offset) else {
        return;
    };
    // SAFETY: the range lies in `space`, and the advice changes no content.
    // A kernel without huge pages refuses, and nothing is lost.
    unsafe {
        libc::madvise(begin.add(offset).cast(), length, libc::MADV_HUGEPAGE);
    }
}

#[cfg(test)]
mod tests;
