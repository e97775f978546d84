//! Vocabularies that were learned by a network: what they have in common.
//!
//! How ordinary text becomes ids is a [`Codec`]'s matter: [`chunks`](crate::chunks) or [`segment`](crate::segment).
//! Here is what stands around it: special tokens, texts of a batch and large ones on several threads, streams, spans.

mod batch;
mod stream;

pub use stream::LearnedStream;

use crate::encode::Special;
use crate::encode::added::{AddedTokens, Stretch};
use crate::error::{Error, Result};
use crate::vocabulary::AddedToken;
use std::ops::Range;
use std::sync::Arc;

/// How ordinary text becomes ids, and ids bytes. Never fails: there is an id for each byte.
pub trait Codec: Send + Sync {
    /// How many ids there are; special tokens come after them.
    fn size(&self) -> u32;

    /// A thread is worth starting for this many bytes of text.
    fn job_bytes(&self) -> usize;

    /// Appends the ids of a text.
    fn encode(&self, text: &[u8], ids: &mut Vec<u32>);

    /// How many ids a text has.
    fn count(&self, text: &[u8]) -> usize;

    /// How much of the beginning of a text is settled: its ids come first, whatever follows the text.
    fn settled(&self, text: &[u8]) -> usize;

    /// How many bytes each of the ids stands for that [`Self::encode`] gave for a text of `length` bytes.
    fn lengths(&self, length: usize, ids: &[u32]) -> Vec<usize>;

    /// Appends the bytes that ids below [`Self::size`] stand for; any others stand for nothing.
    fn decode(&self, ids: &[u32], text: &mut Vec<u8>);

    /// Whether an id is always exactly these bytes.
    fn has_token(&self, bytes: &[u8]) -> bool;
}

/// A codec with special tokens, whose ids follow its own.
pub struct LearnedVocabulary {
    codec: Arc<dyn Codec>,
    added: AddedTokens,
    size: u32,
}

/// As many special tokens as a vocabulary may have.
const MOST_SPECIAL_TOKENS: usize = 1 << 16;

impl LearnedVocabulary {
    /// A vocabulary of this codec, with these special tokens in this order.
    ///
    /// # Errors
    /// [`Error::SpecialToken`] if a name is empty, given twice, or a token already.
    pub fn new(codec: Arc<dyn Codec>, special_tokens: &[String]) -> Result<Self> {
        let size = codec.size();
        if special_tokens.len() > MOST_SPECIAL_TOKENS {
            return Err(Error::SpecialToken(format!("{} special tokens are too many", special_tokens.len())));
        }
        let mut tokens = Vec::with_capacity(special_tokens.len());
        let mut known = std::collections::HashSet::new();
        for (index, name) in special_tokens.iter().enumerate() {
            if name.is_empty() {
                return Err(Error::SpecialToken("a special token is empty; give it a name".into()));
            }
            if !known.insert(name) || codec.has_token(name.as_bytes()) {
                let message = format!("{name:?} is a token already, or given twice; choose another name");
                return Err(Error::SpecialToken(message));
            }
            tokens.push(AddedToken {
                content: name.clone(),
                id: size + index as u32,
                special: true,
                strip_left: false,
                strip_right: false,
                single_word: false,
                normalized: false,
            });
        }
        let size = size + tokens.len() as u32;
        Ok(Self { codec, added: AddedTokens::new(tokens)?, size })
    }

    /// The same codec with other special tokens.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_special_tokens(&self, special_tokens: &[String]) -> Result<Self> {
        Self::new(self.codec.clone(), special_tokens)
    }

    /// The highest id + 1.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Special tokens in order of id.
    pub fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        self.added.tokens().iter().map(|token| (&token.content[..], token.id))
    }

    /// The text as stretches: special tokens, and what lies between them.
    fn stretches(&self, text: &[u8], special: Special<'_>) -> Result<Vec<Stretch>> {
        self.refuse_special(text, special)?;
        Ok(match self.added.matcher(special)? {
            Some(matcher) => matcher.stretches(text),
            None => vec![Stretch { id: None, range: 0..text.len() }],
        })
    }

    fn refuse_special(&self, text: &[u8], special: Special<'_>) -> Result<()> {
        let Special::Raise = special else { return Ok(()) };
        match self.added.first_special(text)? {
            None => Ok(()),
            Some((token, position)) => {
                Err(Error::ForbiddenSpecialToken { token: token.to_owned(), position, text: None })
            }
        }
    }

    /// Where each token lies in the text, in bytes: together they cover it.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn spans(&self, text: &[u8], special: Special<'_>) -> Result<Vec<Range<usize>>> {
        let mut spans = Vec::new();
        let mut ids = Vec::new();
        for Stretch { id, range } in self.stretches(text, special)? {
            if id.is_some() {
                spans.push(range);
                continue;
            }
            ids.clear();
            self.codec.encode(&text[range.clone()], &mut ids);
            let mut start = range.start;
            for length in self.codec.lengths(range.len(), &ids) {
                spans.push(start..start + length);
                start += length;
            }
        }
        Ok(spans)
    }

    /// The bytes that the ids stand for; special tokens are left out if asked.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that stands for no token.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut rest = ids;
        loop {
            let ordinary = rest.iter().position(|id| *id >= self.codec.size()).unwrap_or(rest.len());
            self.codec.decode(&rest[..ordinary], &mut text);
            let Some((id, others)) = rest[ordinary..].split_first() else { return Ok(text) };
            let token = self.added.by_id(*id).ok_or(Error::UnknownId(u64::from(*id)))?;
            if !skip_special_tokens {
                text.extend_from_slice(token.content.as_bytes());
            }
            rest = others;
        }
    }
}
