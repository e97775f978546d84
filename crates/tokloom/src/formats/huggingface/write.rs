//! A vocabulary → `tokenizer.json`.

use std::collections::{HashMap, HashSet};

use serde::{Serialize, Serializer};

use super::post_processor::{self, PostProcessor};
use super::pre_tokenizer::{ByteLevel, GPT2, Split};
use super::read::{IsOnePretoken, one_pretoken_of};
use super::{added, alphabet};
use crate::error::{Error, Result};
use crate::pretokenize::Pattern;
use crate::vocabulary::AddedToken;

/// What of a vocabulary goes into a `tokenizer.json`.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// How text is split.
    pub pattern: &'a Pattern,
    /// (id, bytes) of every ordinary token, in any order.
    pub tokens: &'a [(u32, &'a [u8])],
    /// (left id, right id) of every merge, the first first.
    pub merges: &'a [(u32, u32)],
    /// Whether a pretoken that is a token as a whole becomes it, whatever the merges say (`ignore_merges`).
    pub whole_pretoken_first: bool,
    /// Special and other added tokens.
    pub added: &'a [AddedToken],
    /// A post-processor as JSON, as [`read`](super::read) gave it.
    pub post_processor: Option<&'a str>,
}

/// The vocabulary as a `tokenizer.json`, compact, the same bytes every time: those that `tokenizers` writes with
/// `to_str(pretty=False)`.
///
/// Merges are pairs, `["a","b"]`, which `tokenizers` reads from 0.20 on (0.20.0 and 0.23.3 do, 0.19.1 doesn't). Added tokens stand in the model's vocabulary
/// too: there their ids hold, even where ids have holes. `tokenizers` reads holes without complaint, and warns of them
/// when it saves; its vocabulary size is then less than the highest id + 1.
///
/// An error if the pattern isn't proven to mean the same in Oniguruma, or if `tokenizers` would give other ids.
pub fn write(view: &View) -> Result<Vec<u8>> {
    let Some(regexes) = view.pattern.for_huggingface() else {
        return Err(Error::Format(
            "this split pattern isn't proven to mean the same in a `tokenizer.json` (Oniguruma reads some expressions \
             differently); save the vocabulary in tokloom's own form, or as a tiktoken rank file"
                .to_owned(),
        ));
    };
    write_with(view, &regexes, one_pretoken_of)
}

/// [`write`], with the split's expressions and the pretokenizer as arguments.
pub(super) fn write_with(
    view: &View,
    regexes: &[&str],
    one_pretoken_of: impl Fn(&Pattern) -> Result<IsOnePretoken>,
) -> Result<Vec<u8>> {
    let texts = ordinary_texts(view)?;
    let merges = merges(view, &texts)?;
    let vocabulary = with_added(view, &texts, one_pretoken_of)?;
    let mut added_tokens: Vec<_> = view.added.iter().collect();
    added_tokens.sort_unstable_by_key(|token| token.id);
    let id_of =
        |content: &str| view.added.iter().find(|token| token.content == content).map(|token| token.id);
    let post_processor = match view.post_processor {
        Some(json) => Some(post_processor::for_writing(json, id_of)?),
        None => None,
    };
    let file = File {
        version: "1.0",
        truncation: (),
        padding: (),
        added_tokens: added_tokens.into_iter().map(added::Entry::from).collect(),
        normalizer: (),
        pre_tokenizer: PreTokenizer::new(regexes),
        post_processor,
        decoder: ByteLevel::new(true),
        model: Model {
            kind: "BPE",
            dropout: (),
            unk_token: (),
            continuing_subword_prefix: (),
            end_of_word_suffix: (),
            fuse_unk: false,
            byte_fallback: false,
            ignore_merges: view.whole_pretoken_first,
            vocab: Ordered(&vocabulary),
            merges,
        },
    };
    serde_json::to_vec(&file).map_err(|error| Error::Format(error.to_string()))
}

/// The text of every ordinary token, by ascending id.
fn ordinary_texts(view: &View) -> Result<Vec<(u32, String)>> {
    let mut texts: Vec<_> = view.tokens.iter().map(|&(id, bytes)| (id, alphabet::write(bytes))).collect();
    texts.sort_unstable();
    let mut owners = HashMap::new();
    for (id, text) in &texts {
        if let Some(other) = owners.insert(text.as_str(), id) {
            return Err(Error::Vocabulary(format!(
                "the token {text:?} has the ids {other} and {id}; remove one"
            )));
        }
    }
    Ok(texts)
}

/// Both texts of every merge.
fn merges<'v>(view: &View, texts: &'v [(u32, String)]) -> Result<Vec<(&'v str, &'v str)>> {
    let known: HashSet<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    let text_of = |id: u32| {
        let found = texts.binary_search_by_key(&id, |(id, _)| *id).ok();
        found.and_then(|index| texts.get(index)).map(|(_, text)| text.as_str())
    };
    let mut merges = Vec::with_capacity(view.merges.len());
    let mut merged = String::new();
    for (index, &(left, right)) in view.merges.iter().enumerate() {
        let wrong = |what: &str| Error::Vocabulary(format!("merge {index}, of {left} and {right}: {what}"));
        let (Some(left), Some(right)) = (text_of(left), text_of(right)) else {
            return Err(wrong("not both are ordinary tokens; this vocabulary contradicts itself"));
        };
        merged.clear();
        merged.push_str(left);
        merged.push_str(right);
        if !known.contains(merged.as_str()) {
            return Err(wrong("what they make is no ordinary token; this vocabulary contradicts itself"));
        }
        merges.push((left, right));
    }
    Ok(merges)
}

/// Ordinary and added tokens by ascending id, if `tokenizers` can tell all of them apart.
fn with_added<'v>(
    view: &View<'v>,
    texts: &'v [(u32, String)],
    one_pretoken_of: impl Fn(&Pattern) -> Result<IsOnePretoken>,
) -> Result<Vec<(u32, &'v str)>> {
    let mut vocabulary: Vec<_> = texts.iter().map(|(id, text)| (*id, text.as_str())).collect();
    let mut owners: HashMap<&str, u32> = vocabulary.iter().map(|&(id, text)| (text, id)).collect();
    let is_one_pretoken = if view.whole_pretoken_first { Some(one_pretoken_of(view.pattern)?) } else { None };
    for AddedToken { content, id, .. } in view.added {
        let conflict = |how: String| {
            Err(Error::SpecialToken(format!(
                "the special token {content:?} can't be written to a `tokenizer.json`: {how}, and `tokenizers` couldn't \
                 tell the two apart; call the special token something else"
            )))
        };
        if let Some(other) = owners.insert(content, *id) {
            return conflict(format!("the token {other} is written so, too"));
        }
        if let Some(is_one_pretoken) = &is_one_pretoken
            && let Some(bytes) = alphabet::read(content)
            && is_one_pretoken(&bytes)?
        {
            return conflict("ordinary text can be a pretoken that is written so".to_owned());
        }
        vocabulary.push((*id, content));
    }
    vocabulary.sort_unstable();
    for pair in vocabulary.windows(2) {
        if let [(id, first), (other, second)] = pair
            && id == other
        {
            return Err(Error::Vocabulary(format!(
                "id {id} stands for {first:?} and {second:?}; give each its own"
            )));
        }
    }
    Ok(vocabulary)
}

/// The whole file; fields in the order in which `tokenizers` writes them.
#[derive(Serialize)]
struct File<'a> {
    version: &'static str,
    truncation: (),
    padding: (),
    added_tokens: Vec<added::Entry>,
    normalizer: (),
    pre_tokenizer: PreTokenizer,
    post_processor: Option<PostProcessor>,
    decoder: ByteLevel,
    model: Model<'a>,
}

#[derive(Serialize)]
struct Model<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    dropout: (),
    unk_token: (),
    continuing_subword_prefix: (),
    end_of_word_suffix: (),
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    vocab: Ordered<'a>,
    merges: Vec<(&'a str, &'a str)>,
}

/// A vocabulary as an object, in its own order.
struct Ordered<'a>(&'a [(u32, &'a str)]);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, text)| (text, id)))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum PreTokenizer {
    ByteLevel(ByteLevel),
    Split(Split),
    Sequence {
        #[serde(rename = "type")]
        kind: &'static str,
        pretokenizers: Vec<PreTokenizer>,
    },
}

impl PreTokenizer {
    fn new(regexes: &[&str]) -> Self {
        if let [GPT2] = regexes {
            return PreTokenizer::ByteLevel(ByteLevel::new(true));
        }
        let splits = regexes.iter().map(|regex| PreTokenizer::Split(Split::isolated(regex)));
        let pretokenizers = splits.chain([PreTokenizer::ByteLevel(ByteLevel::new(false))]).collect();
        PreTokenizer::Sequence { kind: "Sequence", pretokenizers }
    }
}
