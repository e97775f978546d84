//! Token bytes by id, and ids by token bytes.

use super::hashing::{SHORT, Seed, short_key};
use crate::error::{Error, Result};
use crate::memory::{filled, prefetch};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The highest id allowed, so that an id always fits into 31 bits.
pub const HIGHEST_ID: u32 = (1 << 31) - 1;
/// The longest token allowed, in bytes.
pub const LONGEST_TOKEN: usize = 65_535;

/// Behind the last token: so many bytes can be read from where any token begins.
const SLACK: usize = 16;

/// Where a token's bytes lie.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    length: u16,
    is_ascii: bool,
}

/// Token bytes by id. Ids may have holes of any size: memory follows the tokens, not the highest id.
pub(crate) struct TokenBytes {
    /// Ascending.
    ids: Vec<u32>,
    /// How many of `ids` are 0, 1, 2, …: for these the id is the index.
    dense: usize,
    places: Vec<Place>,
    arena: Vec<u8>,
}

impl TokenBytes {
    /// From (id, bytes) in ascending order of id, each at most [`LONGEST_TOKEN`] bytes.
    pub(crate) fn new<'a>(tokens: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<Self> {
        let (mut ids, mut places, mut arena) = (Vec::<u32>::new(), Vec::new(), Vec::new());
        for (id, bytes) in tokens {
            let start = u32::try_from(arena.len())
                .map_err(|_| Error::Vocabulary("the tokens are longer than 4 GiB together".into()))?;
            let length = u16::try_from(bytes.len())
                .map_err(|_| Error::Vocabulary(format!("the token with id {id} is too long")))?;
            arena.extend_from_slice(bytes);
            ids.push(id);
            places.push(Place { start, length, is_ascii: bytes.is_ascii() });
        }
        arena.extend_from_slice(&[0; SLACK]);
        let dense = ids.iter().enumerate().take_while(|&(index, &id)| index == id as usize).count();
        Ok(Self { ids, dense, places, arena })
    }

    #[inline(always)]
    fn place(&self, id: u32) -> Option<Place> {
        if (id as usize) < self.dense {
            return self.places.get(id as usize).copied();
        }
        let index = self.ids[self.dense..].binary_search(&id).ok()?;
        self.places.get(index + self.dense).copied()
    }

    fn bytes_at(&self, place: Place) -> &[u8] {
        &self.arena[place.start as usize..][..place.length as usize]
    }

    /// The bytes of the token `id`; `None` if the id stands for nothing.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&[u8]> {
        self.place(id).map(|place| self.bytes_at(place))
    }

    /// How many bytes the ids stand for together, and whether all of them are ASCII; or the first unknown id.
    pub(crate) fn measure(&self, ids: &[u32]) -> std::result::Result<(usize, bool), u32> {
        let (mut length, mut is_ascii) = (0, true);
        for &id in ids {
            let place = self.place(id).ok_or(id)?;
            length += place.length as usize;
            is_ascii &= place.is_ascii;
        }
        Ok((length, is_ascii))
    }

    /// Writes the bytes of the ids one after another, as many as [`Self::measure`] says there are.
    pub(crate) fn write(&self, ids: &[u32], text: &mut [u8]) {
        let mut at = 0;
        for &id in ids {
            let Some(place) = self.place(id) else { return };
            let (start, length) = (place.start as usize, place.length as usize);
            // What is copied too much is overwritten by the next token: a copy of fixed size is two instructions.
            if length <= SLACK
                && let Some(block) = text.get_mut(at..at + SLACK)
            {
                block.copy_from_slice(&self.arena[start..start + SLACK]);
            } else {
                text[at..at + length].copy_from_slice(&self.arena[start..start + length]);
            }
            at += length;
        }
    }

    /// All tokens in ascending order of id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.ids.iter().zip(&self.places).map(|(&id, &place)| (id, self.bytes_at(place)))
    }

    /// The highest id.
    pub(crate) fn last_id(&self) -> Option<u32> {
        self.ids.last().copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}

/// Ids by token bytes: short tokens by their bytes as one integer, longer ones by hash.
pub(crate) struct TokenLookup {
    seed: Seed,
    mask: usize,
    /// 0 is an empty slot: no token is empty.
    keys: Vec<u128>,
    ids: Vec<u32>,
    long: HashTable<(Box<[u8]>, u32)>,
    len: usize,
}

impl TokenLookup {
    /// From (id, bytes), none of them empty; of two with the same bytes the first stays.
    pub(crate) fn new<'a>(tokens: impl Iterator<Item = (u32, &'a [u8])> + Clone) -> Self {
        let short_tokens = tokens.clone().filter(|(_, bytes)| bytes.len() <= SHORT).count();
        let slots = (2 * short_tokens).next_power_of_two().max(2);
        let mut lookup = Self {
            seed: Seed::random(),
            mask: slots - 1,
            keys: filled(slots, 0),
            ids: filled(slots, 0),
            long: HashTable::new(),
            len: 0,
        };
        for (id, bytes) in tokens {
            lookup.insert(id, bytes);
        }
        lookup
    }

    fn insert(&mut self, id: u32, bytes: &[u8]) {
        let Some(key) = short_key(bytes) else {
            let seed = self.seed;
            let hash = |entry: &(Box<[u8]>, u32)| seed.of_bytes(&entry.0);
            if let Entry::Vacant(place) =
                self.long.entry(seed.of_bytes(bytes), |entry| *entry.0 == *bytes, hash)
            {
                place.insert((bytes.into(), id));
                self.len += 1;
            }
            return;
        };
        let mut slot = self.seed.of_key(key) as usize & self.mask;
        while self.keys[slot] != 0 {
            if self.keys[slot] == key {
                return;
            }
            slot = (slot + 1) & self.mask;
        }
        self.keys[slot] = key;
        self.ids[slot] = id;
        self.len += 1;
    }

    /// How many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What all hashes of tokens are made with.
    #[inline(always)]
    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// The id of the token with exactly these bytes.
    pub(crate) fn get(&self, bytes: &[u8]) -> Option<u32> {
        if bytes.is_empty() {
            None
        } else {
            self.get_hashed(bytes, short_key(bytes), self.seed.of_bytes(bytes))
        }
    }

    /// Begins to fetch what [`Self::get_hashed`] will look at, for a short key.
    #[inline(always)]
    pub(crate) fn prefetch(&self, hash: u64) {
        prefetch(&self.keys, hash as usize & self.mask);
        prefetch(&self.ids, hash as usize & self.mask);
    }

    /// As [`Self::get`], for bytes (not none) whose short key, if they have one, and whose hash are known.
    #[inline]
    pub(crate) fn get_hashed(&self, bytes: &[u8], key: Option<u128>, hash: u64) -> Option<u32> {
        let Some(key) = key else {
            return self.long.find(hash, |entry| &*entry.0 == bytes).map(|entry| entry.1);
        };
        let mut slot = hash as usize & self.mask;
        loop {
            let found = self.keys[slot];
            if found == key {
                return Some(self.ids[slot]);
            }
            if found == 0 {
                return None;
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(tokens: BTreeMap<u32, Vec<u8>>, other: Vec<u8>) {
            let bytes = TokenBytes::new(tokens.iter().map(|(&id, bytes)| (id, &bytes[..]))).unwrap();
            for (id, expected) in &tokens {
                prop_assert_eq!(bytes.get(*id), Some(&expected[..]));
            }
            let collected: BTreeMap<u32, Vec<u8>> = bytes.iter().map(|(id, bytes)| (id, bytes.to_vec())).collect();
            prop_assert_eq!(&collected, &tokens);
            prop_assert_eq!(bytes.last_id(), tokens.keys().last().copied());
            let ids: Vec<u32> = tokens.keys().copied().cycle().take(3 * tokens.len()).collect();
            let joined: Vec<u8> = ids.iter().flat_map(|id| &tokens[id]).copied().collect();
            prop_assert_eq!(bytes.measure(&ids), Ok((joined.len(), joined.is_ascii())));
            let mut written = vec![0; joined.len()];
            bytes.write(&ids, &mut written);
            prop_assert_eq!(written, joined);
            if let Some(unknown) = (0..).find(|id| !tokens.contains_key(id)) {
                prop_assert_eq!(bytes.measure(&[&ids[..], &[unknown]].concat()), Err(unknown));
            }
            let by_bytes: BTreeMap<&[u8], u32> =
                tokens.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(&id, bytes)| (&bytes[..], id)).collect();
            let lookup = TokenLookup::new(by_bytes.iter().map(|(&bytes, &id)| (id, bytes)));
            for (bytes, id) in &by_bytes {
                prop_assert_eq!(lookup.get(bytes), Some(*id));
            }
            prop_assert_eq!(lookup.get(&other), by_bytes.get(&other[..]).copied());
            prop_assert_eq!(lookup.get(b""), None);
            prop_assert_eq!(lookup.len(), by_bytes.len());
        }
    }
}
