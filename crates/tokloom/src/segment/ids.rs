//! The bytes of a span → its id.

use super::LONGEST;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// The ids of spans: open addressing, and the bytes of each to compare with.
pub(super) struct Ids {
    /// The bytes of each id, filled up with zeros, and how many they are.
    tokens: Vec<([u8; LONGEST], u8)>,
    /// A part of the hash, and the id, or [`NO_ID`].
    places: Vec<(u32, u32)>,
    shift: u32,
    seeds: [u64; 2],
}

const NO_ID: u32 = u32::MAX;
/// Half of the places are empty.
const LEAST_PLACES: usize = 1 << 10;

impl Ids {
    /// Of the 256 bytes, with room for this many spans.
    pub(super) fn with_room_for(spans: usize) -> Self {
        let places = (2 * spans).next_power_of_two().max(LEAST_PLACES);
        // Spans come from strangers, who could choose such as collide.
        let random = RandomState::new();
        Self {
            tokens: (0..=255).map(|byte| (key(&[byte], 0..1).to_le_bytes(), 1)).collect(),
            places: vec![(0, NO_ID); places],
            shift: 64 - places.trailing_zeros(),
            seeds: [random.hash_one(0), random.hash_one(1)],
        }
    }

    /// Gives the next id to a span of two to sixteen bytes, or says which it has.
    pub(super) fn add(&mut self, span: &[u8]) -> Result<(), u32> {
        let key = key(span, 0..span.len());
        match self.find(key, span.len()) {
            (_, Some(id)) => Err(id),
            (place, None) => {
                self.places[place] = (self.hash(key, span.len()) as u32, self.tokens.len() as u32);
                self.tokens.push((key.to_le_bytes(), span.len() as u8));
                Ok(())
            }
        }
    }

    /// The id of a token of a text; it is there, since tokens alone are cut out.
    #[inline(always)]
    pub(super) fn id(&self, text: &[u8], token: Range<usize>) -> u32 {
        if token.len() == 1 {
            return u32::from(text[token.start]);
        }
        let length = token.len();
        self.find(key(text, token), length).1.unwrap_or_default()
    }

    /// The id of a span of two to sixteen bytes.
    pub(super) fn get(&self, span: &[u8]) -> Option<u32> {
        self.find(key(span, 0..span.len()), span.len()).1
    }

    /// The bytes of a token.
    #[inline(always)]
    pub(super) fn token(&self, id: u32) -> Option<&[u8]> {
        let (bytes, length) = self.tokens.get(id as usize)?;
        Some(&bytes[..usize::from(*length)])
    }

    /// How many there are, with the bytes.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Where a span is and its id, or where it would be.
    #[inline(always)]
    fn find(&self, key: u128, length: usize) -> (usize, Option<u32>) {
        let hash = self.hash(key, length);
        let mut place = (hash >> self.shift) as usize;
        loop {
            place &= self.places.len() - 1;
            let (part, id) = self.places[place];
            if id == NO_ID {
                return (place, None);
            }
            if part == hash as u32 {
                let (bytes, its) = &self.tokens[id as usize];
                if *bytes == key.to_le_bytes() && usize::from(*its) == length {
                    return (place, Some(id));
                }
            }
            place += 1;
        }
    }

    #[inline(always)]
    fn hash(&self, key: u128, length: usize) -> u64 {
        let low = key as u64 ^ self.seeds[0];
        let high = (key >> 64) as u64 ^ self.seeds[1].wrapping_add(length as u64);
        let product = u128::from(low) * u128::from(high);
        product as u64 ^ (product >> 64) as u64
    }
}

/// The bytes of a token, filled up with zeros.
#[inline(always)]
fn key(text: &[u8], token: Range<usize>) -> u128 {
    let length = token.len();
    if let Some(bytes) = text.get(token.start..).and_then(|rest| rest.first_chunk()) {
        return u128::from_le_bytes(*bytes) & u128::MAX >> (8 * (LONGEST - length));
    }
    let mut bytes = [0; LONGEST];
    bytes[..length].copy_from_slice(&text[token]);
    u128::from_le_bytes(bytes)
}
