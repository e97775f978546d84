//! The loop over the blocks of a text.

use super::block::{Block, lowest};
use super::rules::{Carry, Rules, View};
use super::ways::{Machine, WINDOW};
use crate::pretokenize::ENDS_AT_ONCE;
use crate::pretokenize::classes::Classes;

/// How a machine scans the texts of one family.
pub(super) type Fill = fn(&Classes, &[u8], &mut Position, &mut Ends) -> Stop;

/// How far a scan has come.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// Where the 64 bytes of the next block begin.
    at: usize,
    carry: Carry,
    /// Bit 0: the next block is the first, and a pretoken that is known of starts with it.
    is_first: u64,
    /// The text goes on behind its last byte, so that its last blocks can't be told.
    open: bool,
}

impl Position {
    /// Of a scan from `start` on, where a pretoken starts.
    pub(super) fn new(start: usize, open: bool) -> Self {
        Self { at: start, carry: Carry::default(), is_first: 1, open }
    }
}

/// Why a scan stopped.
pub(super) enum Stop {
    /// There is no room for the ends of another block. It may go on.
    Full,
    /// At the end of the text, or near the end of an open one.
    End,
    /// From the last end on to beyond this byte it takes the scalar scanner.
    Doubt(usize),
}

/// Where pretokens end, from the place on where the first of them starts.
pub(super) struct Ends {
    /// Where that is in the text.
    pub(super) start: usize,
    pub(super) count: usize,
    /// The first `count` are the ends; a machine may write something behind them.
    pub(super) ends: [u32; ENDS_AT_ONCE],
}

impl Ends {
    pub(super) fn new() -> Self {
        Self { start: 0, count: 0, ends: [0; ENDS_AT_ONCE] }
    }

    /// Where the pretoken after the last of these starts.
    pub(super) fn last(&self) -> usize {
        match self.count {
            0 => self.start,
            count => self.start + self.ends[count - 1] as usize,
        }
    }

    /// Room for the places of a block that begins at `at`, and the first place's offset.
    #[inline(always)]
    fn room(&mut self, at: usize) -> Option<(u32, &mut [u32; 64])> {
        let base = u32::try_from(at - self.start).ok().filter(|base| *base < u32::MAX - 64)?;
        let room = self.ends.get_mut(self.count..self.count + 64)?;
        Some((base, room.try_into().ok()?))
    }
}

/// Adds the ends of pretokens of `text` from `position` on.
///
/// # Safety
/// The machine has the instructions of `M`.
#[inline(always)]
pub(super) unsafe fn fill_ends<R: Rules, M: Machine>(
    classes: &Classes,
    text: &[u8],
    position: &mut Position,
    ends: &mut Ends,
) -> Stop {
    if M::LEAVES_WIDE && text.get(position.at..position.at + 64).is_some_and(|bytes| !bytes.is_ascii()) {
        return Stop::Doubt(position.at + 63);
    }
    let mut carry = position.carry;
    // SAFETY: the caller promises the instructions; so below.
    let mut block = unsafe { block_at::<M>(classes, text, position.at) };
    loop {
        let at = position.at;
        if block.count == 0 || (position.open && text.len() - at < 64 + WINDOW) {
            return Stop::End;
        }
        if M::LEAVES_WIDE && block.leads != u64::MAX && text.len() - at >= 64 {
            return Stop::Doubt(at + 63);
        }
        let Some((base, room)) = ends.room(at) else {
            position.carry = carry;
            return Stop::Full;
        };
        // SAFETY: as above.
        let next = unsafe { block_at::<M>(classes, text, at + 64) };
        let view = View { text, at, block, next, ends_with_next: text.len() - at <= 128 };
        let found = R::starts(&view, &mut carry);
        let sure = if found.doubt == 0 { u64::MAX } else { lowest(found.doubt) - 1 };
        let starts = found.starts & sure & !position.is_first;
        // A pretoken ends where the next one starts.
        let places = match block.leads {
            u64::MAX => starts,
            // SAFETY: as above.
            leads => unsafe { M::deposit(starts, leads) },
        };
        // SAFETY: as above.
        unsafe { M::write_places(places, base, room) };
        ends.count += places.count_ones() as usize;
        if found.doubt != 0 {
            return Stop::Doubt(at + block.byte_of(found.doubt.trailing_zeros()) as usize);
        }
        block = next;
        position.at += 64;
        position.is_first = 0;
    }
}

/// The block of the 64 bytes at `at`; without characters, if the text has none there.
///
/// # Safety
/// The machine has the instructions of `M`.
#[inline(always)]
unsafe fn block_at<M: Machine>(classes: &Classes, text: &[u8], at: usize) -> Block {
    if let Some(Ok(window)) = text.get(at..at + WINDOW).map(<&[u8; WINDOW]>::try_from) {
        // SAFETY: the caller promises the instructions.
        return unsafe { M::block(classes, window, u64::MAX) };
    }
    let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { return Block::default() };
    let mut window = [0; WINDOW];
    window.iter_mut().zip(rest).for_each(|(byte, of_text)| *byte = *of_text);
    let valid = u64::MAX >> 64_usize.saturating_sub(rest.len());
    // SAFETY: as above.
    unsafe { M::block(classes, &window, valid) }
}
