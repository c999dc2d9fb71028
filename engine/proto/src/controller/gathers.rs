//! Gathered answers: those of all engines to one request, told as one message.
//!
//! For requests to many engines whose client wants all of them anyway: one
//! message costs both sides less than many. Large results aren't held up: what
//! has come is told as soon as it is much.

use super::Controller;
use super::pieces::Owner;
use crate::message::{GatheredPart, Outcome, Payload, ToClient};

/// Beyond this the answers so far are told: bytes of their payloads, and of what failures say.
const GATHERED_BYTES_MAX: u64 = 1 << 20;

/// What each buffer counts for, too, as one message may have so many only.
const BUFFER_BYTES: u64 = 64;

/// Answers to one request that aren't told yet.
#[derive(Debug, Default)]
pub(super) struct Gather {
    parts: Vec<GatheredPart>,
    payload: Payload,
    weight: u64,
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
        let weight = weight(&part, &payload);
        let weight_max = GATHERED_BYTES_MAX.min(self.config.payload_bytes_max);
        let held = self.gathers.get(&(client, request));
        let held = held.map_or(0, |gather| gather.weight);
        if held.saturating_add(weight) > weight_max {
            self.tell_gathered(owner);
        }
        if weight > weight_max {
            let message = ToClient::Result {
                request,
                engine: part.engine,
                outcome: part.outcome,
                timing: part.timing,
            };
            self.send_client(client, message, payload);
        } else {
            let gather = self.gathers.entry((client, request)).or_default();
            gather.weight += weight;
            gather.parts.push(part);
            gather.payload.buffers.extend(payload.buffers);
        }
        if is_last {
            self.tell_gathered(owner);
        }
    }

    /// Tells the answers that are held back, if there are some.
    fn tell_gathered(&mut self, Owner { client, request }: Owner) {
        if let Some(Gather { parts, payload, .. }) = self.gathers.remove(&(client, request)) {
            self.send_client(client, ToClient::Gathered { request, parts }, payload);
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

/// How much of a message an answer takes.
fn weight(part: &GatheredPart, payload: &Payload) -> u64 {
    let said = match &part.outcome {
        Outcome::Done => 0,
        Outcome::Failed(failure) => {
            failure.exception.len() + failure.message.len() + failure.traceback.len()
        }
    };
    payload.bytes() + said as u64 + BUFFER_BYTES * payload.buffers.len() as u64
}
