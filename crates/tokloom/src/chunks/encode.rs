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
            let Room { encoder, decoder, symbols, inputs, codes } = room;
            self.codes_of(symbols, encoder, codes);
            let guesses = self.symbols_of(codes, decoder, inputs);
            let codes = codes.chunks_exact(self.codes_per_chunk);
            for ((chunk, codes), guess) in chunks().zip(codes).zip(guesses.chunks_exact(self.size)) {
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

    /// How many bytes each id stands for, of those that a text of `length` bytes has. Together a chunk's codes stand
    /// for its bytes; a patch changes what they say and adds nothing.
    pub(super) fn lengths_of(&self, length: usize, ids: &[u32]) -> Vec<usize> {
        let mut lengths = Vec::with_capacity(ids.len());
        let mut start = 0;
        let mut code = 0;
        for id in ids {
            lengths.push(match self.kind(*id) {
                Some(Kind::Byte(_)) => {
                    start += 1;
                    1
                }
                Some(Kind::Code(_)) => {
                    let chunk = self.size.min(length - start);
                    let share = |code| chunk * code / self.codes_per_chunk;
                    let length = share(code + 1) - share(code);
                    code += 1;
                    if code == self.codes_per_chunk {
                        (start, code) = (start + chunk, 0);
                    }
                    length
                }
                Some(Kind::Patch { .. }) | None => 0,
            });
        }
        lengths
    }
}
