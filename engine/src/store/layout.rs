//! Layout: how the buffers of a namespace lie in chunks.
//!
//! Small buffers are gathered in packs, in the order of their names; large ones are cut at a fixed
//! size. Where a pack ends depends on the names and sizes in it and on nothing before it, so that
//! a name that changes changes its own pack only, and the packs after it stay the same bytes.
//!
//! How chunks are kept is [`super::chunk`]; how buffers come back from them is
//! [`super::assembly`].

use super::SegmentData;
use bytes::Bytes;

/// Where buffers are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Smaller buffers are packed.
    small_bytes: usize,
    /// Packs are about this large; `None`: they end only when they are full.
    pack_bytes_mean: Option<u64>,
    pack_bytes_max: usize,
    /// Larger buffers become several chunks.
    chunk_bytes_max: usize,
}

impl Cut {
    /// For the disk: packs so small that rewriting one is cheap, and so large
    /// that a thousand names are not a thousand files.
    pub(crate) const STORE: Self = Self {
        small_bytes: 16 << 10,
        pack_bytes_mean: Some(16 << 10),
        pack_bytes_max: 256 << 10,
        chunk_bytes_max: CHUNK_BYTES_MAX,
    };

    /// For one message: few buffers, and large ones as they are.
    pub(crate) const MESSAGE: Self = Self {
        small_bytes: 64 << 10,
        pack_bytes_mean: None,
        pack_bytes_max: 8 << 20,
        chunk_bytes_max: usize::MAX,
    };
}

/// No chunk on disk is larger than this, and nothing that says it is is believed.
pub(crate) const CHUNK_BYTES_MAX: usize = 4 << 20;

/// Some bytes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) chunk: u32,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// Where one name's part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentLayout {
    pub(crate) name: String,
    pub(crate) externals: Vec<(u32, u32)>,
    /// One list of spans for each buffer, which is those spans one after another.
    pub(crate) buffers: Vec<Vec<Span>>,
}

/// A namespace, cut into chunks.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) segments: Vec<SegmentLayout>,
    pub(crate) chunks: Vec<Bytes>,
}

impl Layout {
    pub(crate) fn new(segments: &[SegmentData], cut: Cut) -> Self {
        let mut cutter = Cutter {
            cut,
            chunks: Vec::new(),
            pack: None,
        };
        let mut laid_out = Vec::with_capacity(segments.len());
        for segment in segments {
            let buffers = segment.buffers.iter().map(|buffer| cutter.place(buffer));
            laid_out.push(SegmentLayout {
                name: segment.name.clone(),
                externals: segment.externals.clone(),
                buffers: buffers.collect(),
            });
            if cutter.ends_pack(segment) {
                cutter.close_pack();
            }
        }
        cutter.close_pack();
        Self {
            segments: laid_out,
            chunks: cutter.chunks,
        }
    }
}

struct Cutter {
    cut: Cut,
    chunks: Vec<Bytes>,
    /// The pack that is being filled, and its place among the chunks.
    pack: Option<(usize, Vec<u8>)>,
}

impl Cutter {
    fn place(&mut self, buffer: &Bytes) -> Vec<Span> {
        if buffer.is_empty() {
            return Vec::new();
        }
        if buffer.len() < self.cut.small_bytes {
            return vec![self.place_in_pack(buffer)];
        }
        let mut spans = Vec::new();
        let mut start = 0;
        while start < buffer.len() {
            let length = (buffer.len() - start).min(self.cut.chunk_bytes_max);
            spans.push(Span {
                chunk: number(self.chunks.len()),
                offset: 0,
                length: length as u64,
            });
            self.chunks.push(buffer.slice(start..start + length));
            start += length;
        }
        spans
    }

    fn place_in_pack(&mut self, buffer: &Bytes) -> Span {
        let is_full = |pack: &Vec<u8>| pack.len() + buffer.len() > self.cut.pack_bytes_max;
        if self.pack.as_ref().is_some_and(|(_, pack)| is_full(pack)) {
            self.close_pack();
        }
        let (place, pack) = self.pack.get_or_insert_with(|| {
            // Its place is taken now, and filled when it is closed.
            self.chunks.push(Bytes::new());
            (self.chunks.len() - 1, Vec::new())
        });
        let span = Span {
            chunk: number(*place),
            offset: pack.len() as u64,
            length: buffer.len() as u64,
        };
        pack.extend_from_slice(buffer);
        span
    }

    /// Decides by the segment alone: by its name, and the more likely the more
    /// it put into the pack.
    fn ends_pack(&self, segment: &SegmentData) -> bool {
        let Some(mean) = self.cut.pack_bytes_mean else {
            return false;
        };
        let small = |buffer: &&Bytes| buffer.len() < self.cut.small_bytes;
        let packed: usize = segment.buffers.iter().filter(small).map(Bytes::len).sum();
        let hash = blake3::hash(segment.name.as_bytes());
        let (first, _) = hash
            .as_bytes()
            .split_first_chunk::<8>()
            .expect("a hash has 32 bytes");
        u64::from_le_bytes(*first) % mean < packed as u64
    }

    fn close_pack(&mut self) {
        if let Some((place, pack)) = self.pack.take() {
            self.chunks[place] = pack.into();
        }
    }
}

fn number(chunk: usize) -> u32 {
    u32::try_from(chunk).expect("2^32 chunks are more than any machine's memory holds")
}
