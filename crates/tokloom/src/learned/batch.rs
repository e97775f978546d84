//! Texts → ids on several threads; the result never depends on how many.

use super::LearnedVocabulary;
use crate::encode::added::Stretch;
use crate::encode::in_order::{Joined, Part, in_order};
use crate::encode::sink::Count;
use crate::encode::{Batch, Special};
use crate::error::{Error, Result};
use std::collections::VecDeque;

impl LearnedVocabulary {
    /// The ids of a text.
    ///
    /// # Errors
    /// [`Error::SpecialToken`] if `special` forbids one that stands in the text or names one that doesn't exist.
    pub fn encode(&self, text: &[u8], special: Special<'_>, threads: usize) -> Result<Vec<u32>> {
        Ok(self.in_jobs(&[text], special, threads, Part::<Vec<u32>>::default(), |error, _| error)?.ids)
    }

    /// How many ids a text has, without keeping them.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn count_tokens(&self, text: &[u8], special: Special<'_>, threads: usize) -> Result<usize> {
        Ok(self.in_jobs(&[text], special, threads, Part::<Count>::default(), |error, _| error)?.ids.0)
    }

    /// The ids of many texts.
    ///
    /// # Errors
    /// As [`Self::encode`]: that of the first text that has one, with its index.
    pub fn encode_batch(&self, texts: &[&[u8]], special: Special<'_>, threads: usize) -> Result<Batch> {
        let whole = Part { ids: Vec::new(), ends: vec![0] };
        let done = self.in_jobs(texts, special, threads, whole, Error::in_text)?;
        Ok(Batch { ids: done.ids, offsets: done.ends })
    }

    fn in_jobs<J: Ids>(
        &self,
        texts: &[&[u8]],
        special: Special<'_>,
        threads: usize,
        whole: Part<J>,
        name: impl Fn(Error, usize) -> Error + Sync + Send + Copy,
    ) -> Result<Part<J>> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let threads = threads.min(1 + bytes / self.codec.job_bytes()).max(1);
        let jobs = Jobs { vocabulary: self, texts, special, next_text: 0, waiting: VecDeque::new() };
        let jobs = jobs.map(|job| job.map_err(|(index, error)| name(error, index)));
        in_order(jobs, threads, whole, |job: Vec<Piece>, part: &mut Part<J>| {
            for Piece { text, stretch, last } in job {
                match stretch.id {
                    Some(id) => part.ids.added(id, stretch.range),
                    None => part.ids.ordinary(self, &texts[text][stretch.range]),
                }
                if last {
                    part.end_text();
                }
            }
            Ok(())
        })
    }
}

/// What a text becomes: its ids, or how many they are.
trait Ids: Joined {
    fn ordinary(&mut self, vocabulary: &LearnedVocabulary, text: &[u8]);
}

impl Ids for Vec<u32> {
    fn ordinary(&mut self, vocabulary: &LearnedVocabulary, text: &[u8]) {
        vocabulary.codec.encode(text, self);
    }
}

impl Ids for Count {
    fn ordinary(&mut self, vocabulary: &LearnedVocabulary, text: &[u8]) {
        self.0 += vocabulary.codec.count(text);
    }
}

/// A stretch of a text; whether it is the text's last.
struct Piece {
    text: usize,
    stretch: Stretch,
    last: bool,
}

/// Pieces in order, together about as many bytes as a job has.
struct Jobs<'a> {
    vocabulary: &'a LearnedVocabulary,
    texts: &'a [&'a [u8]],
    special: Special<'a>,
    next_text: usize,
    waiting: VecDeque<Piece>,
}

impl Iterator for Jobs<'_> {
    type Item = std::result::Result<Vec<Piece>, (usize, Error)>;

    fn next(&mut self) -> Option<Self::Item> {
        let most = self.vocabulary.codec.job_bytes();
        let mut job = Vec::new();
        let mut bytes = 0;
        while bytes < most {
            if self.waiting.is_empty() {
                if self.next_text == self.texts.len() {
                    break;
                }
                if let Err(error) = self.add_text() {
                    return Some(Err((self.next_text, error)));
                }
                self.next_text += 1;
            }
            let Some(mut piece) = self.waiting.pop_front() else { continue };
            if let Some(cut) = self.cut(&piece) {
                let mut rest = Piece { stretch: piece.stretch.clone(), ..piece };
                rest.stretch.range.start = cut;
                self.waiting.push_front(rest);
                (piece.stretch.range.end, piece.last) = (cut, false);
            }
            bytes += piece.stretch.range.len();
            job.push(piece);
        }
        if job.is_empty() { None } else { Some(Ok(job)) }
    }
}

impl Jobs<'_> {
    fn add_text(&mut self) -> Result<()> {
        let text = self.next_text;
        let mut stretches = self.vocabulary.stretches(self.texts[text], self.special)?;
        if stretches.is_empty() {
            stretches.push(Stretch { id: None, range: 0..0 }); // a text that ends, too
        }
        let last = stretches.len() - 1;
        let piece = |(index, stretch)| Piece { text, stretch, last: index == last };
        self.waiting.extend(stretches.into_iter().enumerate().map(piece));
        Ok(())
    }

    /// Where a large piece may be cut; `None` if it isn't large, or there is no such place.
    fn cut(&self, piece: &Piece) -> Option<usize> {
        let codec = &self.vocabulary.codec;
        let text = &self.texts[piece.text][piece.stretch.range.clone()];
        let mut window = codec.job_bytes();
        while piece.stretch.id.is_none() && 2 * window < text.len() {
            let settled = codec.settled(&text[..window]);
            if settled > 0 {
                return Some(piece.stretch.range.start + settled);
            }
            window *= 2;
        }
        None
    }
}
