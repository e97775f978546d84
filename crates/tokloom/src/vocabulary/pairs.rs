//! Which two neighbouring tokens merge into which, and at what rank.
//!
//! tiktoken's rule speaks of bytes: of all neighbours whose bytes together are a token, the lowest rank merges first,
//! the leftmost at ties. It needs only one pair per token. Look at the stretch of text that becomes the token `t`: no
//! token crosses its ends before that, so merges inside it happen in the order in which they would happen if the text
//! were the bytes of `t` alone. The last state of that, two tokens, is the only pair that ever makes `t`: its
//! [derivation](derive). A token whose bytes alone don't come down to two has no pair; only a pretoken that equals it
//! becomes it.

use super::pair_table::{Merge, PairTable};
use super::tokens::{TokenBytes, TokenLookup};
use crate::encode::merge::{self, Workspace};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The pairs of a vocabulary in which any two tokens merge whose bytes together are a token, the lowest id first.
pub(crate) fn pairs_by_rank(tokens: &TokenBytes, lookup: &TokenLookup, byte_ids: &[u32; 256]) -> PairTable {
    pairs_in_order(tokens, byte_ids).unwrap_or_else(|| pairs_by_definition(tokens, lookup))
}

/// The quick way: derive each token with the pairs of lower ids alone. That is exact when it succeeds for every token,
/// since a pair of lower rank is always preferred.
fn pairs_in_order(tokens: &TokenBytes, byte_ids: &[u32; 256]) -> Option<PairTable> {
    let mut pairs = PairTable::with_capacity(tokens.len());
    let mut workspace = Workspace::default();
    for (id, bytes) in tokens.iter().filter(|(_, bytes)| bytes.len() > 1) {
        let [left, right] = *merge::merge(bytes, byte_ids, &pairs, &mut workspace) else { return None };
        pairs.insert(left, right, Merge { rank: id, id });
    }
    Some(pairs)
}

/// The slow way, by the definition: compare bytes. For vocabularies where ranks and lengths go their own ways.
fn pairs_by_definition(tokens: &TokenBytes, lookup: &TokenLookup) -> PairTable {
    let mut pairs = PairTable::with_capacity(tokens.len());
    for (id, bytes) in tokens.iter().filter(|(_, bytes)| bytes.len() > 1) {
        if let Some((left, right)) = derive(bytes, lookup) {
            pairs.insert(left, right, Merge { rank: id, id });
        }
    }
    pairs
}

/// The last two tokens that the bytes of a token pass through; `None` if they come to rest before.
fn derive(bytes: &[u8], lookup: &TokenLookup) -> Option<(u32, u32)> {
    let length = bytes.len();
    // `ends[start]` is where the part that begins at `start` ends, 0 if none begins there.
    let mut ends: Vec<usize> = (1..=length).collect();
    let mut starts: Vec<usize> = (0..=length).map(|end| end.saturating_sub(1)).collect();
    let mut heap = BinaryHeap::new();
    let push = |heap: &mut BinaryHeap<_>, start: usize, end: usize| {
        if let Some(rank) = lookup.get(&bytes[start..end]) {
            heap.push(Reverse((rank, start, end)));
        }
    };
    (0..length - 1).for_each(|start| push(&mut heap, start, start + 2));
    let mut parts = length;
    while parts > 2 {
        let Reverse((_, start, end)) = heap.pop()?;
        let middle = ends[start];
        if middle == 0 || middle >= end || ends[middle] != end {
            continue;
        }
        (ends[start], ends[middle], starts[end]) = (end, 0, start);
        parts -= 1;
        if start > 0 {
            push(&mut heap, starts[start], end);
        }
        if end < length {
            push(&mut heap, start, ends[end]);
        }
    }
    let middle = ends[0];
    Some((lookup.get(&bytes[..middle])?, lookup.get(&bytes[middle..])?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tables(tokens: &[&[u8]]) -> (TokenBytes, TokenLookup, [u32; 256]) {
        let all: Vec<Vec<u8>> =
            (0..=255).map(|byte| vec![byte]).chain(tokens.iter().map(|token| token.to_vec())).collect();
        let numbered = || all.iter().enumerate().map(|(id, bytes)| (id as u32, &bytes[..]));
        (
            TokenBytes::new(numbered()).unwrap(),
            TokenLookup::new(numbered()),
            std::array::from_fn(|byte| byte as u32),
        )
    }

    #[test]
    fn a_token_has_the_pair_it_passes_through() {
        let (tokens, lookup, bytes) = tables(&[b"ab", b"bc", b"abc"]);
        let pairs = pairs_by_rank(&tokens, &lookup, &bytes);
        assert_eq!(pairs.get(256, b'c'.into()), Merge { rank: 258, id: 258 });
        assert_eq!(
            pairs.get(b'a'.into(), 257),
            Merge::NEVER,
            "a·bc never stand side by side: ab merges first"
        );
    }

    #[test]
    fn a_token_out_of_order_is_found_by_definition() {
        // "abcd" has a lower rank than the pair it is made from, and "xyz" comes to rest as x·y·z.
        let (tokens, lookup, bytes) = tables(&[b"abcd", b"ab", b"cd", b"xyz"]);
        assert!(pairs_in_order(&tokens, &bytes).is_none());
        let pairs = pairs_by_rank(&tokens, &lookup, &bytes);
        assert_eq!(pairs.by_rank(), [(257, 258, 256), (97, 98, 257), (99, 100, 258)]);
    }

    proptest! {
        #[test]
        fn both_ways_agree(cuts in prop::collection::vec((0usize..400, 0usize..400), 1..60)) {
            // Each new token joins two earlier ones, as training does.
            let mut all: Vec<Vec<u8>> = b"abc".iter().map(|byte| vec![*byte]).collect();
            for (left, right) in cuts {
                let joined = [&all[left % all.len()][..], &all[right % all.len()][..]].concat();
                if joined.len() < 40 && !all.contains(&joined) {
                    all.push(joined);
                }
            }
            let new: Vec<&[u8]> = all[3..].iter().map(|token| &token[..]).collect();
            let (tokens, lookup, bytes) = tables(&new);
            if let Some(quick) = pairs_in_order(&tokens, &bytes) {
                prop_assert_eq!(quick.by_rank(), pairs_by_definition(&tokens, &lookup).by_rank());
            }
        }
    }
}
