//! Where ids go: into an array, a number, or spans.

use crate::vocabulary::Vocabulary;
use std::ops::Range;

/// Takes the tokens of a text in order.
pub(crate) trait Sink {
    /// Ordinary tokens; together their bytes are the next bytes of the text.
    fn ids(&mut self, ids: &[u32]);
    /// An added token, and the bytes of the text it stands for.
    fn added(&mut self, id: u32, range: Range<usize>);
}

impl Sink for Vec<u32> {
    #[inline]
    fn ids(&mut self, ids: &[u32]) {
        self.extend_from_slice(ids);
    }

    fn added(&mut self, id: u32, _: Range<usize>) {
        self.push(id);
    }
}

/// Counts tokens.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    #[inline]
    fn ids(&mut self, ids: &[u32]) {
        self.0 += ids.len();
    }

    fn added(&mut self, _: u32, _: Range<usize>) {
        self.0 += 1;
    }
}

/// Notes where tokens lie.
pub(crate) struct Spans<'v> {
    vocabulary: &'v Vocabulary,
    ranges: Vec<Range<usize>>,
}

impl<'v> Spans<'v> {
    pub(crate) fn new(vocabulary: &'v Vocabulary) -> Self {
        Self { vocabulary, ranges: Vec::new() }
    }

    pub(crate) fn into_ranges(self) -> Vec<Range<usize>> {
        self.ranges
    }
}

impl Sink for Spans<'_> {
    fn ids(&mut self, ids: &[u32]) {
        for &id in ids {
            let start = self.ranges.last().map_or(0, |range| range.end);
            let length = self.vocabulary.bytes.get(id).unwrap_or_default().len();
            self.ranges.push(start..start + length);
        }
    }

    fn added(&mut self, _: u32, range: Range<usize>) {
        self.ranges.push(range);
    }
}
