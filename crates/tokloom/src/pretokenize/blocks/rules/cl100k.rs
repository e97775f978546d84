//! The rules of cl100k and its descendants; see the scalar scanner for the pattern.

use super::{Carry, Rules, Starts, View, contractions, numbers, white_space};
use crate::pretokenize::blocks::block::before;

/// As for the scalar scanner. `DIGITS`: the longest number. `LAST_WHOLE`: white space that ends the text is one
/// pretoken, newlines or not.
pub(in crate::pretokenize::blocks) struct Cl100k<const DIGITS: u32, const LAST_WHOLE: bool>;

impl<const DIGITS: u32, const LAST_WHOLE: bool> Rules for Cl100k<DIGITS, LAST_WHOLE> {
    #[inline(always)]
    fn starts(view: &View<'_>, carry: &mut Carry) -> Starts {
        let block = &view.block;
        let letter = block.letter;
        let symbol = block.all() & !(letter | block.number | block.space);

        // ` ?[^\s\p{L}\p{N}]++`. The space before symbols is the last of its run, where a pretoken starts.
        let first_symbol = symbol & !before(symbol, carry.symbol) & !before(block.blank, carry.blank);
        let white = white_space::<LAST_WHOLE>(view, symbol, block.newline, carry);

        // `[^\r\n\p{L}\p{N}]?+\p{L}++`: the character before letters goes with them if a pretoken starts at it. At the
        // last white space of a run one does; at a symbol if it is the first of its pretoken.
        let prefix = first_symbol | white.not_newline;
        let first_letter = letter & !before(letter, carry.letter) & !before(prefix, carry.prefix);
        let mut starts = first_symbol | white.starts.starts | first_letter | numbers::<DIGITS>(block, carry);

        // A contraction needs the same place as the prefix of a word, and splits that word in two.
        let candidates = block.apostrophe & first_symbol & block.after(letter, view.next.letter);
        let cut_off = contractions::<true>(view, candidates, |_, end| starts |= end);

        carry.letter = block.last(letter);
        carry.symbol = block.last(symbol);
        carry.blank = block.last(block.blank);
        carry.prefix = block.last(prefix);
        Starts { starts, doubt: white.starts.doubt | cut_off }
    }
}
