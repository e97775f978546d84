//! Pretokens and how often each occurs.

use std::cmp::Reverse;

use super::merge::{Sorted, merge, too_large};
use crate::error::{Error, Result};
use crate::pretokenize::{Pattern, Split};

/// How often each pretoken of a corpus occurs, and the pattern that made the pretokens.
///
/// Pretokens are in ascending order of their bytes, each once, none empty, none with a count of zero: equal counts
/// are equal in every byte, and so are their files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PretokenCounts {
    pattern: Pattern,
    /// All pretokens, one behind the other.
    bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    ends: Vec<usize>,
    counts: Vec<u64>,
    total_pretokens: u64,
    total_bytes: u64,
    documents: u64,
}

impl PretokenCounts {
    pub(super) fn empty(pattern: Pattern, documents: u64) -> Self {
        let (bytes, ends, counts) = (Vec::new(), Vec::new(), Vec::new());
        Self { pattern, bytes, ends, counts, total_pretokens: 0, total_bytes: 0, documents }
    }

    /// Counts that come from elsewhere, in any order; what is given twice is added up.
    pub fn from_entries<B: AsRef<[u8]>>(
        pattern: Pattern,
        entries: impl IntoIterator<Item = (B, u64)>,
        documents: u64,
    ) -> Result<Self> {
        let mut entries: Vec<(B, u64)> = entries.into_iter().collect();
        entries.retain(|(pretoken, count)| *count > 0 && !pretoken.as_ref().is_empty());
        entries.sort_by(|(left, _), (right, _)| left.as_ref().cmp(right.as_ref()));
        let mut counts = Self::empty(pattern, documents);
        for equal in entries.chunk_by(|(left, _), (right, _)| left.as_ref() == right.as_ref()) {
            let pretoken = equal[0].0.as_ref();
            let sum = equal.iter().try_fold(0u64, |sum, (_, count)| sum.checked_add(*count));
            counts.push(pretoken, sum.ok_or_else(|| too_large(pretoken))?)?;
        }
        Ok(counts)
    }

    /// Adds a pretoken that comes after all those before.
    pub(super) fn push(&mut self, pretoken: &[u8], count: u64) -> Result<()> {
        self.add_to_totals(pretoken, count)?;
        self.bytes.extend_from_slice(pretoken);
        self.ends.push(self.bytes.len());
        self.counts.push(count);
        Ok(())
    }

    /// Adds a pretoken to the sums alone.
    pub(super) fn add_to_totals(&mut self, pretoken: &[u8], count: u64) -> Result<()> {
        let pretokens = self.total_pretokens.checked_add(count);
        let bytes = count.checked_mul(pretoken.len() as u64);
        let bytes = bytes.and_then(|bytes| bytes.checked_add(self.total_bytes));
        let (Some(pretokens), Some(bytes)) = (pretokens, bytes) else {
            return Err(Error::Argument("these counts are of a text of more than 2^64 - 1 bytes".to_owned()));
        };
        (self.total_pretokens, self.total_bytes) = (pretokens, bytes);
        Ok(())
    }

    /// The pattern that made the pretokens.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// How many different pretokens there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many pretokens were counted.
    pub fn total_pretokens(&self) -> u64 {
        self.total_pretokens
    }

    /// How many bytes were counted: those of the corpus, since pretokens leave nothing out.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// How many documents were counted, the empty ones too.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// The pretoken at `index`, in ascending order of bytes, and its count.
    pub fn get(&self, index: usize) -> Option<(&[u8], u64)> {
        let &count = self.counts.get(index)?;
        Some((self.pretoken(index), count))
    }

    fn pretoken(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    /// All pretokens and their counts, in ascending order of bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], u64)> {
        (0..self.len()).map(|index| (self.pretoken(index), self.counts[index]))
    }

    /// The indices (see [`Self::get`]) of the pretokens, the most frequent first; of equal counts, in order of bytes.
    pub fn by_frequency(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by_key(|&index| (Reverse(self.counts[index]), index));
        order
    }

    /// The counts of both corpora together.
    ///
    /// # Errors
    /// Counts of another pattern are counts of other things; and a sum beyond 64 bits.
    pub fn merged(self, other: Self) -> Result<Self> {
        if self.pattern != other.pattern {
            return Err(Error::Argument(format!(
                "counts of two patterns can't be added: {} and {}; count both with one pattern",
                describe(&self.pattern),
                describe(&other.pattern)
            )));
        }
        let documents = self
            .documents
            .checked_add(other.documents)
            .ok_or_else(|| Error::Argument("these counts are of more than 2^64 - 1 documents".to_owned()))?;
        let mut sum = Self::empty(self.pattern.clone(), documents);
        let sources = [&self, &other].map(|counts| Box::new(Entries { counts, next: 0 }) as Box<dyn Sorted>);
        merge(sources, |pretoken, count| sum.push(pretoken, count))?;
        Ok(sum)
    }
}

fn describe(pattern: &Pattern) -> String {
    let text = |split: &Split| format!("{:?} ({:?})", split.regex, split.gaps);
    let texts: Vec<String> = pattern.splits().iter().map(text).collect();
    let name = pattern.name().map(|name| format!("{name}: ")).unwrap_or_default();
    name + &texts.join(" then ")
}

struct Entries<'a> {
    counts: &'a PretokenCounts,
    next: usize,
}

impl Sorted for Entries<'_> {
    fn next(&mut self, pretoken: &mut Vec<u8>) -> Result<Option<u64>> {
        let Some((bytes, count)) = self.counts.get(self.next) else { return Ok(None) };
        self.next += 1;
        pretoken.clear();
        pretoken.extend_from_slice(bytes);
        Ok(Some(count))
    }
}
