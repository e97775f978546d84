//! A text that comes in parts → ids, as if it had come whole.

use super::Special;
use super::added::{Matcher, Stretch};
use super::scratch::Scratch;
use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;
use std::sync::Arc;

/// Encodes a text that comes in parts, cut anywhere, even inside a character: the ids are those of the whole.
///
/// What is held back is what a continuation could change: with a named pattern the last pretoken (and as many bytes
/// as the longest special token that is looked for). A pattern that is a user's regular expression may look anywhere,
/// and flags of special tokens may take white space with them: then the text is held until the end.
pub struct StreamEncoder {
    vocabulary: Arc<Vocabulary>,
    refuse: bool,
    matcher: Option<Arc<Matcher>>,
    /// The most bytes that may be the beginning of a special token; `None`: the text must be whole first.
    look_back: Option<usize>,
    held: Vec<u8>,
    /// Where the text left in `held` begins in the whole.
    position: usize,
    /// How much must be held before it is worth looking again.
    look_again_at: usize,
}

/// Up to here what is held is looked through at every part; beyond, only when it has doubled, so that a long pretoken
/// that comes in small parts is not looked through again and again.
const LOOK_ALWAYS_UP_TO: usize = 256;

impl StreamEncoder {
    /// A new stream.
    ///
    /// # Errors
    /// [`Error::SpecialToken`](crate::Error::SpecialToken) if `special` names a token that doesn't exist.
    pub fn new(vocabulary: Arc<Vocabulary>, special: Special<'_>) -> Result<Self> {
        let matcher = vocabulary.added.matcher(special)?;
        let refuse = matches!(special, Special::Raise);
        let watched = if refuse { vocabulary.added.matcher(Special::Parse)? } else { matcher.clone() };
        let look_back = match &watched {
            None => Some(0),
            Some(watched) => watched.plain().map(|longest| longest - 1),
        };
        let look_back = look_back.filter(|_| vocabulary.pretokenizer.is_linear());
        Ok(Self { vocabulary, refuse, matcher, look_back, held: Vec::new(), position: 0, look_again_at: 0 })
    }

    /// Takes the next part of the text and gives ids that no continuation can change.
    ///
    /// # Errors
    /// As [`Vocabulary::encode`]; after an error the stream is of no more use.
    pub fn feed(&mut self, part: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        self.held.extend_from_slice(part);
        let Some(look_back) = self.look_back.filter(|_| self.held.len() >= self.look_again_at) else {
            return Ok(());
        };
        self.check()?;
        // A special token that begins before this is there as a whole, or not at all.
        let certain = self.held.len().saturating_sub(look_back);
        let vocabulary = self.vocabulary.clone();
        let done = vocabulary.scratch.with(|scratch| {
            let mut done = self.encode_up_to_last_added(certain, scratch, ids)?;
            if done < certain {
                let each = |pretoken: &[u8]| vocabulary.encode_pretoken(pretoken, scratch, ids);
                done += vocabulary.pretokenizer.split_prefix(&self.held[done..certain], each)?;
            }
            Ok::<_, Error>(done)
        })?;
        self.position += done;
        self.held.drain(..done);
        let held = self.held.len();
        self.look_again_at = if held > LOOK_ALWAYS_UP_TO { 2 * held } else { 0 };
        Ok(())
    }

    fn encode_up_to_last_added(
        &self,
        certain: usize,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
    ) -> Result<usize> {
        let Some(matcher) = &self.matcher else { return Ok(0) };
        let mut done = 0;
        for Stretch { id, range } in matcher.stretches(&self.held) {
            let Some(id) = id.filter(|_| range.start < certain) else { continue };
            self.vocabulary.encode_ordinary(&self.held[done..range.start], scratch, ids)?;
            ids.push(id);
            done = range.end;
        }
        Ok(done)
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
    /// As [`Vocabulary::encode`].
    pub fn finish(&mut self, ids: &mut Vec<u32>) -> Result<()> {
        self.check()?;
        let held = std::mem::take(&mut self.held);
        (self.position, self.look_again_at) = (0, 0);
        let vocabulary = self.vocabulary.clone();
        vocabulary.scratch.with(|scratch| match &self.matcher {
            None => vocabulary.encode_ordinary(&held, scratch, ids),
            Some(matcher) => {
                for stretch in matcher.stretches(&held) {
                    match stretch.id {
                        Some(id) => ids.push(id),
                        None => vocabulary.encode_ordinary(&held[stretch.range], scratch, ids)?,
                    }
                }
                Ok(())
            }
        })
    }
}
