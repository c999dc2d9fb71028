//! Memory that goes from one process to the next, in one process.

use super::*;
use std::os::unix::net::UnixStream;

/// The executable of these tests is one that can map what it receives.
#[global_allocator]
static ALLOCATOR: SharingAllocator = SharingAllocator;

const NO_LIMIT: u64 = u64::MAX;

fn large() -> Bytes {
    Bytes::from(vec![7; BYTES_MIN + 5])
}

fn adopted(buffer: &Bytes) -> Bytes {
    let Handle::Made(file) = share(buffer).unwrap() else {
        panic!("a buffer of its own is copied");
    };
    adopt(file, NO_LIMIT).unwrap()
}

/// The descriptor of a buffer's memory, however it was given here.
fn file_of(buffer: &Bytes) -> rustix::fs::Stat {
    rustix::fs::fstat(descriptor_of(buffer).expect("the buffer is a mapping")).unwrap()
}

#[test]
fn what_is_received_is_the_memory_that_was_sent() {
    let (near, far) = UnixStream::pair().unwrap();
    let sent = adopted(&large());
    assert_eq!(sent, large());
    assert_eq!(
        send(&near, b"head", &[descriptor_of(&sent).unwrap()]).unwrap(),
        4
    );
    let mut space = [0; 16];
    let (count, received) = receive(&far, &mut space, Some(NO_LIMIT)).unwrap();
    assert_eq!(&space[..count], b"head");
    let [received] = &received[..] else {
        panic!("one buffer came beside the bytes");
    };
    assert_eq!(received, &sent);
    assert_ne!(received.as_ptr(), sent.as_ptr());
    assert_eq!(file_of(received).st_ino, file_of(&sent).st_ino);
    assert!(matches!(share(received).unwrap(), Handle::Mapped(_)));
}

#[test]
fn a_vector_of_mapped_memory_is_any_vector() {
    let buffer = adopted(&large());
    let at = buffer.as_ptr();
    let mut vector = Vec::from(buffer);
    assert_eq!(vector.as_ptr(), at, "no byte is copied");
    vector[0] = 1;
    assert_eq!((vector[0], vector[1]), (1, 7));
    vector.extend_from_slice(b"grown");
    assert_eq!(vector.len(), BYTES_MIN + 10);
    assert_eq!((vector[0], vector[BYTES_MIN]), (1, 7));
    assert!(MAPPINGS.find(at, BYTES_MIN + 5).is_none());
    drop(vector);
}

#[test]
fn who_writes_writes_into_pages_of_its_own() {
    let Handle::Made(file) = share(&large()).unwrap() else {
        panic!("a buffer of its own is copied");
    };
    let other = adopt(file.try_clone().unwrap(), NO_LIMIT).unwrap();
    let mut vector = Vec::from(adopt(file, NO_LIMIT).unwrap());
    vector.fill(0);
    assert_eq!(other, large());
}

#[test]
fn a_part_of_a_mapping_does_not_go_by_its_descriptor() {
    let buffer = adopted(&large());
    assert!(is_mapping(&buffer));
    assert!(!is_mapping(&buffer.slice(..BYTES_MIN)));
    assert!(!is_mapping(&buffer.slice(4096..)));
    assert!(!is_mapping(&large()));
}

#[test]
fn a_mapping_ends_with_its_buffer() {
    let buffer = adopted(&large());
    let (at, length) = (buffer.as_ptr(), buffer.len());
    let clone = buffer.clone();
    drop(buffer);
    assert!(MAPPINGS.find(at, length).is_some());
    drop(clone);
    assert!(MAPPINGS.find(at, length).is_none());
}

#[test]
fn memory_that_can_change_is_refused() {
    let file = rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW).unwrap();
    let refused = adopt(file, NO_LIMIT).unwrap_err();
    assert_eq!(refused.to_string(), "its memory can still be changed");
    let no_memory = std::fs::File::open("/dev/null").unwrap();
    assert!(adopt(no_memory.into(), NO_LIMIT).is_err());
}

/// Sealed memory of so many bytes, of which none is there.
fn sparse(bytes: u64) -> OwnedFd {
    let file = rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::ftruncate(&file, bytes).unwrap();
    rustix::fs::fcntl_add_seals(&file, SEALS).unwrap();
    file
}

#[test]
fn memory_beyond_the_limit_is_refused_before_it_is_read() {
    let refused = adopt(sparse(1 << 40), 1 << 30).unwrap_err().to_string();
    assert!(refused.contains("1099511627776 bytes"), "{refused}");
    let (near, far) = UnixStream::pair().unwrap();
    let file = sparse(BYTES_MIN as u64);
    let receive_two = |memory_bytes_max| {
        send(&near, b"h", &[file.as_fd(), file.as_fd()]).unwrap();
        receive(&far, &mut [0; 4], memory_bytes_max).map(|(_, buffers)| buffers.len())
    };
    let both = 2 * BYTES_MIN as u64;
    assert_eq!(receive_two(Some(both)).unwrap(), 2);
    assert!(receive_two(Some(both - 1)).is_err());
    let refused = receive_two(None).unwrap_err().to_string();
    assert!(refused.contains("before it said who it is"), "{refused}");
}

#[test]
fn memory_that_this_process_has_no_room_for_is_an_error() {
    let refused = copy(&sparse(1), 1 << 62).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::OutOfMemory);
}

#[test]
fn small_memory_is_copied() {
    let buffer = adopted(&Bytes::from_static(b"small"));
    assert_eq!(&buffer[..], b"small");
    assert!(!is_mapping(&buffer));
}

#[test]
fn a_payload_goes_by_descriptor_if_that_is_nearly_all_of_it() {
    let small = Bytes::from_static(b"table");
    let medium = Bytes::from(vec![0; BYTES_MIN - 1]);
    let places = |buffers: Vec<Bytes>| large_buffers(&Payload::from(buffers));
    assert_eq!(places(vec![small.clone(), large()]), [1]);
    assert_eq!(places(vec![large(), medium.clone(), large()]), [0, 2]);
    assert!(places(vec![small.clone(), medium.clone()]).is_empty());
    assert!(places(vec![medium.clone(), medium, large()]).is_empty());
    assert!(places(vec![large(); BESIDE_COUNT_MAX + 1]).is_empty());
}

/// As every test has a process of its own, this takes no descriptor from another.
#[test]
fn what_arrives_finds_a_descriptor_where_none_is_free() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let (near, far) = UnixStream::pair().unwrap();
    let Handle::Made(file) = share(&large()).unwrap() else {
        panic!("a buffer of its own is copied");
    };
    keep_spares();
    let before = getrlimit(Resource::Nofile);
    let free = file.try_clone().unwrap().as_raw_fd();
    let all_in_use = Rlimit {
        current: Some(free.cast_unsigned().into()),
        maximum: before.maximum,
    };
    setrlimit(Resource::Nofile, all_in_use).unwrap();
    assert!(file.try_clone().is_err(), "no descriptor is free");
    let mut kept = Vec::new();
    for number in [b'1', b'2', b'3'] {
        let files = [file.as_fd(); BESIDE_COUNT_MAX];
        send(&near, &[number], &files).unwrap();
        send(&near, b"behind", &[]).unwrap();
        let mut space = [0; 16];
        let (count, buffers) = receive_surely(far.as_fd(), &mut space, NO_LIMIT).unwrap();
        assert_eq!(&space[..count], [number]);
        assert_eq!(buffers, vec![large(); BESIDE_COUNT_MAX]);
        assert!(!buffers.iter().any(is_mapping), "each would keep one");
        kept.extend(buffers);
        let (count, buffers) = receive_surely(far.as_fd(), &mut space, NO_LIMIT).unwrap();
        assert_eq!(&space[..count], b"behind");
        assert!(buffers.is_empty());
    }
    setrlimit(Resource::Nofile, before).unwrap();
    send(&near, b"4", &[file.as_fd()]).unwrap();
    let (_, buffers) = receive_surely(far.as_fd(), &mut [0; 16], NO_LIMIT).unwrap();
    assert!(is_mapping(&buffers[0]), "there is room again");
}
