//! Merging pretokens of at most 64 bytes: all state is a few small arrays, and looking through all of it for the
//! lowest rank is quicker than keeping order.
//!
//! Each merge asks for two new pairs, and memory takes longer to answer than all the rest. So many pretokens are merged
//! side by side: one merge of each, then the next of each, when what it asked for is there.

use crate::vocabulary::pair_table::{Merge, PairTable};

/// The most bytes: so many bits say which positions still begin a token.
pub(super) const FEW: usize = 64;
/// So many pretokens are merged side by side.
const LANES: usize = 24;
/// A position whose token merges with nothing on its right.
const NEVER: u64 = u64::MAX;

/// Room for the pretokens that are merged side by side.
#[derive(Default)]
pub(super) struct Lanes(Vec<Lane>);

impl Lanes {
    /// Merges pretokens of 1 to [`FEW`] bytes as far as `pairs` go; calls `done` with the number of each and its ids.
    pub(super) fn merge<'t>(
        &mut self,
        mut pretokens: impl Iterator<Item = &'t [u8]>,
        byte_ids: &[u32; 256],
        pairs: &PairTable,
        mut done: impl FnMut(usize, &[u32]),
    ) {
        let mut first = 0;
        loop {
            let mut taken = 0;
            for (lane, bytes) in pretokens.by_ref().take(LANES).enumerate() {
                if lane == self.0.len() {
                    self.0.push(Lane::default());
                }
                self.0[lane].begin(bytes, byte_ids, pairs);
                taken += 1;
            }
            if taken == 0 {
                return;
            }
            let mut going: u32 = (1 << taken) - 1;
            while going != 0 {
                let mut rest = going;
                while rest != 0 {
                    let lane = rest.trailing_zeros();
                    rest &= rest - 1;
                    if !self.0[lane as usize].advance(pairs) {
                        going &= !(1 << lane);
                    }
                }
            }
            for (index, lane) in self.0[..taken].iter_mut().enumerate() {
                done(first + index, lane.ids());
            }
            first += taken;
        }
    }
}

/// One pretoken: a place for each byte.
struct Lane {
    ids: [u32; FEW],
    /// The rank of the pair that begins here, then the place: the lowest is what merges next.
    ranks: [u64; FEW],
    /// The id that this pair makes.
    made: [u32; FEW],
    /// A bit for each place where a token begins.
    tokens: u64,
    length: usize,
    /// Places whose pair changed, and the places of its right token, looked up at the next step.
    changed: [Option<(u8, u8)>; 2],
}

impl Default for Lane {
    fn default() -> Self {
        Self { ids: [0; FEW], ranks: [NEVER; FEW], made: [0; FEW], tokens: 0, length: 0, changed: [None; 2] }
    }
}

impl Lane {
    fn begin(&mut self, bytes: &[u8], byte_ids: &[u32; 256], pairs: &PairTable) {
        self.fill(bytes, byte_ids, pairs);
        self.tokens = u64::MAX >> (FEW - bytes.len());
        self.length = bytes.len().next_multiple_of(4);
        self.changed = [None; 2];
    }

    /// One merge; whether there was one.
    #[inline(always)]
    fn advance(&mut self, pairs: &PairTable) -> bool {
        for (left, right) in self.changed.into_iter().flatten() {
            let (left, right) = (usize::from(left) % FEW, usize::from(right) % FEW);
            self.set(left, pairs.get(self.ids[left], self.ids[right]));
        }
        let lowest = lowest(&self.ranks[..self.length]);
        if lowest == NEVER {
            return false;
        }
        let at = lowest as usize % FEW;
        let right = after(self.tokens, at).unwrap_or(at);
        self.tokens &= !(1 << right);
        self.ids[at] = self.made[at];
        self.ranks[right] = NEVER;
        self.ranks[at] = NEVER;
        let next = after(self.tokens, at).map(|next| (at, next));
        let previous = before(self.tokens, at).map(|previous| (previous, at));
        self.changed = [next, previous].map(|pair| {
            pair.map(|(left, right)| {
                pairs.prefetch(self.ids[left], self.ids[right]);
                (left as u8, right as u8)
            })
        });
        true
    }

    /// The ids, moved to the front.
    fn ids(&mut self) -> &[u32] {
        let mut count = 0;
        while self.tokens != 0 {
            self.ids[count] = self.ids[self.tokens.trailing_zeros() as usize];
            self.tokens &= self.tokens - 1;
            count += 1;
        }
        &self.ids[..count]
    }

    #[inline(always)]
    fn fill(&mut self, bytes: &[u8], byte_ids: &[u32; 256], pairs: &PairTable) {
        for (id, byte) in self.ids.iter_mut().zip(bytes) {
            *id = byte_ids[usize::from(*byte)];
        }
        for (at, pair) in bytes.windows(2).enumerate() {
            let of_bytes = pairs.of_bytes(pair[0], pair[1]);
            self.set(at, of_bytes.unwrap_or_else(|| pairs.get(self.ids[at], self.ids[at + 1])));
        }
        let last = bytes.len() - 1;
        self.ranks[last..bytes.len().next_multiple_of(4)].fill(NEVER);
    }

    #[inline(always)]
    fn set(&mut self, at: usize, merge: Merge) {
        let is_never = merge.rank == Merge::NEVER.rank;
        self.ranks[at] = if is_never { NEVER } else { u64::from(merge.rank) << 32 | at as u64 };
        self.made[at] = merge.id;
    }
}

/// The next place in `tokens` after `at`.
#[inline(always)]
fn after(tokens: u64, at: usize) -> Option<usize> {
    let later = tokens >> at >> 1;
    if later == 0 { None } else { Some(at + 1 + later.trailing_zeros() as usize) }
}

/// The last place in `tokens` before `at`.
#[inline(always)]
fn before(tokens: u64, at: usize) -> Option<usize> {
    let earlier = tokens & ((1 << at) - 1);
    if earlier == 0 { None } else { Some(earlier.ilog2() as usize) }
}

#[inline(always)]
fn lowest(ranks: &[u64]) -> u64 {
    // Four at a time, so that no comparison waits for the one before.
    let mut lowest = [NEVER; 4];
    for four in ranks.as_chunks::<4>().0 {
        for (lowest, rank) in lowest.iter_mut().zip(four) {
            *lowest = (*lowest).min(*rank);
        }
    }
    lowest[0].min(lowest[1]).min(lowest[2].min(lowest[3]))
}
