//! bytes → pretokens: the stretches of text that no token crosses.
//!
//! A named pattern is run by a hand-written scanner, in time proportional to the text; any other by a regular
//! expression library, with tiktoken's result.

mod blocks;
mod classes;
mod cut;
mod known;
mod pattern;
mod receiver;
mod regex;
mod scanners;
mod text;
mod utf8;

pub use blocks::Way;
pub use classes::UNICODE_VERSION;
pub use pattern::{Gaps, MAX_REGEX_LENGTH, MAX_SPLITS, Pattern, Split};
pub use regex::BACKTRACK_LIMIT;

use crate::error::{Error, Result};
use blocks::Collector;
use receiver::{OneByOne, Stretches};
use regex::RegexSplits;
use scanners::Scan;

/// `\s` of the tables that all patterns use.
pub(crate) fn is_white_space(character: char) -> bool {
    classes::Classes::cased().is_ok_and(|classes| classes.of(character.into()) & classes::SPACE != 0)
}

/// The most pretokens that [`Pretokenizer::split_blocks`] tells of at a time.
pub const ENDS_AT_ONCE: usize = 256;

/// The environment variable that names the [`Way`] by which texts are scanned, where it shouldn't be the fastest.
pub const WAY_VARIABLE: &str = "TOKLOOM_SCAN";

/// A compiled [`Pattern`]. Cheap to share between threads; every method takes `&self`.
pub struct Pretokenizer {
    engine: Engine,
}

enum Engine {
    Scanner(Scan),
    Regex(RegexSplits),
}

impl Pretokenizer {
    /// Compiles a pattern: a known one becomes its hand-written scanner, any other is run by the regex library.
    ///
    /// The scanner takes the fastest [`Way`] of this machine, or the one that the environment variable
    /// [`WAY_VARIABLE`] names.
    ///
    /// # Errors
    /// [`Error::Pattern`] if the regex library can't compile the pattern, [`Error::Argument`] if the variable names no
    /// way of this machine.
    pub fn new(pattern: &Pattern) -> Result<Self> {
        Self::by_way(pattern, way_of_environment()?)
    }

    /// As [`Self::new`], but a scanner goes this very way. All ways split alike: this is for tests and measurements.
    ///
    /// # Errors
    /// [`Error::Argument`] if the machine doesn't have the way's instructions; and as [`Self::new`].
    pub fn by_way(pattern: &Pattern, way: Way) -> Result<Self> {
        if !way.is_available() {
            return Err(no_way(way.name()));
        }
        match pattern.known() {
            Some(known) => Ok(Self { engine: Engine::Scanner(Scan::new(known.family, way)?) }),
            None => Self::by_regex(pattern),
        }
    }

    /// Compiles a pattern for the regex library, also where there is a scanner: what the scanners are proved against.
    pub fn by_regex(pattern: &Pattern) -> Result<Self> {
        Ok(Self { engine: Engine::Regex(RegexSplits::new(pattern)?) })
    }

    /// Whether splitting takes time in proportion to the text, and can't fail: true of every named pattern.
    pub fn is_linear(&self) -> bool {
        matches!(self.engine, Engine::Scanner(_))
    }

    /// By which way a hand-written scanner scans texts; `None` for the regex library.
    pub fn way(&self) -> Option<Way> {
        match &self.engine {
            Engine::Scanner(scan) => Some(scan.way()),
            Engine::Regex(_) => None,
        }
    }

    /// Calls `each` with every pretoken of `bytes`, in order; together they are `bytes`.
    ///
    /// Where `bytes` isn't UTF-8, each valid run is split as if the text ended with it, and each maximal invalid run
    /// is one pretoken. A pattern that [is linear](Self::is_linear) never fails; another one may, in the middle of
    /// the text, after `each` has been called with what stands before.
    pub fn split(&self, bytes: &[u8], each: impl FnMut(&[u8])) -> Result<()> {
        match &self.engine {
            Engine::Scanner(scan) => {
                scan.split(bytes, &mut OneByOne(each));
                Ok(())
            }
            Engine::Regex(regex) => regex.split(bytes, each),
        }
    }

    /// Like [`Self::split`], many pretokens at a time: calls `each` with stretches of `bytes`, in order, and with the
    /// places in the stretch where its pretokens end: ascending, the last one at the end of the stretch, at most
    /// [`ENDS_AT_ONCE`] of them. (What handles them can look ahead, which a call for each doesn't allow.)
    ///
    /// # Errors
    /// As [`Self::split`]; and [`Error::Argument`] for a pretoken of 4 GiB or more.
    pub fn split_blocks(&self, bytes: &[u8], each: impl FnMut(&[u8], &[u32])) -> Result<()> {
        let mut receiver = Stretches::new(each);
        match &self.engine {
            Engine::Scanner(scan) => scan.split(bytes, &mut receiver),
            Engine::Regex(regex) => {
                let mut collector = Collector::new(bytes, &mut receiver);
                regex.split(bytes, |pretoken| collector.push(collector.place() + pretoken.len()))?;
                collector.flush();
            }
        }
        receiver.check()
    }

    /// [`Self::split_blocks`] of what is known to be UTF-8, and needn't be looked through for that.
    ///
    /// # Errors
    /// As [`Self::split_blocks`].
    pub fn split_str_blocks(&self, text: &str, each: impl FnMut(&[u8], &[u32])) -> Result<()> {
        match &self.engine {
            Engine::Scanner(scan) => {
                let mut receiver = Stretches::new(each);
                scan.split_str(text, &mut receiver);
                receiver.check()
            }
            Engine::Regex(_) => self.split_blocks(text.as_bytes(), each),
        }
    }

    /// Like [`Self::split`], for the beginning of a text that goes on: calls `each` only with the pretokens that
    /// nothing which may follow can change, and returns how many bytes these are. What is left must come again, in
    /// front of what follows. (It is looked through again then: let what is added grow with what is left.)
    ///
    /// A pattern that is not a hand-written scanner can't be trusted before the end: none of the text is split.
    pub fn split_prefix(&self, bytes: &[u8], each: impl FnMut(&[u8])) -> Result<usize> {
        match &self.engine {
            Engine::Scanner(scan) => Ok(scan.split_prefix(bytes, &mut OneByOne(each))),
            Engine::Regex(_) => Ok(0),
        }
    }

    /// A place in `bytes` (the beginning of a text that goes on), as near to the end as is easily found, where the
    /// text may be cut in two, each part then split as a text of its own with the same result as the whole, whatever
    /// follows. `None`: no such place is known (or the pattern is not a hand-written scanner). Never 0.
    pub fn cut(&self, bytes: &[u8]) -> Result<Option<usize>> {
        match &self.engine {
            Engine::Scanner(scan) => Ok(cut::cut(scan, bytes)),
            Engine::Regex(_) => Ok(None),
        }
    }
}

fn way_of_environment() -> Result<Way> {
    let Some(name) = std::env::var_os(WAY_VARIABLE).filter(|name| !name.is_empty()) else {
        return Ok(Way::fastest());
    };
    let named = |way: &Way| way.is_available() && name == way.name();
    Way::ALL.into_iter().find(named).ok_or_else(|| no_way(&name.to_string_lossy()))
}

fn no_way(name: &str) -> Error {
    let names: Vec<&str> = Way::ALL.into_iter().filter(|way| way.is_available()).map(Way::name).collect();
    Error::Argument(format!(
        "this machine can't scan texts by the way {name:?} ({WAY_VARIABLE}); it has {}",
        names.join(", ")
    ))
}
