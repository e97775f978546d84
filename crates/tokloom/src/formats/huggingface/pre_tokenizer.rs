//! The sections that work on text: normalizer, pre-tokenizer and decoder.

use serde::{Deserialize, Serialize};

use super::section::Section;
use crate::error::Result;

/// GPT-2's split in Oniguruma's dialect: what `ByteLevel` does with `use_regex`.
pub(super) const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// `ByteLevel`, which as a pre-tokenizer maps bytes to their characters (and splits, if it is told to), as a decoder
/// maps them back, and as a post-processor trims offsets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByteLevel {
    #[serde(rename = "type")]
    pub kind: String,
    pub add_prefix_space: bool,
    pub trim_offsets: bool,
    #[serde(default = "yes")]
    pub use_regex: bool,
}

fn yes() -> bool {
    true
}

impl ByteLevel {
    pub fn new(use_regex: bool) -> Self {
        Self { kind: "ByteLevel".to_owned(), add_prefix_space: false, trim_offsets: true, use_regex }
    }
}

/// `Split`, a regular expression and what to do with its matches.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    #[serde(rename = "type")]
    kind: String,
    pattern: SplitPattern,
    behavior: String,
    invert: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum SplitPattern {
    String(String),
    Regex(String),
}

impl Split {
    pub fn isolated(regex: &str) -> Self {
        let pattern = SplitPattern::Regex(regex.to_owned());
        Self { kind: "Split".to_owned(), pattern, behavior: "Isolated".to_owned(), invert: false }
    }
}

/// Accepts a normalizer that does nothing.
pub(super) fn check_normalizer(section: &Section) -> Result<()> {
    if section.is_null() {
        return Ok(());
    }
    section.small()?;
    let name = section.type_name()?;
    if name == "Sequence" && steps(section, "normalizers")?.is_empty() {
        return Ok(());
    }
    Err(section.unsupported(format!(
        "\"{name}\" changes the text before it is split, so its bytes wouldn't come back"
    )))
}

/// Accepts a decoder that gives back the bytes (its flags have no effect), or none.
pub(super) fn check_decoder(section: &Section) -> Result<()> {
    if section.is_null() {
        return Ok(());
    }
    section.small()?;
    match section.type_name()?.as_str() {
        "ByteLevel" => section.parse::<ByteLevel>().map(drop),
        "Fuse" => only_type(section),
        "Sequence" => steps(section, "decoders")?.iter().try_for_each(check_decoder),
        name => Err(section.unsupported(format!("\"{name}\" changes the text that ids stand for"))),
    }
}

/// The regular expressions by which the text is split, one after another.
pub(super) fn read(section: &Section) -> Result<Vec<String>> {
    section.small()?;
    let mut leaves = Vec::new();
    if !section.is_null() {
        flatten(section, &mut leaves)?;
    }
    let mut regexes = Vec::new();
    let mut mapped = false;
    for leaf in &leaves {
        if mapped {
            return Err(
                leaf.unsupported("a step after ByteLevel splits the characters of bytes, not the text")
            );
        }
        match leaf.type_name()?.as_str() {
            "Split" => regexes.push(read_split(leaf)?),
            "ByteLevel" => {
                mapped = true;
                let step: ByteLevel = leaf.parse()?;
                if step.add_prefix_space {
                    return Err(
                        leaf.unsupported("ByteLevel with add_prefix_space puts a space before the text")
                    );
                }
                if step.use_regex {
                    regexes.push(GPT2.to_owned());
                }
            }
            name => return Err(leaf.unsupported(format!("the split \"{name}\" isn't done by the engine"))),
        }
    }
    if !mapped {
        return Err(section.unsupported("it doesn't end in ByteLevel, so the tokens aren't bytes"));
    }
    Ok(regexes)
}

fn read_split(section: &Section) -> Result<String> {
    let split: Split = section.parse()?;
    if split.invert {
        return Err(section.unsupported("a Split with `invert: true` isn't done by the engine"));
    }
    if split.behavior != "Isolated" {
        let behavior = split.behavior;
        return Err(
            section.unsupported(format!("a Split with the behavior \"{behavior}\", not \"Isolated\""))
        );
    }
    match split.pattern {
        SplitPattern::Regex(regex) => Ok(regex),
        SplitPattern::String(text) => {
            Err(section
                .unsupported(format!("a Split by the plain string {text:?}, not by a regular expression")))
        }
    }
}

/// The steps of nested sequences, first to last.
fn flatten<'a>(section: &Section<'a>, leaves: &mut Vec<Section<'a>>) -> Result<()> {
    if section.type_name()? != "Sequence" {
        leaves.push(section.clone());
        return Ok(());
    }
    steps(section, "pretokenizers")?.iter().try_for_each(|step| flatten(step, leaves))
}

/// The items of a `Sequence`, which it has in the field `field` and beside which it has nothing but its type.
pub(super) fn steps<'a>(section: &Section<'a>, field: &str) -> Result<Vec<Section<'a>>> {
    let mut steps = None;
    for (key, value) in section.fields()? {
        if key == field {
            let mut items = Vec::new();
            value.each_item(|index, text| {
                items.push(value.item(index, text));
                Ok(())
            })?;
            steps = Some(items);
        } else if key != "type" {
            return Err(value.unknown_field());
        }
    }
    steps.ok_or_else(|| section.wrong(format!("a Sequence without `{field}`")))
}

fn only_type(section: &Section) -> Result<()> {
    match section.fields()?.into_iter().find(|(key, _)| key != "type") {
        Some((_, field)) => Err(field.unknown_field()),
        None => Ok(()),
    }
}
