//! What kind of character a code point is, as the split patterns see it: one byte a code point.
//!
//! The classes come from the pinned `regex-syntax`, so that they are those of the regular expressions (and of the
//! tested tiktoken), whatever Unicode the compiler's own `char` methods know.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};

use crate::error::{Error, Result};

/// The version of Unicode whose tables decide what is a letter, a number or white space.
pub const UNICODE_VERSION: &str = "16.0.0";

/// No character: the end of the text. Every character has at least one bit.
pub(super) const END: u8 = 0;
/// `\s`.
pub(super) const SPACE: u8 = 1 << 0;
/// `[\r\n]`, which are [`SPACE`] too.
pub(super) const NEWLINE: u8 = 1 << 1;
/// `\p{N}`.
pub(super) const NUMBER: u8 = 1 << 2;
/// `\p{M}`.
pub(super) const MARK: u8 = 1 << 3;

/// Bits of [`Classes::cased`].
pub(super) mod cased {
    /// Characters of three bytes that are all [`UNCASED`], by the first byte and a range of the second: ideographs and
    /// Hangul, where [`super::Classes::uniform`] doesn't tell.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "for the ways of that machine"))]
    pub(in crate::pretokenize) const UNCASED_RANGES: [(u8, u8, u8); 3] =
        [(0xE4, 0xB8, 0xBF), (0xEA, 0xB0, 0xBF), (0xED, 0x80, 0x9D)];

    /// `[\p{Lu}\p{Lt}]`.
    pub(in crate::pretokenize) const UPPER: u8 = 1 << 4;
    /// `\p{Ll}`.
    pub(in crate::pretokenize) const LOWER: u8 = 1 << 5;
    /// `[\p{Lm}\p{Lo}]`: o200k counts them, and marks, with either case.
    pub(in crate::pretokenize) const UNCASED: u8 = 1 << 6;
    /// No letter, mark, number or white space.
    pub(in crate::pretokenize) const OTHER: u8 = 1 << 7;
    /// `\p{L}`.
    pub(in crate::pretokenize) const LETTER: u8 = UPPER | LOWER | UNCASED;
    /// `[^\s\p{L}\p{N}]`.
    pub(in crate::pretokenize) const SYMBOL: u8 = OTHER | super::MARK;
}

/// Bits of [`Classes::deepseek`].
pub(super) mod deepseek {
    /// `\p{L}`.
    pub(in crate::pretokenize) const LETTER: u8 = 1 << 4;
    /// `[\p{P}\p{S}]`.
    pub(in crate::pretokenize) const SYMBOL: u8 = 1 << 5;
    /// Nothing of the others: controls, format characters, private use, unassigned.
    pub(in crate::pretokenize) const OTHER: u8 = 1 << 6;
    /// `[一-龥぀-ゟ゠-ヿ]`, in addition to what the character is besides.
    pub(in crate::pretokenize) const IDEOGRAPH: u8 = 1 << 7;
}

const CODE_POINTS: usize = 0x11_0000;
const BLOCK: usize = 256;
/// The characters that differ in their last byte.
pub(super) const PAGE: usize = 64;

/// The class of every code point: a first table finds the block of 256, equal blocks are stored once.
pub(super) struct Classes {
    /// By byte: the class of an ASCII character, [`END`] for any other byte.
    pub(super) ascii: [u8; 256],
    /// By the low four bits of the first byte of a character of three bytes: the class of all that begin with it, or
    /// [`END`] if they have several.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "for the ways of that machine"))]
    pub(super) uniform: [u8; 16],
    blocks: Vec<u8>,
    classes: Vec<u8>,
}

impl Classes {
    /// Letters by case, for all patterns but DeepSeek's.
    pub(super) fn cased() -> Result<&'static Self> {
        static CLASSES: OnceLock<std::result::Result<Classes, String>> = OnceLock::new();
        let rows = [
            (r"\s", SPACE),
            (r"[\r\n]", NEWLINE),
            (r"\p{N}", NUMBER),
            (r"\p{M}", MARK),
            (r"[\p{Lu}\p{Lt}]", cased::UPPER),
            (r"\p{Ll}", cased::LOWER),
            (r"[\p{Lm}\p{Lo}]", cased::UNCASED),
            (r"[^\s\p{L}\p{N}\p{M}]", cased::OTHER),
        ];
        shared(CLASSES.get_or_init(|| Self::build(&rows)))
    }

    /// Letters, symbols and ideographs, for DeepSeek's pattern.
    pub(super) fn deepseek() -> Result<&'static Self> {
        static CLASSES: OnceLock<std::result::Result<Classes, String>> = OnceLock::new();
        let rows = [
            (r"\s", SPACE),
            (r"[\r\n]", NEWLINE),
            (r"\p{N}", NUMBER),
            (r"\p{M}", MARK),
            (r"\p{L}", deepseek::LETTER),
            (r"[\p{P}\p{S}]", deepseek::SYMBOL),
            (r"[^\s\p{L}\p{N}\p{M}\p{P}\p{S}]", deepseek::OTHER),
            (r"[一-龥぀-ゟ゠-ヿ]", deepseek::IDEOGRAPH),
        ];
        shared(CLASSES.get_or_init(|| Self::build(&rows)))
    }

    /// The class of a code point.
    #[inline(always)]
    pub(super) fn of(&self, code_point: u32) -> u8 {
        let code_point = code_point as usize;
        let Some(&block) = self.blocks.get(code_point / BLOCK) else { return END };
        self.classes.get(usize::from(block) * BLOCK + code_point % BLOCK).copied().unwrap_or(END)
    }

    /// The classes of the 64 code points that begin with 64 × `page`: the characters that differ in their last byte.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "for the ways of that machine"))]
    #[inline(always)]
    pub(super) fn page(&self, page: usize) -> &[u8; PAGE] {
        let block = self.blocks.get(page / (BLOCK / PAGE)).copied().map_or(0, usize::from);
        let start = block * BLOCK + page % (BLOCK / PAGE) * PAGE;
        self.classes.get(start..start + PAGE).and_then(|page| page.try_into().ok()).unwrap_or(&[END; PAGE])
    }

    fn build(rows: &[(&str, u8)]) -> std::result::Result<Self, String> {
        let mut flat = vec![END; CODE_POINTS];
        for &(class, bit) in rows {
            for (first, last) in ranges(class)? {
                flat[first as usize..=last as usize].iter_mut().for_each(|entry| *entry |= bit);
            }
        }
        let mut classes: Vec<u8> = Vec::new();
        let mut blocks = Vec::with_capacity(CODE_POINTS / BLOCK);
        for block in flat.chunks(BLOCK) {
            let known = classes.chunks(BLOCK).position(|other| other == block);
            let index = known.unwrap_or(classes.len() / BLOCK);
            if known.is_none() {
                classes.extend_from_slice(block);
            }
            blocks.push(u8::try_from(index).map_err(|_| "more than 256 different blocks".to_owned())?);
        }
        let ascii = std::array::from_fn(|byte| if byte < 0x80 { flat[byte] } else { END });
        let uniform = std::array::from_fn(|lead| {
            let all = &flat[lead << 12..(lead + 1) << 12];
            if all.iter().all(|class| *class == all[0]) { all[0] } else { END }
        });
        Ok(Self { ascii, uniform, blocks, classes })
    }
}

fn shared(built: &'static std::result::Result<Classes, String>) -> Result<&'static Classes> {
    built.as_ref().map_err(|reason| {
        Error::Pattern(format!(
            "the Unicode tables of regex-syntax could not be read ({reason}); rebuild tokloom"
        ))
    })
}

/// The code points of a class of one character, as ranges.
fn ranges(class: &str) -> std::result::Result<Vec<(u32, u32)>, String> {
    let parsed = regex_syntax::parse(class).map_err(|error| error.to_string())?;
    match parsed.kind() {
        HirKind::Class(Class::Unicode(unicode)) => {
            Ok(unicode.iter().map(|range| (u32::from(range.start()), u32::from(range.end()))).collect())
        }
        _ => Err(format!("{class} is no class of characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(class: &str) -> Vec<bool> {
        let mut members = vec![false; CODE_POINTS];
        for (first, last) in ranges(class).unwrap() {
            members[first as usize..=last as usize].fill(true);
        }
        members
    }

    #[test]
    fn the_version_is_that_of_regex_syntax() {
        let (major, _) = UNICODE_VERSION.split_once('.').unwrap();
        let next = major.parse::<u32>().unwrap() + 1;
        assert!(regex_syntax::parse(&format!(r"\p{{Age={major}.0}}")).is_ok());
        assert!(regex_syntax::parse(&format!(r"\p{{Age={next}.0}}")).is_err());
        // U+105C0 (Todhri) came with Unicode 16, U+323B0 (CJK extension J) with 17.
        let classes = Classes::cased().unwrap();
        assert_eq!(classes.of(0x105C0), cased::UNCASED);
        assert_eq!(classes.of(0x323B0), cased::OTHER);
    }

    #[test]
    fn every_code_point_has_the_classes_of_the_regular_expressions() {
        let cased = Classes::cased().unwrap();
        let deepseek = Classes::deepseek().unwrap();
        let rows = [
            (cased, r"\s", SPACE),
            (cased, r"[\r\n]", NEWLINE),
            (cased, r"\p{N}", NUMBER),
            (cased, r"\p{L}", cased::LETTER),
            (cased, r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", cased::UPPER | cased::UNCASED | MARK),
            (cased, r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", cased::LOWER | cased::UNCASED | MARK),
            (cased, r"[^\s\p{L}\p{N}]", cased::SYMBOL),
            (deepseek, r"[\p{L}\p{M}]", deepseek::LETTER | MARK),
            (deepseek, r"[\p{P}\p{S}]", deepseek::SYMBOL),
            (deepseek, r"[^\p{L}\p{P}\p{S}\p{N}\p{M}\s]", deepseek::OTHER),
            (deepseek, "[一-龥぀-ゟ゠-ヿ]", deepseek::IDEOGRAPH),
            (deepseek, r"\p{N}", NUMBER),
            (deepseek, r"\s", SPACE),
        ];
        for (classes, class, mask) in rows {
            let members = members(class);
            for character in '\0'..=char::MAX {
                let code_point = character as u32;
                let found = classes.of(code_point) & mask != 0;
                assert_eq!(found, members[code_point as usize], "{class} {code_point:X}");
            }
        }
    }

    #[test]
    fn characters_that_begin_alike_have_one_class_where_it_says_so() {
        let classes = Classes::cased().unwrap();
        let starts = |character: char| {
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes);
            (bytes[0], bytes[1])
        };
        for character in '\0'..=char::MAX {
            let class = classes.of(character as u32);
            assert_eq!(classes.page(character as usize / PAGE)[character as usize % PAGE], class);
            let (lead, second) = starts(character);
            if lead & 0xF0 == 0xE0 {
                let uniform = classes.uniform[usize::from(lead & 0x0F)];
                assert!(uniform == END || uniform == class, "{character:?}");
            }
            if cased::UNCASED_RANGES
                .iter()
                .any(|&(of, low, high)| lead == of && (low..=high).contains(&second))
            {
                assert_eq!(class, cased::UNCASED, "{character:?}");
            }
        }
        let uniform: Vec<usize> = (0..16).filter(|&lead| classes.uniform[lead] == cased::UNCASED).collect();
        assert_eq!(uniform, [5, 6, 7, 8, 9, 11, 12], "ideographs and Hangul");
    }

    #[test]
    fn every_character_has_a_class_and_the_end_has_none() {
        for classes in [Classes::cased().unwrap(), Classes::deepseek().unwrap()] {
            assert!(
                (0..=0x10FFFF)
                    .filter_map(char::from_u32)
                    .all(|character| classes.of(character as u32) != END)
            );
            assert_eq!(classes.of(0x11_0000), END);
        }
    }
}
