//! A whole vocabulary as a file of another project; an error where that project would give other ids.

use super::{huggingface, tiktoken};
use crate::error::{Error, Result};
use crate::vocabulary::{Merges, Vocabulary};

/// The vocabulary as a rank file of tiktoken, which holds neither the pattern nor added tokens.
///
/// # Errors
/// [`Error::Vocabulary`] if ranks don't say what this vocabulary does.
pub fn to_tiktoken(vocabulary: &Vocabulary) -> Result<Vec<u8>> {
    if vocabulary.pattern().for_tiktoken().is_none() {
        return Err(Error::Vocabulary(
            "tiktoken splits text by one regular expression, and this vocabulary by a sequence of them, so a rank file \
             would give other ids there; export it with format=\"huggingface\" or save it"
                .into(),
        ));
    }
    match vocabulary.merges() {
        Merges::ByRank => Ok(token_table(vocabulary)),
        Merges::None => Err(Error::Vocabulary(
            "a vocabulary of words can't be a tiktoken file: tiktoken would merge bytes into tokens inside of words; \
             export it with format=\"huggingface\""
                .into(),
        )),
        Merges::Listed(_) => Err(Error::Vocabulary(
            "this vocabulary's merges are in another order than its ids, or leave out pairs that tiktoken would merge; \
             export it with format=\"huggingface\""
                .into(),
        )),
    }
}

/// (id, bytes) of the ordinary tokens in the form of a rank file, whatever the merges.
pub fn token_table(vocabulary: &Vocabulary) -> Vec<u8> {
    tiktoken::write(vocabulary.ordinary_tokens())
}

/// The vocabulary as a `tokenizer.json`.
///
/// # Errors
/// As [`huggingface::write`].
pub fn to_huggingface(vocabulary: &Vocabulary) -> Result<Vec<u8>> {
    let tokens: Vec<(u32, &[u8])> = vocabulary.ordinary_tokens().collect();
    let merges: Vec<(u32, u32)> =
        vocabulary.merge_list().into_iter().map(|(left, right, _)| (left, right)).collect();
    // Where merges alone reach every token, asking for whole pretokens first changes nothing, and is left out: with it
    // a special token that is a plain word could be met in text.
    let needed = match vocabulary.merges() {
        Merges::ByRank => merges.len() < tokens.iter().filter(|(_, bytes)| bytes.len() > 1).count(),
        Merges::None => true,
        Merges::Listed(_) => vocabulary.whole_pretoken_first(),
    };
    huggingface::write(&huggingface::View {
        pattern: vocabulary.pattern(),
        tokens: &tokens,
        merges: &merges,
        whole_pretoken_first: needed,
        added: vocabulary.added_tokens(),
        post_processor: vocabulary.post_processor(),
    })
}
