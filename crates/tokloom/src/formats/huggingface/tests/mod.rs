//! The reader and the writer, with stand-ins for the known patterns and for the pretokenizer.

mod accepts;
mod hostile;
mod refuses;
mod writes;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pre_tokenizer::GPT2;
use super::read::{IsOnePretoken, read_with};
use super::write::{View, write_with};
use super::{alphabet, write_config};
use crate::error::{Error, Result};
use crate::formats::huggingface::ConfigTokens;
use crate::pretokenize::Pattern;
use crate::vocabulary::{AddedToken, Merges, Parts};

const ORIGIN: &str = "some/tokenizer.json";
const LETTERS: &str = "[a-z]+";

fn find(regexes: &[&str]) -> Option<Pattern> {
    let known: [&[&str]; 4] = [&[GPT2], &[LETTERS], &[r"\d", LETTERS], &[LETTERS, GPT2]];
    known.contains(&regexes).then(|| Pattern::sequence(regexes.iter().copied()))
}

/// As if letters, and nothing else, were one pretoken.
fn one_pretoken_of(_: &Pattern) -> Result<IsOnePretoken> {
    Ok(Box::new(|bytes| Ok(bytes.iter().all(u8::is_ascii_lowercase))))
}

fn read(file: &[u8]) -> Result<Parts> {
    read_with(file, ORIGIN, find, one_pretoken_of)
}

fn read_value(file: &Value) -> Result<Parts> {
    read(file.to_string().as_bytes())
}

fn refusal(file: &Value) -> String {
    match read_value(file) {
        Err(Error::Format(message) | Error::Unsupported { message, .. }) => message,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// All bytes (id = byte), "ab" 256, "abc" 257, and a special token 258 in the vocabulary.
fn file() -> Value {
    let mut vocabulary = serde_json::Map::new();
    for byte in 0..=255u8 {
        vocabulary.insert(alphabet::write(&[byte]), byte.into());
    }
    vocabulary.insert("ab".into(), 256.into());
    vocabulary.insert("abc".into(), 257.into());
    vocabulary.insert("<|end|>".into(), 258.into());
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [added("<|end|>", 258)],
        "normalizer": null,
        "pre_tokenizer": byte_level(true),
        "post_processor": null,
        "decoder": byte_level(true),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": [["a", "b"], ["ab", "c"]],
        },
    })
}

fn byte_level(use_regex: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex})
}

fn split(regex: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false})
}

fn sequence(field: &str, steps: &[Value]) -> Value {
    json!({"type": "Sequence", field: steps})
}

fn added(content: &str, id: u32) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
           "normalized": false, "special": true})
}

/// The file with the value at `pointer` replaced (or put there).
fn with(pointer: &str, value: Value) -> Value {
    let mut file = file();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match file.pointer_mut(parent).unwrap() {
        Value::Array(list) => list.push(value),
        object => object[key] = value,
    }
    file
}

fn write(parts: &Parts) -> Result<Vec<u8>> {
    let tokens: Vec<_> = parts.tokens.iter().map(|(id, bytes)| (*id, bytes.as_slice())).collect();
    let Merges::Listed(merges) = &parts.merges else { panic!("a file lists its merges") };
    let merges: Vec<_> = merges.iter().map(|&(left, right, _)| (left, right)).collect();
    let regexes: Vec<&str> = parts.pattern.splits().iter().map(|split| split.regex.as_str()).collect();
    let view = View {
        pattern: &parts.pattern,
        tokens: &tokens,
        merges: &merges,
        whole_pretoken_first: parts.whole_pretoken_first,
        added: &parts.added,
        post_processor: parts.post_processor.as_deref(),
    };
    write_with(&view, &regexes, one_pretoken_of)
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }

    #[test]
    fn a_file_with_a_stretch_overwritten_or_cut_never_panics(
        place in any::<prop::sample::Index>(), noise in "[\\[\\]{}\",:0-9a-z\\\\]{0,6}", cut in any::<bool>(),
    ) {
        let text = file().to_string();
        let at = place.index(text.len());
        let at = (at..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap();
        let end = if cut { "" } else { &text[at..] };
        let _ = read(format!("{}{noise}{end}", &text[..at]).as_bytes());
    }

    #[test]
    fn any_field_with_a_value_of_another_kind_never_panics(
        pointer in prop::sample::select(vec![
            "/version", "/truncation", "/added_tokens", "/added_tokens/-", "/normalizer", "/pre_tokenizer",
            "/pre_tokenizer/type", "/pre_tokenizer/add_prefix_space", "/post_processor", "/decoder", "/decoder/type",
            "/model", "/model/vocab", "/model/vocab/ab", "/model/merges", "/model/merges/-", "/model/dropout",
        ]),
        value in prop::sample::select(vec![
            json!(null), json!(true), json!(-1), json!(1e300), json!(u64::MAX), json!("Sequence"), json!([]), json!([[]]),
            json!({}), json!({"type": "Sequence"}), json!({"type": 3}), json!({"type": "Split"}),
        ]),
    ) {
        let _ = read_value(&with(pointer, value));
    }

    #[test]
    fn any_tokens_and_merges_come_back(steps in prop::collection::vec((any::<u16>(), any::<u16>()), 0..60)) {
        let mut parts = read_value(&file()).unwrap();
        parts.tokens.truncate(256);
        let mut merges = Vec::new();
        let mut known: std::collections::HashSet<Vec<u8>> = parts.tokens.iter().map(|(_, bytes)| bytes.clone()).collect();
        for (left, right) in steps {
            let (left, right) = (usize::from(left) % parts.tokens.len(), usize::from(right) % parts.tokens.len());
            let bytes = [parts.tokens[left].1.as_slice(), &parts.tokens[right].1].concat();
            if known.insert(bytes.clone()) {
                let id = 300 + 3 * parts.tokens.len() as u32;
                merges.push((parts.tokens[left].0, parts.tokens[right].0, id));
                parts.tokens.push((id, bytes));
            }
        }
        parts.merges = Merges::Listed(merges);
        prop_assert_eq!(read(&write(&parts).unwrap()).unwrap(), parts);
    }
}
