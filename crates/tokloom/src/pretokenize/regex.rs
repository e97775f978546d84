//! Any other pattern: regular expressions, run as tiktoken runs its one.

use std::sync::{Mutex, PoisonError};

use fancy_regex::{Regex, RegexBuilder, RuntimeError};

use super::pattern::{Gaps, Pattern, Split};
use super::utf8::{Run, first_run};
use crate::error::{Error, Result};

/// How often one match may go back and try another way. It is tiktoken's limit, so that what it can split, we can.
pub const BACKTRACK_LIMIT: usize = 1_000_000;

/// How large one compiled regular expression may become, in bytes: enough for any Unicode class, repeated.
const SIZE_LIMIT: usize = 10 << 20;

/// A sequence of compiled splits.
pub(super) struct RegexSplits {
    stages: Vec<Stage>,
    /// Sets of compiled expressions that nobody uses now. Threads that share one contend for its scratch space, and
    /// a clone shares it too, so each running call has a set of its own.
    idle: Mutex<Vec<Vec<Regex>>>,
}

/// One split: what is compiled, and what its author wrote.
struct Stage {
    compiled: String,
    written: String,
    /// The expression matches every character: what lies between its matches was an empty one.
    matches_all: bool,
}

impl RegexSplits {
    /// Compiles the splits of `pattern`.
    pub(super) fn new(pattern: &Pattern) -> Result<Self> {
        pattern.check()?;
        let known = pattern.known().is_some();
        let stage = |split: &Split| {
            compile(&split.regex).map_err(|error| does_not_compile(&split.regex, &error))?;
            let matches_all = split.gaps == Gaps::Characters;
            let compiled = match matches_all && !known {
                true => with_characters_left(&split.regex),
                false => split.regex.clone(),
            };
            Ok(Stage { compiled, written: split.regex.clone(), matches_all })
        };
        let stages = pattern.splits().iter().map(stage).collect::<Result<_>>()?;
        let splits = Self { stages, idle: Mutex::default() };
        let set = splits.compile_set()?;
        splits.give_back(set);
        Ok(splits)
    }

    /// See [`super::Pretokenizer::split`].
    pub(super) fn split(&self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<()> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let set = match idle {
            Some(set) => set,
            None => self.compile_set()?,
        };
        let stages: Vec<(&Stage, &Regex)> = self.stages.iter().zip(&set).collect();
        let mut left = bytes;
        while let Some((run, rest)) = first_run(left) {
            match run {
                Run::Valid { text, .. } => split_piece(&stages, text, bytes.len() - left.len(), &mut each)?,
                Run::Invalid(run) => each(run),
            }
            left = rest;
        }
        self.give_back(set);
        Ok(())
    }

    fn compile_set(&self) -> Result<Vec<Regex>> {
        let compiled = |stage: &Stage| {
            compile(&stage.compiled).map_err(|error| does_not_compile(&stage.written, &error))
        };
        self.stages.iter().map(compiled).collect()
    }

    fn give_back(&self, set: Vec<Regex>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(set);
    }
}

/// `regex`, or else any one character: a match for every character of a text.
pub(super) fn with_characters_left(regex: &str) -> String {
    let joined = format!(r"(?:{regex})|[\s\S]");
    match compile(&joined) {
        Ok(_) => joined,
        // A comment, in the mode that allows them, goes on to the end of the line and would swallow the rest.
        Err(_) => format!("(?:{regex}\n)|[\\s\\S]"),
    }
}

fn compile(regex: &str) -> std::result::Result<Regex, fancy_regex::Error> {
    RegexBuilder::new(regex).backtrack_limit(BACKTRACK_LIMIT).delegate_size_limit(SIZE_LIMIT).build()
}

/// Splits `piece`, which begins `offset` bytes from the beginning of the whole text, by all `stages` in turn.
fn split_piece(
    stages: &[(&Stage, &Regex)],
    piece: &str,
    offset: usize,
    each: &mut impl FnMut(&[u8]),
) -> Result<()> {
    let Some((&(stage, regex), later)) = stages.split_first() else {
        each(piece.as_bytes());
        return Ok(());
    };
    let mut done = 0;
    for found in regex.find_iter(piece) {
        let (start, end) = match found {
            Ok(found) => (found.start(), found.end()),
            Err(error) => return Err(fails(&stage.written, offset + done, &error)),
        };
        if start == end {
            let place = if stage.matches_all { done } else { start };
            return Err(matches_nothing(&stage.written, offset + place));
        }
        // `\K` inside a look-around can move a match's start behind its end, or into the match before.
        let (Some(gap), Some(text)) = (piece.get(done..start), piece.get(start..end)) else {
            return Err(goes_back(&stage.written, offset + done));
        };
        split_gap(stage, later, gap, offset + done, each)?;
        split_piece(later, text, offset + start, each)?;
        done = end;
    }
    split_gap(stage, later, piece.get(done..).unwrap_or_default(), offset + done, each)
}

/// Splits what `stage` left between two matches by the `later` stages.
fn split_gap(
    stage: &Stage,
    later: &[(&Stage, &Regex)],
    gap: &str,
    offset: usize,
    each: &mut impl FnMut(&[u8]),
) -> Result<()> {
    match gap {
        "" => Ok(()),
        // The library passes over an empty match right behind another match, and over the character there with it.
        _ if stage.matches_all => Err(matches_nothing(&stage.written, offset)),
        _ => split_piece(later, gap, offset, each),
    }
}

/// A pattern's text for an error: its beginning is enough to know it.
fn shown(regex: &str) -> String {
    const LONGEST: usize = 100;
    match regex.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", regex.get(..end).unwrap_or_default()),
        None => format!("`{regex}`"),
    }
}

fn does_not_compile(regex: &str, error: &fancy_regex::Error) -> Error {
    let where_ = match error {
        fancy_regex::Error::ParseError(position, _) => format!(" at byte {position}"),
        _ => String::new(),
    };
    Error::Pattern(format!(
        "the split pattern {} doesn't compile{where_}: {error}. Patterns are written in the dialect of the Rust crate \
         fancy-regex, which is tiktoken's",
        shown(regex),
    ))
}

fn matches_nothing(regex: &str, offset: usize) -> Error {
    Error::Pattern(format!(
        "the split pattern {} matches the empty string at byte {offset} of the text. A pretoken has at least one \
         byte: write `+` for `*`, and leave no alternative in which everything is optional",
        shown(regex),
    ))
}

fn goes_back(regex: &str, offset: usize) -> Error {
    Error::Pattern(format!(
        "the split pattern {} has a match that overlaps the one before, at byte {offset} of the text. Use no `\\K` \
         inside a look-around",
        shown(regex),
    ))
}

fn fails(regex: &str, offset: usize, error: &fancy_regex::Error) -> Error {
    let reason = match error {
        fancy_regex::Error::RuntimeError(RuntimeError::BacktrackLimitExceeded) => {
            format!("needs more than {BACKTRACK_LIMIT} steps back for one match")
        }
        fancy_regex::Error::RuntimeError(RuntimeError::StackOverflow) => {
            "has more ways to remember than the regular expression library can hold".to_owned()
        }
        other => format!("fails ({other})"),
    };
    Error::Pattern(format!(
        "the split pattern {} {reason}, at or after byte {offset} of the text. Make it simpler (possessive `++` and `*+` \
         never go back), use a named pattern ({}), or split the text into shorter documents",
        shown(regex),
        Pattern::names().join(", "),
    ))
}
