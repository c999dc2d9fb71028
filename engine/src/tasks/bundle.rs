//! Payloads as one value: the lengths of the buffers, then the buffers.
//!
//! # Shapes
//! Little-endian: 4 bytes count, 8 × count bytes lengths, the buffers.

use bytes::{BufMut, Bytes, BytesMut};
use rhumba_proto::message::Payload;

/// Returns how long a payload is as one value.
pub(super) fn length(payload: &Payload) -> u64 {
    4 + 8 * payload.buffers.len() as u64 + payload.bytes()
}

pub(super) fn pack(payload: &Payload) -> Bytes {
    let length = usize::try_from(length(payload)).expect("it is in memory");
    let mut bytes = BytesMut::with_capacity(length);
    bytes.put_u32_le(u32::try_from(payload.buffers.len()).expect("frames have fewer buffers"));
    for buffer in &payload.buffers {
        bytes.put_u64_le(buffer.len() as u64);
    }
    for buffer in &payload.buffers {
        bytes.put_slice(buffer);
    }
    bytes.freeze()
}

/// Returns the payload of a value that [`pack`] made; `None` if it is damaged.
pub(super) fn unpack(value: Bytes) -> Option<Payload> {
    let (count, rest) = value.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count) as usize;
    let lengths = rest.get(..count.checked_mul(8)?)?;
    let mut from = 4 + lengths.len();
    let mut buffers = Vec::with_capacity(count);
    for length in lengths.as_chunks::<8>().0 {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let to = from.checked_add(length).filter(|to| *to <= value.len())?;
        buffers.push(value.slice(from..to));
        from = to;
    }
    (from == value.len()).then(|| Payload::from(buffers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_survives_and_damage_is_seen() {
        for buffers in [vec![], vec![""], vec!["abc", "", "defg"]] {
            let buffers = buffers
                .into_iter()
                .map(|text| Bytes::from_static(text.as_bytes()));
            let payload = Payload::from(buffers.collect::<Vec<_>>());
            let packed = pack(&payload);
            assert_eq!(packed.len() as u64, length(&payload));
            assert_eq!(unpack(packed.clone()), Some(payload));
            assert_eq!(unpack(packed.slice(..packed.len() - 1)), None);
        }
        assert_eq!(unpack(Bytes::from_static(&[255; 64])), None);
    }
}
