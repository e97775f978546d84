//! The post-processor: which special tokens `tokenizers` puts around a text.
//!
//! tokloom's `encode` never adds tokens of its own, so a post-processor is only kept for the way back, as JSON in the
//! form in which `tokenizers` writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pre_tokenizer::{ByteLevel, steps};
use super::section::Section;
use crate::error::{Error, Result};

/// The kinds that add tokens or trim offsets, and do nothing else.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PostProcessor {
    ByteLevel(ByteLevel),
    Template(Template),
    Roberta(Roberta),
    Bert(Bert),
    Sequence(Sequence),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    #[serde(rename = "type")]
    kind: String,
    single: Vec<Piece>,
    pair: Vec<Piece>,
    special_tokens: BTreeMap<String, TemplateToken>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Piece {
    Sequence { id: TextName, type_id: u32 },
    SpecialToken { id: String, type_id: u32 },
}

#[derive(Debug, Serialize, Deserialize)]
enum TextName {
    A,
    B,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateToken {
    id: String,
    ids: Vec<u32>,
    tokens: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roberta {
    #[serde(rename = "type")]
    kind: String,
    sep: (String, u32),
    cls: (String, u32),
    trim_offsets: bool,
    add_prefix_space: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bert {
    #[serde(rename = "type")]
    kind: String,
    sep: (String, u32),
    cls: (String, u32),
}

#[derive(Debug, Serialize)]
pub(super) struct Sequence {
    #[serde(rename = "type")]
    kind: String,
    processors: Vec<PostProcessor>,
}

/// The post-processor as JSON; `None` where it has no effect on ids.
pub(super) fn read(section: &Section) -> Result<Option<String>> {
    if section.is_null() {
        return Ok(None);
    }
    section.small()?;
    match parse(section)? {
        PostProcessor::ByteLevel(_) => Ok(None),
        processor => serde_json::to_string(&processor).map(Some).map_err(|error| section.wrong(error)),
    }
}

/// The kept JSON, checked: each token in it must still have the id that it says (`tokenizers` doesn't look).
pub(super) fn for_writing(json: &str, id_of: impl Fn(&str) -> Option<u32>) -> Result<PostProcessor> {
    let section = Section::of_file(json.as_bytes(), "the post-processor")?;
    section.small()?;
    let processor = parse(&section)?;
    let mut tokens = Vec::new();
    processor.collect_tokens(&mut tokens);
    for (content, id) in tokens {
        let now = match id_of(content) {
            Some(now) if now == id => continue,
            Some(now) => format!("it has id {now}"),
            None => "it is no special token".to_owned(),
        };
        return Err(Error::SpecialToken(format!(
            "the post-processor adds {content:?} as id {id}, but in this vocabulary {now}; give a post-processor of \
             this vocabulary, or none"
        )));
    }
    Ok(processor)
}

fn parse(section: &Section) -> Result<PostProcessor> {
    match section.type_name()?.as_str() {
        "ByteLevel" => section.parse().map(PostProcessor::ByteLevel),
        "TemplateProcessing" => section.parse().map(PostProcessor::Template),
        "RobertaProcessing" => section.parse().map(PostProcessor::Roberta),
        "BertProcessing" => section.parse().map(PostProcessor::Bert),
        "Sequence" => {
            let processors = steps(section, "processors")?.iter().map(parse).collect::<Result<_>>()?;
            Ok(PostProcessor::Sequence(Sequence { kind: "Sequence".to_owned(), processors }))
        }
        name => {
            Err(section.unsupported(format!("the post-processor \"{name}\" isn't known not to change ids")))
        }
    }
}

impl PostProcessor {
    /// Every (text, id) that it puts into an encoding.
    fn collect_tokens<'a>(&'a self, tokens: &mut Vec<(&'a str, u32)>) {
        match self {
            PostProcessor::ByteLevel(_) => {}
            PostProcessor::Template(template) => {
                for token in template.special_tokens.values() {
                    tokens.extend(token.tokens.iter().map(String::as_str).zip(token.ids.iter().copied()));
                }
            }
            PostProcessor::Roberta(Roberta { sep, cls, .. }) | PostProcessor::Bert(Bert { sep, cls, .. }) => {
                tokens.extend([(sep.0.as_str(), sep.1), (cls.0.as_str(), cls.1)]);
            }
            PostProcessor::Sequence(sequence) => {
                sequence.processors.iter().for_each(|processor| processor.collect_tokens(tokens));
            }
        }
    }
}
