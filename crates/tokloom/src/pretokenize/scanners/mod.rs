//! The named patterns as hand-written scanners: each tells where the pretoken at a place ends.
//!
//! Most of a text most of them leave to [`super::blocks`], which must come to the same.
//!
//! A scanner knows nothing of what stands before that place, needs time in proportion to the text, and is proved
//! against its regular expression by `tests/pretokenize_scanners.rs`.

mod cl100k;
pub(super) mod contraction;
mod deepseek;
mod gpt2;
mod o200k;

use super::blocks::{Blocks, Collector, SHORTEST, Way};
use super::classes::Classes;
use super::receiver::Receiver;
use super::text::{Ends, GoesOn, Horizon, Text};
use super::utf8::{Run, first_run};
use crate::error::Result;

use cl100k::Cl100k;
use deepseek::DeepSeek;
use gpt2::Gpt2;
use o200k::O200k;

/// How one family of patterns splits.
trait Scanner {
    /// The place after the pretoken at `start`, where there is a character.
    fn end<H: Horizon>(text: &Text<'_, H>, start: usize) -> usize;
}

/// The scanners there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// GPT-2 and its successors up to `p50k`.
    Gpt2,
    /// `cl100k_base`: three digits; white space at the end of the text is one pretoken.
    Gpt4,
    /// Three digits.
    Llama3,
    /// Two digits.
    Nanochat,
    /// One digit.
    Qwen2,
    /// `o200k_base` and `o200k_harmony`.
    O200k,
    /// DeepSeek-V3: digits, ideographs and the rest, one after another.
    DeepSeekV3,
}

/// A family and the classes of characters that it needs.
pub(super) struct Scan {
    family: Family,
    classes: &'static Classes,
    /// The faster way, if there is one.
    blocks: Option<Blocks>,
}

/// `$run::<S>($arguments)` with the scanner of `$family`.
macro_rules! with_scanner {
    ($family:expr, $run:ident($($argument:expr),*)) => {
        match $family {
            Family::Gpt2 => $run::<Gpt2>($($argument),*),
            Family::Gpt4 => $run::<Cl100k<3, true>>($($argument),*),
            Family::Llama3 => $run::<Cl100k<3, false>>($($argument),*),
            Family::Nanochat => $run::<Cl100k<2, false>>($($argument),*),
            Family::Qwen2 => $run::<Cl100k<1, false>>($($argument),*),
            Family::O200k => $run::<O200k>($($argument),*),
            Family::DeepSeekV3 => $run::<DeepSeek>($($argument),*),
        }
    };
}

impl Scan {
    pub(super) fn new(family: Family, way: Way) -> Result<Self> {
        let classes = match family {
            Family::DeepSeekV3 => Classes::deepseek()?,
            _ => Classes::cased()?,
        };
        Ok(Self { family, classes, blocks: Blocks::new(way, family) })
    }

    /// Tells `receiver` of all pretokens; see [`super::Pretokenizer::split`].
    pub(super) fn split(&self, bytes: &[u8], receiver: &mut impl Receiver) {
        with_scanner!(self.family, split_whole(self, bytes, receiver))
    }

    /// The same of one text that is known to be UTF-8.
    pub(super) fn split_str(&self, text: &str, receiver: &mut impl Receiver) {
        with_scanner!(self.family, split_text(self, text, receiver))
    }

    /// See [`super::Pretokenizer::split_prefix`].
    pub(super) fn split_prefix(&self, bytes: &[u8], receiver: &mut impl Receiver) -> usize {
        with_scanner!(self.family, split_beginning(self, bytes, receiver))
    }

    /// The class of `character`.
    pub(super) fn class(&self, character: char) -> u8 {
        self.classes.of(u32::from(character))
    }

    /// By which way texts are scanned.
    pub(super) fn way(&self) -> Way {
        self.blocks.as_ref().map_or(Way::Scalar, Blocks::way)
    }

    /// The bits of `\p{L}`.
    pub(super) fn letter(&self) -> u8 {
        match self.family {
            Family::DeepSeekV3 => super::classes::deepseek::LETTER,
            _ => super::classes::cased::LETTER,
        }
    }
}

/// Collects the pretokens of a text of which more may follow; returns how many bytes are certain.
fn split_beginning<S: Scanner>(scan: &Scan, bytes: &[u8], receiver: &mut impl Receiver) -> usize {
    let mut left = bytes;
    while let Some((run, rest)) = first_run(left) {
        match run {
            Run::Valid { text, ends: true } => split_text::<S>(scan, text, receiver),
            Run::Valid { text, ends: false } => {
                let done = split_open_text::<S>(scan, text, receiver);
                return bytes.len() - left.len() + done;
            }
            // What follows may lengthen the last invalid run.
            Run::Invalid(_) if rest.is_empty() => break,
            Run::Invalid(run) => one_pretoken(run, receiver),
        }
        left = rest;
    }
    bytes.len() - left.len()
}

fn split_whole<S: Scanner>(scan: &Scan, mut bytes: &[u8], receiver: &mut impl Receiver) {
    while let Some((run, rest)) = first_run(bytes) {
        match run {
            Run::Valid { text, .. } => split_text::<S>(scan, text, receiver),
            Run::Invalid(run) => one_pretoken(run, receiver),
        }
        if rest.is_empty() {
            break;
        }
        bytes = rest;
    }
}

fn one_pretoken(pretoken: &[u8], receiver: &mut impl Receiver) {
    let mut collector = Collector::new(pretoken, receiver);
    collector.push(pretoken.len());
    collector.flush();
}

fn split_text<S: Scanner>(scan: &Scan, text: &str, receiver: &mut impl Receiver) {
    let characters = Text::new(text, scan.classes, &Ends);
    collect(scan, text.as_bytes(), false, receiver, |start| {
        let end = S::end(&characters, start);
        debug_assert!(end > start, "a pretoken has at least one character");
        Some(end)
    });
}

/// The pretokens of a text that goes on, as far as they are certain; returns where the uncertain ones begin.
fn split_open_text<S: Scanner>(scan: &Scan, text: &str, receiver: &mut impl Receiver) -> usize {
    let horizon = GoesOn::default();
    let characters = Text::new(text, scan.classes, &horizon);
    collect(scan, text.as_bytes(), true, receiver, |start| {
        let end = S::end(&characters, start);
        (!horizon.looked()).then_some(end)
    })
}

/// In blocks as far as they go, and then one after another with `scalar`: where the pretoken at a place ends, or
/// `None` if that is not certain.
#[inline(always)]
fn collect(
    scan: &Scan,
    text: &[u8],
    open: bool,
    receiver: &mut impl Receiver,
    scalar: impl Fn(usize) -> Option<usize>,
) -> usize {
    if text.len() < SHORTEST {
        return collect_short(text, receiver, scalar);
    }
    let mut collector = Collector::new(text, receiver);
    if let Some(blocks) = &scan.blocks {
        blocks.split(scan.classes, text, open, &mut collector, &scalar);
    }
    while collector.place() < text.len()
        && let Some(end) = scalar(collector.place())
    {
        collector.push(end);
    }
    collector.flush();
    collector.place()
}

/// [`collect`] of a text shorter than [`SHORTEST`]: its ends need little room, which is soon made, and no blocks.
#[inline(always)]
fn collect_short(
    text: &[u8],
    receiver: &mut impl Receiver,
    scalar: impl Fn(usize) -> Option<usize>,
) -> usize {
    let (mut ends, mut count, mut place) = ([0; SHORTEST], 0, 0);
    while place < text.len()
        && let Some(end) = scalar(place)
    {
        ends[count] = end as u32;
        count += 1;
        place = end;
    }
    if count > 0 {
        receiver.stretch(text.get(..place).unwrap_or_default(), ends.get(..count).unwrap_or_default());
    }
    place
}
