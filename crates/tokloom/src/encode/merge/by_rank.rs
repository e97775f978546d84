//! Merging pretokens of any length, in time nearly proportional to it: positions wait in a bucket for each rank.

use super::{NOTHING, Workspace};
use crate::vocabulary::pair_table::{Merge, PairTable};
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Positions waiting at each rank. A rank stands for one pair or one token, so nothing joins the bucket that is being
/// emptied; that makes the whole linear but for sorting, where a heap of all positions would miss the cache each time.
#[derive(Default)]
pub(super) struct Buckets {
    by_rank: HashMap<u32, Vec<u32>, foldhash::fast::RandomState>,
    waiting: BinaryHeap<Reverse<u32>>,
    spare: Vec<Vec<u32>>,
}

impl Buckets {
    fn put(&mut self, rank: u32, position: u32) {
        let Self { by_rank, waiting, spare } = self;
        let bucket = by_rank.entry(rank).or_insert_with(|| {
            waiting.push(Reverse(rank));
            spare.pop().unwrap_or_default()
        });
        bucket.push(position);
    }

    fn take_lowest(&mut self) -> Option<(u32, Vec<u32>)> {
        let Reverse(rank) = self.waiting.pop()?;
        let mut positions = self.by_rank.remove(&rank).unwrap_or_default();
        if !positions.is_sorted() {
            positions.sort_unstable();
        }
        Some((rank, positions))
    }

    fn give_back(&mut self, mut bucket: Vec<u32>) {
        bucket.clear();
        if self.spare.len() < 1024 {
            self.spare.push(bucket);
        }
    }
}

/// Merges `workspace.ids`, at least one, as far as `pairs` go.
pub(super) fn merge_by_rank(pairs: &PairTable, workspace: &mut Workspace) {
    workspace.link(pairs);
    while let Some((rank, positions)) = workspace.buckets.take_lowest() {
        for (index, &position) in positions.iter().enumerate() {
            let lowest_made = workspace.merge_at(position, rank, pairs);
            if lowest_made < rank {
                // Where ranks and lengths go their own ways, a merge may make a pair that comes before the rest.
                positions[index + 1..].iter().for_each(|&rest| workspace.buckets.put(rank, rest));
                break;
            }
        }
        workspace.buckets.give_back(positions);
    }
    workspace.gather();
}

impl Workspace {
    fn link(&mut self, pairs: &PairTable) {
        let length = self.ids.len() as u32;
        self.next.clear();
        self.next.extend(1..length);
        self.next.push(NOTHING);
        self.previous.clear();
        self.previous.push(NOTHING);
        self.previous.extend(0..length - 1);
        self.merges.clear();
        self.merges.extend(self.ids.windows(2).map(|pair| pairs.get(pair[0], pair[1])));
        self.merges.push(Merge::NEVER);
        for (position, merge) in self.merges.iter().enumerate().filter(|(_, merge)| **merge != Merge::NEVER) {
            self.buckets.put(merge.rank, position as u32);
        }
    }

    /// Merges the pair that starts at `position` if it still has that rank, and returns the lowest rank among the
    /// pairs this made.
    fn merge_at(&mut self, position: u32, rank: u32, pairs: &PairTable) -> u32 {
        let left = position as usize;
        let merge = self.merges[left];
        if merge.rank != rank {
            return NOTHING;
        }
        let right = self.next[left] as usize;
        self.ids[left] = merge.id;
        self.merges[right] = Merge::NEVER;
        self.next[left] = self.next[right];
        let mut lowest = self.renew(position, pairs);
        if self.next[left] != NOTHING {
            self.previous[self.next[left] as usize] = position;
        }
        if self.previous[left] != NOTHING {
            lowest = lowest.min(self.renew(self.previous[left], pairs));
        }
        lowest
    }

    fn renew(&mut self, position: u32, pairs: &PairTable) -> u32 {
        let left = position as usize;
        let merge = match self.next[left] {
            NOTHING => Merge::NEVER,
            next => pairs.get(self.ids[left], self.ids[next as usize]),
        };
        self.merges[left] = merge;
        if merge != Merge::NEVER {
            self.buckets.put(merge.rank, position);
        }
        merge.rank
    }

    fn gather(&mut self) {
        let (mut from, mut to) = (0, 0);
        while from != NOTHING {
            self.ids[to] = self.ids[from as usize];
            to += 1;
            from = self.next[from as usize];
        }
        self.ids.truncate(to);
    }

    /// One huge pretoken must not keep its memory for ever.
    pub(super) fn shrink(&mut self) {
        const KEEP: usize = 1 << 16;
        if self.next.capacity() > KEEP {
            self.next = Vec::new();
            self.previous = Vec::new();
            self.merges = Vec::new();
            self.buckets = Buckets::default();
            self.ids.shrink_to_fit();
        }
    }
}
