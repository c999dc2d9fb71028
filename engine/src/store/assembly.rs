//! Assembly: buffers from the chunks that they lie in.
//!
//! Large buffers are read straight into their own allocation, on several cores; small ones share
//! the memory of their pack.

use super::error::StoreError;
use super::layout::Span;
use super::manifest::Manifest;
use super::{SegmentData, workers};
use bytes::Bytes;
use std::collections::HashMap;

/// Where chunks are.
pub(super) trait ChunkSource: Sync {
    /// Reads a chunk of the manifest, which is as long as `plain`, and checks it.
    fn read_into(&self, index: usize, plain: &mut [u8]) -> Result<(), StoreError>;
}

/// A buffer to be: in one pack, or in memory of its own.
enum Part {
    InPack(Span),
    Own(usize),
}

/// Reads all buffers of a manifest whose memory has been checked.
pub(super) fn assemble(
    manifest: &Manifest,
    source: &impl ChunkSource,
) -> Result<Vec<SegmentData>, StoreError> {
    let is_whole = |span: &Span| span.length == manifest.chunks[span.chunk as usize].bytes;
    let mut own: Vec<(Vec<u8>, &[Span])> = Vec::new();
    let mut packs: HashMap<u32, Bytes> = HashMap::new();
    let mut parts: Vec<Vec<Part>> = Vec::with_capacity(manifest.segments.len());
    for segment in &manifest.segments {
        let mut buffers = Vec::with_capacity(segment.buffers.len());
        for spans in &segment.buffers {
            match spans[..] {
                [span] if !is_whole(&span) => {
                    packs.entry(span.chunk).or_default();
                    buffers.push(Part::InPack(span));
                }
                _ => {
                    let length: u64 = spans.iter().map(|span| span.length).sum();
                    buffers.push(Part::Own(own.len()));
                    own.push((vec![0; length as usize], spans));
                }
            }
        }
        parts.push(buffers);
    }
    read_packs(manifest, source, &mut packs)?;
    read_own(manifest, source, &mut own)?;
    let mut own: Vec<Bytes> = own.into_iter().map(|(data, _)| data.into()).collect();
    let bytes_of = |part| match part {
        Part::Own(index) => std::mem::take(&mut own[index]),
        Part::InPack(span) => {
            let start = span.offset as usize;
            packs[&span.chunk].slice(start..start + span.length as usize)
        }
    };
    let mut bytes_of = bytes_of;
    let segments = manifest.segments.iter().zip(parts);
    Ok(segments
        .map(|(segment, buffers)| SegmentData {
            name: segment.name.clone(),
            buffers: buffers.into_iter().map(&mut bytes_of).collect(),
            externals: segment.externals.clone(),
        })
        .collect())
}

fn read_packs(
    manifest: &Manifest,
    source: &impl ChunkSource,
    packs: &mut HashMap<u32, Bytes>,
) -> Result<(), StoreError> {
    let wanted: Vec<u32> = packs.keys().copied().collect();
    let bytes = wanted
        .iter()
        .map(|&chunk| manifest.chunks[chunk as usize].bytes);
    let bytes = bytes.sum();
    let read = workers::map(wanted, bytes, |chunk| {
        let mut plain = vec![0; manifest.chunks[chunk as usize].bytes as usize];
        source.read_into(chunk as usize, &mut plain)?;
        Ok((chunk, Bytes::from(plain)))
    })?;
    packs.extend(read);
    Ok(())
}

fn read_own(
    manifest: &Manifest,
    source: &impl ChunkSource,
    own: &mut [(Vec<u8>, &[Span])],
) -> Result<(), StoreError> {
    let mut reads = Vec::new();
    let mut bytes = 0;
    for (data, spans) in own {
        let mut rest = &mut data[..];
        for span in *spans {
            let (part, tail) = rest.split_at_mut(span.length as usize);
            rest = tail;
            bytes += span.length;
            reads.push((*span, part));
        }
    }
    workers::map(reads, bytes, |(span, part)| {
        let chunk = span.chunk as usize;
        let chunk_bytes = manifest.chunks[chunk].bytes;
        if span.length == chunk_bytes {
            return source.read_into(chunk, part);
        }
        let mut plain = vec![0; chunk_bytes as usize];
        source.read_into(chunk, &mut plain)?;
        let start = span.offset as usize;
        part.copy_from_slice(&plain[start..start + part.len()]);
        Ok(())
    })?;
    Ok(())
}
