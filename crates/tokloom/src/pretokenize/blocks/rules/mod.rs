//! Where pretokens start, by family of patterns, from masks of characters alone.
//!
//! A decision needs what the block before ended with ([`Carry`]) and what the next block begins with. What can't be
//! told from that is a *doubt*: the rules are sure of all before it, and the scalar scanner goes on there.
//!
//! The scalar scanners know nothing of what stands before a pretoken. So the rules may begin at any place where a
//! pretoken starts, as if the text began there.

mod cl100k;
mod gpt2;
mod o200k;

pub(super) use cl100k::Cl100k;
pub(super) use gpt2::Gpt2;
pub(super) use o200k::O200k;

use super::block::{Block, before, flood, highest, lowest};
use crate::pretokenize::scanners::contraction;

/// How one family of patterns splits.
pub(super) trait Rules {
    /// The starts in `view.block`; takes what the block before left in `carry`, and leaves what the next one needs.
    fn starts(view: &View<'_>, carry: &mut Carry) -> Starts;
}

/// A block and what is around it.
pub(super) struct View<'a> {
    pub(super) text: &'a [u8],
    /// Where in `text` the 64 bytes of `block` begin.
    pub(super) at: usize,
    pub(super) block: Block,
    /// The block after it; without characters, the text ends with `block`.
    pub(super) next: Block,
    /// The text ends with `next`.
    pub(super) ends_with_next: bool,
}

/// What a block ended with; bit 0 of each tells of its last character.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    letter: u64,
    symbol: u64,
    blank: u64,
    space: u64,
    newline: u64,
    /// See [`white_space`].
    joined: u64,
    /// The next character belongs to the same pretoken if it is one that words begin with.
    prefix: u64,
    number: u64,
    /// How many numbers the last pretoken has, if it is one of numbers.
    digits: u32,
    attached: u64,
    /// See [`o200k`].
    after_lower: u64,
    both: u64,
}

/// What the rules tell of a block.
#[derive(Clone, Copy, Default)]
pub(super) struct Starts {
    /// Pretokens start at these characters.
    pub(super) starts: u64,
    /// From the lowest of these characters on, `starts` means nothing.
    pub(super) doubt: u64,
}

/// `\p{N}{1,LONGEST}`: every run of numbers from its start on in pretokens of `LONGEST`.
#[inline(always)]
fn numbers<const LONGEST: u32>(block: &Block, carry: &mut Carry) -> u64 {
    let number = block.number;
    if LONGEST == 1 {
        return number;
    }
    let inside = number & number << 1;
    let mut starts = number & !before(number, carry.number);
    if number & carry.number != 0 {
        // The block before ended with `digits` of at most LONGEST.
        let left = LONGEST - carry.digits;
        if number.trailing_ones() > left {
            starts |= 1 << left;
        }
    }
    // At the last of LONGEST + 1 numbers.
    let whole = (1..LONGEST).fold(inside, |whole, shift| whole & inside << shift);
    let mut more = starts << LONGEST & whole;
    while more != 0 {
        starts |= more;
        more = more << LONGEST & whole;
    }
    carry.number = block.last(number);
    // From the last start to the end. Only the last block is so short that there may be none, and nothing follows it.
    carry.digits = block.count + starts.leading_zeros() - 63;
    starts
}

/// White space as the rules for words need it, besides where pretokens start in it.
struct WhiteSpace {
    starts: Starts,
    /// White space but newlines: the last of a run goes with the word behind it.
    not_newline: u64,
    /// What belongs to the symbols before it: `[\r\n]*` behind them, or `[\r\n/]*`.
    joined: u64,
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+` behind symbols that took their `[\r\n]*`; with `\s++$` before it where `LAST_WHOLE`.
///
/// `symbol`: of which newlines may be the end. `joinable`: newlines, and what else may stand between and behind them.
///
/// A run of white space, without its beginning that belongs to symbols, has at most three pretokens: up to its last
/// newline; from there up to its last character; that character, alone or with what follows. So they start at its
/// first character; behind a newline if no other follows in the run; and at its last character if that is no newline
/// and the text goes on.
#[inline(always)]
fn white_space<const LAST_WHOLE: bool>(
    view: &View<'_>,
    symbol: u64,
    joinable: u64,
    carry: &mut Carry,
) -> WhiteSpace {
    let (block, next) = (&view.block, &view.next);
    let (space, newline) = (block.space, block.newline);
    let not_newline = space & !newline;

    let seeds = newline & before(symbol, carry.symbol) | joinable & carry.joined;
    let joined = flood(seeds, joinable);
    let first = space & !before(space, carry.space) & !joined;
    let after_joined = not_newline & before(joined, carry.joined);

    let mut after_newline = not_newline & before(newline, carry.newline);
    // The carry runs from each of these to the end of its run of `not_newline`: to a newline, the last one was another.
    let mut blank_lines = not_newline.wrapping_add(after_newline) & newline;
    while blank_lines != 0 {
        let end = lowest(blank_lines);
        after_newline &= !highest(after_newline & (end - 1));
        blank_lines &= !end;
    }
    let mut doubt = 0;
    let open = (not_newline << (64 - block.count)).leading_ones();
    if open > 0 {
        // The run goes on in the next block.
        let start = after_newline & 1 << (block.count - open);
        let more = (next.space & !next.newline).trailing_ones();
        let is_last = more == next.count && (next.count == 0 || view.ends_with_next);
        if more == next.count && !is_last {
            doubt = start;
        } else if (is_last && LAST_WHOLE) || next.newline >> more & 1 != 0 {
            after_newline &= !start;
        }
    }

    let next_is_no_space = u64::from(next.count > 0) & !next.space;
    let last = not_newline & block.after(block.all() & !space, next_is_no_space);

    carry.space = block.last(space);
    carry.newline = block.last(newline);
    carry.joined = block.last(joined);
    WhiteSpace {
        starts: Starts { starts: first | after_joined | after_newline | last, doubt },
        not_newline,
        joined,
    }
}

/// Calls `found` with the apostrophe and the place behind each contraction that begins at one of `candidates`, as two
/// bits, in order. Returns the apostrophes that must be looked at by someone else: the block ends before, or with, the
/// contraction.
#[inline(always)]
fn contractions<const ANY_CASE: bool>(
    view: &View<'_>,
    mut candidates: u64,
    mut found: impl FnMut(u64, u64),
) -> u64 {
    while candidates != 0 {
        let apostrophe = lowest(candidates);
        let index = candidates.trailing_zeros();
        if let Some(length) = contraction_length::<ANY_CASE>(view, index) {
            if index + length >= view.block.count {
                return apostrophe;
            }
            found(apostrophe, apostrophe << length);
        }
        candidates &= !apostrophe;
    }
    0
}

/// In characters, with the apostrophe.
fn contraction_length<const ANY_CASE: bool>(view: &View<'_>, index: u32) -> Option<u32> {
    let bytes = view.text.get(view.at + view.block.byte_of(index) as usize..).unwrap_or_default();
    let byte = |place: usize| bytes.get(place).copied();
    let end = match ANY_CASE {
        true => contraction::any_case(byte, 0),
        false => contraction::lower_case(byte, 0),
    }?;
    // One of two bytes, the long s, is no ASCII.
    let is_long_s = byte(1).is_some_and(|second| second >= 0x80);
    Some(if is_long_s || end == 2 { 2 } else { 3 })
}
