//! Longer pretokens met before, and those of more ids than the short cache holds.
//!
//! What is kept lies one after another in a ring, so that a pretoken takes no more room than it needs; the oldest make
//! place for new ones. An index of hashes leads to it. Equal hashes are not equal pretokens: the bytes are compared.

use crate::memory::{filled, prefetch};
use std::ops::Range;

/// The longest pretoken kept, in bytes; and the most ids.
const LONGEST: usize = 1024;
/// Words of the ring at first and at most: 16 KiB, 6 MiB.
const FIRST_WORDS: usize = 1 << 12;
const MOST_WORDS: usize = 3 << 19;
/// Lines of the index at first and at most: 2 KiB, 2 MiB.
const FIRST_LINES: usize = 1 << 5;
const MOST_LINES: usize = 1 << 15;
/// An entry begins with its hash (two words) and its lengths; then come its bytes, four to a word, and its ids.
const HEAD: usize = 3;

/// Where an entry begins, behind a part of its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    tag: u32,
    at: u32,
}

const NOWHERE: Place = Place { tag: 0, at: u32::MAX };

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([Place; 8]);

/// Never larger than [`MOST_WORDS`] and [`MOST_LINES`].
pub(super) struct LongCache {
    index: Vec<Line>,
    /// Entries that the index leads to, or did.
    put: usize,
    ring: Vec<u32>,
    most_words: usize,
    /// Where the next entry goes. Those before it were written in this round.
    head: usize,
    /// From here to `end` lie entries of the round before.
    tail: usize,
    end: usize,
}

impl LongCache {
    pub(super) fn new() -> Self {
        Self {
            index: vec![Line([NOWHERE; 8]); FIRST_LINES],
            put: 0,
            ring: vec![0; FIRST_WORDS],
            most_words: MOST_WORDS,
            head: 0,
            tail: 0,
            end: 0,
        }
    }

    #[inline(always)]
    fn line(&self, hash: u64) -> usize {
        hash as usize & (self.index.len() - 1)
    }

    /// Begins to fetch the line of the index for this hash.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(&self.index, self.line(hash));
    }

    /// Begins to fetch what the index leads to, when its line is there.
    #[inline]
    pub(super) fn prefetch_entry(&self, hash: u64) {
        let Line(places) = &self.index[self.line(hash)];
        let tag = (hash >> 32) as u32;
        if let Some(place) = places.iter().find(|place| place.tag == tag) {
            prefetch(&self.ring, place.at as usize);
            prefetch(&self.ring, place.at as usize + 16);
        }
    }

    /// Where the [ids](Self::ids) of `pretoken` lie, whose hash is `hash`.
    #[inline]
    pub(super) fn find(&self, pretoken: &[u8], hash: u64) -> Option<Range<usize>> {
        let Line(places) = &self.index[self.line(hash)];
        let tag = (hash >> 32) as u32;
        let candidates = places.iter().filter(|place| place.tag == tag && **place != NOWHERE);
        candidates.filter_map(|place| self.ids_at(place.at as usize, pretoken)).next()
    }

    /// The ids that were [found](Self::find).
    #[inline]
    pub(super) fn ids(&self, found: Range<usize>) -> &[u32] {
        &self.ring[found]
    }

    #[inline]
    fn ids_at(&self, at: usize, pretoken: &[u8]) -> Option<Range<usize>> {
        let (length, count) = lengths(*self.ring.get(at + 2)?);
        let ids = at + HEAD + length.div_ceil(4);
        let kept = self.ring.get(at + HEAD..ids)?;
        let same = length == pretoken.len() && is_same(kept, pretoken);
        same.then_some(ids..ids + count)
    }

    /// Keeps the ids of a pretoken that isn't there; nothing if it is too long.
    pub(super) fn put(&mut self, pretoken: &[u8], hash: u64, ids: &[u32]) {
        if pretoken.len() > LONGEST || ids.len() > LONGEST || self.find(pretoken, hash).is_some() {
            return;
        }
        if self.put > 4 * self.index.len() && self.index.len() < MOST_LINES {
            self.grow_index();
        }
        self.make_room(HEAD + pretoken.len().div_ceil(4) + ids.len());
        let at = self.head;
        let head = [hash as u32, (hash >> 32) as u32, pretoken.len() as u32 | (ids.len() as u32) << 16];
        let words = head.into_iter().chain(words(pretoken)).chain(ids.iter().copied());
        for word in words {
            self.ring[self.head] = word;
            self.head += 1;
        }
        self.put += 1;
        let line = self.line(hash);
        put_place(&mut self.index[line], Place { tag: (hash >> 32) as u32, at: at as u32 }, self.put);
    }

    /// Lets `words` words from `head` on be free.
    fn make_room(&mut self, words: usize) {
        // The ring never goes round before it has its full size.
        while self.head + words > self.ring.len() && self.ring.len() < self.most_words {
            let mut larger = filled((4 * self.ring.len()).min(self.most_words), 0);
            larger[..self.head].copy_from_slice(&self.ring[..self.head]);
            self.ring = larger;
        }
        if self.head + words > self.ring.len() {
            self.forget_up_to(self.end);
            (self.end, self.tail, self.head) = (self.head, 0, 0);
        }
        self.forget_up_to(self.head + words);
    }

    /// Forgets the entries of the round before that begin below `limit`.
    fn forget_up_to(&mut self, limit: usize) {
        while self.tail < limit.min(self.end) {
            let (hash, words) = self.entry(self.tail);
            let line = self.line(hash);
            let here = |place: &&mut Place| place.at as usize == self.tail;
            if let Some(place) = self.index[line].0.iter_mut().find(here) {
                *place = NOWHERE;
            }
            self.tail += words;
        }
    }

    /// The hash of the entry at `at`, and how many words it takes.
    fn entry(&self, at: usize) -> (u64, usize) {
        let hash = u64::from(self.ring[at]) | u64::from(self.ring[at + 1]) << 32;
        let (length, count) = lengths(self.ring[at + 2]);
        (hash, HEAD + length.div_ceil(4) + count)
    }

    fn grow_index(&mut self) {
        let lines = filled(4 * self.index.len(), Line([NOWHERE; 8]));
        let smaller = std::mem::replace(&mut self.index, lines);
        self.put = 0;
        for place in smaller.iter().flat_map(|line| line.0).filter(|place| *place != NOWHERE) {
            let line = self.line(self.entry(place.at as usize).0);
            put_place(&mut self.index[line], place, 0);
            self.put += 1;
        }
    }
}

fn put_place(Line(places): &mut Line, place: Place, chance: usize) {
    let empty = places.iter().position(|place| *place == NOWHERE);
    places[empty.unwrap_or(chance % 8)] = place;
}

fn lengths(word: u32) -> (usize, usize) {
    ((word & 0xFFFF) as usize, (word >> 16) as usize)
}

/// The bytes, four to a word; the last word is filled up with 0.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (whole, rest) = bytes.as_chunks();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    let last = (!rest.is_empty()).then_some(last);
    whole.iter().copied().chain(last).map(u32::from_le_bytes)
}

#[inline]
fn is_same(kept: &[u32], bytes: &[u8]) -> bool {
    let (whole, rest) = bytes.as_chunks();
    let (kept, last) = kept.split_at(whole.len().min(kept.len()));
    kept.iter().zip(whole).all(|(word, bytes)| *word == u32::from_le_bytes(*bytes))
        && match last {
            [] => rest.is_empty(),
            [last, ..] => words(rest).next() == Some(*last),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn get<'c>(cache: &'c LongCache, pretoken: &[u8], hash: u64) -> Option<&'c [u32]> {
        cache.find(pretoken, hash).map(|found| cache.ids(found))
    }

    /// Whatever is found is what was put last; returns how many are.
    fn check(cache: &LongCache, all: &HashMap<Vec<u8>, (u64, Vec<u32>)>) -> usize {
        let found = all.iter().filter_map(|(pretoken, (hash, ids))| {
            get(cache, pretoken, *hash).map(|found| assert_eq!(found, ids))
        });
        found.count()
    }

    proptest! {
        #[test]
        fn a_pretoken_has_the_ids_it_was_given_or_none(
            pretokens in prop::collection::vec((prop::collection::vec(0u8..3, 0..9), 0usize..9), 1..200),
            hashes in 1u64..20,
        ) {
            // So small a ring goes round many times, and with so few hashes many pretokens have the same.
            let mut cache = LongCache { most_words: 60, ring: vec![0; 5], ..LongCache::new() };
            let mut all = HashMap::new();
            for (number, (pretoken, count)) in pretokens.into_iter().enumerate() {
                let hash = pretoken.iter().map(|&byte| u64::from(byte)).sum::<u64>() % hashes * 0x1_0000_0001;
                if cache.find(&pretoken, hash).is_some() {
                    continue;
                }
                let ids = vec![number as u32; count];
                cache.put(&pretoken, hash, &ids);
                prop_assert_eq!(get(&cache, &pretoken, hash), Some(&ids[..]));
                all.insert(pretoken, (hash, ids));
                check(&cache, &all);
                prop_assert!(cache.ring.len() <= 60);
            }
        }
    }

    #[test]
    fn it_keeps_many_and_never_grows_beyond_its_bound() {
        let mut cache = LongCache::new();
        let mut all = HashMap::new();
        let seed = crate::vocabulary::hashing::Seed::random();
        for number in 0..400_000u32 {
            let pretoken = format!("a pretoken with number {number}").into_bytes();
            let (hash, ids) = (seed.of_bytes(&pretoken), vec![number, number + 1, number + 2]);
            assert_eq!(cache.find(&pretoken, hash), None);
            cache.put(&pretoken, hash, &ids);
            assert_eq!(get(&cache, &pretoken, hash), Some(&ids[..]));
            all.insert(pretoken, (hash, ids));
        }
        let kept = check(&cache, &all);
        assert!((100_000..130_000).contains(&kept), "{kept}");
        assert_eq!((cache.ring.len(), cache.index.len()), (MOST_WORDS, MOST_LINES));
        let long = [7; LONGEST + 1];
        cache.put(&long, 1, &[1]);
        assert_eq!(cache.find(&long, 1), None);
    }
}
