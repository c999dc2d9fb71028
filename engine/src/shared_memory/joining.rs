//! One run of bytes out of several, of which a large one is not there twice.
//!
//! A snapshot as one `bytes` holds a large `bytes` of the data, and so does what is read back out of it:
//! copied, either would take as much memory again. Instead the pages of the large one are moved, piece by
//! piece, into a sealed file in memory, which is then mapped in both places: privately, so that who writes into
//! either writes into pages of its own. What is in such a file already is mapped once more, and nothing
//! is moved. Whoever reads meanwhile sees the same bytes all the time, before and after a piece has moved.
//!
//! That asks for memory which the allocator took from the system for this one buffer, and which nobody
//! writes to: content of [`Bytes`]. Everything else is copied.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use rustix::fs::MemfdFlags;
use rustix::process::Resource;

use super::{FREE, File, IS_INSTALLED, Kind, MAPPINGS, Mapping, PAGE_BYTES, SEALS};

/// Buffers of at least this many bytes are moved. The system's allocator takes smaller ones out of memory
/// that it uses again, which would then keep the file.
pub(super) const MOVED_BYTES_MIN: usize = 64 << 20;

/// How much is there twice at a time.
const PIECE_BYTES: usize = 4 << 20;

/// Returns the parts one after the other. A large one and its place in the result are the same memory.
#[must_use]
pub fn joined(parts: Vec<Bytes>) -> Vec<u8> {
    match Plan::of(&parts) {
        // What can't be mapped can be copied.
        Some(plan) => plan.carried_out(&parts).unwrap_or_else(|_| parts.concat()),
        None => parts.concat(),
    }
}

/// Returns a buffer as memory of its own: what it is if nobody else holds it, else as [`joined`] does.
#[must_use]
pub fn owned(buffer: Bytes) -> Vec<u8> {
    match buffer.try_into_mut() {
        Ok(own) => own.into(),
        Err(shared) => joined(vec![shared]),
    }
}

/// Whether the system's allocator takes large memory from the system, and gives just that back: what it
/// kept for later use would keep its file, and may count as empty what a file fills again.
static MAPS_LARGE: LazyLock<bool> = LazyLock::new(maps_large);

/// GNU's marks such memory in the word before it, which is the second of its first page. The environment
/// may have told it otherwise, and another allocator may have been loaded in its place.
#[cfg(target_env = "gnu")]
fn maps_large() -> bool {
    const IS_MAPPED: usize = 2;
    const HEAD_BYTES: usize = 16;
    let layout = Layout::new::<[u8; MOVED_BYTES_MIN]>();
    // SAFETY: its size isn't zero.
    let address = unsafe { System.alloc(layout) };
    if address.is_null() {
        return false;
    }
    let is_mapped = address as usize % PAGE_BYTES == HEAD_BYTES && {
        // To the compiler nothing is before it.
        let place = std::hint::black_box(address as usize - HEAD_BYTES / 2) as *const usize;
        // SAFETY: as much of the page is before the address.
        let head = unsafe { place.read_volatile() };
        head & IS_MAPPED != 0 && (head & !7) >= MOVED_BYTES_MIN + HEAD_BYTES
    };
    // SAFETY: allocated above with this layout.
    unsafe { System.dealloc(address, layout) };
    is_mapped
}

/// That of musl maps all that is as large as this.
#[cfg(not(target_env = "gnu"))]
fn maps_large() -> bool {
    cfg!(target_env = "musl")
}

/// Whether a file may be so long: it's a signal that would say that it may not.
fn is_allowed(length: usize) -> bool {
    let most = rustix::process::getrlimit(Resource::Fsize).current;
    most.is_none_or(|most| length as u64 <= most)
}

/// Where everything comes to lie.
struct Plan {
    /// The part that is moved.
    part: usize,
    /// How many bytes are before it.
    offset: usize,
    total: usize,
}

impl Plan {
    fn of(parts: &[Bytes]) -> Option<Self> {
        let (part, largest) = parts
            .iter()
            .enumerate()
            .max_by_key(|(_, part)| part.len())?;
        let length = largest.len();
        if length < MOVED_BYTES_MIN || !*IS_INSTALLED || !*MAPS_LARGE || !is_allowed(length) {
            return None;
        }
        Some(Self {
            part,
            offset: parts[..part].iter().map(Bytes::len).sum(),
            total: parts.iter().map(Bytes::len).sum(),
        })
    }

    fn carried_out(&self, parts: &[Bytes]) -> io::Result<Vec<u8>> {
        let place = MAPPINGS
            .reserve()
            .ok_or_else(|| io::Error::other("there are too many mappings"))?;
        self.mapped(parts, place).inspect_err(|_| {
            place.address.store(FREE, Ordering::Release);
        })
    }

    fn mapped(&self, parts: &[Bytes], place: &Mapping) -> io::Result<Vec<u8>> {
        let moved = &parts[self.part];
        // Only whole pages can be mapped, so both begin at the same place within a page.
        let begin = (moved.as_ptr() as usize).wrapping_sub(self.offset) % PAGE_BYTES;
        let to_page = moved.as_ptr().align_offset(PAGE_BYTES);
        let length = (moved.len() - to_page) / PAGE_BYTES * PAGE_BYTES;
        let pages = &moved[to_page..to_page + length];
        let region = Region::new(begin + self.total)?;
        let (file, file_offset) = match known_file(pages) {
            Some((file, offset)) => (file.try_clone_to_owned()?, offset),
            None => {
                let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
                let file = rustix::fs::memfd_create("rhumba-bytes", flags)?;
                move_pages(pages, &file)?;
                // From here on nobody can change it by whatever way to it they find.
                rustix::fs::fcntl_add_seals(&file, SEALS)?;
                // The next time its pages need not be moved.
                if let (Ok(kept), Some(place)) = (file.try_clone(), MAPPINGS.reserve()) {
                    match File::new(kept) {
                        Ok(kept) => place.fill(Kind::Moved, pages, kept, pages),
                        Err(_) => place.address.store(FREE, Ordering::Release),
                    }
                }
                (file, 0)
            }
        };
        let file = File::new(file)?;
        let pages_at = begin + self.offset + to_page;
        region.map(pages_at, length, &file.descriptor, file_offset as u64)?;
        let mut vector = region.into_vector(begin, self.total);
        let file_bytes = &vector[pages_at - begin..][..length];
        place.fill(Kind::Joined, &vector, file, file_bytes);
        let mut at = 0;
        for (index, part) in parts.iter().enumerate() {
            let end = at + part.len();
            if index == self.part {
                vector[at..at + to_page].copy_from_slice(&part[..to_page]);
                let rest = to_page + length;
                vector[at + rest..end].copy_from_slice(&part[rest..]);
            } else {
                vector[at..end].copy_from_slice(part);
            }
            at = end;
        }
        Ok(vector)
    }
}

/// The file that has these pages already, and where.
fn known_file(pages: &[u8]) -> Option<(BorrowedFd<'_>, usize)> {
    let (mapping, offset) = MAPPINGS.find_file(pages)?;
    // SAFETY: who has the pages keeps the mapping alive.
    let file = unsafe { mapping.file() }?;
    Some((file, offset))
}

/// Fresh memory, given back to the system unless it becomes a vector.
struct Region {
    address: usize,
    length: usize,
}

impl Region {
    fn new(length: usize) -> io::Result<Self> {
        let length = length.next_multiple_of(PAGE_BYTES);
        // SAFETY: a new mapping at an address that the kernel chooses.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = address as usize;
        Ok(Self { address, length })
    }

    /// Puts bytes of a file at an offset.
    fn map(&self, offset: usize, length: usize, file: &OwnedFd, at: u64) -> io::Result<()> {
        debug_assert!(offset + length <= self.length && offset.is_multiple_of(PAGE_BYTES));
        // SAFETY: whole pages within the region, which nobody else knows of.
        unsafe { map_over(self.address + offset, length, file, at) }
    }

    /// The vector that begins at an offset.
    fn into_vector(self, begin: usize, length: usize) -> Vec<u8> {
        let address = self.address + begin;
        std::mem::forget(self);
        // SAFETY: `length` readable and writable bytes that nobody else owns. The global allocator is
        // the one that takes them back, with this address and length.
        unsafe { Vec::from_raw_parts(address as *mut u8, length, length) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and nobody else's.
        unsafe { libc::munmap(self.address as *mut libc::c_void, self.length) };
    }
}

/// Moves whole pages into an empty file, which then lies where they were.
fn move_pages(pages: &[u8], file: &OwnedFd) -> io::Result<()> {
    let mut offset = 0;
    for piece in pages.chunks(PIECE_BYTES) {
        write_all(piece, file, offset)?;
        let address = piece.as_ptr() as usize;
        // SAFETY: the same bytes are there as before. The pages are those of one allocation, which is as
        // good as it was to whoever owns it: to be read, written and given back to the system.
        unsafe { map_over(address, piece.len(), file, offset)? };
        offset += piece.len() as u64;
    }
    Ok(())
}

fn write_all(mut bytes: &[u8], file: &OwnedFd, mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Maps part of a file in the place of what is there, which has the same bytes.
///
/// A kernel that has no memory left even for this leaves there what was there, or may have taken it away. Then it is put
/// back; where that fails, too, the process ends.
///
/// # Safety
/// Whole pages at this address, which are the caller's to replace by these.
unsafe fn map_over(address: usize, length: usize, file: &OwnedFd, offset: u64) -> io::Result<()> {
    let at = i64::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
    // SAFETY: as the caller's.
    let mapped = unsafe {
        libc::mmap(
            address as *mut libc::c_void,
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_FIXED,
            file.as_raw_fd(),
            at,
        )
    };
    if mapped != libc::MAP_FAILED {
        return Ok(());
    }
    let failure = io::Error::last_os_error();
    if !is_mapped(address, length) && put_back(address, length, file, offset).is_err() {
        std::process::abort();
    }
    Err(failure)
}

/// Whether something is at all of these pages.
fn is_mapped(address: usize, length: usize) -> bool {
    let mut pages = vec![0_u8; length / PAGE_BYTES];
    // SAFETY: as many bytes as pages are asked about, of any address.
    unsafe { libc::mincore(address as *mut libc::c_void, length, pages.as_mut_ptr()) == 0 }
}

/// Copies part of a file to pages where nothing is.
fn put_back(address: usize, length: usize, file: &OwnedFd, mut offset: u64) -> io::Result<()> {
    // SAFETY: nothing is there that this could take the place of.
    let mapped = unsafe {
        libc::mmap(
            address as *mut libc::c_void,
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    if mapped == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just mapped, and as long as this.
    let mut space = unsafe { std::slice::from_raw_parts_mut(address as *mut u8, length) };
    while !space.is_empty() {
        match rustix::io::pread(file, &mut *space, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                offset += count as u64;
                space = &mut space[count..];
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::FromRawFd;

    use super::*;

    const LENGTH: usize = MOVED_BYTES_MIN + 12_345;

    fn large(seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut word = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_le_bytes()
        };
        let mut bytes = Vec::with_capacity(LENGTH);
        while bytes.len() < LENGTH {
            bytes.extend_from_slice(&word());
        }
        bytes.truncate(LENGTH);
        bytes
    }

    /// Bytes that somebody else holds as well.
    fn lent(vector: Vec<u8>) -> (Bytes, Bytes) {
        let bytes = Bytes::from(vector);
        (bytes.clone(), bytes)
    }

    /// What of the memory at this place is a file's, by the kernel's own list.
    fn is_of_file(address: *const u8) -> bool {
        let address = address as usize;
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| {
            let (range, _) = line.split_once(' ').unwrap();
            let (begin, end) = range.split_once('-').unwrap();
            let number = |text| usize::from_str_radix(text, 16).unwrap();
            (number(begin)..number(end)).contains(&address)
        });
        line.is_some_and(|line| line.contains("memfd:rhumba-bytes"))
    }

    #[test]
    fn a_large_part_is_the_same_memory_in_both_places() {
        for (before, behind) in [(0, 0), (1, 0), (9, 5000), (4096, 1), (10_000, 70_000)] {
            let expected = [vec![1; before], large(3), vec![2; behind]].concat();
            let (kept, given) = lent(large(3));
            let head = Bytes::from(vec![1; before]);
            let tail = Bytes::from(vec![2; behind]);
            let all = joined(vec![head, given, tail]);
            assert!(all == expected, "{before} {behind}");
            assert!(kept == large(3), "{before} {behind}");
            let middle = LENGTH / 2;
            assert!(is_of_file(kept[middle..].as_ptr()));
            assert!(is_of_file(all[before + middle..].as_ptr()));
            // Either may go first.
            if before == 1 {
                drop(all);
                assert!(kept == large(3));
            } else {
                drop(kept);
                assert!(all == expected);
            }
        }
    }

    #[test]
    fn who_writes_changes_nobody_elses() {
        let (kept, given) = lent(large(5));
        let mut all = joined(vec![Bytes::from_static(b"head"), given]);
        all.fill(0);
        assert!(kept == large(5));
        all.extend_from_slice(b"grown");
        assert_eq!((all.len(), &all[LENGTH + 4..]), (LENGTH + 9, &b"grown"[..]));
        assert!(all[..LENGTH + 4].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn it_can_be_done_again_and_with_what_came_of_it() {
        let (kept, given) = lent(large(7));
        let once = joined(vec![Bytes::from_static(b"1"), given.clone()]);
        let twice = joined(vec![Bytes::from_static(b"22"), given]);
        let (kept_once, given_once) = lent(once);
        let thrice = joined(vec![given_once.slice(1..)]);
        assert!(joined(vec![given_once.slice(4096..LENGTH - 1)]) == kept[4095..LENGTH - 2]);
        drop(given_once);
        drop(kept_once);
        assert!(twice[2..] == kept[..] && thrice[..] == kept[..]);
        drop(kept);
        assert!(twice[2..] == thrice[..]);
    }

    #[test]
    fn the_memory_is_given_back() {
        let (kept, given) = lent(large(9));
        let all = joined(vec![Bytes::from_static(b"head"), given]);
        let (at, length) = (all.as_ptr(), all.len());
        assert!(MAPPINGS.find(at, length).is_some());
        drop(all);
        assert!(MAPPINGS.find(at, length).is_none());
        assert!(!is_of_file(at));
        let middle = kept.as_ptr().wrapping_add(LENGTH / 2);
        let page = &kept[LENGTH / 2..][..PAGE_BYTES];
        assert!(MAPPINGS.find_file(page).is_some());
        drop(kept);
        assert!(!is_of_file(middle));
        let is_known = |mapping: &Mapping| {
            let begin = mapping.file_begin.load(Ordering::Relaxed);
            let is_there = mapping.address.load(Ordering::Acquire) > super::super::RESERVED;
            is_there && (begin..begin + LENGTH).contains(&(middle as usize))
        };
        assert!(!MAPPINGS.0.iter().any(is_known));
    }

    #[test]
    fn readers_see_the_same_bytes_all_the_time() {
        let (kept, given) = lent(large(11));
        let sum = |bytes: &[u8]| -> u64 { bytes.iter().map(|byte| u64::from(*byte)).sum() };
        let expected = sum(&kept);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut count = 0;
                while !done.load(Ordering::Relaxed) || count == 0 {
                    assert_eq!(sum(&kept), expected);
                    count += 1;
                }
            });
            let all = joined(vec![Bytes::from_static(b"head"), given]);
            done.store(true, Ordering::Relaxed);
            assert_eq!(sum(&all[4..]), expected);
            reader.join().unwrap();
        });
    }

    #[test]
    fn small_and_own_parts_are_not_moved() {
        let all = joined(vec![
            Bytes::from_static(b"one "),
            Bytes::from_static(b"two"),
        ]);
        assert_eq!(all, b"one two");
        assert!(joined(Vec::new()).is_empty());
        let own = large(13);
        let at = own.as_ptr();
        let same = owned(Bytes::from(own));
        assert_eq!(same.as_ptr(), at);
        assert!(!is_of_file(same[LENGTH / 2..].as_ptr()));
    }

    #[test]
    fn a_number_that_stands_for_another_file_is_let_alone() {
        let (kept, given) = lent(large(15));
        let all = joined(vec![Bytes::from_static(b"head"), given.clone()]);
        let mapping = MAPPINGS.find(all.as_ptr(), all.len()).unwrap();
        let number = mapping.descriptor.load(Ordering::Relaxed);
        let mut other = tempfile::tempfile().unwrap();
        // As by a program that closes all numbers it doesn't know, and opens files of its own.
        // SAFETY: the number is a file's, and becomes another's.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), number) }, number);
        let again = joined(vec![Bytes::from(all).slice(4..)]);
        assert!(again == kept);
        drop(again);
        std::io::Write::write_all(&mut other, b"still open").unwrap();
        // SAFETY: it isn't the mapping's any more.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }

    #[test]
    fn nobody_can_write_into_the_file() {
        let (kept, given) = lent(large(17));
        let all = joined(vec![Bytes::from_static(b"head"), given]);
        let mapping = MAPPINGS.find(all.as_ptr(), all.len()).unwrap();
        // SAFETY: the mapping lives as long as what it is of.
        let file = unsafe { mapping.file() }.unwrap();
        assert_eq!(rustix::io::write(file, b"x"), Err(rustix::io::Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(file, 0), Err(rustix::io::Errno::PERM));
        assert!(kept == large(17) && all[4..] == kept[..]);
    }

    #[test]
    fn what_was_taken_away_is_put_back() {
        let file = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        let bytes = &large(19)[..PIECE_BYTES];
        write_all(bytes, &file, 0).unwrap();
        let region = Region::new(PIECE_BYTES).unwrap();
        assert!(is_mapped(region.address, region.length));
        // SAFETY: the region's own memory.
        unsafe { libc::munmap(region.address as *mut libc::c_void, region.length) };
        assert!(!is_mapped(region.address, region.length));
        put_back(region.address, region.length, &file, 0).unwrap();
        // SAFETY: what was just put there.
        let back = unsafe { std::slice::from_raw_parts(region.address as *const u8, PIECE_BYTES) };
        assert!(back == bytes);
    }
}
