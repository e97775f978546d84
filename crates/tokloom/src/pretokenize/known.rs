//! The named patterns, a row each. A text never changes under its name: a change is a new name.

use super::scanners::Family;

/// A pattern with a name.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// Raised if a row's texts ever had to be mended; saved vocabularies carry the text itself.
    pub(super) version: u32,
    /// The regular expressions in `fancy-regex`'s dialect, one a split. A single one leaves nothing between its
    /// matches.
    pub(super) splits: &'static [&'static str],
    /// Other texts in that dialect which split every text alike.
    pub(super) spellings: &'static [&'static str],
    /// The same for Oniguruma, one isolated `Split` each. Proved by `tests/parity/test_patterns.py`.
    pub(super) huggingface: &'static [&'static str],
    /// Other such texts, met in published files. Proved there too.
    pub(super) huggingface_spellings: &'static [&'static str],
    pub(super) family: Family,
}

/// GPT-2's own text, before tiktoken made it faster. It means the same to Oniguruma.
const GPT2_ORIGINAL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// cl100k in tiktoken up to 0.8, minbpe and rustbpe. Differs from today's cl100k in white space that ends a text.
const CL100K_FORMER: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const NANOCHAT: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

const DEEPSEEK_V3: &[&str] = &[
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    concat!(
        r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##,
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
];

/// All rows. The texts of `gpt2`, `gpt4` and `o200k` are those of tiktoken 0.14.
pub(super) const KNOWN: &[Known] = &[
    Known {
        name: "gpt2",
        version: 1,
        splits: &[r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"],
        spellings: &[GPT2_ORIGINAL],
        huggingface: &[GPT2_ORIGINAL],
        huggingface_spellings: &[],
        family: Family::Gpt2,
    },
    Known {
        name: "gpt4",
        version: 1,
        splits: &[
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        ],
        spellings: &[],
        // To Oniguruma `{1,3}+` is a repeated repeat and `$` the end of a line. (Behind `\s++` no newline is left, so
        // that `$` would do; `\z` needs no such argument.)
        huggingface: &[
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|\s+(?!\S)|\s",
        ],
        huggingface_spellings: &[],
        family: Family::Gpt4,
    },
    Known {
        name: "o200k",
        version: 1,
        splits: &[O200K],
        spellings: &[],
        huggingface: &[O200K],
        huggingface_spellings: &[],
        family: Family::O200k,
    },
    Known {
        name: "nanochat",
        version: 1,
        splits: &[NANOCHAT],
        spellings: &[],
        huggingface: &[NANOCHAT],
        huggingface_spellings: &[],
        family: Family::Nanochat,
    },
    Known {
        name: "llama3",
        version: 1,
        splits: &[LLAMA3],
        spellings: &[CL100K_FORMER],
        huggingface: &[LLAMA3],
        huggingface_spellings: &[CL100K_FORMER],
        family: Family::Llama3,
    },
    Known {
        name: "qwen2",
        version: 1,
        splits: &[QWEN2],
        spellings: &[],
        huggingface: &[QWEN2],
        huggingface_spellings: &[],
        family: Family::Qwen2,
    },
    Known {
        name: "deepseek-v3",
        version: 1,
        splits: DEEPSEEK_V3,
        spellings: &[],
        huggingface: DEEPSEEK_V3,
        huggingface_spellings: &[],
        family: Family::DeepSeekV3,
    },
];
