//! `tokenizer.json` with the real patterns and the real pretokenizer.

use tokloom::formats::huggingface::{View, read, write};
use tokloom::{AddedToken, Error, Merges, Parts, Pattern, Result};

/// All bytes, "ab", "abc" and a hole in the ids.
fn parts(pattern: Pattern, added: Vec<AddedToken>, whole_pretoken_first: bool) -> Parts {
    let mut tokens: Vec<_> = (0..=255u8).map(|byte| (u32::from(byte), vec![byte])).collect();
    tokens.extend([(256, b"ab".to_vec()), (300, b"abc".to_vec())]);
    let merges = Merges::Listed(vec![(97, 98, 256), (256, 99, 300)]);
    Parts { pattern, tokens, merges, whole_pretoken_first, added, post_processor: None }
}

fn written(parts: &Parts) -> Result<Vec<u8>> {
    let tokens: Vec<_> = parts.tokens.iter().map(|(id, bytes)| (*id, bytes.as_slice())).collect();
    write(&View {
        pattern: &parts.pattern,
        tokens: &tokens,
        merges: &[(97, 98), (256, 99)],
        whole_pretoken_first: parts.whole_pretoken_first,
        added: &parts.added,
        post_processor: parts.post_processor.as_deref(),
    })
}

#[test]
fn every_named_pattern_comes_back() {
    for name in Pattern::names() {
        let added = vec![AddedToken::special("<|end|>", 301), AddedToken::special("<｜ende｜>", 400)];
        for whole_pretoken_first in [false, true] {
            let parts = parts(Pattern::named(name).unwrap(), added.clone(), whole_pretoken_first);
            let file = written(&parts).unwrap();
            assert_eq!(read(&file, "f").unwrap(), parts, "{name}");
            assert_eq!(written(&read(&file, "f").unwrap()).unwrap(), file, "{name}");
        }
    }
}

#[test]
fn gpt2_is_what_byte_level_does_by_itself() {
    let file = written(&parts(Pattern::named("gpt2").unwrap(), vec![], false)).unwrap();
    let text = String::from_utf8(file).unwrap();
    assert!(text.contains(r#""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#));
}

#[test]
fn a_pattern_that_is_not_proven_is_neither_written_nor_read() {
    let custom = parts(Pattern::regex("[a-z]+|."), vec![], false);
    assert!(matches!(written(&custom), Err(Error::Format(message)) if message.contains("isn't proven")));
    let known = written(&parts(Pattern::named("qwen2").unwrap(), vec![], false)).unwrap();
    let other = String::from_utf8(known).unwrap().replace(r"\\p{N}|", r"\\p{N}{2}|");
    let message = read(other.as_bytes(), "f").unwrap_err().to_string();
    assert!(message.contains("pre_tokenizer") && message.contains("isn't proven"), "{message}");
}

/// With `ignore_merges` a special token in the vocabulary is found in ordinary text where it is a whole pretoken.
#[test]
fn whether_text_can_become_a_special_token_is_asked_of_the_pretokenizer() {
    for (content, is_one) in
        [("<|end|>", false), ("[INST]", false), ("END", true), ("###", true), ("Ġend", true)]
    {
        for name in ["llama3", "o200k", "deepseek-v3"] {
            let parts =
                |whole| parts(Pattern::named(name).unwrap(), vec![AddedToken::special(content, 301)], whole);
            assert!(written(&parts(false)).is_ok(), "{content}");
            match written(&parts(true)) {
                Err(Error::SpecialToken(message)) if is_one => {
                    assert!(message.contains(content), "{message}")
                }
                result => assert!(result.is_ok() && !is_one, "{name}: {content}"),
            }
        }
    }
}

#[test]
fn a_special_token_written_like_a_byte_is_refused() {
    for content in ["é", "Ġ", "a"] {
        let parts = parts(Pattern::named("gpt4").unwrap(), vec![AddedToken::special(content, 301)], false);
        assert!(matches!(written(&parts), Err(Error::SpecialToken(message)) if message.contains(content)));
    }
}

#[test]
fn a_file_with_such_a_special_token_is_refused() {
    let mut parts = parts(Pattern::named("llama3").unwrap(), vec![AddedToken::special("END", 301)], false);
    let file = String::from_utf8(written(&parts).unwrap()).unwrap();
    assert!(read(file.as_bytes(), "f").is_ok());
    let ignoring = file.replace(r#""ignore_merges":false"#, r#""ignore_merges":true"#);
    let message = read(ignoring.as_bytes(), "f").unwrap_err().to_string();
    assert!(message.contains("\"END\" is an added token, and (with ignore_merges)"), "{message}");
    parts.whole_pretoken_first = true;
    assert!(matches!(written(&parts), Err(Error::SpecialToken(_))));
}
