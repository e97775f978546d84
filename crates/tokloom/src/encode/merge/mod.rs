//! pretoken → ids: of all neighbours that merge, the lowest rank first, the leftmost at ties, until none is left.

mod by_rank;
mod few;

use crate::vocabulary::pair_table::{Merge, PairTable};

const NOTHING: u32 = u32::MAX;

/// Memory that one merge leaves to the next.
#[derive(Default)]
pub(crate) struct Workspace {
    ids: Vec<u32>,
    merges: Vec<Merge>,
    next: Vec<u32>,
    previous: Vec<u32>,
    buckets: by_rank::Buckets,
    lanes: few::Lanes,
}

/// The ids of one pretoken (shorter than 4 GiB), merged as far as `pairs` go.
pub(crate) fn merge<'w>(
    bytes: &[u8],
    byte_ids: &[u32; 256],
    pairs: &PairTable,
    workspace: &'w mut Workspace,
) -> &'w [u32] {
    if is_short(bytes.len()) {
        let Workspace { lanes, ids, .. } = workspace;
        lanes.merge([bytes].into_iter(), byte_ids, pairs, |_, merged| {
            ids.clear();
            ids.extend_from_slice(merged);
        });
        return ids;
    }
    workspace.ids.clear();
    workspace.ids.extend(bytes.iter().map(|&byte| byte_ids[byte as usize]));
    if !bytes.is_empty() {
        by_rank::merge_by_rank(pairs, workspace);
        workspace.shrink();
    }
    &workspace.ids
}

/// Whether [`merge_together`] takes a pretoken of this length.
pub(crate) fn is_short(length: usize) -> bool {
    (1..=few::FEW).contains(&length)
}

/// Merges many [short](is_short) pretokens; calls `done` with the number of each and its ids.
pub(crate) fn merge_together<'t>(
    pretokens: impl Iterator<Item = &'t [u8]>,
    byte_ids: &[u32; 256],
    pairs: &PairTable,
    workspace: &mut Workspace,
    done: impl FnMut(usize, &[u32]),
) {
    workspace.lanes.merge(pretokens, byte_ids, pairs, done);
}

/// The last two tokens that these bytes pass through on their way to one; `None` if they come to rest before.
pub(crate) fn last_pair(bytes: &[u8], byte_ids: &[u32; 256], pairs: &PairTable) -> Option<(u32, u32)> {
    let mut workspace = Workspace::default();
    workspace.ids.extend(bytes.iter().map(|&byte| byte_ids[byte as usize]));
    merge_down_to_two(pairs, &mut workspace);
    match workspace.ids[..] {
        [left, right] => Some((left, right)),
        _ => None,
    }
}

/// One merge after another, as the rule is written, until two are left.
fn merge_down_to_two(pairs: &PairTable, workspace: &mut Workspace) {
    let Workspace { ids, merges, .. } = workspace;
    merges.clear();
    merges.extend(ids.windows(2).map(|pair| pairs.get(pair[0], pair[1])));
    while ids.len() > 2 {
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
            let mut workspace = Workspace::default();
            if !text.is_empty() {
                workspace.ids = text.iter().map(|&byte| byte.into()).collect();
                by_rank::merge_by_rank(&pairs, &mut workspace);
                prop_assert_eq!(&workspace.ids, &expected);
            }
            prop_assert_eq!(merge(&text, &byte_ids, &pairs, &mut workspace), &expected[..]);
            pairs.index_bytes(&byte_ids);
            let pieces: Vec<&[u8]> = text.chunks(7).collect();
            let mut merged = vec![Vec::new(); pieces.len()];
            merge_together(pieces.iter().copied(), &byte_ids, &pairs, &mut workspace, |number, ids| {
                merged[number] = ids.to_vec();
            });
            for (piece, ids) in pieces.iter().zip(merged) {
                prop_assert_eq!(ids, by_the_rule(piece, &pairs));
            }
            prop_assert_eq!(merge(&text, &byte_ids, &pairs, &mut workspace), &expected[..]);
        }
    }
}
