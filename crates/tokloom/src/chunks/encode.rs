//! Bytes → codes, looked at → ids.

use super::{Chunks, END, Kind, Room};

/// Chunks that go through the networks together: enough that each weight is used often, and all fits the caches.
const TOGETHER: usize = 64;

impl Chunks {
    /// Appends the ids of a text.
    pub(super) fn encode_text(&self, text: &[u8], ids: &mut Vec<u32>) {
        self.with_room(|room| {
            for chunks in text.chunks(TOGETHER * self.size) {
                self.encode_some(chunks, room, ids);
            }
        });
    }

    /// At most [`TOGETHER`] chunks, the last of which may be shorter.
    fn encode_some(&self, text: &[u8], room: &mut Room, ids: &mut Vec<u32>) {
        // A chunk with no more bytes than codes is cheaper as bytes, whatever the network would say.
        let whole = if text.len() % self.size > self.codes_per_chunk {
            text.len()
        } else {
            text.len() / self.size * self.size
        };
        let chunks = || text[..whole].chunks(self.size);
        if self.size > self.codes_per_chunk && whole > 0 {
            room.symbols.clear();
            for chunk in chunks() {
                room.symbols.extend(chunk.iter().map(|byte| u32::from(*byte)));
                room.symbols.resize(room.symbols.len().next_multiple_of(self.size), END);
            }
            self.codes_and_guesses(room);
            let codes = room.codes.chunks_exact(self.codes_per_chunk);
            for ((chunk, codes), guess) in chunks().zip(codes).zip(room.guesses.chunks_exact(self.size)) {
                self.put_right(chunk, codes, guess, ids);
            }
        } else {
            ids.extend(text[..whole].iter().map(|byte| u32::from(*byte)));
        }
        ids.extend(text[whole..].iter().map(|byte| u32::from(*byte)));
    }

    /// A chunk's codes and patches or, where that isn't more, its bytes.
    fn put_right(&self, chunk: &[u8], codes: &[u32], guess: &[u32], ids: &mut Vec<u32>) {
        let before = ids.len();
        ids.extend(codes.iter().map(|code| self.first_code() + code));
        for (position, guess) in guess.iter().enumerate().take(chunk.len() + 1) {
            let symbol = chunk.get(position).map_or(END, |byte| u32::from(*byte));
            if symbol != *guess {
                ids.push(self.patch(position, symbol));
            }
        }
        if ids.len() - before >= chunk.len() {
            ids.truncate(before);
            ids.extend(chunk.iter().map(|byte| u32::from(*byte)));
        }
    }

    /// How many bytes each id stands for, of those that a text of `length` bytes has. No token of a chunk has its bytes
    /// alone: what a code says, a patch may change. So a chunk's bytes are shared out evenly over its tokens in order,
    /// of which there are fewer.
    pub(super) fn lengths_of(&self, length: usize, ids: &[u32]) -> Vec<usize> {
        let mut lengths = Vec::with_capacity(ids.len());
        let mut start = 0;
        while let Some(id) = ids.get(lengths.len()) {
            if let Some(Kind::Code(_)) = self.kind(*id) {
                let after = ids.iter().skip(lengths.len() + self.codes_per_chunk);
                let patches =
                    after.take_while(|id| matches!(self.kind(**id), Some(Kind::Patch { .. }))).count();
                let tokens = self.codes_per_chunk + patches;
                let chunk = self.size.min(length - start);
                let share = |token| chunk * token / tokens;
                lengths.extend((0..tokens).map(|token| share(token + 1) - share(token)));
                start += chunk;
            } else {
                lengths.push(1);
                start += 1;
            }
        }
        lengths
    }
}
