//! The records of a snapshot's table as far as damage needs them: where each begins and ends, and
//! where its edges, lengths and texts are.
//!
//! This is a second reading of the layout, beside the decoder's, so that damage goes where it
//! matters. It knows no meaning. Every sample of the corpus must be understood to its end: when
//! the format changes, this is to follow it.

use std::ops::Range;

pub const HEADER_BYTES: usize = 24;
pub const FIRST_NODE: u32 = 512;
/// Records of this kind and above fill a node; those below make one.
pub const FILL: u8 = 128;

/// Every kind of record.
pub const KINDS: [u8; 59] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 32, 33, 34, 35,
    36, 37, 38, 39, 48, 49, 50, 51, 56, 57, 58, 59, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 128,
    129, 130, 131, 132, 133, 134, 135, 136, 137, 138,
];

/// Where the parts of a record are, in the table.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: u8,
    pub place: Range<usize>,
    /// Edges: four bytes each.
    pub edges: Vec<usize>,
    /// Numbers of seven bits a byte: lengths, counts, small values.
    pub numbers: Vec<Range<usize>>,
    /// Which layout a run of objects has.
    pub tags: Vec<usize>,
    /// Texts and bytes, without their length.
    pub contents: Vec<Range<usize>>,
}

/// Reads a table's records; `Err` has those before the first that isn't understood.
pub fn read(table: &[u8]) -> Result<Vec<Record>, Vec<Record>> {
    let mut records = Vec::new();
    let mut at = HEADER_BYTES;
    while at < table.len() {
        let mut walk = Walk {
            table,
            at: at + 1,
            record: Record {
                kind: table[at],
                place: at..at,
                edges: Vec::new(),
                numbers: Vec::new(),
                tags: Vec::new(),
                contents: Vec::new(),
            },
        };
        if walk.record(table[at]).is_none() {
            return Err(records);
        }
        walk.record.place = at..walk.at;
        at = walk.at;
        records.push(walk.record);
    }
    Ok(records)
}

struct Walk<'a> {
    table: &'a [u8],
    at: usize,
    record: Record,
}

impl Walk<'_> {
    fn record(&mut self, kind: u8) -> Option<()> {
        if kind >= FILL {
            self.edge()?;
        }
        match kind {
            1 | 8 | 10 | 12 => self.number().map(|_| ()),
            2 | 5 | 6 | 7 | 9 | 49 | 50 => self.content(),
            3 => self.skip(8),
            4 => self.skip(16),
            11 => {
                self.edge()?;
                self.content()?;
                self.counted(|walk| walk.number().map(|_| ()))
            }
            16 | 17 | 20 | 22 => self.run(),
            18 | 19 | 68 => self.edges(3),
            21 => self.pairs(),
            23..=25 | 33 | 56 => Some(()),
            32 => {
                self.code()?;
                self.edge()?;
                self.run()
            }
            39 => {
                self.edge()?;
                self.content()?;
                let end = self.number()?.checked_add(self.at)?;
                self.whole_code()?;
                (self.at == end).then_some(())
            }
            34 => {
                self.edges(2)?;
                self.run()
            }
            35 | 58 | 65 | 66 => self.edges(2),
            36 => self.edges(4),
            37 | 38 | 64 | 69 | 72 | 73 => self.edge(),
            48 => {
                self.content()?;
                self.content()
            }
            51 => {
                self.edge()?;
                self.content()
            }
            57 => {
                self.edge()?;
                self.number().map(|_| ())
            }
            59 => self.native(),
            67 => {
                self.skip(24)?;
                self.edges(2)?;
                self.run()?;
                self.pairs()
            }
            70 => {
                self.edge()?;
                self.pairs()
            }
            71 => {
                self.skip(16)?;
                self.edges(2)
            }
            128 | 130 => self.run(),
            129 | 133 | 138 => self.pairs(),
            131 | 137 => self.edge(),
            132 => self.function_parts(),
            134 => {
                self.run()?;
                self.parts_after_pairs(0b11)
            }
            135 => self.parts_after_pairs(0b1011),
            136 => {
                let bits_at = |walk: &Self| walk.table.get(walk.at - 1).copied();
                self.parts_after_pairs(0)?;
                let bits = bits_at(self)?;
                for runs in [2, 8] {
                    if bits & runs != 0 {
                        self.run()?;
                    }
                }
                Some(())
            }
            _ => None,
        }
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        let end = self.at.checked_add(bytes)?;
        (end <= self.table.len()).then(|| self.at = end)
    }

    fn number(&mut self) -> Option<usize> {
        let begin = self.at;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.table.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                self.record.numbers.push(begin..self.at);
                return usize::try_from(value).ok();
            }
        }
        None
    }

    fn edge(&mut self) -> Option<()> {
        self.record.edges.push(self.at);
        self.skip(4)
    }

    fn edges(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.edge())
    }

    fn content(&mut self) -> Option<()> {
        let length = self.number()?;
        let begin = self.at;
        self.skip(length)?;
        self.record.contents.push(begin..self.at);
        Some(())
    }

    fn counted(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let count = self.number()?;
        // Each takes a byte at least.
        (count <= self.table.len()).then_some(())?;
        (0..count).try_for_each(|_| each(self))
    }

    /// A run of objects: by their edges, or packed.
    fn run(&mut self) -> Option<()> {
        let tag = *self.table.get(self.at)?;
        self.record.tags.push(self.at);
        self.at += 1;
        match tag {
            0 => self.counted(Self::edge),
            1 => self.packed(1),
            2 => self.packed(2),
            3 => self.packed(4),
            4 | 5 => self.packed(8),
            6 => {
                let count = self.number()?;
                (count <= self.table.len()).then_some(())?;
                let mut bytes = 0_usize;
                for _ in 0..count {
                    bytes = bytes.checked_add(self.number()?)?;
                }
                self.skip(bytes)
            }
            7 => {
                self.counted(|walk| {
                    walk.number()?;
                    walk.edge()
                })?;
                (*self.table.get(self.at)? != 7).then_some(())?;
                self.run()
            }
            _ => None,
        }
    }

    fn packed(&mut self, bytes_each: usize) -> Option<()> {
        let count = self.number()?;
        self.skip(count.checked_mul(bytes_each)?)
    }

    fn pairs(&mut self) -> Option<()> {
        self.run()?;
        self.run()
    }

    fn code(&mut self) -> Option<()> {
        for _ in 0..6 {
            self.number()?;
        }
        self.content()?;
        for _ in 0..4 {
            self.counted(Self::content)?;
        }
        (0..6).try_for_each(|_| self.content())
    }

    /// Code and its constants, which are kinds without numbers; 0 is an edge as a number.
    fn whole_code(&mut self) -> Option<()> {
        self.code()?;
        self.counted(Self::constant)
    }

    fn constant(&mut self) -> Option<()> {
        let kind = *self.table.get(self.at)?;
        self.record.tags.push(self.at);
        self.at += 1;
        match kind {
            0 => self.number().map(|_| ()),
            1..=7 => self.record(kind),
            16 | 17 => self.counted(Self::constant),
            19 => (0..3).try_for_each(|_| self.constant()),
            32 => self.whole_code(),
            _ => None,
        }
    }

    fn native(&mut self) -> Option<()> {
        self.content()?;
        self.number()?;
        self.content()?;
        self.counted(|walk| {
            let place = *walk.table.get(walk.at)?;
            walk.at += 1;
            match place {
                0 => walk.content(),
                1 => walk.number().map(|_| ()),
                _ => None,
            }
        })?;
        self.run()
    }

    fn function_parts(&mut self) -> Option<()> {
        let bytes = self.table.get(self.at..self.at + 2)?;
        let bits = u16::from_le_bytes([bytes[0], bytes[1]]);
        self.at += 2;
        self.edges((bits & 0x3ff).count_ones() as usize)?;
        for bit in [0x400, 0x800] {
            if bits & bit != 0 {
                self.pairs()?;
            }
        }
        Some(())
    }

    /// Pairs, then a byte of which these bits stand for an edge each.
    fn parts_after_pairs(&mut self, bits_with_edge: u8) -> Option<()> {
        self.pairs()?;
        let bits = *self.table.get(self.at)?;
        self.at += 1;
        self.edges((bits & bits_with_edge).count_ones() as usize)
    }
}
