//! Special and other added tokens: finding them in a text before it is pretokenized.
//!
//! Found are the leftmost ones, the longest of those that begin at one place. Flags and the two passes (first what
//! isn't `normalized`, then the rest in what is left) follow Hugging Face's tokenizers, since files say them.

use crate::error::{Error, Result};
use crate::pretokenize::is_white_space;
use crate::vocabulary::AddedToken;
use aho_corasick::{AhoCorasick, MatchKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

/// What to do with special tokens that stand in a text.
#[derive(Clone, Copy, Debug)]
pub enum Special<'a> {
    /// They are ordinary text.
    Text,
    /// Each becomes its id.
    Parse,
    /// The first is an error.
    Raise,
    /// These become their ids, all others are ordinary text.
    Only(&'a [&'a str]),
}

/// The added tokens of a vocabulary, and what finds them.
pub(crate) struct AddedTokens {
    /// In ascending order of id.
    tokens: Vec<AddedToken>,
    always: Option<Arc<Matcher>>,
    all: OnceLock<Option<Arc<Matcher>>>,
    /// Of subsets that callers named, the last few.
    subsets: Mutex<Vec<Subset>>,
}

/// Indices of added tokens, and what finds them.
type Subset = (Vec<usize>, Option<Arc<Matcher>>);

impl AddedTokens {
    pub(crate) fn new(mut tokens: Vec<AddedToken>) -> Result<Self> {
        tokens.sort_by_key(|token| token.id);
        let always = Matcher::new(tokens.iter().filter(|token| !token.special))?;
        Ok(Self { tokens, always, all: OnceLock::new(), subsets: Mutex::default() })
    }

    pub(crate) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<&AddedToken> {
        self.tokens.binary_search_by_key(&id, |token| token.id).ok().map(|index| &self.tokens[index])
    }

    /// What finds the tokens that are allowed; `None` if there is nothing to find.
    ///
    /// # Errors
    /// [`Error::SpecialToken`] for a name that is no special token.
    pub(crate) fn matcher(&self, special: Special<'_>) -> Result<Option<Arc<Matcher>>> {
        match special {
            Special::Text | Special::Raise => Ok(self.always.clone()),
            Special::Parse => {
                if let Some(matcher) = self.all.get() {
                    return Ok(matcher.clone());
                }
                let matcher = Matcher::new(self.tokens.iter())?;
                Ok(self.all.get_or_init(|| matcher).clone())
            }
            Special::Only(names) => self.subset(names),
        }
    }

    fn subset(&self, names: &[&str]) -> Result<Option<Arc<Matcher>>> {
        let mut chosen = Vec::with_capacity(names.len());
        for name in names {
            let index = self.tokens.iter().position(|token| token.special && token.content == *name);
            chosen.push(index.ok_or_else(|| {
                let known: Vec<&str> = self
                    .tokens
                    .iter()
                    .filter(|token| token.special)
                    .map(|token| &token.content[..])
                    .take(20)
                    .collect();
                Error::SpecialToken(format!(
                    "{name:?} is no special token of this vocabulary; it has {known:?}"
                ))
            })?);
        }
        chosen.extend((0..self.tokens.len()).filter(|&index| !self.tokens[index].special));
        chosen.sort_unstable();
        chosen.dedup();
        if let Ok(subsets) = self.subsets.try_lock()
            && let Some((_, matcher)) = subsets.iter().find(|(known, _)| *known == chosen)
        {
            return Ok(matcher.clone());
        }
        let matcher = Matcher::new(chosen.iter().map(|&index| &self.tokens[index]))?;
        if let Ok(mut subsets) = self.subsets.try_lock() {
            if subsets.len() >= 8 {
                subsets.remove(0);
            }
            subsets.push((chosen, matcher.clone()));
        }
        Ok(matcher)
    }

    /// The first special token that `Special::Parse` would find in `text`: (its text, the byte where it begins).
    pub(crate) fn first_special(&self, text: &[u8]) -> Result<Option<(&str, usize)>> {
        let Some(matcher) = self.matcher(Special::Parse)? else { return Ok(None) };
        let special = |stretch: Stretch| {
            let token = self.by_id(stretch.id?).filter(|token| token.special)?;
            // The white space it would take with it is not where it begins.
            let content = token.content.as_bytes();
            let before =
                text[stretch.range.clone()].windows(content.len()).position(|window| window == content);
            Some((&token.content[..], stretch.range.start + before.unwrap_or(0)))
        };
        Ok(matcher.stretches(text).into_iter().find_map(special))
    }
}

/// A stretch of text: an added token, or what lies between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) id: Option<u32>,
    pub(crate) range: Range<usize>,
}

/// Finds a set of added tokens in two passes.
pub(crate) struct Matcher {
    passes: Vec<Pass>,
}

struct Pass {
    automaton: AhoCorasick,
    tokens: Vec<AddedToken>,
}

impl Matcher {
    fn new<'a>(tokens: impl Iterator<Item = &'a AddedToken>) -> Result<Option<Arc<Self>>> {
        let (second, first): (Vec<AddedToken>, Vec<_>) = tokens.cloned().partition(|token| token.normalized);
        let mut passes = Vec::new();
        for tokens in [first, second].into_iter().filter(|tokens| !tokens.is_empty()) {
            let automaton = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(tokens.iter().map(|token| &token.content))
                .map_err(|error| {
                    Error::SpecialToken(format!("too many special tokens to look for: {error}"))
                })?;
            passes.push(Pass { automaton, tokens });
        }
        Ok(if passes.is_empty() { None } else { Some(Arc::new(Self { passes })) })
    }

    /// The text as stretches in order; together they are the text. None is empty.
    pub(crate) fn stretches(&self, text: &[u8]) -> Vec<Stretch> {
        let mut stretches = vec![Stretch { id: None, range: 0..text.len() }];
        for pass in &self.passes {
            let mut finer = Vec::with_capacity(stretches.len());
            for stretch in stretches {
                match stretch.id {
                    Some(_) => finer.push(stretch),
                    None => pass.split(text, stretch.range, &mut finer),
                }
            }
            stretches = finer;
        }
        stretches
    }

    /// Whether what is found depends on nothing but the token's own bytes, so that a text may come in parts; and then
    /// the longest token.
    pub(crate) fn plain(&self) -> Option<usize> {
        let flagged = |token: &AddedToken| token.strip_left || token.strip_right || token.single_word;
        match &self.passes[..] {
            [pass] if !pass.tokens.iter().any(flagged) => {
                pass.tokens.iter().map(|token| token.content.len()).max()
            }
            _ => None,
        }
    }
}

impl Pass {
    fn split(&self, text: &[u8], range: Range<usize>, stretches: &mut Vec<Stretch>) {
        let piece = &text[range.clone()];
        let mut done = 0;
        for found in self.automaton.find_iter(piece) {
            let token = &self.tokens[found.pattern().as_usize()];
            let (mut start, mut end) = (found.start(), found.end());
            let touches_word = last_char(&piece[..start]).is_some_and(is_word)
                || first_char(&piece[end..]).is_some_and(is_word);
            if start < done || token.single_word && touches_word {
                continue;
            }
            if token.strip_left {
                while let Some(space) = last_char(&piece[done..start]).filter(|&char| is_white_space(char)) {
                    start -= space.len_utf8();
                }
            }
            if token.strip_right {
                while let Some(space) = first_char(&piece[end..]).filter(|&char| is_white_space(char)) {
                    end += space.len_utf8();
                }
            }
            let at = |position: usize| range.start + position;
            if done < start {
                stretches.push(Stretch { id: None, range: at(done)..at(start) });
            }
            stretches.push(Stretch { id: Some(token.id), range: at(start)..at(end) });
            done = end;
        }
        if done < piece.len() {
            stretches.push(Stretch { id: None, range: range.start + done..range.end });
        }
    }
}

fn first_char(bytes: &[u8]) -> Option<char> {
    let characters = |length: usize| std::str::from_utf8(bytes.get(..length)?).ok();
    (1..=4).find_map(characters)?.chars().next()
}

fn last_char(bytes: &[u8]) -> Option<char> {
    let characters = |length: usize| std::str::from_utf8(bytes.get(bytes.len().checked_sub(length)?..)?).ok();
    (1..=4).find_map(characters)?.chars().next_back()
}

/// `\w` of the tables all patterns use.
fn is_word(char: char) -> bool {
    regex_syntax::try_is_word_character(char).unwrap_or(false)
}
