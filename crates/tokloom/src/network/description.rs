//! Layers as `tokloom.json` lists them.

use serde::Deserialize;
use serde_json::{Map, Value};

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
        add: Option<i64>,
    },
    Dense {
        inputs: usize,
        outputs: usize,
        add: Option<i64>,
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
    Concat {
        of: Vec<i64>,
    },
    Lookup {
        begin: usize,
        length: usize,
        keys: usize,
    },
}

impl Described {
    /// A layer's entry, and the layer whose output it takes if it says one; -1 is the network's input.
    pub(super) fn of(mut entry: Map<String, Value>) -> Result<(Self, Option<i64>), serde_json::Error> {
        let input = entry.remove("input").map(serde_json::from_value).transpose()?;
        Ok((serde_json::from_value(Value::Object(entry))?, input))
    }

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
            Self::Concat { .. } => "concat",
            Self::Lookup { .. } => "lookup",
        }
    }
}
