//! What a scanner sees: characters by class at a place of a text, and whether it looked behind the text's end.

use std::cell::Cell;

use super::classes::{Classes, END, NEWLINE, SPACE};

/// What lies behind the last byte.
pub(super) trait Horizon {
    /// A scanner looked there: its decision may depend on it.
    fn look(&self);
}

/// Nothing: the text ends.
pub(super) struct Ends;

impl Horizon for Ends {
    #[inline(always)]
    fn look(&self) {}
}

/// Unknown bytes: the text goes on. Remembers whether a scanner wanted to know them.
#[derive(Default)]
pub(super) struct GoesOn {
    looked: Cell<bool>,
}

impl GoesOn {
    /// Whether a scanner looked behind the last byte since this was made.
    pub(super) fn looked(&self) -> bool {
        self.looked.get()
    }
}

impl Horizon for GoesOn {
    #[inline(always)]
    fn look(&self) {
        self.looked.set(true);
    }
}

/// A text that tells the class of the character at a place. A place is a byte offset where a character begins.
pub(super) trait Characters {
    /// The class and the width in bytes of the character at `place`; ([`END`], 0) where there is none.
    fn class(&self, place: usize) -> (u8, usize);

    /// The first place from `place` on whose character is none of `classes`.
    #[inline(always)]
    fn skip(&self, mut place: usize, classes: u8) -> usize {
        loop {
            let (class, width) = self.class(place);
            if class & classes == 0 {
                return place;
            }
            place += width;
        }
    }
}

/// Valid UTF-8 with the classes of one table.
pub(super) struct Text<'a, H> {
    bytes: &'a [u8],
    classes: &'a Classes,
    horizon: &'a H,
}

impl<'a, H: Horizon> Text<'a, H> {
    pub(super) fn new(text: &'a str, classes: &'a Classes, horizon: &'a H) -> Self {
        Self { bytes: text.as_bytes(), classes, horizon }
    }

    /// The byte at `place`, if the text has one there.
    #[inline(always)]
    pub(super) fn byte(&self, place: usize) -> Option<u8> {
        let byte = self.bytes.get(place).copied();
        if byte.is_none() {
            self.horizon.look();
        }
        byte
    }

    /// The class and width of the character at `place`, which is not ASCII.
    fn wide_class(&self, place: usize, lead: u8) -> (u8, usize) {
        // The text is valid UTF-8, so the bytes are there; the zero only spares a panic's code.
        let tail = |index: usize| u32::from(self.bytes.get(place + index).copied().unwrap_or(0) & 0x3F);
        let lead_bits = u32::from(lead);
        let (code_point, width) = match lead {
            0..0xE0 => ((lead_bits & 0x1F) << 6 | tail(1), 2),
            0xE0..0xF0 => ((lead_bits & 0x0F) << 12 | tail(1) << 6 | tail(2), 3),
            0xF0.. => ((lead_bits & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4),
        };
        (self.classes.of(code_point), width)
    }
}

impl<H: Horizon> Characters for Text<'_, H> {
    #[inline(always)]
    fn class(&self, place: usize) -> (u8, usize) {
        match self.byte(place) {
            None => (END, 0),
            Some(byte) if byte < 0x80 => (self.classes.ascii[usize::from(byte)], 1),
            Some(lead) => self.wide_class(place, lead),
        }
    }
}

/// A stretch of white space, with the places at which the patterns may end a pretoken.
pub(super) struct WhiteSpace {
    /// Where the last character begins.
    pub(super) last: usize,
    /// The place after the last `[\r\n]`, if there is one.
    pub(super) after_newline: Option<usize>,
    /// Where the stretch ends.
    pub(super) end: usize,
    /// Whether the text ends with it.
    pub(super) is_last: bool,
}

impl WhiteSpace {
    /// The stretch at `start`, where there is white space.
    #[inline(always)]
    pub(super) fn at(text: &impl Characters, start: usize) -> Self {
        let mut found = Self { last: start, after_newline: None, end: start, is_last: false };
        loop {
            let (class, width) = text.class(found.end);
            if class & SPACE == 0 {
                found.is_last = class == END;
                return found;
            }
            found.last = found.end;
            found.end += width;
            if class & NEWLINE != 0 {
                found.after_newline = Some(found.end);
            }
        }
    }

    /// Where `\s+(?!\S)|\s+` ends, tried at `start`: before the last character, which goes with what follows, unless
    /// the text ends here or there is no other.
    #[inline(always)]
    pub(super) fn without_last(&self, start: usize) -> usize {
        if self.is_last || self.last == start { self.end } else { self.last }
    }
}
