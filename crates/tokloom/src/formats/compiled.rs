//! What loading a rank file works out, kept: its tokens, and the pair that makes each of them.
//!
//! A cache, not a format to hand on: it is read by the version of tokloom that wrote it. Little-endian: [`MAGIC`], the
//! sha256 of the rank file, the number of tokens, of their bytes and of pairs; ids, lengths, bytes; left, right and
//! merged ids of the pairs by rank; sha256 of all that.

use crate::error::{Error, Result};
use crate::pretokenize::Pattern;
use crate::vocabulary::{AddedToken, Merges, Vocabulary};
use sha2::{Digest, Sha256};

/// Changes with everything that changes what the rest means.
const MAGIC: &[u8; 16] = b"tokloom tables 1";
/// The length of a sha256.
pub const HASH: usize = 32;

/// The tables of a vocabulary whose ranks alone say how it merges, from the rank file with this sha256; `None` for any
/// other.
pub fn write(vocabulary: &Vocabulary, ranks: &[u8; HASH]) -> Option<Vec<u8>> {
    let Merges::ByRank = vocabulary.merges() else { return None };
    let tokens: Vec<(u32, &[u8])> = vocabulary.ordinary_tokens().collect();
    let pairs = vocabulary.merge_list();
    let length: usize = tokens.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut data = [&MAGIC[..], ranks].concat();
    for count in [tokens.len(), length, pairs.len()] {
        data.extend(u32::try_from(count).ok()?.to_le_bytes());
    }
    tokens.iter().for_each(|(id, _)| data.extend(id.to_le_bytes()));
    for (_, bytes) in &tokens {
        data.extend(u16::try_from(bytes.len()).ok()?.to_le_bytes());
    }
    tokens.iter().for_each(|(_, bytes)| data.extend_from_slice(bytes));
    for (left, right, merged) in pairs {
        [left, right, merged].iter().for_each(|id| data.extend(id.to_le_bytes()));
    }
    data.extend(Sha256::digest(&data));
    Some(data)
}

/// The vocabulary of these tables, with a split pattern and special tokens.
///
/// # Errors
/// [`Error::Format`] for data that [`write`] of this version didn't write for that rank file, or that was changed or
/// cut short since; others as of [`Vocabulary::new`].
pub fn read(
    data: &[u8],
    ranks: &[u8; HASH],
    origin: &str,
    pattern: Pattern,
    added: Vec<AddedToken>,
) -> Result<Vocabulary> {
    let wrong = |what: &str| Error::Format(format!("{origin}: {what}; remove it, and it is made anew"));
    let content = data
        .len()
        .checked_sub(HASH)
        .and_then(|length| data.split_at_checked(length))
        .filter(|(content, hash)| content.starts_with(MAGIC) && Sha256::digest(content)[..] == **hash);
    let (content, _) =
        content.ok_or_else(|| wrong("no tables of this version of tokloom, or damaged ones"))?;
    let (of_ranks, mut rest) = content[MAGIC.len()..].split_at_checked(HASH).unwrap_or_default();
    if of_ranks != ranks {
        return Err(wrong("the tables of another rank file"));
    }
    let mut take = |count: usize, size: usize| -> Result<&[u8]> {
        let taken = count.checked_mul(size).and_then(|length| rest.split_at_checked(length));
        let (taken, left) = taken.ok_or_else(|| wrong("shorter than it says"))?;
        rest = left;
        Ok(taken)
    };
    let counts: Vec<usize> = numbers(take(3, 4)?).map(|count| count as usize).collect();
    let ids = take(counts[0], 4)?;
    let lengths = take(counts[0], 2)?;
    let mut bytes = take(counts[1], 1)?;
    let pairs = take(counts[2], 12)?;
    let mut tokens = Vec::with_capacity(counts[0]);
    for (id, length) in numbers(ids).zip(lengths.chunks_exact(2)) {
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        let (token, left) =
            bytes.split_at_checked(length).ok_or_else(|| wrong("its tokens are longer than it says"))?;
        bytes = left;
        tokens.push((id, token));
    }
    if !rest.is_empty() || !bytes.is_empty() || !tokens.is_sorted_by(|left, right| left.0 < right.0) {
        return Err(wrong("its parts don't fit together"));
    }
    let triples = pairs.chunks_exact(12).map(|pair| {
        let id = |at: usize| u32::from_le_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
        (id(0), id(4), id(8))
    });
    let known = |id: u32| tokens.binary_search_by_key(&id, |(id, _)| *id).is_ok();
    let dense = tokens.last().is_some_and(|(id, _)| *id as usize + 1 == tokens.len());
    let all_known = |(left, right, merged): (u32, u32, u32)| match dense {
        true => [left, right, merged].iter().all(|id| (*id as usize) < tokens.len()),
        false => known(left) && known(right) && known(merged),
    };
    if !triples.clone().all(all_known) {
        return Err(wrong("a pair is of tokens that it doesn't have"));
    }
    Vocabulary::with_pairs(pattern, &tokens, triples, added)
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|number| u32::from_le_bytes([number[0], number[1], number[2], number[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Special;
    use crate::vocabulary::Parts;
    use proptest::prelude::*;

    const RANKS: [u8; HASH] = [7; HASH];

    fn vocabulary(merged: &[&[u8]]) -> Vocabulary {
        let bytes = (0..=255u8).map(|byte| vec![byte]);
        let tokens = bytes.chain(merged.iter().map(|token| token.to_vec())).zip((0..).step_by(3));
        Vocabulary::new(Parts {
            pattern: Pattern::named("gpt4").unwrap(),
            tokens: tokens.map(|(token, id)| (id, token)).collect(),
            merges: Merges::ByRank,
            whole_pretoken_first: true,
            added: vec![],
            post_processor: None,
        })
        .unwrap()
    }

    #[test]
    fn tables_make_the_same_vocabulary() {
        let original = vocabulary(&[b"lo", b"low", b"er", b" low", b"abcd"]);
        let data = write(&original, &RANKS).unwrap();
        let again = read(&data, &RANKS, "f", original.pattern().clone(), vec![]).unwrap();
        assert_eq!(again.fingerprint(), original.fingerprint());
        assert_eq!(again.merge_list(), original.merge_list());
        let text = b"low lower abcd abc lo";
        assert_eq!(again.encode(text, Special::Text).unwrap(), original.encode(text, Special::Text).unwrap());
        assert_eq!(write(&again, &RANKS).unwrap(), data);
        assert!(read(&data, &[8; HASH], "f", original.pattern().clone(), vec![]).is_err());
    }

    proptest! {
        #[test]
        fn what_was_changed_is_refused(at in any::<prop::sample::Index>(), bit in 0..8u8, cut in any::<bool>()) {
            let mut data = write(&vocabulary(&[b"lo", b"low"]), &RANKS).unwrap();
            let at = at.index(data.len());
            if cut { data.truncate(at) } else { data[at] ^= 1 << bit }
            prop_assert!(matches!(read(&data, &RANKS, "f", Pattern::regex("a"), vec![]), Err(Error::Format(_))));
        }

        #[test]
        fn hashed_nonsense_is_refused(counts: [u8; 3], rest: Vec<u8>) {
            let mut data = [&MAGIC[..], &RANKS].concat();
            counts.iter().for_each(|count| data.extend(u32::from(*count).to_le_bytes()));
            data.extend(rest);
            data.extend(Sha256::digest(&data));
            prop_assert!(read(&data, &RANKS, "f", Pattern::regex("a"), vec![]).is_err());
        }
    }
}
