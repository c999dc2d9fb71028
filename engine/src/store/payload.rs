//! A namespace as one payload: how it goes from engine to engine, past clients
//! and the controller, who pass it on as it is.
//!
//! # Shapes
//! The first buffer is a manifest's body ([`super::manifest`], its chunks numbered instead of
//! hashed), the others are the chunks. It is made and read by processes of one version, so that
//! it has none of its own, and it has no checksum: a payload is as safe as its connection.

use super::chunk::ChunkId;
use super::error::{Problem, StoreError};
use super::layout::{Cut, Layout, Span};
use super::manifest::{Limits, Manifest};
use super::{Checkpoint, CheckpointInfo, SegmentData};
use bytes::Bytes;
use rhumba_proto::message::Payload;

const WHAT: &str = "the namespace that was sent";

/// Makes a payload of a namespace. Large buffers go along without a copy.
#[must_use]
pub fn pack(checkpoint: &Checkpoint) -> Payload {
    let layout = Layout::new(&checkpoint.segments, Cut::MESSAGE);
    let chunks = layout.chunks.clone();
    let ids = (0..chunks.len() as u64).map(ChunkId::numbered).collect();
    let manifest = Manifest::new(checkpoint, layout, ids);
    let mut buffers = Vec::with_capacity(1 + chunks.len());
    buffers.push(Bytes::from(manifest.to_body()));
    buffers.extend(chunks);
    Payload::from(buffers)
}

/// Reads what [`pack`] made. Large buffers are taken over without a copy. The
/// namespace has no name.
///
/// # Errors
/// If it is something else.
pub fn unpack(payload: Payload) -> Result<Checkpoint, StoreError> {
    let (mut manifest, chunks) = open(payload).map_err(|problem| problem.about(WHAT))?;
    let mut segments = Vec::with_capacity(manifest.segments.len());
    for segment in std::mem::take(&mut manifest.segments) {
        let buffers = segment.buffers.iter().map(|spans| buffer(&chunks, spans));
        let buffers = buffers.collect::<Result<_, _>>();
        segments.push(SegmentData {
            name: segment.name,
            buffers: buffers.map_err(|problem| problem.about(WHAT))?,
            externals: segment.externals,
        });
    }
    Ok(manifest.into_checkpoint(String::new(), segments))
}

/// Tells what is in a payload that [`pack`] made.
///
/// # Errors
/// If it is something else.
pub fn describe(payload: &Payload) -> Result<CheckpointInfo, StoreError> {
    let (manifest, _) = open(payload.clone()).map_err(|problem| problem.about(WHAT))?;
    Ok(manifest.describe(String::new()))
}

fn open(payload: Payload) -> Result<(Manifest, Vec<Bytes>), Problem> {
    let mut buffers = payload.buffers.into_iter();
    let body = buffers
        .next()
        .ok_or_else(|| Problem::damaged("it is empty"))?;
    let manifest = Manifest::from_body(&body, Limits::MESSAGE)?;
    let chunks: Vec<Bytes> = buffers.collect();
    let expected = manifest.chunks.iter().map(|chunk| chunk.bytes);
    if expected.eq(chunks.iter().map(|chunk| chunk.len() as u64)) {
        Ok((manifest, chunks))
    } else {
        Err(Problem::damaged("its lengths don't agree"))
    }
}

fn buffer(chunks: &[Bytes], spans: &[Span]) -> Result<Bytes, Problem> {
    match spans {
        [] => Ok(Bytes::new()),
        [span] => {
            let start = span.offset as usize;
            let chunk = &chunks[span.chunk as usize];
            Ok(chunk.slice(start..start + span.length as usize))
        }
        _ => Err(Problem::damaged("a buffer of it is in several parts")),
    }
}
