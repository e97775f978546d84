//! `tokenizer.json` → [`Parts`].

use super::section::{Section, Text};
use super::{added, alphabet, model, post_processor, pre_tokenizer};
use crate::error::Result;
use crate::pretokenize::{Pattern, Pretokenizer};
use crate::vocabulary::{Merges, Parts};

/// Reads a `tokenizer.json` whose ids the engine gives exactly; anything else in it is refused by name.
///
/// What is promised: the ids of `tokenizers` with `add_special_tokens=False`, and with `encode_special_tokens` where
/// special tokens are to stay text. What isn't: the text that `tokenizers` decodes an added token to. It reads the
/// characters of, say, `café` as bytes where all of them happen to be in the alphabet; here it is `café`. Nor, where a
/// special token that stays text overlaps an added token that isn't special: `tokenizers` skips the whole match, here
/// the other one is found. Nor an added token that begins with white space right behind one that strips it.
///
/// The merges stay [`Merges::Listed`] as they are, also where they say no more than the ranks do.
pub fn read(bytes: &[u8], origin: &str) -> Result<Parts> {
    read_with(bytes, origin, Pattern::from_huggingface, one_pretoken_of)
}

/// Whether a text of these bytes is a single pretoken.
pub(super) type IsOnePretoken = Box<dyn Fn(&[u8]) -> Result<bool>>;

/// The question for one pattern.
///
/// No known pattern looks at what stands before a match, and after one only for white space: what is one pretoken
/// anywhere is one by itself.
pub(super) fn one_pretoken_of(pattern: &Pattern) -> Result<IsOnePretoken> {
    let pretokenizer = Pretokenizer::new(pattern)?;
    Ok(Box::new(move |bytes| {
        let mut count = 0;
        pretokenizer.split(bytes, |_| count += 1)?;
        Ok(count == 1)
    }))
}

/// [`read`], with the known patterns and the pretokenizer as arguments.
pub(super) fn read_with(
    bytes: &[u8],
    origin: &str,
    find_pattern: impl Fn(&[&str]) -> Option<Pattern>,
    one_pretoken_of: impl Fn(&Pattern) -> Result<IsOnePretoken>,
) -> Result<Parts> {
    let file = Section::of_file(bytes, origin)?;
    let (mut model, mut pattern, mut post_processor, mut added_tokens) = (None, None, None, Vec::new());
    for (key, field) in file.fields()? {
        match key.as_ref() {
            "version" => check_version(&field)?,
            "truncation" | "padding" => refuse_length(&field)?,
            "normalizer" => pre_tokenizer::check_normalizer(&field)?,
            "pre_tokenizer" => pattern = Some(read_pattern(&field, &find_pattern)?),
            "post_processor" => post_processor = post_processor::read(&field)?,
            "decoder" => pre_tokenizer::check_decoder(&field)?,
            "added_tokens" if field.is_null() => {}
            "added_tokens" => added_tokens = added::read(&field)?,
            // Last: the messages on the small sections say more about what kind of file it is.
            "model" => model = Some(field),
            _ => return Err(field.unknown_field()),
        }
    }
    let Some(model) = model else {
        return Err(
            file.wrong("has no `model`, so it is no `tokenizer.json`; give the file that `tokenizers` saved")
        );
    };
    let model = model::read(&model)?;
    let Some(pattern) = pattern else {
        return Err(file.unsupported("has no `pre_tokenizer`, so the tokens aren't bytes"));
    };
    added::check(&added_tokens, &model, || one_pretoken_of(&pattern))?;
    let added: Vec<_> = added_tokens.into_iter().map(|(token, _)| token).collect();
    let tokens = ordinary_tokens(&model, &added)?;
    let (merges, whole_pretoken_first) = (Merges::Listed(model.merges), model.ignore_merges);
    Ok(Parts { pattern, tokens, merges, whole_pretoken_first, added, post_processor })
}

fn check_version(field: &Section) -> Result<()> {
    match field.parse::<Text>()?.0.as_ref() {
        "1.0" => Ok(()),
        version => Err(field.unsupported(format!("\"{version}\", where only \"1.0\" is known"))),
    }
}

fn refuse_length(field: &Section) -> Result<()> {
    if field.is_null() {
        return Ok(());
    }
    Err(field.unsupported(format!(
        "{}, where only null is read: tokloom's encode never pads or truncates",
        field.described()
    )))
}

fn read_pattern(field: &Section, find: impl Fn(&[&str]) -> Option<Pattern>) -> Result<Pattern> {
    let regexes = pre_tokenizer::read(field)?;
    let regexes: Vec<&str> = regexes.iter().map(String::as_str).collect();
    find(&regexes).ok_or_else(|| {
        field.unsupported(format!("splits by {regexes:?}, which isn't proven to mean the same in tokloom"))
    })
}

/// The vocabulary without the added tokens, as bytes, by ascending id.
fn ordinary_tokens(
    model: &model::Model,
    added: &[crate::vocabulary::AddedToken],
) -> Result<Vec<(u32, Vec<u8>)>> {
    let added: std::collections::HashSet<&str> = added.iter().map(|token| token.content.as_str()).collect();
    let mut tokens = Vec::with_capacity(model.vocabulary.len());
    let mut has_byte = [false; 256];
    for (text, &id) in &model.vocabulary {
        if added.contains(text.as_ref()) {
            continue;
        }
        let Some(bytes) = alphabet::read(text) else {
            return Err(model.vocabulary_section.unsupported(format!(
                "the token {text:?} (id {id}) is neither written in the alphabet of bytes nor an added token"
            )));
        };
        if let [byte] = bytes[..] {
            has_byte[usize::from(byte)] = true;
        }
        tokens.push((id, bytes));
    }
    if let Some(byte) = has_byte.iter().position(|&has| !has) {
        return Err(model.vocabulary_section.unsupported(format!(
            "no token for the byte 0x{byte:02X}, so that a text with it couldn't be encoded"
        )));
    }
    tokens.sort_unstable();
    Ok(tokens)
}
