//! Gathered answers: those of all engines to one request, told as one message.
//!
//! For requests to many engines whose client wants all of them anyway: one
//! message costs both sides less than many. Large results aren't held up: what
//! has come is told as soon as it is much.

use super::Controller;
use super::pieces::Owner;
use crate::message::{GatheredPart, Payload, ToClient};

/// Beyond this the answers so far are told, in bytes of their payloads.
const GATHERED_BYTES_MAX: u64 = 1 << 20;

/// Answers to one request that aren't told yet.
#[derive(Debug, Default)]
pub(super) struct Gather {
    parts: Vec<GatheredPart>,
    payload: Payload,
    bytes: u64,
}

impl Controller {
    /// Takes an answer to a request whose answers are gathered. `is_last`: no
    /// other is to come.
    pub(super) fn gather(
        &mut self,
        owner: Owner,
        part: GatheredPart,
        payload: Payload,
        is_last: bool,
    ) {
        let Owner { client, request } = owner;
        let gather = self.gathers.entry((client, request)).or_default();
        let is_much = gather.bytes.saturating_add(payload.bytes()) > GATHERED_BYTES_MAX;
        let mut alone = None;
        if payload.bytes() > GATHERED_BYTES_MAX {
            alone = Some((part, payload));
        } else {
            gather.bytes += payload.bytes();
            gather.parts.push(part);
            gather.payload.buffers.extend(payload.buffers);
        }
        if (is_last || is_much)
            && let Some(Gather { parts, payload, .. }) = self.gathers.remove(&(client, request))
            && !parts.is_empty()
        {
            self.send_client(client, ToClient::Gathered { request, parts }, payload);
        }
        if let Some((part, payload)) = alone {
            let message = ToClient::Result {
                request,
                engine: part.engine,
                outcome: part.outcome,
                timing: part.timing,
            };
            self.send_client(client, message, payload);
        }
    }

    pub(super) fn check_gathers(&self) {
        for (client, request) in self.gathers.keys() {
            let client = self.clients.get(client);
            let is_open = client.is_some_and(|client| client.pieces_of(*request).next().is_some());
            assert!(is_open, "nothing is held back when all is answered");
        }
    }
}
