//! What is written.

use super::*;

#[test]
fn what_was_read_comes_back() {
    let splits = sequence("pretokenizers", &[split(r"\d"), split(LETTERS), byte_level(false)]);
    for file in [file(), with("/pre_tokenizer", splits), with("/added_tokens/-", added("日 \"\\\n", 259))] {
        let parts = read_value(&file).unwrap();
        let written = write(&parts).unwrap();
        assert_eq!(read(&written).unwrap(), parts);
        assert_eq!(write(&read(&written).unwrap()).unwrap(), written);
    }
}

#[test]
fn fields_in_the_order_of_tokenizers_and_ids_ascending() {
    let parts = read_value(&file()).unwrap();
    let text = String::from_utf8(write(&parts).unwrap()).unwrap();
    assert!(text.starts_with(
        r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":258,"content":"<|end|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},"post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,"vocab":{"Ā":0,"ā":1"#
    ), "{text:.900}");
    assert!(text.ends_with(r#""ab":256,"abc":257,"<|end|>":258},"merges":[["a","b"],["ab","c"]]}}"#));
}

fn special_token_error(parts: &Parts) -> String {
    match write(parts) {
        Err(Error::SpecialToken(message)) => message,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn no_special_token_that_tokenizers_would_take_for_another() {
    let mut parts = read_value(&file()).unwrap();
    parts.added = vec![AddedToken::special("Ġ", 300)];
    assert!(special_token_error(&parts).contains("the token 32 is written so"));
    parts.added = vec![AddedToken::special("end", 300)];
    assert!(write(&parts).is_ok());
    parts.whole_pretoken_first = true;
    assert!(special_token_error(&parts).contains("a pretoken that is written so"));
}

#[test]
fn no_post_processor_with_stale_ids() {
    let mut parts = read_value(&file()).unwrap();
    parts.post_processor =
        Some(r#"{"type":"BertProcessing","sep":["<|end|>",258],"cls":["<|end|>",7]}"#.into());
    assert!(special_token_error(&parts).contains("as id 7"));
    parts.post_processor = Some(r#"{"type":"BertProcessing","sep":["<s>",1],"cls":["<s>",1]}"#.into());
    assert!(special_token_error(&parts).contains("no special token"));
}

#[test]
fn no_vocabulary_that_contradicts_itself() {
    let parts = read_value(&file()).unwrap();
    let spoil = |change: &dyn Fn(&mut Parts)| {
        let mut parts = parts.clone();
        change(&mut parts);
        write(&parts).expect_err("contradiction").to_string()
    };
    assert!(spoil(&|parts| parts.merges = Merges::Listed(vec![(0, 1, 2)])).contains("merge 0"));
    assert!(spoil(&|parts| parts.merges = Merges::Listed(vec![(258, 1, 2)])).contains("merge 0"));
    assert!(spoil(&|parts| parts.tokens.push((400, b"ab".to_vec()))).contains("ids 256 and 400"));
    assert!(spoil(&|parts| parts.tokens.push((258, b"zz".to_vec()))).contains("id 258"));
}

#[test]
fn the_config_for_transformers() {
    let added = [AddedToken::special("<|end|>", 258)];
    let tokens = ConfigTokens { eos: Some("<|end|>"), ..ConfigTokens::default() };
    let text = write_config(&added, tokens, Some(1024)).unwrap();
    let expected = json!({
        "added_tokens_decoder": {"258": {"content": "<|end|>", "lstrip": false, "normalized": false,
                                         "rstrip": false, "single_word": false, "special": true}},
        "clean_up_tokenization_spaces": false, "eos_token": "<|end|>", "model_max_length": 1024,
        "tokenizer_class": "PreTrainedTokenizerFast",
    });
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), expected);
    let unknown = ConfigTokens { pad: Some("<pad>"), ..ConfigTokens::default() };
    assert!(matches!(write_config(&added, unknown, None), Err(Error::SpecialToken(_))));
}
