//! What identifies a vocabulary: sha256 over everything that can change an id or a byte, and nothing else.
//!
//! Each part is written with its length before it, so that no two vocabularies write the same bytes. Hugging Face's
//! post-processor is not part of it: `encode` never applies one.

use super::{Merges, Vocabulary};
use crate::pretokenize::{Gaps, UNICODE_VERSION};
use sha2::{Digest, Sha256};

pub(super) fn of(vocabulary: &Vocabulary) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"tokloom fingerprint 1\n");
    text(&mut hash, UNICODE_VERSION);
    let splits = vocabulary.pattern.splits();
    number(&mut hash, splits.len());
    for split in splits {
        text(&mut hash, &split.regex);
        // A pattern that leaves nothing splits the same way whatever becomes of gaps, but only known ones are proven.
        hash.update([match split.gaps {
            Gaps::Characters => 0,
            Gaps::Whole => 1,
        }]);
    }
    hash.update([vocabulary.whole_pretoken_first as u8]);
    number(&mut hash, vocabulary.ordinary_tokens().count());
    for (id, bytes) in vocabulary.ordinary_tokens() {
        hash.update(id.to_le_bytes());
        number(&mut hash, bytes.len());
        hash.update(bytes);
    }
    match &vocabulary.merges {
        Merges::ByRank => hash.update([0]),
        Merges::None => hash.update([1]),
        Merges::Listed(listed) => {
            hash.update([2]);
            number(&mut hash, listed.len());
            for (left, right, merged) in listed {
                [left, right, merged].iter().for_each(|id| hash.update(id.to_le_bytes()));
            }
        }
    }
    number(&mut hash, vocabulary.added_tokens().len());
    for token in vocabulary.added_tokens() {
        hash.update(token.id.to_le_bytes());
        text(&mut hash, &token.content);
        let flags = [token.special, token.strip_left, token.strip_right, token.single_word, token.normalized];
        hash.update(flags.map(u8::from));
    }
    hash.finalize().into()
}

fn number(hash: &mut Sha256, number: usize) {
    hash.update((number as u64).to_le_bytes());
}

fn text(hash: &mut Sha256, text: &str) {
    number(hash, text.len());
    hash.update(text.as_bytes());
}
