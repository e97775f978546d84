//! Many texts at once, or one large one, on several threads; the result never depends on how many.

use super::Special;
use super::added::Stretch;
use super::in_order::{Joined, Part, in_order};
use super::sink::{Count, Sink};
use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;
use std::ops::Range;

/// A thread is worth starting for this many bytes.
const BYTES_WORTH_A_THREAD: usize = 1 << 16;
/// Work is handed out in jobs of about this many bytes.
const JOB_BYTES: usize = 1 << 17;
/// Ids have about this many bytes of text each, or more.
const BYTES_OF_AN_ID: usize = 3;

/// The ids of many texts, one after another.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// All ids.
    pub ids: Vec<u32>,
    /// Text `i` has `ids[offsets[i]..offsets[i + 1]]`; one more than there are texts.
    pub offsets: Vec<usize>,
}

impl Vocabulary {
    /// The ids of many texts. A large text is encoded by several threads, too.
    ///
    /// # Errors
    /// As [`Self::encode`]: that of the first text that has one, with its index.
    pub fn encode_batch(&self, texts: &[&[u8]], special: Special<'_>, threads: usize) -> Result<Batch> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let mut ends = Vec::with_capacity(texts.len() + 1);
        ends.push(0);
        let whole = Part { ids: Vec::with_capacity(bytes / BYTES_OF_AN_ID), ends };
        let done = self.in_jobs(texts, special, threads, whole, Error::in_text)?;
        Ok(Batch { ids: done.ids, offsets: done.ends })
    }

    /// The ids of a text, on several threads. It is cut only where a cut changes nothing, so they are those of
    /// [`Self::encode`].
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_on_threads(&self, text: &[u8], special: Special<'_>, threads: usize) -> Result<Vec<u32>> {
        let whole = Part { ids: Vec::with_capacity(text.len() / BYTES_OF_AN_ID), ends: Vec::new() };
        Ok(self.in_jobs(&[text], special, threads, whole, |error, _| error)?.ids)
    }

    /// How many ids a text has, counted on several threads.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn count_tokens_on_threads(
        &self,
        text: &[u8],
        special: Special<'_>,
        threads: usize,
    ) -> Result<usize> {
        Ok(self.in_jobs(&[text], special, threads, Part::<Count>::default(), |error, _| error)?.ids.0)
    }

    fn in_jobs<J: Joined>(
        &self,
        texts: &[&[u8]],
        special: Special<'_>,
        threads: usize,
        whole: Part<J>,
        name: impl Fn(Error, usize) -> Error + Sync + Copy + Send,
    ) -> Result<Part<J>> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let threads = threads.min(1 + bytes / BYTES_WORTH_A_THREAD).max(1);
        let jobs = Jobs { vocabulary: self, texts, special, next_text: 0, large: None };
        let named = |(index, error)| name(error, index);
        in_order(jobs.map(|job| job.map_err(named)), threads, whole, |job, part: &mut Part<J>| match job {
            Job::Texts(range) => {
                for index in range {
                    self.encode_into(texts[index], special, &mut part.ids)
                        .map_err(|error| name(error, index))?;
                    part.end_text();
                }
                Ok(())
            }
            Job::Stretches { text, stretches, last } => {
                self.encode_stretches(texts[text], stretches, &mut part.ids)
                    .map_err(|error| name(error, text))?;
                if last {
                    part.end_text();
                }
                Ok(())
            }
        })
    }

    fn encode_stretches(&self, text: &[u8], stretches: Vec<Stretch>, sink: &mut impl Sink) -> Result<()> {
        self.scratch.with(|scratch| {
            for Stretch { id, range } in stretches {
                match id {
                    Some(id) => sink.added(id, range),
                    None => self.encode_ordinary(&text[range], scratch, sink)?,
                }
            }
            Ok(())
        })
    }
}

/// Work of about [`JOB_BYTES`].
enum Job {
    /// Neighbouring texts.
    Texts(Range<usize>),
    /// Neighbouring stretches of one large text; whether they are its last.
    Stretches { text: usize, stretches: Vec<Stretch>, last: bool },
}

struct Jobs<'a> {
    vocabulary: &'a Vocabulary,
    texts: &'a [&'a [u8]],
    special: Special<'a>,
    next_text: usize,
    /// The large text that is being cut.
    large: Option<Large>,
}

/// What is left of a large text.
struct Large {
    text: usize,
    stretches: std::iter::Peekable<std::vec::IntoIter<Stretch>>,
}

impl Iterator for Jobs<'_> {
    type Item = std::result::Result<Job, (usize, Error)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.large.is_none() {
            let text = self.next_text;
            if self.texts.get(text)?.len() < 2 * JOB_BYTES {
                return Some(Ok(Job::Texts(self.some_texts())));
            }
            self.next_text += 1;
            match self.stretches(text) {
                Ok(stretches) => {
                    self.large = Some(Large { text, stretches: stretches.into_iter().peekable() })
                }
                Err(error) => return Some(Err((text, error))),
            }
        }
        let large = self.large.as_mut()?;
        let text = large.text;
        let cut = large.some_stretches(self.texts[text], self.vocabulary);
        let last = large.stretches.peek().is_none();
        if last {
            self.large = None;
        }
        Some(cut.map(|stretches| Job::Stretches { text, stretches, last }).map_err(|error| (text, error)))
    }
}

impl Jobs<'_> {
    /// Texts from the next one on, none of them large.
    fn some_texts(&mut self) -> Range<usize> {
        let start = self.next_text;
        let mut bytes = 0;
        while let Some(text) = self.texts.get(self.next_text).filter(|text| text.len() < 2 * JOB_BYTES)
            && bytes < JOB_BYTES
        {
            bytes += text.len();
            self.next_text += 1;
        }
        start..self.next_text
    }

    fn stretches(&self, index: usize) -> Result<Vec<Stretch>> {
        let text = self.texts[index];
        self.vocabulary.refuse_special(text, self.special)?;
        Ok(match self.vocabulary.added.matcher(self.special)? {
            Some(matcher) => matcher.stretches(text),
            None => vec![Stretch { id: None, range: 0..text.len() }],
        })
    }
}

impl Large {
    /// The next stretches; a long one is cut where that changes nothing.
    fn some_stretches(&mut self, text: &[u8], vocabulary: &Vocabulary) -> Result<Vec<Stretch>> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(stretch) = self.stretches.peek_mut()
            && bytes < JOB_BYTES
        {
            let length = stretch.range.len();
            if stretch.id.is_none()
                && length > 2 * JOB_BYTES
                && let Some(cut) = cut(&text[stretch.range.clone()], vocabulary)?
            {
                let place = stretch.range.start + cut;
                taken.push(Stretch { id: None, range: stretch.range.start..place });
                stretch.range.start = place;
                break;
            }
            bytes += length;
            taken.extend(self.stretches.next());
        }
        Ok(taken)
    }
}

/// A place near [`JOB_BYTES`] where `text` may be cut; `None` if none is found before its end.
fn cut(text: &[u8], vocabulary: &Vocabulary) -> Result<Option<usize>> {
    let mut window = JOB_BYTES;
    while window < text.len() {
        if let Some(cut) = vocabulary.pretokenizer.cut(&text[..window])? {
            return Ok(Some(cut));
        }
        window *= 2;
    }
    Ok(None)
}
