//! pretokens → ids.

pub(crate) mod added;
mod batch;
mod block;
pub(crate) mod in_order;
mod long_cache;
pub(crate) mod merge;
pub(crate) mod scratch;
mod short_cache;
pub(crate) mod sink;
mod stream;

pub use added::Special;
pub use batch::Batch;
pub use stream::StreamEncoder;

use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;
use scratch::Scratch;
use sink::{Count, Sink, Spans};
use std::ops::Range;

impl Vocabulary {
    /// The ids of a text.
    ///
    /// # Errors
    /// [`Error::SpecialToken`] if `special` forbids one that stands in the text or names one that doesn't exist;
    /// [`Error::Pattern`] if a user's pattern gives up on this text.
    pub fn encode(&self, text: &[u8], special: Special<'_>) -> Result<Vec<u32>> {
        // A little more: a short text needs no second allocation.
        let mut ids = Vec::with_capacity(text.len() / 3 + 8);
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
        self.pretokenizer.split_blocks(text, |stretch, ends| self.encode_block(stretch, ends, scratch, sink))
    }

    pub(crate) fn encode_pretoken(&self, pretoken: &[u8], scratch: &mut Scratch, sink: &mut impl Sink) {
        self.encode_block(pretoken, &[pretoken.len() as u32], scratch, sink);
    }

    /// The ids of one pretoken.
    pub(crate) fn pretoken_ids(&self, pretoken: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        self.scratch.with(|scratch| self.encode_pretoken(pretoken, scratch, &mut ids));
        ids
    }
}
