//! Namespaces in files of their own: written in the place of others, damaged, lying about their size.

use std::fs::Permissions;

use super::super::chunk;
use super::super::error::Problem;
use super::super::layout::{SegmentLayout, Span};
use super::super::manifest::{self, ChunkInfo, FILE_MAGIC, Limits};
use super::*;

#[test]
fn a_file_holds_a_namespace_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.rhumba");
    for written in [mixed("work.rhumba"), checkpoint("work.rhumba", Vec::new())] {
        file::write_file(&path, &written).unwrap();
        assert!(file::read_file(&path).unwrap() == written);
        let info = file::describe_file(&path).unwrap();
        assert_eq!(info.size_bytes, written.bytes_total());
        assert_eq!(info.names.len(), written.segments.len());
    }
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(files_in(folder.path()), [path], "nothing temporary is left");
}

#[test]
fn a_link_leads_to_the_file_that_is_replaced_and_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("there"), folder.path().join("link"));
    std::fs::write(&path, "before").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    file::write_file(&link, &mixed("there")).unwrap();
    assert!(link.is_symlink());
    assert!(file::read_file(&path).unwrap() == mixed("there"));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640, "who may read it stays as it was");
}

#[test]
fn a_link_to_nothing_leads_to_the_file_that_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let (link, next) = (folder.path().join("link"), inner.join("next"));
    std::os::unix::fs::symlink("inner/next", &link).unwrap();
    std::os::unix::fs::symlink("../there", &next).unwrap();
    file::write_file(&link, &mixed("there")).unwrap();
    assert!(link.is_symlink() && next.is_symlink());
    let path = folder.path().join("there");
    assert!(!path.is_symlink() && file::read_file(&path).unwrap() == mixed("there"));
    std::fs::remove_file(&next).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", &next).unwrap();
    let error = file::write_file(&link, &mixed("there")).unwrap_err();
    assert!(matches!(error, StoreError::Unwritten { .. }), "{error}");
    assert!(link.is_symlink() && next.is_symlink());
}

#[test]
fn a_damaged_file_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.rhumba");
    let mut written = thousand("work.rhumba", None);
    written.segments.truncate(15);
    file::write_file(&path, &written).unwrap();
    let intact = std::fs::read(&path).unwrap();
    let refuse = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = file::read_file(&path).map(drop).expect_err(what);
        let is_told = matches!(
            error,
            StoreError::Damaged { .. } | StoreError::Foreign { .. } | StoreError::Newer { .. }
        );
        assert!(is_told, "{what}: {error}");
    };
    for length in (0..intact.len()).step_by(7) {
        refuse(&intact[..length], &format!("{length} bytes are left"));
    }
    for bit in (0..intact.len() * 8).step_by(29) {
        let mut damaged = intact.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        refuse(&damaged, &format!("bit {bit} was flipped"));
    }
    refuse(&[&intact[..], b"more"].concat(), "there is more");
    refuse(b"import this\n", "it is a program");
    refuse(b"", "it is empty");
    std::fs::write(&path, &intact).unwrap();
    assert!(file::read_file(&path).unwrap() == written);
    let folder_error = file::read_file(folder.path()).unwrap_err();
    assert!(
        matches!(folder_error, StoreError::Foreign { .. }),
        "{folder_error}"
    );
    let missing = file::read_file(&folder.path().join("none")).unwrap_err();
    assert!(missing.to_string().contains("can't be read"), "{missing}");
}

#[test]
fn a_manifest_that_lies_allocates_nothing() {
    let layout = Layout::new(&thousand("work", None).segments, Cut::STORE);
    let ids = layout
        .chunks
        .iter()
        .map(|chunk| ChunkId::of(chunk))
        .collect();
    let honest = Manifest::new(&thousand("work", None), layout, ids);
    let body = honest.to_body();
    let read = |body: &[u8]| Manifest::from_body(body, Limits::STORE);
    assert_eq!(read(&body).unwrap().segments, honest.segments);
    for length in 0..body.len() {
        assert!(
            matches!(read(&body[..length]), Err(Problem::Damaged(_))),
            "{length}"
        );
    }
    let lie = |change: &dyn Fn(&mut Manifest)| {
        let mut lying = read(&body).unwrap();
        change(&mut lying);
        let problem = read(&lying.to_body()).expect_err("it lies");
        assert!(matches!(problem, Problem::Damaged(_)), "{problem:?}");
    };
    lie(&|manifest| manifest.bytes_total += 1);
    lie(&|manifest| manifest.bytes_total = u64::MAX);
    lie(&|manifest| manifest.chunks[0].bytes = u64::MAX);
    lie(&|manifest| manifest.segments[0].buffers[0][0].chunk = u32::MAX);
    lie(&|manifest| manifest.segments[0].buffers[0][0].offset = u64::MAX);
    lie(&|manifest| manifest.segments[0].buffers[0][0].length = u64::MAX);
    let mut huge = read(&body).unwrap();
    huge.bytes_total = u64::MAX;
    let error = huge.check_memory("it").unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    let sealed = honest.seal(CHECKPOINT_MAGIC);
    assert!(Manifest::unseal(&sealed, CHECKPOINT_MAGIC).is_ok());
}

#[test]
fn a_small_file_that_becomes_much_is_for_those_who_trust_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeros.rhumba");
    let zeros = Bytes::from(vec![0; 300 << 20]);
    let written = checkpoint("zeros", vec![segment("data", vec![zeros])]);
    file::write_file(&path, &written).unwrap();
    let error = file::read_file_of_anyone(&path).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Expands { .. }), "{error}");
    assert!(error.to_string().contains("whom you trust"), "{error}");
    assert_eq!(file::read_file(&path).unwrap().bytes_total(), 300 << 20);
    let small = checkpoint("small", vec![segment("data", vec![noise(1, 300)])]);
    file::write_file(&path, &small).unwrap();
    assert_eq!(
        file::read_file_of_anyone(&path).unwrap().segments,
        small.segments
    );
}

/// Writes a file of a manifest and chunks that needn't go together, with the right checksum.
fn write_by_hand(path: &Path, manifest: &Manifest, contents: &[Vec<u8>]) {
    let mut file = manifest.seal_open(FILE_MAGIC);
    for content in contents {
        let (head, stored) = chunk::encode(content);
        file.extend_from_slice(&head);
        file.extend_from_slice(&stored);
    }
    let checksum = manifest::checksum(&file).finalize();
    manifest::set_checksum(&mut file, &checksum);
    std::fs::write(path, file).unwrap();
}

#[test]
fn a_file_of_anyone_may_not_read_much_to_use_little() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chunks.rhumba");
    let content = |number: u8| {
        let mut plain = vec![0; CHUNK_BYTES_MAX];
        plain[0] = number;
        plain
    };
    let contents: Vec<Vec<u8>> = (0..65).map(content).collect();
    let layout = Layout::new(&[], Cut::STORE);
    let mut lying = Manifest::new(&checkpoint("chunks", Vec::new()), layout, Vec::new());
    let first_byte = |chunk: usize| Span {
        chunk: chunk as u32,
        offset: 0,
        length: 1,
    };
    let named = |plain: &Vec<u8>| ChunkInfo {
        id: ChunkId::of(plain),
        bytes: plain.len() as u64,
    };
    lying.chunks = contents.iter().map(named).collect();
    lying.segments = vec![SegmentLayout {
        name: "x".to_owned(),
        externals: Vec::new(),
        buffers: (0..65).map(|chunk| vec![first_byte(chunk)]).collect(),
    }];
    lying.bytes_total = 65;
    write_by_hand(&path, &lying, &contents);
    let error = file::read_file_of_anyone(&path).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Expands { .. }), "{error}");
    assert_eq!(file::read_file(&path).unwrap().bytes_total(), 65);
}

#[test]
fn a_file_of_anyone_may_not_list_much() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.rhumba");
    let layout = Layout::new(&[], Cut::STORE);
    let mut lying = Manifest::new(&checkpoint("names", Vec::new()), layout, Vec::new());
    let nameless = SegmentLayout {
        name: String::new(),
        externals: Vec::new(),
        buffers: Vec::new(),
    };
    lying.segments = vec![nameless; 1_500_000];
    write_by_hand(&path, &lying, &[]);
    assert!(std::fs::metadata(&path).unwrap().len() < 10_000);
    let error = file::read_file_of_anyone(&path).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Expands { .. }), "{error}");
    assert!(error.to_string().contains("whom you trust"), "{error}");
}

#[test]
fn a_manifest_that_becomes_much_is_refused_before_it_does() {
    let (folder, store) = store();
    store.write(&mixed("work")).unwrap();
    let manifest = store.directory().join("checkpoints/work");
    let mut sealed = std::fs::read(&manifest).unwrap();
    for (plain_bytes, stored_bytes) in [(1_u64 << 30, 100_000_u64), (17 << 20, 1000)] {
        sealed[16..24].copy_from_slice(&plain_bytes.to_le_bytes());
        sealed[24..32].copy_from_slice(&stored_bytes.to_le_bytes());
        let error = Manifest::unseal(&sealed, CHECKPOINT_MAGIC)
            .map(drop)
            .unwrap_err();
        let error = error.about("it").to_string();
        assert!(error.contains("head makes no sense"), "{error}");
    }
    drop(folder);
}
