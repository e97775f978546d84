//! `'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s`

use super::Scanner;
use super::contraction;
use crate::pretokenize::classes::cased::{LETTER, SYMBOL};
use crate::pretokenize::classes::{NUMBER, SPACE};
use crate::pretokenize::text::{Characters, Horizon, Text, WhiteSpace};

pub(super) struct Gpt2;

impl Scanner for Gpt2 {
    #[inline(always)]
    fn end<H: Horizon>(text: &Text<'_, H>, start: usize) -> usize {
        let (mut class, width) = text.class(start);
        let mut place = start + width;
        match text.byte(start) {
            Some(b'\'') => {
                if let Some(end) = contraction::lower_case(|place| text.byte(place), start) {
                    return end;
                }
            }
            Some(b' ') => {
                let (next, width) = text.class(place);
                if next & (LETTER | NUMBER | SYMBOL) != 0 {
                    class = next;
                    place += width;
                }
            }
            _ => {}
        }
        for run in [LETTER, NUMBER, SYMBOL] {
            if class & run != 0 {
                return text.skip(place, run);
            }
        }
        debug_assert!(class & SPACE != 0);
        WhiteSpace::at(text, start).without_last(start)
    }
}
