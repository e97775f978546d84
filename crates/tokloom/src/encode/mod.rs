//! pretokens → ids.

pub(crate) mod added;
mod batch;
pub(crate) mod merge;
pub(crate) mod scratch;
mod sink;
mod stream;

pub use added::Special;
pub use batch::Batch;
pub use stream::StreamEncoder;

use crate::error::{Error, Result};
use crate::vocabulary::{Merges, Vocabulary};
use scratch::Scratch;
use sink::{Count, Sink, Spans};
use std::ops::Range;

/// Pretokens are numbered with 32 bits while they are merged.
const LONGEST_PRETOKEN: usize = u32::MAX as usize - 1;

impl Vocabulary {
    /// The ids of a text.
    ///
    /// # Errors
    /// [`Error::SpecialToken`] if `special` forbids one that stands in the text or names one that doesn't exist;
    /// [`Error::Pattern`] if a user's pattern gives up on this text.
    pub fn encode(&self, text: &[u8], special: Special<'_>) -> Result<Vec<u32>> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        self.encode_into(text, special, &mut ids)?;
        Ok(ids)
    }

    /// How many ids a text has, without making them.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn count_tokens(&self, text: &[u8], special: Special<'_>) -> Result<usize> {
        let mut count = Count(0);
        self.encode_into(text, special, &mut count)?;
        Ok(count.0)
    }

    /// Where each token lies in the text, in bytes: together they cover it.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn spans(&self, text: &[u8], special: Special<'_>) -> Result<Vec<Range<usize>>> {
        let mut spans = Spans::new(self);
        self.encode_into(text, special, &mut spans)?;
        Ok(spans.into_ranges())
    }

    fn encode_into(&self, text: &[u8], special: Special<'_>, sink: &mut impl Sink) -> Result<()> {
        self.refuse_special(text, special)?;
        let matcher = self.added.matcher(special)?;
        self.scratch.with(|scratch| match matcher {
            None => self.encode_ordinary(text, scratch, sink),
            Some(matcher) => {
                for stretch in matcher.stretches(text) {
                    match stretch.id {
                        Some(id) => sink.added(id, stretch.range),
                        None => self.encode_ordinary(&text[stretch.range], scratch, sink)?,
                    }
                }
                Ok(())
            }
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

    fn encode_ordinary(&self, text: &[u8], scratch: &mut Scratch, sink: &mut impl Sink) -> Result<()> {
        let mut too_long = false;
        self.pretokenizer.split(text, |pretoken| {
            too_long |= pretoken.len() > LONGEST_PRETOKEN;
            if !too_long {
                self.encode_pretoken(pretoken, scratch, sink);
            }
        })?;
        if too_long {
            return Err(Error::Argument(
                "a stretch of 4 GiB without a place to split it can't be encoded".into(),
            ));
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn encode_pretoken(&self, pretoken: &[u8], scratch: &mut Scratch, sink: &mut impl Sink) {
        if let Some(id) = self.whole.get(pretoken) {
            return sink.ids(&[id]);
        }
        if let Some(ids) = scratch.cache.get(pretoken) {
            return sink.ids(ids);
        }
        if let Merges::None = self.merges() {
            return pretoken.iter().for_each(|&byte| sink.ids(&[self.byte_ids[byte as usize]]));
        }
        let ids = merge::merge(pretoken, &self.byte_ids, &self.pairs, &mut scratch.workspace);
        scratch.cache.put(pretoken, ids);
        sink.ids(ids);
    }

    /// The ids of one pretoken.
    pub(crate) fn pretoken_ids(&self, pretoken: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        self.scratch.with(|scratch| self.encode_pretoken(pretoken, scratch, &mut ids));
        ids
    }
}
