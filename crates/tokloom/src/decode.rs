//! ids → bytes.

use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;
use std::borrow::Cow;

/// Ids that all stand for something, measured and ready to be written where their text shall be.
pub struct Decoded<'a> {
    vocabulary: &'a Vocabulary,
    ids: Cow<'a, [u32]>,
    length: usize,
    is_ascii: bool,
}

impl Decoded<'_> {
    /// How many bytes the text has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether all of it is ASCII.
    pub fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// Writes the text.
    ///
    /// # Errors
    /// [`Error::Argument`] if `text` is not [`Self::length`] bytes long.
    pub fn write(&self, text: &mut [u8]) -> Result<()> {
        if text.len() != self.length {
            return Err(Error::Argument(format!(
                "the text has {} bytes, and there is room for {}",
                self.length,
                text.len()
            )));
        }
        self.vocabulary.bytes.write(&self.ids, text);
        Ok(())
    }
}

impl Vocabulary {
    /// The bytes that the ids stand for, one after another; special tokens are left out if asked.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that stands for no token.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<Vec<u8>> {
        let decoded = self.decoded(ids, skip_special_tokens)?;
        let mut text = vec![0; decoded.length];
        decoded.write(&mut text)?;
        Ok(text)
    }

    /// The same, not yet written: for a place that is made to measure.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decoded<'a>(&'a self, ids: &'a [u32], skip_special_tokens: bool) -> Result<Decoded<'a>> {
        let unknown = |id: u32| Error::UnknownId(id.into());
        let (mut length, mut is_ascii) = self.bytes.measure(ids).map_err(unknown)?;
        let mut ids = Cow::Borrowed(ids);
        if skip_special_tokens {
            let is_special = |id: &u32| self.added.by_id(*id).is_some_and(|token| token.special);
            ids = ids.iter().copied().filter(|id| !is_special(id)).collect();
            (length, is_ascii) = self.bytes.measure(&ids).map_err(unknown)?;
        }
        Ok(Decoded { vocabulary: self, ids, length, is_ascii })
    }
}
