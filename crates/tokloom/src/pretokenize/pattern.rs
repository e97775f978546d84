//! A split pattern: frozen text, what happens to what it leaves, and the names of the known ones.

use super::known::{KNOWN, Known};
use super::regex;
use crate::error::{Error, Result};

/// The longest text of one regular expression, in bytes: the longest known one has 300.
pub const MAX_REGEX_LENGTH: usize = 1 << 16;

/// The most splits in one pattern: the longest known sequence has three.
pub const MAX_SPLITS: usize = 32;

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
    pub fn named(name: &str) -> Option<Self> {
        KNOWN.iter().find(|known| known.name == name).map(Self::from_known)
    }
    /// One regular expression with tiktoken's meaning; each character it leaves is a pretoken.
    pub fn regex(text: &str) -> Self {
        Self { splits: vec![Split { regex: text.to_owned(), gaps: Gaps::Characters }] }
    }
    /// Splits applied one after another; stretches without a match stay whole.
    pub fn sequence<'a>(regexes: impl IntoIterator<Item = &'a str>) -> Self {
        let split = |text: &str| Split { regex: text.to_owned(), gaps: Gaps::Whole };
        Self { splits: regexes.into_iter().map(split).collect() }.without_needless_gaps()
    }
    /// A pattern of these very splits (from a file).
    pub fn from_splits(splits: Vec<Split>) -> Result<Self> {
        let pattern = Self { splits }.without_needless_gaps();
        pattern.check()?;
        Ok(pattern)
    }
    /// The splits, first to last.
    pub fn splits(&self) -> &[Split] {
        &self.splits
    }
    /// The name by which this very text is known, if it is.
    pub fn name(&self) -> Option<&'static str> {
        self.known().filter(|known| self.has_texts(known.splits)).map(|known| known.name)
    }
    /// The version of the named pattern; a name without a new version keeps its text.
    pub fn version(&self) -> Option<u32> {
        self.known().filter(|known| self.has_texts(known.splits)).map(|known| known.version)
    }
    /// All known names.
    pub fn names() -> Vec<&'static str> {
        KNOWN.iter().map(|known| known.name).collect()
    }
    /// The same pattern as texts for Oniguruma, one `Split` (isolated) each; `None` where that isn't proven.
    pub fn for_huggingface(&self) -> Option<Vec<&'static str>> {
        self.known().map(|known| known.huggingface.to_vec())
    }
    /// The pattern that these Oniguruma texts (isolated `Split`s, in order) are proven to mean; `None` if unknown.
    pub fn from_huggingface(regexes: &[&str]) -> Option<Self> {
        let means = |known: &&Known| {
            known.huggingface == regexes
                || matches!(regexes, [regex] if known.huggingface_spellings.contains(regex))
        };
        KNOWN.iter().find(means).map(Self::from_known)
    }
    /// The same pattern as one regular expression for tiktoken, gaps included (a custom one gets `|[\s\S]`);
    /// `None` for what one expression can't say: a true sequence of splits, or stretches that stay whole.
    pub fn for_tiktoken(&self) -> Option<String> {
        match self.splits.as_slice() {
            [split] if self.known().is_some() => Some(split.regex.clone()),
            [Split { regex, gaps: Gaps::Characters }] => Some(regex::with_characters_left(regex)),
            _ => None,
        }
    }

    /// The row of the pattern that splits every text as this one does.
    pub(super) fn known(&self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| match self.splits.as_slice() {
            [split] if known.spellings.contains(&split.regex.as_str()) => true,
            [_] => self.has_texts(known.splits),
            splits => self.has_texts(known.splits) && splits.iter().all(|split| split.gaps == Gaps::Whole),
        })
    }

    /// Refuses what no regular expression library should be asked to compile.
    pub(super) fn check(&self) -> Result<()> {
        if self.splits.is_empty() || self.splits.len() > MAX_SPLITS {
            return Err(Error::Pattern(format!(
                "a split pattern has 1 to {MAX_SPLITS} regular expressions, this one has {}; \
                 name a known pattern ({}) or give a regular expression",
                self.splits.len(),
                Self::names().join(", "),
            )));
        }
        for (index, split) in self.splits.iter().enumerate() {
            let length = split.regex.len();
            if length == 0 || length > MAX_REGEX_LENGTH {
                return Err(Error::Pattern(format!(
                    "split {} of the pattern has a regular expression of {length} bytes; \
                     it must have 1 to {MAX_REGEX_LENGTH}",
                    index + 1,
                )));
            }
        }
        Ok(())
    }

    fn from_known(known: &Known) -> Self {
        let gaps = if known.splits.len() == 1 { Gaps::Characters } else { Gaps::Whole };
        let split = |text: &&str| Split { regex: (*text).to_owned(), gaps };
        Self { splits: known.splits.iter().map(split).collect() }
    }

    fn has_texts(&self, texts: &[&str]) -> bool {
        self.splits.iter().map(|split| split.regex.as_str()).eq(texts.iter().copied())
    }

    /// A single known expression leaves nothing, so that what becomes of gaps doesn't matter: equal patterns compare
    /// equal, from whichever file they come.
    fn without_needless_gaps(mut self) -> Self {
        if self.known().is_some()
            && let [split] = self.splits.as_mut_slice()
        {
            split.gaps = Gaps::Characters;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_pattern_and_back() {
        for name in Pattern::names() {
            let pattern = Pattern::named(name).unwrap();
            assert_eq!(pattern.name(), Some(name));
            assert_eq!(pattern.version(), Some(1));
            assert_eq!(Pattern::from_splits(pattern.splits().to_vec()).unwrap(), pattern);
            let texts = pattern.for_huggingface().unwrap();
            assert_eq!(Pattern::from_huggingface(&texts), Some(pattern));
        }
        assert_eq!(Pattern::named("GPT4"), None);
        assert_eq!(Pattern::from_huggingface(&[]), None);
        assert_eq!(Pattern::from_huggingface(&["a+"]), None);
    }

    #[test]
    fn gaps_of_a_pattern_that_leaves_none_do_not_matter() {
        let named = Pattern::named("llama3").unwrap();
        let text = named.splits()[0].regex.clone();
        assert_eq!(Pattern::sequence([text.as_str()]), named);
        assert_eq!(Pattern::regex(&text), named);
        let custom = Pattern::sequence(["a+"]);
        assert_eq!(custom.splits()[0].gaps, Gaps::Whole);
        assert_eq!(custom.name(), None);
    }

    #[test]
    fn a_sequence_is_known_only_with_its_stretches_whole() {
        let mut splits = Pattern::named("deepseek-v3").unwrap().splits().to_vec();
        splits[1].gaps = Gaps::Characters;
        let other = Pattern::from_splits(splits).unwrap();
        assert_eq!((other.name(), other.for_huggingface()), (None, None));
    }

    #[test]
    fn the_text_for_tiktoken_is_its_own_or_drops_nothing() {
        let gpt4 = Pattern::named("gpt4").unwrap();
        assert_eq!(gpt4.for_tiktoken().unwrap(), gpt4.splits()[0].regex);
        assert_eq!(Pattern::regex("a|b").for_tiktoken().unwrap(), r"(?:a|b)|[\s\S]");
        assert_eq!(Pattern::regex("(?x) a # b").for_tiktoken().unwrap(), "(?:(?x) a # b\n)|[\\s\\S]");
        assert_eq!(Pattern::sequence(["a+"]).for_tiktoken(), None);
        assert_eq!(Pattern::named("deepseek-v3").unwrap().for_tiktoken(), None);
        let former = Pattern::regex(KNOWN[4].spellings[0]);
        assert_eq!(former.for_tiktoken().unwrap(), KNOWN[4].spellings[0]);
    }

    #[test]
    fn another_spelling_keeps_its_text_and_has_no_name() {
        for known in KNOWN {
            for &text in known.spellings {
                let pattern = Pattern::regex(text);
                assert_eq!((pattern.name(), pattern.splits()[0].regex.as_str()), (None, text));
                assert_eq!(pattern.for_huggingface().unwrap(), known.huggingface);
            }
        }
    }

    #[test]
    fn what_is_empty_or_too_much_is_refused() {
        for pattern in [vec![], vec![""; 1], vec!["a"; MAX_SPLITS + 1]] {
            assert!(matches!(Pattern::sequence(pattern).check(), Err(Error::Pattern(_))));
        }
        assert!(Pattern::regex(&"a".repeat(MAX_REGEX_LENGTH)).check().is_ok());
        assert!(Pattern::regex(&"a".repeat(MAX_REGEX_LENGTH + 1)).check().is_err());
    }
}
