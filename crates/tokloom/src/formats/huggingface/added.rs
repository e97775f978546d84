//! Added tokens: what the file says of them, and which of the vocabulary's entries are theirs.
//!
//! `tokenizers` looks an added token up by its own text in the model's vocabulary, and gives it that id; one that isn't
//! there is numbered after the vocabulary. Such an entry is then a token of its own and not one of the text's, unless
//! BPE can also come to it from ordinary text: as a byte, through a merge, or (with `ignore_merges`) as a whole
//! pretoken. That is refused: the same characters would be a control token here and text there.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::alphabet;
use super::model::Model;
use super::read::IsOnePretoken;
use super::section::Section;
use crate::error::Result;
use crate::formats::ID_LIMIT;
use crate::vocabulary::AddedToken;

/// An added token as it stands in the file, fields in the order in which `tokenizers` writes them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    id: u32,
    content: String,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

impl From<&AddedToken> for Entry {
    fn from(token: &AddedToken) -> Self {
        Self {
            id: token.id,
            content: token.content.clone(),
            single_word: token.single_word,
            lstrip: token.strip_left,
            rstrip: token.strip_right,
            normalized: token.normalized,
            special: token.special,
        }
    }
}

impl From<Entry> for AddedToken {
    fn from(entry: Entry) -> Self {
        Self {
            content: entry.content,
            id: entry.id,
            special: entry.special,
            strip_left: entry.lstrip,
            strip_right: entry.rstrip,
            single_word: entry.single_word,
            normalized: entry.normalized,
        }
    }
}

/// The added tokens, each with the place where it stands.
pub(super) fn read<'a>(section: &Section<'a>) -> Result<Vec<(AddedToken, Section<'a>)>> {
    let mut tokens: Vec<(AddedToken, Section<'a>)> = Vec::new();
    let mut contents = HashSet::new();
    let mut ids = HashSet::new();
    section.each_item(|index, text| {
        let item = section.item(index, text);
        item.small()?;
        let token = AddedToken::from(item.parse::<Entry>()?);
        let content = &token.content;
        if content.is_empty() {
            return Err(item.wrong("its content is empty; remove it"));
        }
        if !contents.insert(content.clone()) {
            return Err(item.wrong(format!("{content:?} is given twice; remove one of them")));
        }
        if u64::from(token.id) >= ID_LIMIT {
            return Err(item.wrong(format!("{content:?} has id {}, which is not below 2^31", token.id)));
        }
        if !ids.insert(token.id) {
            return Err(item.wrong(format!("{content:?} has id {}, and another added token too", token.id)));
        }
        tokens.push((token, item));
        Ok(())
    })?;
    Ok(tokens)
}

/// Checks that every added token has the id that `tokenizers` would give it, and that ordinary text doesn't come to it.
pub(super) fn check(
    tokens: &[(AddedToken, Section)],
    model: &Model,
    one_pretoken: impl FnOnce() -> Result<IsOnePretoken>,
) -> Result<()> {
    let merged: HashSet<u32> =
        model.merges.iter().flat_map(|&(left, right, merged)| [left, right, merged]).collect();
    check_ids(tokens, model)?;
    let is_one_pretoken = if model.ignore_merges { Some(one_pretoken()?) } else { None };
    for (token, section) in tokens {
        if !model.vocabulary.contains_key(token.content.as_str()) {
            continue;
        }
        let content = &token.content;
        let conflict = |how: &str| {
            section.unsupported(format!(
                "{content:?} is an added token, and {how} as well, which can't be told apart"
            ))
        };
        if merged.contains(&token.id) {
            return Err(conflict("stands in the merges"));
        }
        // Text only has characters of the alphabet by the time it comes to the model.
        let Some(bytes) = alphabet::read(content) else { continue };
        if bytes.len() == 1 {
            return Err(conflict("a byte"));
        }
        if let Some(is_one_pretoken) = &is_one_pretoken
            && is_one_pretoken(&bytes)?
        {
            return Err(conflict("(with ignore_merges) an ordinary token"));
        }
    }
    Ok(())
}

fn check_ids(tokens: &[(AddedToken, Section)], model: &Model) -> Result<()> {
    let owners: HashMap<u32, &str> = model.vocabulary.iter().map(|(text, &id)| (id, text.as_ref())).collect();
    // Holes don't count: the first new token gets the number of entries as its id.
    let mut next = model.vocabulary.len();
    for (token, section) in tokens {
        let AddedToken { content, id, .. } = token;
        if let Some(known) = model.vocabulary.get(content.as_str()) {
            if known != id {
                return Err(
                    section.wrong(format!("{content:?} has id {id} here and id {known} in the vocab"))
                );
            }
            continue;
        }
        if let Some(owner) = owners.get(id) {
            return Err(section.wrong(format!("{content:?} has id {id}, which is {owner:?} in the vocab")));
        }
        if *id as usize != next {
            return Err(section.wrong(format!(
                "{content:?} has id {id}, but isn't in the vocab, so that `tokenizers` would number it {next}; put it \
                 into model.vocab with its id"
            )));
        }
        next += 1;
    }
    Ok(())
}
