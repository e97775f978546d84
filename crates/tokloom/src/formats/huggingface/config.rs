//! `tokenizer_config.json`: what transformers' `AutoTokenizer` wants beside a `tokenizer.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::vocabulary::AddedToken;

/// Which added tokens play a part, by their text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigTokens<'a> {
    /// Begins a text.
    pub bos: Option<&'a str>,
    /// Ends a text.
    pub eos: Option<&'a str>,
    /// Fills a batch.
    pub pad: Option<&'a str>,
    /// Stands for what can't be encoded (which byte-level BPE doesn't need).
    pub unk: Option<&'a str>,
}

/// Fields by name, as transformers writes them; one that isn't known is left out.
#[derive(Serialize)]
struct Config<'a> {
    added_tokens_decoder: BTreeMap<u32, ConfigToken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bos_token: Option<&'a str>,
    clean_up_tokenization_spaces: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    eos_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_max_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pad_token: Option<&'a str>,
    tokenizer_class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unk_token: Option<&'a str>,
}

#[derive(Serialize)]
struct ConfigToken<'a> {
    content: &'a str,
    lstrip: bool,
    normalized: bool,
    rstrip: bool,
    single_word: bool,
    special: bool,
}

impl<'a> From<&'a AddedToken> for ConfigToken<'a> {
    fn from(token: &'a AddedToken) -> Self {
        Self {
            content: &token.content,
            lstrip: token.strip_left,
            normalized: token.normalized,
            rstrip: token.strip_right,
            single_word: token.single_word,
            special: token.special,
        }
    }
}

/// The text of a `tokenizer_config.json`.
///
/// Without `model_max_length` (in tokens), transformers takes it that any length will do.
pub fn write_config(
    added: &[AddedToken],
    tokens: ConfigTokens,
    model_max_length: Option<u64>,
) -> Result<Vec<u8>> {
    for (part, content) in
        [("bos", tokens.bos), ("eos", tokens.eos), ("pad", tokens.pad), ("unk", tokens.unk)]
    {
        if let Some(content) = content
            && !added.iter().any(|token| token.content == content)
        {
            return Err(Error::SpecialToken(format!(
                "{content:?} is to be the {part} token, but no added token is called so, and transformers would give it \
                 a new id; add it to the vocabulary first"
            )));
        }
    }
    let config = Config {
        added_tokens_decoder: added.iter().map(|token| (token.id, ConfigToken::from(token))).collect(),
        bos_token: tokens.bos,
        // Cleaning up would remove spaces that are in the text.
        clean_up_tokenization_spaces: false,
        eos_token: tokens.eos,
        model_max_length,
        pad_token: tokens.pad,
        tokenizer_class: "PreTrainedTokenizerFast",
        unk_token: tokens.unk,
    };
    let mut text = serde_json::to_vec_pretty(&config).map_err(|error| Error::Format(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}
