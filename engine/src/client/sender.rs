//! The sending half of a client's connection: what the controller was told once
//! isn't told again.
//!
//! Each method takes what the socket has room for and says whether that was all;
//! if not, it is called again ([`super::asking`]).

use super::FunctionBlob;
use crate::socket::{ConnectionError, FrameWriter};
use rhumba_proto::id::BlobId;
use rhumba_proto::message::{FromClient, Payload, ToController};
use std::collections::{HashMap, VecDeque};

/// Bytes of functions that stay known to the controller for one client. The
/// oldest are forgotten first, and sent again when they are needed again.
const BLOB_BYTES_MAX: u64 = 64 << 20;

/// Functions that stay known. A controller takes it that who stores many more
/// has lost track of them.
const BLOB_COUNT_MAX: usize = 50_000;

/// The sending half, and what the controller has been told to remember.
pub(super) struct Sender {
    pub(super) frames: FrameWriter,
    known: HashMap<BlobId, u64>,
    oldest_first: VecDeque<BlobId>,
    known_bytes: u64,
    /// What the work that is sent is labelled with.
    label: Option<String>,
}

impl Sender {
    pub(super) fn new(frames: FrameWriter) -> Self {
        Self {
            frames,
            known: HashMap::new(),
            oldest_first: VecDeque::new(),
            known_bytes: 0,
            label: None,
        }
    }

    /// Says what the work that follows is labelled with, where that changes.
    /// Returns whether that is on its way.
    pub(super) fn set_label(&mut self, label: Option<&str>) -> Result<bool, ConnectionError> {
        if self.label.as_deref() == label {
            return Ok(true);
        }
        let label = label.map(str::to_owned);
        let message = FromClient::SetLabel {
            label: label.clone(),
        };
        let is_taken = self.tell(message, &Payload::default())?;
        if is_taken {
            self.label = label;
        }
        Ok(is_taken)
    }

    /// Stores a function at the controller unless it is known there. Returns
    /// whether all that it takes is on its way.
    pub(super) fn make_known(&mut self, function: &FunctionBlob) -> Result<bool, ConnectionError> {
        if self.known.contains_key(&function.blob) {
            return Ok(true);
        }
        let bytes = function.content.bytes();
        while (self.known_bytes + bytes > BLOB_BYTES_MAX || self.known.len() >= BLOB_COUNT_MAX)
            && let Some(&oldest) = self.oldest_first.front()
        {
            let message = FromClient::ForgetBlob { blob: oldest };
            if !self.tell(message, &Payload::default())? {
                return Ok(false);
            }
            self.oldest_first.pop_front();
            self.known_bytes -= self.known.remove(&oldest).unwrap_or(0);
        }
        let message = FromClient::StoreBlob {
            blob: function.blob,
            name: function.name.clone(),
        };
        if !self.tell(message, &function.content)? {
            return Ok(false);
        }
        self.known.insert(function.blob, bytes);
        self.oldest_first.push_back(function.blob);
        self.known_bytes += bytes;
        Ok(true)
    }

    fn tell(&mut self, message: FromClient, payload: &Payload) -> Result<bool, ConnectionError> {
        self.frames
            .try_gather(&ToController::Client(message), payload)
    }
}
