//! Spans and their ids.

use super::automaton::{Automaton, START};
use super::fewest::fewest;
use crate::error::{Error, Result};
use crate::learned::Codec;
use hashbrown::HashMap;

/// The most bytes of a span.
pub const LONGEST: usize = 16;
/// Spans of a table.
const MOST_SPANS: usize = 1 << 22;

/// A table of spans: ids 0 to 255 are the bytes, those that follow the spans in the order given.
pub struct Spans {
    /// The bytes of each id, filled up with zeros, and how many they are.
    tokens: Vec<([u8; LONGEST], u8)>,
    ids: HashMap<([u8; LONGEST], u8), u32, foldhash::fast::FixedState>,
    automaton: Automaton,
}

impl Spans {
    /// A table of these spans.
    ///
    /// # Errors
    /// [`Error::Vocabulary`] if one is shorter than two bytes, longer than sixteen, or there twice.
    pub fn new<'a>(spans: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Self> {
        let mut tokens: Vec<_> = (0..=255u8).map(|byte| entry(&[byte])).collect();
        let mut ids = HashMap::with_hasher(foldhash::fast::FixedState::default());
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
            let id = tokens.len() as u32;
            tokens.push(entry(span));
            if let Some(other) = ids.insert(entry(span), id) {
                return Err(Error::Vocabulary(format!(
                    "span {index} ({:?}) is there twice; it is span {}, too",
                    String::from_utf8_lossy(span),
                    other - 256
                )));
            }
        }
        Ok(Self { tokens, ids, automaton: Automaton::new(spans)? })
    }

    /// The bytes of a token.
    fn bytes(&self, id: u32) -> Option<&[u8]> {
        let (bytes, length) = self.tokens.get(id as usize)?;
        Some(&bytes[..usize::from(*length)])
    }

    fn id(&self, token: &[u8]) -> u32 {
        match token {
            [byte] => u32::from(*byte),
            // A token is a span, since spans alone are cut out.
            _ => self.ids.get(&entry(token)).copied().unwrap_or_default(),
        }
    }

    /// Calls `each` with the tokens of a text, in order.
    fn cut_up<'t>(&self, text: &'t [u8], mut each: impl FnMut(&'t [u8])) {
        let mut lengths: Vec<u16> = Vec::with_capacity(text.len().min(1 << 12));
        let mut start = 0;
        let mut stretch = |lengths: &mut Vec<u16>, stretch: &'t [u8]| {
            fewest(lengths);
            let mut place = 0;
            while let Some(length) = lengths.get(place) {
                let end = place + usize::from(*length);
                each(&stretch[place..end]);
                place = end;
            }
            lengths.clear();
        };
        let mut state = START;
        for (place, byte) in text.iter().enumerate() {
            state = self.automaton.step(state, *byte);
            // No token reaches over this place, so what comes before it is settled.
            if Automaton::begins(state) && place > start {
                stretch(&mut lengths, &text[start..place]);
                start = place;
            }
            lengths.push(self.automaton.lengths(state));
        }
        stretch(&mut lengths, &text[start..]);
    }
}

/// At most sixteen bytes, filled up with zeros, and how many they are.
fn entry(token: &[u8]) -> ([u8; LONGEST], u8) {
    let mut bytes = [0; LONGEST];
    bytes[..token.len()].copy_from_slice(token);
    (bytes, token.len() as u8)
}

impl Codec for Spans {
    fn size(&self) -> u32 {
        self.tokens.len() as u32
    }

    fn job_bytes(&self) -> usize {
        1 << 17
    }

    fn encode(&self, text: &[u8], ids: &mut Vec<u32>) {
        self.cut_up(text, |token| ids.push(self.id(token)));
    }

    fn count(&self, text: &[u8]) -> usize {
        let mut count = 0;
        self.cut_up(text, |_| count += 1);
        count
    }

    fn settled(&self, text: &[u8]) -> usize {
        let mut window = 4 * LONGEST;
        loop {
            let first = text.len().saturating_sub(window);
            // From sixteen bytes on the state is that of the whole text, since none is longer.
            let sure = if first == 0 { 1 } else { first + LONGEST };
            let mut state = START;
            let mut last = 0;
            for (place, byte) in text.iter().enumerate().skip(first) {
                state = self.automaton.step(state, *byte);
                if place >= sure && Automaton::begins(state) {
                    last = place;
                }
            }
            if last > 0 || first == 0 {
                return last;
            }
            window *= 4;
        }
    }

    fn lengths(&self, _: usize, ids: &[u32]) -> Vec<usize> {
        ids.iter().map(|id| self.bytes(*id).unwrap_or_default().len()).collect()
    }

    fn decode(&self, ids: &[u32], text: &mut Vec<u8>) {
        text.reserve(4 * ids.len());
        for id in ids {
            text.extend_from_slice(self.bytes(*id).unwrap_or_default());
        }
    }

    fn has_token(&self, bytes: &[u8]) -> bool {
        bytes.len() == 1 || bytes.len() <= LONGEST && self.ids.contains_key(&entry(bytes))
    }
}
