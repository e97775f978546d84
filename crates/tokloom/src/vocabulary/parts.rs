//! What a vocabulary is made of: everything that can change an id or a byte, before it is checked.

use crate::pretokenize::Pattern;

/// A token that is found as a whole in the text before any pretokenizing, if the caller lets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedToken {
    /// The text it is written as.
    pub content: String,
    /// Its id.
    pub id: u32,
    /// A control token: found in a text only when the caller asks. One that isn't special is always found.
    pub special: bool,
    /// Takes the white space on its left with it.
    pub strip_left: bool,
    /// Takes the white space on its right with it.
    pub strip_right: bool,
    /// Found only where no word character touches it.
    pub single_word: bool,
    /// Looked for in a second pass, in what the ones that aren't `normalized` left (Hugging Face's order).
    pub normalized: bool,
}

impl AddedToken {
    /// A control token without flags.
    pub fn special(content: impl Into<String>, id: u32) -> Self {
        Self {
            content: content.into(),
            id,
            special: true,
            strip_left: false,
            strip_right: false,
            single_word: false,
            normalized: false,
        }
    }
}

/// Which pairs of neighbouring tokens merge, and which first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merges {
    /// Any pair whose bytes together are a token, the lowest id first (tiktoken's rule).
    ByRank,
    /// These pairs and no others, the earliest first: (left id, right id, merged id). (Hugging Face's rule.)
    Listed(Vec<(u32, u32, u32)>),
    /// None: a pretoken is one token or its bytes (`model="words"`).
    None,
}

/// What a vocabulary is made of, before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// How text is split.
    pub pattern: Pattern,
    /// (id, bytes) of every ordinary token, in any order; ids may have holes.
    pub tokens: Vec<(u32, Vec<u8>)>,
    /// How they merge.
    pub merges: Merges,
    /// Whether a pretoken that is a token as a whole becomes it, whatever the merges say (tiktoken: always; Hugging
    /// Face: `ignore_merges`).
    pub whole_pretoken_first: bool,
    /// Special and other added tokens.
    pub added: Vec<AddedToken>,
    /// A Hugging Face post-processor as JSON, kept for the way back; `encode` never applies it.
    pub post_processor: Option<String>,
}
