//! Token bytes by id, and ids by token bytes.

use super::hashing::{SHORT, Seed, short_key};
use crate::error::{Error, Result};
use crate::memory::{filled, prefetch};
use hashbrown::HashTable;

/// The highest id allowed, so that an id always fits into 31 bits.
pub const HIGHEST_ID: u32 = (1 << 31) - 1;
/// The longest token allowed, in bytes.
pub const LONGEST_TOKEN: usize = 65_535;

/// Token bytes by id. Ids may have holes of any size: memory follows the tokens, not the highest id.
pub(crate) struct TokenBytes {
    /// Ascending.
    ids: Vec<u32>,
    /// How many of `ids` are 0, 1, 2, …: for these the id is the index.
    dense: usize,
    ends: Vec<u32>,
    arena: Vec<u8>,
}

impl TokenBytes {
    /// From (id, bytes) in ascending order of id.
    pub(crate) fn new<'a>(tokens: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<Self> {
        let (mut ids, mut ends, mut arena) = (Vec::<u32>::new(), Vec::new(), Vec::new());
        for (id, bytes) in tokens {
            arena.extend_from_slice(bytes);
            let end = u32::try_from(arena.len())
                .map_err(|_| Error::Vocabulary("the tokens are longer than 4 GiB together".into()))?;
            ids.push(id);
            ends.push(end);
        }
        let dense = ids.iter().enumerate().take_while(|&(index, &id)| index == id as usize).count();
        Ok(Self { ids, dense, ends, arena })
    }

    #[inline]
    fn index(&self, id: u32) -> Option<usize> {
        if (id as usize) < self.dense {
            return Some(id as usize);
        }
        self.ids[self.dense..].binary_search(&id).ok().map(|index| index + self.dense)
    }

    /// The bytes of the token `id`; `None` if the id stands for nothing.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&[u8]> {
        let index = self.index(id)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.arena[start as usize..self.ends[index] as usize])
    }

    /// All tokens in ascending order of id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let start_of = |index: usize| if index == 0 { 0 } else { self.ends[index - 1] as usize };
        (0..self.ids.len())
            .map(move |index| (self.ids[index], &self.arena[start_of(index)..self.ends[index] as usize]))
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
}

impl TokenLookup {
    /// From (id, bytes); the tokens are distinct and not empty.
    pub(crate) fn new<'a>(tokens: impl Iterator<Item = (u32, &'a [u8])> + Clone) -> Self {
        let short_tokens = tokens.clone().filter(|(_, bytes)| bytes.len() <= SHORT).count();
        let slots = (2 * short_tokens).next_power_of_two().max(2);
        let mut lookup = Self {
            seed: Seed::random(),
            mask: slots - 1,
            keys: filled(slots, 0),
            ids: filled(slots, 0),
            long: HashTable::new(),
        };
        for (id, bytes) in tokens {
            lookup.insert(id, bytes);
        }
        lookup
    }

    fn insert(&mut self, id: u32, bytes: &[u8]) {
        let Some(key) = short_key(bytes) else {
            let seed = self.seed;
            self.long
                .insert_unique(seed.of_bytes(bytes), (bytes.into(), id), |entry| seed.of_bytes(&entry.0));
            return;
        };
        let mut slot = self.seed.of_key(key) as usize & self.mask;
        while self.keys[slot] != 0 {
            slot = (slot + 1) & self.mask;
        }
        self.keys[slot] = key;
        self.ids[slot] = id;
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
            let by_bytes: BTreeMap<&[u8], u32> =
                tokens.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(&id, bytes)| (&bytes[..], id)).collect();
            let lookup = TokenLookup::new(by_bytes.iter().map(|(&bytes, &id)| (id, bytes)));
            for (bytes, id) in &by_bytes {
                prop_assert_eq!(lookup.get(bytes), Some(*id));
            }
            prop_assert_eq!(lookup.get(&other), by_bytes.get(&other[..]).copied());
            prop_assert_eq!(lookup.get(b""), None);
        }
    }
}
