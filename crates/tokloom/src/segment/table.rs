//! Spans and their ids.

use super::automaton::{Automaton, BEGINS};
use super::fewest::fewest;
use super::ids::Ids;
use crate::error::{Error, Result};
use crate::learned::Codec;

/// The most bytes of a span.
pub const LONGEST: usize = 16;
/// Spans of a table.
const MOST_SPANS: usize = 1 << 22;

/// A text is cut up in portions of this many bytes, as far as it is settled; what stands for them stays in a near cache.
const PORTION: usize = 1 << 14;

/// A table of spans: ids 0 to 255 are the bytes, those that follow the spans in the order given.
pub struct Spans {
    ids: Ids,
    automaton: Automaton,
}

impl Spans {
    /// A table of these spans.
    ///
    /// # Errors
    /// [`Error::Vocabulary`] if one is shorter than two bytes, longer than sixteen, or there twice.
    pub fn new<'a>(spans: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Self> {
        let mut ids = Ids::with_room_for(spans.clone().take(MOST_SPANS).count());
        for (index, span) in spans.clone().enumerate() {
            if !(2..=LONGEST).contains(&span.len()) {
                return Err(Error::Vocabulary(format!(
                    "span {index} has {} bytes; a span has 2 to {LONGEST} (single bytes are there already)",
                    span.len()
                )));
            }
            if index >= MOST_SPANS {
                return Err(Error::Vocabulary(format!("more than {MOST_SPANS} spans")));
            }
            ids.add(span).map_err(|other| {
                Error::Vocabulary(format!(
                    "span {index} ({:?}) is there twice; it is span {}, too",
                    String::from_utf8_lossy(span),
                    other - 256
                ))
            })?;
        }
        Ok(Self { ids, automaton: Automaton::new(spans)? })
    }

    /// Calls `each` with where the tokens of a text begin and end, in order.
    fn cut_up(&self, text: &[u8], mut each: impl FnMut(usize, usize)) {
        // Of what isn't settled yet, and in the end how long tokens are.
        let mut lengths: Vec<u16> = Vec::with_capacity(text.len().min(2 * PORTION));
        let mut start = 0;
        while start < text.len() {
            let looked_at = start + lengths.len();
            let end = text.len().min(looked_at + PORTION);
            self.automaton.lengths(text, looked_at..end, &mut lengths);
            // No token reaches over such a place, so what comes before it is settled.
            let begins = |place: &usize| lengths[*place] & BEGINS != 0;
            let settled = match (looked_at - start..lengths.len()).rfind(begins) {
                _ if end == text.len() => lengths.len(),
                Some(place) => place,
                None => continue,
            };
            fewest(&mut lengths[..settled]);
            let mut place = 0;
            while place < settled {
                let next = place + usize::from(lengths[place]);
                each(start + place, start + next);
                place = next;
            }
            lengths.drain(..settled);
            start += settled;
        }
    }
}

impl Codec for Spans {
    fn size(&self) -> u32 {
        self.ids.len() as u32
    }

    fn job_bytes(&self) -> usize {
        1 << 17
    }

    fn encode(&self, text: &[u8], ids: &mut Vec<u32>) {
        self.cut_up(text, |start, end| ids.push(self.ids.id(text, start..end)));
    }

    fn count(&self, text: &[u8]) -> usize {
        let mut count = 0;
        self.cut_up(text, |_, _| count += 1);
        count
    }

    fn settled(&self, text: &[u8]) -> usize {
        let mut window = 4 * LONGEST;
        let mut lengths = Vec::new();
        let mut end = text.len();
        while end > 0 {
            let start = end.saturating_sub(window);
            lengths.clear();
            self.automaton.lengths(text, start..end, &mut lengths);
            // The first byte of a text begins nothing that could be cut off.
            if let Some(place) = lengths.iter().rposition(|lengths| lengths & BEGINS != 0) {
                return start + place;
            }
            (end, window) = (start, window * 4);
        }
        0
    }

    fn lengths(&self, _: usize, ids: &[u32]) -> Vec<usize> {
        ids.iter().map(|id| self.ids.token(*id).unwrap_or_default().len()).collect()
    }

    fn decode(&self, ids: &[u32], text: &mut Vec<u8>) {
        text.reserve(4 * ids.len());
        for id in ids {
            text.extend_from_slice(self.ids.token(*id).unwrap_or_default());
        }
    }

    fn has_token(&self, bytes: &[u8]) -> bool {
        bytes.len() == 1 || (2..=LONGEST).contains(&bytes.len()) && self.ids.get(bytes).is_some()
    }
}
