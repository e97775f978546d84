//! ids → bytes.

use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;

impl Vocabulary {
    /// The bytes that the ids stand for, one after another; special tokens are left out if asked.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that stands for no token.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<Vec<u8>> {
        let mut text = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            let bytes = self.bytes.get(id).ok_or(Error::UnknownId(id.into()))?;
            if skip_special_tokens && self.added.by_id(id).is_some_and(|token| token.special) {
                continue;
            }
            text.extend_from_slice(bytes);
        }
        Ok(text)
    }
}
