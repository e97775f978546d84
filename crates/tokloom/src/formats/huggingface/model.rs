//! The model section: byte-level BPE's vocabulary and merges, still as text.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::section::{Section, Text};
use crate::error::{Error, Result};
use crate::formats::ID_LIMIT;

/// What a model section holds.
pub(super) struct Model<'a> {
    /// Ids by text, in the alphabet of bytes unless it is an added token's.
    pub vocabulary: HashMap<Cow<'a, str>, u32>,
    /// (left id, right id, merged id), the first first.
    pub merges: Vec<(u32, u32, u32)>,
    /// Whether a pretoken that is in the vocabulary becomes that token, whatever the merges say.
    pub ignore_merges: bool,
    /// Where the vocabulary stands.
    pub vocabulary_section: Section<'a>,
}

pub(super) fn read<'a>(section: &Section<'a>) -> Result<Model<'a>> {
    let (mut vocabulary, mut merges, mut ignore_merges, mut named) = (None, None, false, false);
    for (key, field) in section.fields()? {
        match key.as_ref() {
            "type" => {
                named = true;
                check_type(&field)?;
            }
            "vocab" => vocabulary = Some(field),
            "merges" => merges = Some(field),
            "ignore_merges" => ignore_merges = field.parse::<Option<bool>>()?.unwrap_or(false),
            // A byte is never unknown, since all 256 are checked to be tokens: what would be done then has no effect.
            "unk_token" => field.parse::<Option<Text>>().map(drop)?,
            "fuse_unk" => field.parse::<Option<bool>>().map(drop)?,
            "byte_fallback" => {
                if field.parse::<Option<bool>>()?.unwrap_or(false) {
                    return Err(field.unsupported("true: tokens of the form <0x41> aren't the engine's"));
                }
            }
            "dropout" => {
                if field.parse::<Option<f64>>()?.is_some_and(|probability| probability != 0.0) {
                    let shown = field.described();
                    return Err(
                        field.unsupported(format!("{shown}: merges left out at random give no certain ids"))
                    );
                }
            }
            "continuing_subword_prefix" | "end_of_word_suffix" => {
                if field.parse::<Option<Text>>()?.is_some_and(|Text(text)| !text.is_empty()) {
                    return Err(
                        field.unsupported(format!("{}: tokens wouldn't be their bytes", field.described()))
                    );
                }
            }
            _ => return Err(field.unknown_field()),
        }
    }
    let (Some(vocabulary_section), Some(merges)) = (vocabulary, merges) else {
        // Before tokenizers 0.9 files had no `type`; a BPE model is the one that has both.
        let what = "needs both `vocab` and `merges` to be byte-level BPE";
        return Err(if named { section.wrong(what) } else { section.unsupported(what) });
    };
    let vocabulary = read_vocabulary(&vocabulary_section)?;
    let merges = read_merges(&merges, &vocabulary)?;
    Ok(Model { vocabulary, merges, ignore_merges, vocabulary_section })
}

fn check_type(field: &Section) -> Result<()> {
    match field.parse::<Text>()?.0.as_ref() {
        "BPE" => Ok(()),
        name => Err(field.unsupported(format!("\"{name}\" is another kind of model than BPE"))),
    }
}

fn read_vocabulary<'a>(section: &Section<'a>) -> Result<HashMap<Cow<'a, str>, u32>> {
    let mut vocabulary = HashMap::new();
    let mut ids = HashSet::new();
    section.each_field(|key, text| {
        let wrong = |what: String| section.field(&format!("{key:?}"), text).wrong(what);
        let id = text.parse::<u64>().ok().filter(|&id| id < ID_LIMIT).and_then(|id| u32::try_from(id).ok());
        let Some(id) = id else {
            let shown = section.field("", text).described();
            return Err(wrong(format!(
                "{shown} is not an id, which is a whole number from 0 and below 2^31"
            )));
        };
        if key.is_empty() {
            return Err(wrong("an empty token; remove it".to_owned()));
        }
        if !ids.insert(id) {
            return Err(wrong(format!("id {id} is given to another token too; give each token its own")));
        }
        if vocabulary.contains_key(&key) {
            return Err(wrong("this token is given twice; remove one of them".to_owned()));
        }
        vocabulary.insert(key, id);
        Ok(())
    })?;
    Ok(vocabulary)
}

fn read_merges(section: &Section, vocabulary: &HashMap<Cow<str>, u32>) -> Result<Vec<(u32, u32, u32)>> {
    let mut merges = Vec::new();
    let mut known = HashSet::new();
    let mut merged = String::new();
    section.each_item(|index, text| {
        let item = section.item(index, text);
        let Some((left, right)) = read_pair(&item)? else {
            return Ok(());
        };
        let id_of = |part: &str, what: &str| -> std::result::Result<u32, Error> {
            vocabulary.get(part).copied().ok_or_else(|| {
                item.wrong(format!(
                    "{left:?} + {right:?}: {what} {part:?} is not in the vocab; the file is incomplete"
                ))
            })
        };
        merged.clear();
        merged.push_str(&left);
        merged.push_str(&right);
        let merge =
            (id_of(&left, "its left part")?, id_of(&right, "its right part")?, id_of(&merged, "its result")?);
        if !known.insert((merge.0, merge.1)) {
            return Err(item.wrong(format!("{left:?} + {right:?} is given twice; remove one of them")));
        }
        merges.push(merge);
        Ok(())
    })?;
    Ok(merges)
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A merge in the newer form `["a", "b"]`, or in the older one, `"a b"`.
///
/// `None` for an older one that begins with `#version`: `tokenizers` takes it for the first line of a `merges.txt`.
fn read_pair<'a>(item: &Section<'a>) -> Result<Option<Pair<'a>>> {
    if item.text().starts_with('[') {
        let (Text(left), Text(right)) = item.parse()?;
        return Ok(Some((left, right)));
    }
    let Text(line) = item.parse()?;
    if line.starts_with("#version") {
        return Ok(None);
    }
    let cut = |line: &str| line.split_once(' ').map(|(left, right)| (left.len(), right.contains(' ')));
    let Some((end, false)) = cut(&line) else {
        return Err(item.wrong(format!("{line:?} is not two tokens with one space between them")));
    };
    Ok(Some(match line {
        Cow::Borrowed(line) => (Cow::Borrowed(&line[..end]), Cow::Borrowed(&line[end + 1..])),
        Cow::Owned(line) => (Cow::Owned(line[..end].to_owned()), Cow::Owned(line[end + 1..].to_owned())),
    }))
}
