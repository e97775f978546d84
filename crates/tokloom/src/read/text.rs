//! A text file in blocks.

use super::batch::Batch;
use super::input::Input;
use crate::error::Result;

/// Finds a place where the beginning of a text may be cut in two, whatever follows; `None` where none is known.
/// ([`Pretokenizer::cut`](crate::Pretokenizer::cut) is such a function.)
pub type Cut = Box<dyn Fn(&[u8]) -> Result<Option<usize>> + Send>;

pub(super) struct Text {
    cut: Option<Cut>,
    /// Read, but not yet given out.
    pending: Vec<u8>,
    /// How long `pending` has to be before the next cut is tried.
    wanted: usize,
    begun: bool,
    ended: bool,
}

impl Text {
    pub(super) fn new(cut: Option<Cut>) -> Self {
        Self { cut, pending: Vec::new(), wanted: 0, begun: false, ended: false }
    }

    pub(super) fn next_batch(&mut self, input: &mut Input, max_bytes: usize) -> Result<Option<Batch>> {
        if self.ended {
            return Ok(None);
        }
        self.wanted = self.wanted.max(max_bytes);
        let limit = self.wanted.saturating_sub(self.pending.len()).clamp(1, max_bytes);
        if input.read(limit, &mut self.pending)? < limit {
            self.ended = true;
            let rest = std::mem::take(&mut self.pending);
            return Ok(if rest.is_empty() && self.begun { None } else { Some(self.block(rest)) });
        }
        if self.pending.len() < self.wanted {
            return Ok(Some(Batch::new()));
        }
        let place = match &self.cut {
            Some(cut) => cut(&self.pending)?,
            None => None,
        };
        let block = match place {
            Some(place) if 0 < place && place <= self.pending.len() => {
                let rest = self.pending.split_off(place);
                let block = std::mem::replace(&mut self.pending, rest);
                self.block(block)
            }
            _ => Batch::new(),
        };
        // Half of what the next cut looks at is new to it, so that all cuts together look at each byte about twice.
        self.wanted = self.pending.len().saturating_mul(2);
        Ok(Some(block))
    }

    fn block(&mut self, bytes: Vec<u8>) -> Batch {
        Batch::of_block(bytes, std::mem::replace(&mut self.begun, true))
    }
}
