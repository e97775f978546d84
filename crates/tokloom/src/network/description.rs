//! Layers as `tokloom.json` lists them.

use serde::Deserialize;

/// A layer's entry. The fields are those of the format; one that isn't known is an error.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Described {
    Windows {
        size: usize,
        stride: usize,
        #[serde(default)]
        before: usize,
        #[serde(default)]
        pad: u32,
    },
    Embed {
        positions: usize,
        symbols: usize,
        width: usize,
    },
    Dense {
        inputs: usize,
        outputs: usize,
        add: Option<usize>,
    },
    Linear {
        inputs: usize,
        outputs: usize,
    },
    Rows {
        count: usize,
    },
    Join {
        count: usize,
    },
    Digits {
        levels: Vec<u32>,
    },
    Codes {
        levels: Vec<u32>,
    },
    Argmax {
        symbols: usize,
    },
}

impl Described {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Windows { .. } => "windows",
            Self::Embed { .. } => "embed",
            Self::Dense { .. } => "dense",
            Self::Linear { .. } => "linear",
            Self::Rows { .. } => "rows",
            Self::Join { .. } => "join",
            Self::Digits { .. } => "digits",
            Self::Codes { .. } => "codes",
            Self::Argmax { .. } => "argmax",
        }
    }
}
