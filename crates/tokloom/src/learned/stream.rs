//! A text that comes in parts → ids, as if it had come whole.

use super::LearnedVocabulary;
use crate::encode::Special;
use crate::encode::added::{Matcher, Stretch};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Encodes a text that comes in parts, cut anywhere: the ids are those of the whole.
///
/// Held back is what a continuation could change: what the codec says isn't settled, and as many bytes as the longest
/// special token that is looked for.
pub struct LearnedStream {
    vocabulary: Arc<LearnedVocabulary>,
    refuse: bool,
    matcher: Option<Arc<Matcher>>,
    /// The most bytes that may be the beginning of a special token.
    look_back: usize,
    held: Vec<u8>,
    /// Where the text left in `held` begins in the whole.
    position: usize,
    /// How much must be held before it is worth looking again.
    look_again_at: usize,
}

/// Up to here what is held is looked through at every part; beyond, only when it has doubled.
const LOOK_ALWAYS_UP_TO: usize = 256;

impl LearnedStream {
    /// A new stream.
    ///
    /// # Errors
    /// [`Error::SpecialToken`] if `special` names a token that doesn't exist.
    pub fn new(vocabulary: Arc<LearnedVocabulary>, special: Special<'_>) -> Result<Self> {
        let matcher = vocabulary.added.matcher(special)?;
        let refuse = matches!(special, Special::Raise);
        let watched = if refuse { vocabulary.added.matcher(Special::Parse)? } else { matcher.clone() };
        let longest = watched.and_then(|watched| watched.plain()).unwrap_or(1);
        let look_back = longest - 1;
        Ok(Self { vocabulary, refuse, matcher, look_back, held: Vec::new(), position: 0, look_again_at: 0 })
    }

    /// Takes the next part of the text and gives ids that no continuation can change.
    ///
    /// # Errors
    /// As [`LearnedVocabulary::encode`]; after an error the stream is of no more use.
    pub fn feed(&mut self, part: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        self.held.extend_from_slice(part);
        if self.held.len() < self.look_again_at {
            return Ok(());
        }
        self.check()?;
        // A special token that begins before this is there as a whole, or not at all.
        let certain = self.held.len().saturating_sub(self.look_back);
        let mut done = 0;
        if let Some(matcher) = &self.matcher {
            for Stretch { id, range } in matcher.stretches(&self.held) {
                let Some(id) = id.filter(|_| range.start < certain) else { continue };
                self.vocabulary.codec.encode(&self.held[done..range.start], ids);
                ids.push(id);
                done = range.end;
            }
        }
        if done < certain {
            let settled = self.vocabulary.codec.settled(&self.held[done..certain]);
            self.vocabulary.codec.encode(&self.held[done..done + settled], ids);
            done += settled;
        }
        self.position += done;
        self.held.drain(..done);
        let held = self.held.len();
        self.look_again_at = if held > LOOK_ALWAYS_UP_TO { 2 * held } else { 0 };
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.refuse {
            let special = self.vocabulary.refuse_special(&self.held, Special::Raise);
            return special.map_err(|error| error.moved_by(self.position));
        }
        Ok(())
    }

    /// The ids of what was held back; the stream is new afterwards.
    ///
    /// # Errors
    /// As [`LearnedVocabulary::encode`].
    pub fn finish(&mut self, ids: &mut Vec<u32>) -> Result<()> {
        self.check()?;
        let held = std::mem::take(&mut self.held);
        (self.position, self.look_again_at) = (0, 0);
        let stretches = match &self.matcher {
            Some(matcher) => matcher.stretches(&held),
            None => vec![Stretch { id: None, range: 0..held.len() }],
        };
        for Stretch { id, range } in stretches {
            match id {
                Some(id) => ids.push(id),
                None => self.vocabulary.codec.encode(&held[range], ids),
            }
        }
        Ok::<_, Error>(())
    }
}
