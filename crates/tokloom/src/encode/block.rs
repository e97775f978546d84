//! A block of pretokens → ids, in steps that each go through all of it: hash; look into the cache; find out what isn't
//! there; give the ids; keep the new ones. Each step asks for the memory that the next one needs. (Pretoken by
//! pretoken, every look would wait.)

use super::long_cache::LongCache;
use super::merge::{self, Workspace};
use super::scratch::Scratch;
use super::short_cache::{MOST_IDS, ShortCache};
use super::sink::Sink;
use crate::pretokenize::ENDS_AT_ONCE;
use crate::vocabulary::Vocabulary;
use crate::vocabulary::hashing::{SHORT, short_key, short_key_within};
use std::ops::Range;

/// The key of pretokens longer than [`SHORT`]: no bytes at all, and yet one.
const LONG: u128 = 1;
/// So many ids of one pretoken are gathered before they go on.
const FEW: usize = 16;
const NOT_CACHED: u32 = u32::MAX;

/// What the steps leave to each other.
pub(super) struct Block {
    keys: [u128; ENDS_AT_ONCE],
    hashes: [u64; ENDS_AT_ONCE],
    /// Slots of the short cache, or [`NOT_CACHED`].
    slots: [u32; ENDS_AT_ONCE],
    ids: [u32; ENDS_AT_ONCE * FEW],
    missing: Vec<Missing>,
    /// The ids of those that are missing.
    found: Vec<u32>,
}

/// A pretoken that isn't where the short cache should have it.
struct Missing {
    index: usize,
    text: Range<usize>,
    found: Range<usize>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its ids lay in a cache.
    Known,
    /// Its ids were found, and should be kept.
    New,
    /// It must be merged.
    ToMerge,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            keys: [0; ENDS_AT_ONCE],
            hashes: [0; ENDS_AT_ONCE],
            slots: [0; ENDS_AT_ONCE],
            ids: [0; ENDS_AT_ONCE * FEW],
            missing: Vec::new(),
            found: Vec::new(),
        }
    }
}

impl Vocabulary {
    /// The ids of the pretokens of `stretch`, which end at `ends`: at most [`ENDS_AT_ONCE`], none empty.
    pub(super) fn encode_block(
        &self,
        stretch: &[u8],
        ends: &[u32],
        scratch: &mut Scratch,
        sink: &mut impl Sink,
    ) {
        let Scratch { block, short, long, workspace, ids: _ } = scratch;
        let count = ends.len().min(ENDS_AT_ONCE);
        block.hash(stretch, &ends[..count], self, short, long);
        block.look_up(&ends[..count], self, short, long);
        if block.missing.is_empty() {
            return block.give(count, short, sink);
        }
        block.find_missing(stretch, self, short, long);
        block.merge_missing(stretch, self, workspace);
        block.give(count, short, sink);
        block.keep(stretch, short, long);
    }
}

impl Block {
    /// Hashes the pretokens, and begins to fetch what the caches have at their places.
    #[inline(always)]
    fn hash(
        &mut self,
        stretch: &[u8],
        ends: &[u32],
        vocabulary: &Vocabulary,
        short: &ShortCache,
        long: &LongCache,
    ) {
        let seed = vocabulary.whole.seed();
        let mut start = 0;
        let places = self.keys.iter_mut().zip(&mut self.hashes);
        for (end, (key, hash)) in ends.iter().map(|&end| end as usize).zip(places) {
            let length = end - start;
            if length <= SHORT {
                *key = short_key_within(stretch, start, length)
                    .or_else(|| short_key(stretch.get(start..end)?))
                    .unwrap_or(LONG);
                *hash = seed.of_key(*key);
                short.prefetch(*hash);
            } else {
                *key = LONG;
                *hash = seed.of_bytes(stretch.get(start..end).unwrap_or_default());
                long.prefetch(*hash);
            }
            start = end;
        }
    }

    /// Notes the slot of each pretoken that the short cache has, and begins to fetch what will be asked for the others.
    #[inline(always)]
    fn look_up(&mut self, ends: &[u32], vocabulary: &Vocabulary, short: &ShortCache, long: &LongCache) {
        self.missing.clear();
        let mut start = 0;
        for (index, end) in ends.iter().map(|&end| end as usize).enumerate() {
            let (key, hash) = (self.keys[index], self.hashes[index]);
            self.slots[index] = match short.find(key, hash) {
                Some(slot) => slot as u32,
                None => {
                    if key == LONG {
                        long.prefetch_entry(hash);
                    } else {
                        short.prefetch_beside(hash);
                        vocabulary.whole.prefetch(hash);
                        long.prefetch(hash);
                    }
                    let text = start..end;
                    self.missing.push(Missing { index, text, found: 0..0, state: State::Known });
                    NOT_CACHED
                }
            };
            start = end;
        }
    }

    /// Looks for the missing ones wherever they may be.
    #[inline(never)]
    fn find_missing(
        &mut self,
        stretch: &[u8],
        vocabulary: &Vocabulary,
        short: &ShortCache,
        long: &LongCache,
    ) {
        self.found.clear();
        for missing in &mut self.missing {
            let (key, hash) = (self.keys[missing.index], self.hashes[missing.index]);
            let pretoken = stretch.get(missing.text.clone()).unwrap_or_default();
            let start = self.found.len();
            let short_key = (key != LONG).then_some(key);
            if let Some(slot) = short_key.and_then(|key| short.find_beside(key, hash)) {
                let (ids, count) = short.ids(slot);
                self.found.extend_from_slice(&ids[..count]);
            } else if let Some(known) = long.find(pretoken, hash) {
                self.found.extend_from_slice(long.ids(known));
            } else if let Some(id) = vocabulary.whole.get_hashed(pretoken, short_key, hash) {
                self.found.push(id);
                missing.state = State::New;
            } else {
                missing.state = State::ToMerge;
            }
            missing.found = start..self.found.len();
        }
    }

    fn merge_missing(&mut self, stretch: &[u8], vocabulary: &Vocabulary, workspace: &mut Workspace) {
        let Self { missing, found, .. } = self;
        let text = |missing: &Missing| stretch.get(missing.text.clone()).unwrap_or_default();
        let is_short =
            |missing: &Missing| missing.state == State::ToMerge && merge::is_short(missing.text.len());
        let (byte_ids, pairs) = (&vocabulary.byte_ids, &vocabulary.pairs);
        let mut ranges = Vec::new();
        let shorts = missing.iter().filter(|missing| is_short(missing)).map(text);
        merge::merge_together(shorts, byte_ids, pairs, workspace, |_, ids| {
            ranges.push(found.len()..found.len() + ids.len());
            found.extend_from_slice(ids);
        });
        for (missing, range) in missing.iter_mut().filter(|missing| is_short(missing)).zip(ranges) {
            missing.found = range;
        }
        for missing in missing.iter_mut().filter(|missing| missing.state == State::ToMerge) {
            if missing.found.is_empty() {
                let ids = merge::merge(text(missing), byte_ids, pairs, workspace);
                missing.found = found.len()..found.len() + ids.len();
                found.extend_from_slice(ids);
            }
            missing.state = State::New;
        }
    }

    #[inline(always)]
    fn give(&mut self, pretokens: usize, short: &ShortCache, sink: &mut impl Sink) {
        let mut missing = self.missing.iter();
        let mut count = 0;
        for &slot in &self.slots[..pretokens] {
            if slot != NOT_CACHED {
                let (ids, length) = short.ids(slot as usize);
                // All four are written, whatever their number: a copy of fixed length needs no branch.
                self.ids[count..count + MOST_IDS].copy_from_slice(ids);
                count += length;
                continue;
            }
            let found = missing.next().map_or(0..0, |missing| missing.found.clone());
            let ids = self.found.get(found).unwrap_or_default();
            if ids.len() <= FEW {
                self.ids[count..count + ids.len()].copy_from_slice(ids);
                count += ids.len();
            } else {
                sink.ids(&self.ids[..count]);
                sink.ids(ids);
                count = 0;
            }
        }
        sink.ids(&self.ids[..count]);
    }

    /// Keeps what was new. Nothing may look at [`Self::slots`] afterwards.
    #[inline(always)]
    fn keep(&mut self, stretch: &[u8], short: &mut ShortCache, long: &mut LongCache) {
        for missing in self.missing.iter().filter(|missing| missing.state == State::New) {
            let (key, hash) = (self.keys[missing.index], self.hashes[missing.index]);
            let ids = self.found.get(missing.found.clone()).unwrap_or_default();
            if key != LONG && ids.len() <= MOST_IDS {
                short.put(key, hash, ids);
            } else {
                long.put(stretch.get(missing.text.clone()).unwrap_or_default(), hash, ids);
            }
        }
        // A huge pretoken must not keep its memory for ever.
        self.found.shrink_to(1 << 14);
    }
}
