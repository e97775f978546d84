//! Pretokens as they are found → stretches with their ends, some hundred at a time.

use super::scan::Ends;
use crate::pretokenize::ENDS_AT_ONCE;
use crate::pretokenize::receiver::Receiver;

/// Collects the pretokens of one text.
pub(in crate::pretokenize) struct Collector<'a, E: Receiver> {
    text: &'a [u8],
    ends: Ends,
    receiver: &'a mut E,
    /// The last offset there is: less in tests.
    longest: usize,
}

impl<'a, E: Receiver> Collector<'a, E> {
    pub(in crate::pretokenize) fn new(text: &'a [u8], receiver: &'a mut E) -> Self {
        Self { text, ends: Ends::new(), receiver, longest: u32::MAX as usize }
    }

    pub(super) fn ends(&mut self) -> &mut Ends {
        &mut self.ends
    }

    /// Where the next pretoken starts.
    pub(in crate::pretokenize) fn place(&self) -> usize {
        self.ends.last()
    }

    /// The next pretoken ends at `end` of the text.
    #[inline]
    pub(in crate::pretokenize) fn push(&mut self, end: usize) {
        if self.ends.count == ENDS_AT_ONCE || end - self.ends.start > self.longest {
            self.flush();
        }
        if end - self.ends.start > self.longest {
            self.receiver.too_long(self.text.get(self.ends.start..end).unwrap_or_default());
            self.ends.start = end;
        } else {
            self.ends.ends[self.ends.count] = (end - self.ends.start) as u32;
            self.ends.count += 1;
        }
    }

    /// Tells of what was collected; `false` if there was nothing.
    pub(in crate::pretokenize) fn flush(&mut self) -> bool {
        let place = self.place();
        let ends = self.ends.ends.get(..self.ends.count).unwrap_or_default();
        if ends.is_empty() {
            return false;
        }
        self.receiver.stretch(self.text.get(self.ends.start..place).unwrap_or_default(), ends);
        self.ends.start = place;
        self.ends.count = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Vec<(usize, Vec<u32>)>, Vec<usize>);

    impl Receiver for Told {
        fn stretch(&mut self, stretch: &[u8], ends: &[u32]) {
            self.0.push((stretch.len(), ends.to_vec()));
        }
        fn too_long(&mut self, pretoken: &[u8]) {
            self.1.push(pretoken.len());
        }
    }

    #[test]
    fn a_stretch_is_as_long_as_offsets_reach_and_longer_pretokens_come_alone() {
        let mut told = Told::default();
        let text = [b'a'; 100];
        let mut collector = Collector { longest: 10, ..Collector::new(&text, &mut told) };
        for end in [4, 10, 11, 30, 33] {
            collector.push(end);
        }
        assert_eq!(collector.place(), 33);
        assert!(collector.flush() && !collector.flush());
        assert_eq!(told.0, [(10, vec![4, 10]), (1, vec![1]), (3, vec![3])]);
        assert_eq!(told.1, [19]);
    }
}
