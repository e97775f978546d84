//! The rules of gpt2; see the scalar scanner for the pattern.

use super::{Carry, Rules, Starts, View, contractions};
use crate::pretokenize::blocks::block::before;

pub(in crate::pretokenize::blocks) struct Gpt2;

impl Rules for Gpt2 {
    #[inline(always)]
    fn starts(view: &View<'_>, carry: &mut Carry) -> Starts {
        let (block, next) = (&view.block, &view.next);
        let (letter, number, space) = (block.letter, block.number, block.space);
        let symbol = block.all() & !(letter | number | space);

        // ` ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++`: runs of one class. The space before is the last of its run, where
        // a pretoken starts.
        let first = letter & !before(letter, carry.letter)
            | number & !before(number, carry.number)
            | symbol & !before(symbol, carry.symbol);
        let first = first & !before(block.blank, carry.blank);

        // `\s++$|\s+(?!\S)|\s`: the last of a run is by itself, or with what follows, unless the text ends there.
        let next_is_no_space = u64::from(next.count > 0) & !next.space;
        let first_space = space & !before(space, carry.space);
        let last_space = space & block.after(block.all() & !space, next_is_no_space);
        let mut starts = first | first_space | last_space;

        // The apostrophe takes the letters with it that are its contraction. It needs a start of its own.
        let candidates = block.apostrophe & first & block.after(letter, next.letter);
        let cut_off = contractions::<false>(view, candidates, |apostrophe, end| {
            starts = starts & !(apostrophe << 1) | end;
        });

        carry.letter = block.last(letter);
        carry.number = block.last(number);
        carry.symbol = block.last(symbol);
        carry.blank = block.last(block.blank);
        carry.space = block.last(space);
        Starts { starts, doubt: cut_off }
    }
}
