//! Damage: changes to samples that a decoder must survive, from a bit to whole records.
//!
//! Most keep the outer lengths and the count of objects right, so that a decoder doesn't stop at
//! the first byte; some break exactly these.

use std::ops::Range;

use crate::bytes::{NamespaceFile, close_snapshot, open_snapshot, push_number};
use crate::random::Random;
use crate::records::{self, FILL, FIRST_NODE, HEADER_BYTES, KINDS, Record};

/// A damaged sample is cut off here, so that no chain of insertions grows without end.
const TABLE_BYTES_MAX: usize = 64 << 10;
const CHANGES_MAX: usize = 4;

/// A damaged snapshot whose checksum is right, from one sample and parts of another.
pub fn snapshot(random: &mut Random, sample: &[u8], other: &[u8]) -> Vec<u8> {
    let (Some(mut buffers), Some(others)) = (open_snapshot(sample), open_snapshot(other)) else {
        return flipped(random, sample);
    };
    let [table, rest @ ..] = buffers.as_mut_slice() else {
        return flipped(random, sample);
    };
    let other_table = others.first().map_or(&[][..], Vec::as_slice);
    damage_table(random, table, other_table);
    if random.one_in(12) {
        damage_buffers(random, rest);
    }
    if random.one_in(20) {
        match random.below(3) {
            0 => drop(buffers.pop()),
            1 => buffers.push(vec![7; random.below(100)]),
            _ => {
                let (one, other) = (random.below(buffers.len()), random.below(buffers.len()));
                buffers.swap(one, other);
            }
        }
    }
    close_snapshot(&buffers)
}

/// A damaged namespace file whose checksums are right.
pub fn sealed_file(random: &mut Random, sample: &NamespaceFile, other: &[u8]) -> Vec<u8> {
    let mut file = sample.clone();
    let others = open_snapshot(other).unwrap_or_default();
    let other_table = others.first().map_or(&[][..], Vec::as_slice);
    if random.one_in(3) {
        damage_bytes(random, &mut file.manifest);
    } else {
        let chosen = random.below(file.chunks.len());
        if let Some(chunk) = file.chunks.get_mut(chosen) {
            damage_chunk(random, chunk, other_table);
        }
        file.rehash();
    }
    if random.one_in(15) {
        match random.below(2) {
            0 => drop(file.chunks.pop()),
            _ => {
                let (one, other) = (
                    random.below(file.chunks.len()),
                    random.below(file.chunks.len()),
                );
                file.chunks.swap(one, other);
            }
        }
    }
    file.close()
}

/// Damage that no checksum may let pass: one to three bits, or an end cut off.
pub fn flipped(random: &mut Random, sample: &[u8]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    if random.one_in(4) {
        bytes.truncate(random.below(bytes.len()));
        return bytes;
    }
    let count = 1 + random.below(3);
    // Different bits, or they might cancel each other out.
    let first = random.below((bytes.len() * 8).saturating_sub(count));
    for bit in first..first + count {
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
    bytes
}

/// A chunk of a file may hold one table, several, or parts of a buffer; its length stays.
fn damage_chunk(random: &mut Random, chunk: &mut Vec<u8>, other: &[u8]) {
    let length = chunk.len();
    let starts: Vec<usize> = chunk
        .windows(4)
        .enumerate()
        .filter(|(_, bytes)| *bytes == b"RHSN")
        .map(|(at, _)| at)
        .collect();
    if random.one_in(3) || starts.is_empty() {
        damage_bytes(random, chunk);
    } else {
        let which = random.below(starts.len());
        let end = starts.get(which + 1).copied().unwrap_or(length);
        let mut table = chunk[starts[which]..end].to_vec();
        damage_table(random, &mut table, other);
        table.resize(end - starts[which], 25);
        chunk[starts[which]..end].copy_from_slice(&table);
    }
    chunk.resize(length, 0);
}

fn damage_buffers(random: &mut Random, buffers: &mut [Vec<u8>]) {
    let chosen = random.below(buffers.len());
    if let Some(buffer) = buffers.get_mut(chosen) {
        damage_bytes(random, buffer);
    }
}

/// Bytes of no known layout.
fn damage_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(CHANGES_MAX) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 | 1 => set(bytes, at, |byte| byte ^ (1 << random.below(8))),
            2 => set(bytes, at, |_| *random.pick(&BYTES).unwrap_or(&0)),
            3 => bytes.truncate(at),
            _ => {
                let place = random.range(bytes.len());
                let part = bytes[place].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes.truncate(TABLE_BYTES_MAX);
}

/// Bytes at which lengths, counts and kinds are at an edge.
const BYTES: [u8; 10] = [0, 1, 7, 16, 32, 65, 127, 128, 134, 255];

fn set(bytes: &mut [u8], at: usize, change: impl FnOnce(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = change(*byte);
    }
}

fn damage_table(random: &mut Random, table: &mut Vec<u8>, other: &[u8]) {
    if table.len() < HEADER_BYTES {
        damage_bytes(random, table);
        return;
    }
    for _ in 0..1 + random.below(CHANGES_MAX) {
        let found = records::read(table).unwrap_or_else(|before| before);
        change(random, table, &found, other);
        table.truncate(TABLE_BYTES_MAX);
        if table.len() < HEADER_BYTES {
            return;
        }
    }
    if !random.one_in(10) {
        recount(table);
    }
    if random.one_in(12) {
        damage_header(random, table);
    }
}

/// One change to a table whose records are known.
fn change(random: &mut Random, table: &mut Vec<u8>, found: &[Record], other: &[u8]) {
    let Some(record) = random.pick(found).cloned() else {
        damage_bytes(random, table);
        return;
    };
    let body = table.len() - HEADER_BYTES;
    match random.below(18) {
        0 | 1 => {
            let at = HEADER_BYTES + random.below(body);
            set(table, at, |byte| byte ^ (1 << random.below(8)));
        }
        2 => {
            let at = HEADER_BYTES + random.below(body);
            set(table, at, |_| *random.pick(&BYTES).unwrap_or(&0));
        }
        3..=6 => renumber_edge(random, table, &record),
        7 => change_number(random, table, &record),
        8 => swap_records(random, table, found),
        9 => insert_record(random, table, found, other),
        10 => drop(table.drain(record.place)),
        11 => {
            let kind = *random.pick(&KINDS).unwrap_or(&0);
            set(table, record.place.start, |_| kind);
        }
        12 => {
            if let Some(tag) = random.pick(&record.tags) {
                let to = random.below(9) as u8;
                set(table, *tag, |_| to);
            }
        }
        13 => change_content(random, table, &record),
        14 => {
            let at = HEADER_BYTES + random.below(body);
            let part = other[random.range(other.len())].to_vec();
            let end = (at + random.below(part.len() + 1)).min(table.len());
            table.splice(at..end, part);
        }
        15 | 16 => {
            let before = found
                .iter()
                .filter(|one| one.place.start < record.place.start);
            let nodes = before.filter(|one| one.kind < FILL).count();
            let part = composed(random, nodes);
            let at = record.place.start;
            table.splice(at..at, part);
        }
        _ => {
            let at = random
                .pick(&[record.place.start, record.place.end])
                .copied();
            table.truncate(at.unwrap_or(HEADER_BYTES));
        }
    }
}

/// The edge that stands for the names of whoever decodes.
const GLOBALS: u32 = 8;

/// A record of plain data, sound in itself, with any of so many objects in it: other names for
/// them, containers of them, and fills of what should not be filled.
fn composed(random: &mut Random, nodes: usize) -> Vec<u8> {
    let mut edge = |random: &mut Random| {
        let edge = match random.below(8) {
            0 => GLOBALS,
            1 => random.below(280) as u32,
            _ => FIRST_NODE + random.below(nodes) as u32,
        };
        edge.to_le_bytes()
    };
    let run = |random: &mut Random, edge: &mut dyn FnMut(&mut Random) -> [u8; 4], count: usize| {
        let mut run = vec![0, count as u8];
        for _ in 0..count {
            run.extend_from_slice(&edge(random));
        }
        run
    };
    let count = random.below(5);
    let mut record = Vec::new();
    match random.below(8) {
        0 => {
            record.push(57);
            record.extend_from_slice(&edge(random));
            record.push(random.below(3) as u8);
        }
        1 => {
            let kind = *random.pick(&[16, 17, 20, 22]).unwrap_or(&16);
            record.push(kind);
            record.extend(run(random, &mut edge, count));
        }
        2 => {
            record.push(21);
            record.extend(run(random, &mut edge, count));
            record.extend(run(random, &mut edge, count));
        }
        3 => {
            let kind = *random.pick(&[18, 19]).unwrap_or(&18);
            record.push(kind);
            for _ in 0..3 {
                record.extend_from_slice(&edge(random));
            }
        }
        4 => {
            let kind = *random.pick(&[128, 130]).unwrap_or(&128);
            record.push(kind);
            record.extend_from_slice(&edge(random));
            record.extend(run(random, &mut edge, count));
        }
        5 => {
            let kind = *random.pick(&[129, 133, 138]).unwrap_or(&129);
            record.push(kind);
            record.extend_from_slice(&edge(random));
            record.extend(run(random, &mut edge, count));
            record.extend(run(random, &mut edge, count));
        }
        6 => {
            record.push(11);
            record.extend_from_slice(&edge(random));
            let format = *random.pick(b"BbcdfqQ?").unwrap_or(&b'B');
            record.extend_from_slice(&[1, format, count as u8]);
            for _ in 0..count {
                push_number(&mut record, random.next() >> random.below(64));
            }
        }
        _ => {
            record.push(1);
            push_number(&mut record, random.next() >> random.below(64));
        }
    }
    record
}

/// Makes an edge name another object: an earlier one, a later one, itself, a constant, none.
fn renumber_edge(random: &mut Random, table: &mut [u8], record: &Record) {
    let Some(&at) = random.pick(&record.edges) else {
        return;
    };
    let nodes = u32::from_le_bytes(table[12..16].try_into().unwrap_or_default());
    let old = u32::from_le_bytes(table[at..at + 4].try_into().unwrap_or_default());
    let any = FIRST_NODE.wrapping_add(random.below(nodes as usize + 1) as u32);
    let edge = match random.below(12) {
        0..=5 => any,
        6 => old.wrapping_sub(1),
        7 => old.wrapping_add(1),
        8 => random.below(280) as u32,
        9 => GLOBALS,
        10 => FIRST_NODE.wrapping_add(nodes),
        _ => u32::MAX,
    };
    table[at..at + 4].copy_from_slice(&edge.to_le_bytes());
}

fn change_number(random: &mut Random, table: &mut Vec<u8>, record: &Record) {
    let Some(place) = random.pick(&record.numbers).cloned() else {
        return;
    };
    let bytes = table[place.clone()].iter().rev();
    let old = bytes.fold(0_u64, |value, byte| (value << 7) | u64::from(byte & 0x7f));
    let new = match random.below(9) {
        0 => 0,
        1 => old.wrapping_add(1),
        2 => old.wrapping_sub(1),
        3 => old.wrapping_mul(2),
        4 => 1 << random.below(64),
        5 => u64::MAX,
        6 => random.below(table.len() * 2) as u64,
        7 => u64::from(u32::MAX),
        _ => random.next(),
    };
    let mut number = Vec::new();
    push_number(&mut number, new);
    table.splice(place, number);
}

fn swap_records(random: &mut Random, table: &mut Vec<u8>, found: &[Record]) {
    let (one, other) = (random.below(found.len()), random.below(found.len()));
    let (first, second) = (one.min(other), one.max(other));
    if first == second {
        return;
    }
    let place = |index: usize| found[index].place.clone();
    let mut swapped = table[place(second)].to_vec();
    swapped.extend_from_slice(&table[place(first).end..place(second).start]);
    swapped.extend_from_slice(&table[place(first)]);
    table.splice(place(first).start..place(second).end, swapped);
}

/// Puts a record in, of this table or of another, its edges within what is there.
fn insert_record(random: &mut Random, table: &mut Vec<u8>, found: &[Record], other: &[u8]) {
    let at = random.pick(found).map_or(HEADER_BYTES, |at| at.place.start);
    let from_other = if other.len() >= HEADER_BYTES && random.one_in(2) {
        records::read(other).unwrap_or_else(|before| before)
    } else {
        Vec::new()
    };
    let (source, record): (&[u8], _) = match random.pick(&from_other) {
        Some(record) => (other, record.clone()),
        None => match random.pick(found) {
            Some(record) => (table, record.clone()),
            None => return,
        },
    };
    let mut part = source[record.place.clone()].to_vec();
    let nodes = found.iter().filter(|other| other.place.start < at);
    let nodes = nodes.filter(|other| other.kind < FILL).count();
    for edge in &record.edges {
        let edge = *edge - record.place.start;
        let to = FIRST_NODE + random.below(nodes) as u32;
        part[edge..edge + 4].copy_from_slice(&to.to_le_bytes());
    }
    table.splice(at..at, part);
}

fn change_content(random: &mut Random, table: &mut [u8], record: &Record) {
    let Some(place) = random.pick(&record.contents).cloned() else {
        return;
    };
    let part: Range<usize> = random.range(place.len());
    for byte in &mut table[place.start + part.start..place.start + part.end] {
        *byte = random.next() as u8;
    }
}

/// Makes the header say as many objects as there are.
fn recount(table: &mut [u8]) {
    let found = records::read(table).unwrap_or_else(|before| before);
    let nodes = found.iter().filter(|record| record.kind < FILL).count() as u32;
    table[12..16].copy_from_slice(&nodes.to_le_bytes());
    let root = u32::from_le_bytes(table[16..20].try_into().unwrap_or_default());
    if root >= FIRST_NODE + nodes {
        let root = (FIRST_NODE + nodes).saturating_sub(1);
        table[16..20].copy_from_slice(&root.to_le_bytes());
    }
}

fn damage_header(random: &mut Random, table: &mut [u8]) {
    let at = match random.below(6) {
        0 => random.below(6),
        1 | 2 => 6 + random.below(6),
        3 => 12 + random.below(4),
        4 => 16 + random.below(4),
        _ => 20 + random.below(4),
    };
    set(table, at, |byte| byte ^ (1 << random.below(8)));
}

#[cfg(test)]
mod tests {
    use super::{flipped, snapshot};
    use crate::bytes::{close_snapshot, open_snapshot};
    use crate::random::Random;
    use crate::records::{self, HEADER_BYTES};

    /// A list of two texts.
    fn sample() -> Vec<u8> {
        let mut table = vec![0; HEADER_BYTES];
        table[..4].copy_from_slice(b"RHSN");
        table[12..16].copy_from_slice(&3_u32.to_le_bytes());
        table[16..20].copy_from_slice(&514_u32.to_le_bytes());
        table.extend_from_slice(&[5, 2, b'a', b'b', 5, 1, b'c', 20, 0, 2]);
        table.extend_from_slice(&512_u32.to_le_bytes());
        table.extend_from_slice(&513_u32.to_le_bytes());
        close_snapshot(&[table])
    }

    #[test]
    fn a_table_is_read_record_by_record() {
        let buffers = open_snapshot(&sample()).unwrap();
        let found = records::read(&buffers[0]).unwrap();
        let kinds: Vec<u8> = found.iter().map(|record| record.kind).collect();
        assert_eq!(kinds, [5, 5, 20]);
        assert_eq!(found[2].edges.len(), 2);
    }

    #[test]
    fn the_same_numbers_do_the_same_damage() {
        let one = snapshot(&mut Random::of_case(1, 2), &sample(), &sample());
        let again = snapshot(&mut Random::of_case(1, 2), &sample(), &sample());
        assert_eq!(one, again);
    }

    #[test]
    fn what_is_flipped_is_never_what_it_was() {
        for case in 0..2000 {
            let bytes = flipped(&mut Random::of_case(3, case), &sample());
            assert_ne!(bytes, sample());
        }
    }
}
