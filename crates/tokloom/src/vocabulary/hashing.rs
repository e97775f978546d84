//! Keys and hashes of short byte strings and of pairs.
//!
//! Texts and vocabularies come from strangers, so every table is seeded at random: nobody can prepare texts that all
//! fall into one slot. No result depends on the seed.

use std::hash::{BuildHasher, Hasher, RandomState};

/// The longest byte string that fits into a [`short_key`].
pub(crate) const SHORT: usize = 15;

/// At most [`SHORT`] bytes as one integer, the length in the top byte: equal keys are equal strings.
#[inline(always)]
pub(crate) fn short_key(bytes: &[u8]) -> Option<u128> {
    let length = bytes.len();
    let text = match length {
        0 => 0,
        1..=3 => {
            // First, middle and last byte: for one byte all three are the same, and the shifts keep them in place.
            let (first, middle, last) =
                (bytes[0] as u128, bytes[length / 2] as u128, bytes[length - 1] as u128);
            first | middle << (8 * (length / 2)) | last << (8 * (length - 1))
        }
        4..=7 => {
            let (first, last) = (word32(bytes, 0) as u128, word32(bytes, length - 4) as u128);
            first | last << (8 * (length - 4))
        }
        8..=SHORT => {
            let (first, last) = (word64(bytes, 0) as u128, word64(bytes, length - 8) as u128);
            first | last << (8 * (length - 8))
        }
        _ => return None,
    };
    Some(text | (length as u128) << 120)
}

/// [`short_key`] of `text[start..start + length]`, read in one go: `length` is at most [`SHORT`]. `None` if the text ends
/// less than 16 bytes behind `start`.
#[inline(always)]
pub(crate) fn short_key_within(text: &[u8], start: usize, length: usize) -> Option<u128> {
    let window: [u8; 16] = text.get(start..)?.first_chunk().copied()?;
    Some(u128::from_le_bytes(window) & MASKS.get(length)? | (length as u128) << 120)
}

/// All bits of the first so many bytes.
const MASKS: [u128; SHORT + 1] = {
    let mut masks = [0; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        masks[length] = masks[length - 1] << 8 | 0xFF;
        length += 1;
    }
    masks
};

#[inline(always)]
fn word32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline(always)]
fn word64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// A seed for one table.
#[derive(Clone, Copy)]
pub(crate) struct Seed(u64, u64);

impl Seed {
    pub(crate) fn random() -> Self {
        let state = RandomState::new();
        let word = |salt: u64| {
            let mut hasher = state.build_hasher();
            hasher.write_u64(salt);
            hasher.finish()
        };
        Seed(word(1) | 1, word(2))
    }

    #[inline(always)]
    pub(crate) fn of_key(self, key: u128) -> u64 {
        folded_multiply(key as u64 ^ self.0, (key >> 64) as u64 ^ self.1)
    }

    #[inline(always)]
    pub(crate) fn of_pair(self, pair: u64) -> u64 {
        folded_multiply(pair ^ self.1, self.0)
    }

    /// Of a short string this is the hash of its key.
    #[inline]
    pub(crate) fn of_bytes(self, bytes: &[u8]) -> u64 {
        if let Some(key) = short_key(bytes) {
            return self.of_key(key);
        }
        let mut hash = bytes.len() as u64;
        let mut mix = |block: &[u8; 16]| {
            hash = self.of_key(u128::from_le_bytes(*block) ^ hash as u128).rotate_left(23);
        };
        bytes.as_chunks().0.iter().for_each(&mut mix);
        if let Some(last) = bytes.last_chunk() {
            mix(last);
        }
        hash
    }
}

#[inline(always)]
fn folded_multiply(left: u64, right: u64) -> u64 {
    let product = left as u128 * right as u128;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_holds_its_bytes_and_their_number() {
        for length in 0..=SHORT {
            let bytes: Vec<u8> = (0..length as u8).map(|at| at + 101).collect();
            let key = short_key(&bytes).unwrap();
            let mut expected = [0; 16];
            expected[..length].copy_from_slice(&bytes);
            expected[15] = length as u8;
            assert_eq!(key.to_le_bytes(), expected);
            let text: Vec<u8> = [&[9; 3], &bytes[..], &[200; 16]].concat();
            for end in 0..text.len() {
                let within = short_key_within(&text[..end], 3, length);
                assert_eq!(within, (end >= 3 + 16).then_some(key));
            }
        }
        assert_eq!(short_key(&[0; SHORT + 1]), None);
    }
}
