//! The rules of o200k; see the scalar scanner for the pattern.
//!
//! A mark counts as a letter of either case or as a symbol, by what stands before. Here it is *attached* when only
//! marks part it from a letter before it, and then part of a word; any other is a doubt.

use super::{Carry, Rules, Starts, View, contractions, numbers, white_space};
use crate::pretokenize::blocks::block::{before, flood, lowest};

pub(in crate::pretokenize::blocks) struct O200k;

impl Rules for O200k {
    #[inline(always)]
    fn starts(view: &View<'_>, carry: &mut Carry) -> Starts {
        let block = &view.block;
        let letter = block.letter;
        let attached =
            flood(block.mark & before(letter, carry.letter) | block.mark & carry.attached, block.mark);
        let word = letter | attached;
        let before_word = before(word, carry.letter | carry.attached);
        let symbol = block.all() & !(letter | block.mark | block.number | block.space);

        // ` ?[^\s\p{L}\p{N}]+[\r\n/]*`. Slashes behind newlines that are joined are no longer symbols.
        let white = white_space::<false>(view, symbol, block.newline | block.slash, carry);
        let symbol_left = symbol & !white.joined;
        let first_symbol =
            symbol_left & !before(symbol_left, carry.symbol) & !before(block.blank, carry.blank);

        // `[^\r\n\p{L}\p{N}]?` before a word, as in cl100k.
        let prefix = first_symbol | white.not_newline;
        let first_of_word = word & !before_word & !before(prefix, carry.prefix);

        let humps = humps(view, attached, carry);
        let mut starts =
            first_symbol | white.starts.starts | first_of_word | humps.starts | numbers::<3>(block, carry);

        // `(?i:'s|'t|'re|'ve|'m|'ll|'d)?` behind a word belongs to it.
        let candidates = block.apostrophe & before_word & block.after(letter, view.next.letter);
        let mut followed = 0;
        let cut_off = contractions::<true>(view, candidates, |apostrophe, end| {
            starts &= !(end - apostrophe);
            // All that follows starts anew by the rules above, but for a word or another contraction.
            followed |= if end & (word | block.apostrophe) != 0 { apostrophe } else { 0 };
        });

        carry.letter = block.last(letter);
        carry.attached = block.last(attached);
        carry.symbol = block.last(symbol_left);
        carry.blank = block.last(block.blank);
        carry.prefix = block.last(prefix);
        let doubt = white.starts.doubt | humps.doubt | cut_off | followed | block.mark & !attached;
        Starts { starts, doubt }
    }
}

/// Where a word ends because the next one begins: in front of an upper case letter, in two cases.
///
/// A word is `FRONT* BACK+` or else `FRONT+ BACK*`. Once it has a lower case letter, it goes on as long as there is
/// `BACK`: it ends in front of the next upper case. Before that it takes upper case, too, and what is of both; and
/// where no lower case follows, gives back the upper case behind the last that is of both.
#[inline(always)]
fn humps(view: &View<'_>, attached: u64, carry: &mut Carry) -> Starts {
    let block = &view.block;
    let both = block.uncased | attached;
    let back = block.lower | both;
    let after_lower = flood(block.lower | back & carry.after_lower, back);
    let mut starts = block.upper & before(after_lower, carry.after_lower);
    let mut open = block.upper & before(both & !after_lower, carry.both);
    let mut doubt = 0;
    while open != 0 {
        let first = lowest(open);
        match behind_upper(view, open.trailing_zeros()) {
            Behind::NoWord => starts |= first,
            Behind::Lower => {}
            Behind::Other => doubt |= first,
        }
        open &= !first;
    }
    carry.after_lower = block.last(after_lower);
    carry.both = block.last(both & !after_lower);
    Starts { starts, doubt }
}

/// What stands behind a run of upper case letters.
enum Behind {
    NoWord,
    Lower,
    /// What is of both kinds; or it is too far away.
    Other,
}

fn behind_upper(view: &View<'_>, index: u32) -> Behind {
    let (mut block, mut end) = (&view.block, index + (view.block.upper >> index).trailing_ones());
    if end == block.count {
        (block, end) = (&view.next, view.next.upper.trailing_ones());
        if end == block.count {
            return if end == 0 { Behind::NoWord } else { Behind::Other };
        }
    }
    match 1 << end {
        end if block.lower & end != 0 => Behind::Lower,
        end if (block.uncased | block.mark) & end != 0 => Behind::Other,
        _ => Behind::NoWord,
    }
}
