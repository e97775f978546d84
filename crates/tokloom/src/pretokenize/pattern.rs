//! A split pattern: frozen text, what happens to what it leaves, and the names of the known ones.

use crate::error::Result;

/// What becomes of the text between a split's matches; nothing is ever dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gaps {
    /// Each character left over is a pretoken: the pattern reads as `…|[\s\S]` (tiktoken's one pattern).
    Characters,
    /// Each stretch left over is one piece (an isolated `Split` of Hugging Face's tokenizers).
    Whole,
}

/// One split of a text by a regular expression, in the dialect of `fancy-regex` (tiktoken's).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Split {
    /// The regular expression as its author wrote it.
    pub regex: String,
    /// What becomes of the text between matches.
    pub gaps: Gaps,
}

/// A sequence of splits, each applied to the pieces of the one before as if each were a text of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    splits: Vec<Split>,
}

impl Pattern {
    /// The pattern called `name` (`gpt2`, `gpt4`, `o200k`, …; see [`Pattern::names`]).
    pub fn named(_name: &str) -> Option<Self> {
        todo!()
    }
    /// One regular expression with tiktoken's meaning; each character it leaves is a pretoken.
    pub fn regex(text: &str) -> Self {
        Self { splits: vec![Split { regex: text.to_owned(), gaps: Gaps::Characters }] }
    }
    /// Splits applied one after another; stretches without a match stay whole.
    pub fn sequence<'a>(regexes: impl IntoIterator<Item = &'a str>) -> Self {
        let split = |text: &str| Split { regex: text.to_owned(), gaps: Gaps::Whole };
        Self { splits: regexes.into_iter().map(split).collect() }
    }
    /// A pattern of these very splits (from a file).
    pub fn from_splits(splits: Vec<Split>) -> Result<Self> {
        Ok(Self { splits })
    }
    /// The splits, first to last.
    pub fn splits(&self) -> &[Split] {
        &self.splits
    }
    /// The name by which this very text is known, if it is.
    pub fn name(&self) -> Option<&'static str> {
        todo!()
    }
    /// All known names.
    pub fn names() -> Vec<&'static str> {
        todo!()
    }
    /// The same pattern as texts for Oniguruma, one `Split` (isolated) each; `None` where that isn't proven.
    pub fn for_huggingface(&self) -> Option<Vec<&'static str>> {
        todo!()
    }
    /// The pattern that these Oniguruma texts (isolated `Split`s, in order) are proven to mean; `None` if unknown.
    pub fn from_huggingface(_regexes: &[&str]) -> Option<Self> {
        todo!()
    }
    /// The same pattern as one regular expression for tiktoken, gaps included (a custom one gets `|[\s\S]`);
    /// `None` for what one expression can't say (a true sequence of splits).
    pub fn for_tiktoken(&self) -> Option<String> {
        todo!()
    }
}
