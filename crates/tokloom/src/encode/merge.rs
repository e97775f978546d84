//! pretoken → ids: of all neighbours that merge, the lowest rank first, the leftmost at ties, until none is left.

use crate::vocabulary::pairs::{Merge, PairTable};
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Up to this many bytes, looking through all pairs for the lowest is quicker than keeping order among them.
const SCAN_UP_TO: usize = 64;
const NOTHING: u32 = u32::MAX;

/// Memory that one merge leaves to the next.
#[derive(Default)]
pub(crate) struct Workspace {
    ids: Vec<u32>,
    merges: Vec<Merge>,
    next: Vec<u32>,
    previous: Vec<u32>,
    buckets: Buckets,
}

/// The ids of one pretoken (shorter than 4 GiB), merged as far as `pairs` go.
pub(crate) fn merge<'w>(
    bytes: &[u8],
    byte_ids: &[u32; 256],
    pairs: &PairTable,
    workspace: &'w mut Workspace,
) -> &'w [u32] {
    workspace.ids.clear();
    workspace.ids.extend(bytes.iter().map(|&byte| byte_ids[byte as usize]));
    if bytes.len() <= SCAN_UP_TO {
        merge_by_scanning(pairs, workspace, 1);
    } else {
        merge_by_rank(pairs, workspace);
        workspace.shrink();
    }
    &workspace.ids
}

/// The last two tokens that these bytes pass through on their way to one; `None` if they come to rest before.
pub(crate) fn last_pair(bytes: &[u8], byte_ids: &[u32; 256], pairs: &PairTable) -> Option<(u32, u32)> {
    let mut workspace = Workspace::default();
    workspace.ids.extend(bytes.iter().map(|&byte| byte_ids[byte as usize]));
    merge_by_scanning(pairs, &mut workspace, 2);
    match workspace.ids[..] {
        [left, right] => Some((left, right)),
        _ => None,
    }
}

fn merge_by_scanning(pairs: &PairTable, workspace: &mut Workspace, down_to: usize) {
    let Workspace { ids, merges, .. } = workspace;
    merges.clear();
    merges.extend(ids.windows(2).map(|pair| pairs.get(pair[0], pair[1])));
    while ids.len() > down_to {
        let lowest = merges.iter().enumerate().min_by_key(|(_, merge)| merge.rank);
        let Some((at, &merge)) = lowest.filter(|(_, merge)| merge.rank != Merge::NEVER.rank) else { return };
        ids[at] = merge.id;
        ids.remove(at + 1);
        merges.remove(at);
        if at > 0 {
            merges[at - 1] = pairs.get(ids[at - 1], ids[at]);
        }
        if at < merges.len() {
            merges[at] = pairs.get(ids[at], ids[at + 1]);
        }
    }
}

/// Positions waiting at each rank. A rank stands for one pair or one token, so nothing joins the bucket that is being
/// emptied; that makes the whole linear but for sorting, where a heap of all positions would miss the cache each time.
#[derive(Default)]
struct Buckets {
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

fn merge_by_rank(pairs: &PairTable, workspace: &mut Workspace) {
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
    fn shrink(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as it is written, one merge at a time.
    fn by_the_rule(bytes: &[u8], pairs: &PairTable) -> Vec<u32> {
        let mut ids: Vec<u32> = bytes.iter().map(|&byte| byte.into()).collect();
        loop {
            let merges = ids.windows(2).enumerate().map(|(at, pair)| (pairs.get(pair[0], pair[1]), at));
            let Some((merge, at)) =
                merges.filter(|(merge, _)| *merge != Merge::NEVER).min_by_key(|(m, at)| (m.rank, *at))
            else {
                return ids;
            };
            ids.splice(at..at + 2, [merge.id]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn both_ways_follow_the_rule(
            table in prop::collection::vec((0u32..12, 0u32..12, any::<prop::sample::Index>()), 0..40),
            text in prop::collection::vec(0u8..4, 0..200),
        ) {
            // Ids 4.. are made by the table's pairs, whose order (the rank) is shuffled: rank need not follow id.
            let byte_ids = std::array::from_fn(|byte| byte as u32);
            let mut ranks: Vec<u32> = (0..table.len() as u32).collect();
            for (at, (_, _, index)) in table.iter().enumerate() {
                ranks.swap(at, index.index(table.len()));
            }
            let mut pairs = PairTable::with_capacity(table.len());
            for (at, &(left, right, _)) in table.iter().enumerate() {
                pairs.insert(left, right, Merge { rank: ranks[at], id: 4 + at as u32 });
            }
            let expected = by_the_rule(&text, &pairs);
            let ids = text.iter().map(|&byte| byte.into()).collect();
            let mut workspace = Workspace { ids, ..Default::default() };
            merge_by_scanning(&pairs, &mut workspace, 1);
            prop_assert_eq!(&workspace.ids, &expected);
            if !text.is_empty() {
                workspace.ids = text.iter().map(|&byte| byte.into()).collect();
                merge_by_rank(&pairs, &mut workspace);
                prop_assert_eq!(&workspace.ids, &expected);
            }
            prop_assert_eq!(merge(&text, &byte_ids, &pairs, &mut workspace), &expected[..]);
        }
    }
}
