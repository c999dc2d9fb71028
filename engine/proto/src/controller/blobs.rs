//! Blobs: content that is sent once and named afterwards, mostly functions.
//!
//! A client stores one under its content address before the work that names
//! it. The controller keeps it as long as a client holds it or unfinished work
//! needs it, and sends it to each engine once, before the first work there.
//! The address is not verified here: that would mean to look inside.

use super::Config;
use super::pieces::Pieces;
use super::window::Window;
use crate::id::BlobId;
use crate::message::Payload;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longer names are cut.
const NAME_CHARS_MAX: usize = 100;

#[derive(Debug)]
pub(super) struct Blob {
    pub(super) id: BlobId,
    /// What who stored it first calls it.
    pub(super) name: String,
    pub(super) payload: Payload,
    pub(super) bytes: u64,
}

/// Every blob that a client holds or unfinished work needs.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    entries: BTreeMap<BlobId, Entry>,
    bytes: u64,
}

#[derive(Debug)]
struct Entry {
    blob: Arc<Blob>,
    /// Clients that stored it and haven't forgotten it.
    holders: u32,
    /// Unfinished parcels that name it.
    uses: u32,
}

/// What came of storing a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// It would exceed the limit of all blobs.
    NoRoom,
    /// The same address was used for something else.
    Contradiction,
}

impl Blobs {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lets one more client hold this content.
    pub(super) fn hold(
        &mut self,
        id: BlobId,
        name: &str,
        payload: Payload,
        config: &Config,
    ) -> Stored {
        if let Some(entry) = self.entries.get_mut(&id) {
            if entry.blob.payload != payload {
                return Stored::Contradiction;
            }
            entry.holders += 1;
            return Stored::Yes;
        }
        let bytes = payload.bytes();
        if self.bytes.saturating_add(bytes) > config.blob_bytes_max {
            return Stored::NoRoom;
        }
        self.bytes += bytes;
        let blob = Arc::new(Blob {
            id,
            name: name.chars().take(NAME_CHARS_MAX).collect(),
            payload,
            bytes,
        });
        self.entries.insert(
            id,
            Entry {
                blob,
                holders: 1,
                uses: 0,
            },
        );
        Stored::Yes
    }

    pub(super) fn release_hold(&mut self, id: BlobId) {
        self.entry(id).holders -= 1;
        self.remove_unneeded(id);
    }

    /// Returns the content for work that names it.
    pub(super) fn start_use(&mut self, id: BlobId) -> Arc<Blob> {
        let entry = self.entry(id);
        entry.uses += 1;
        Arc::clone(&entry.blob)
    }

    pub(super) fn end_use(&mut self, id: BlobId) {
        self.entry(id).uses -= 1;
        self.remove_unneeded(id);
    }

    fn entry(&mut self, id: BlobId) -> &mut Entry {
        self.entries
            .get_mut(&id)
            .expect("a blob is kept while it is held or used")
    }

    fn remove_unneeded(&mut self, id: BlobId) {
        let entry = self.entry(id);
        if entry.holders == 0 && entry.uses == 0 {
            self.bytes -= entry.blob.bytes;
            self.entries.remove(&id);
        }
    }

    /// Checks counts against what the clients hold and the parcels use.
    pub(super) fn check_invariants(
        &self,
        holders: &BTreeMap<BlobId, u32>,
        uses: &BTreeMap<BlobId, u32>,
    ) {
        let bytes: u64 = self.entries.values().map(|entry| entry.blob.bytes).sum();
        assert_eq!(self.bytes, bytes, "the bytes of all blobs are counted");
        for (id, entry) in &self.entries {
            let expected = holders.get(id).copied().unwrap_or(0);
            assert_eq!(
                entry.holders, expected,
                "{id:?} counts the clients that hold it"
            );
            let expected = uses.get(id).copied().unwrap_or(0);
            assert_eq!(
                entry.uses, expected,
                "{id:?} counts the parcels that need it"
            );
            assert!(
                entry.holders + entry.uses > 0,
                "{id:?} is kept though nobody needs it"
            );
        }
        let known = |id: &BlobId| self.entries.contains_key(id);
        assert!(holders.keys().all(known), "what a client holds is kept");
        assert!(uses.keys().all(known), "what work needs is kept");
    }
}

/// What one engine was sent and not told to forget.
#[derive(Debug, Default)]
pub(super) struct KnownBlobs {
    /// By blob: when it was last named, and its bytes.
    entries: BTreeMap<BlobId, (u64, u64)>,
    by_age: BTreeSet<(u64, BlobId)>,
    bytes: u64,
    /// Counts how often the latest blob changed.
    clock: u64,
    latest: Option<BlobId>,
}

impl KnownBlobs {
    /// Takes note that `blob` is needed at the engine now. Returns what it is to
    /// forget before, and the blob if it is to be sent.
    ///
    /// What waits or runs in `window` still needs its own blobs; those stay,
    /// even above the limit.
    pub(super) fn need(
        &mut self,
        blob: &Arc<Blob>,
        window: &Window,
        pieces: &Pieces,
        config: &Config,
    ) -> (Vec<BlobId>, Option<Arc<Blob>>) {
        if self.latest == Some(blob.id) {
            return (Vec::new(), None);
        }
        self.latest = Some(blob.id);
        self.clock += 1;
        let stamp = (self.clock, blob.bytes);
        if let Some((age, _)) = self.entries.insert(blob.id, stamp) {
            self.by_age.remove(&(age, blob.id));
            self.by_age.insert((self.clock, blob.id));
            return (Vec::new(), None);
        }
        self.by_age.insert((self.clock, blob.id));
        self.bytes += blob.bytes;

        let mut forgotten = Vec::new();
        if self.bytes > config.blob_bytes_max_per_engine {
            let needed: BTreeSet<BlobId> = window
                .iter()
                .filter_map(|entry| pieces[entry.piece].parcel.function.as_ref())
                .map(|function| function.id)
                .chain([blob.id])
                .collect();
            forgotten = self.evict(&needed, config.blob_bytes_max_per_engine);
        }
        (forgotten, Some(Arc::clone(blob)))
    }

    /// Forgets what was not named for longest, until the rest is within the limit.
    fn evict(&mut self, needed: &BTreeSet<BlobId>, bytes_max: u64) -> Vec<BlobId> {
        let mut forgotten = Vec::new();
        let mut surplus = self.bytes.saturating_sub(bytes_max);
        for (_, id) in self.by_age.iter().filter(|(_, id)| !needed.contains(id)) {
            if surplus == 0 {
                break;
            }
            surplus = surplus.saturating_sub(self.entries[id].1);
            forgotten.push(*id);
        }
        for id in &forgotten {
            let (age, bytes) = self
                .entries
                .remove(id)
                .expect("what is forgotten was known");
            self.by_age.remove(&(age, *id));
            self.bytes -= bytes;
        }
        forgotten
    }

    pub(super) fn contains(&self, id: BlobId) -> bool {
        self.entries.contains_key(&id)
    }

    pub(super) fn check_invariants(&self) {
        let bytes: u64 = self.entries.values().map(|(_, bytes)| bytes).sum();
        assert_eq!(self.bytes, bytes, "an engine's blobs are counted");
        let by_age: BTreeSet<_> = self
            .entries
            .iter()
            .map(|(id, (age, _))| (*age, *id))
            .collect();
        assert_eq!(
            self.by_age, by_age,
            "an engine's blobs are in the order of their last use"
        );
    }
}
