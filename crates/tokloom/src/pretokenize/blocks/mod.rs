//! The scanners in blocks of 64 bytes: many pretokens at a time, by arithmetic on masks of characters.
//!
//! - [`ways`] make a block of 64 bytes into masks with a bit a character, by class ([`block`]), with the instructions
//!   that the machine has. With SIMD, characters of several bytes are looked up as ASCII is, so that no
//!   language leaves the fast way.
//! - [`rules`] tell from the masks where pretokens start. They are the same on every machine.
//! - [`scan`] makes places in the text of them.
//!
//! What the rules are not sure of goes to the scalar scanner, pretoken by pretoken until it is passed; from there the
//! blocks begin anew. So the scalar scanners decide whatever is rare, and the tests prove the two equal on the rest.

mod block;
mod collect;
mod rules;
mod scan;
mod ways;

pub(super) use collect::Collector;
pub use ways::Way;

use super::classes::Classes;
use super::receiver::Receiver;
use super::scanners::Family;
use scan::{Fill, Position, Stop};

/// Shorter texts are done sooner one pretoken after another.
pub(super) const SHORTEST: usize = 32;

/// How blocks of the texts of one family are scanned.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    way: Way,
    fill: Fill,
}

impl Blocks {
    /// `None`: this family is not scanned in blocks, or not this way.
    pub(super) fn new(way: Way, family: Family) -> Option<Self> {
        Some(Self { way, fill: way.fill(family)? })
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// Collects the pretokens of `text`, which is UTF-8, up to its end; or if it is `open`, to somewhere near it.
    /// `scalar`: where the pretoken ends that starts at a place, or `None` if it can't be told.
    ///
    /// Returns where the pretokens begin that are not collected.
    pub(super) fn split<E: Receiver>(
        &self,
        classes: &Classes,
        text: &[u8],
        open: bool,
        collector: &mut Collector<'_, E>,
        scalar: impl Fn(usize) -> Option<usize>,
    ) -> usize {
        let mut start = 0;
        while start < text.len() {
            let mut position = Position::new(start, open);
            let doubtful = loop {
                match (self.fill)(classes, text, &mut position, collector.ends()) {
                    Stop::Full if collector.flush() => {}
                    // One pretoken, too long for an offset.
                    Stop::Full => break collector.place(),
                    Stop::Doubt(place) => break place,
                    Stop::End if open => return collector.place(),
                    Stop::End => {
                        collector.push(text.len());
                        return text.len();
                    }
                }
            };
            start = collector.place();
            while start <= doubtful && start < text.len() {
                let Some(end) = scalar(start) else { return start };
                collector.push(end);
                start = end;
            }
        }
        start
    }
}
