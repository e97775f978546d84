//! tiktoken's rank files: a line a token, `base64(bytes) SPACE rank`.
//!
//! A rank is the token's id. The file carries neither a split pattern nor special tokens: who reads it must know them.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{ID_LIMIT, foreign};
use crate::error::{Error, Result};

/// No token is anywhere near this long; a longer line is another kind of file.
const LINE_LIMIT: usize = 1 << 20;

/// The tokens of a rank file, by ascending id. Ids may have holes.
///
/// Line ends may be `\n` or `\r\n`; the last may be missing, and blank lines may follow it.
pub fn read(bytes: &[u8], origin: &str) -> Result<Vec<(u32, Vec<u8>)>> {
    refuse_foreign(bytes, origin)?;
    let mut tokens: HashMap<Vec<u8>, (u32, usize)> = HashMap::new();
    let mut lines_of_ranks: HashMap<u32, usize> = HashMap::new();
    let mut blank = None;
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1..) {
        let wrong = |what: String| Error::Format(format!("{origin}, line {number}: {what}"));
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            blank.get_or_insert(number);
            continue;
        }
        if let Some(blank) = blank {
            return Err(Error::Format(format!(
                "{origin}, line {blank}: a blank line between tokens; a line may be missing, so get the file anew"
            )));
        }
        let (token, rank) = read_line(line).map_err(wrong)?;
        if let Some(first) = lines_of_ranks.insert(rank, number) {
            return Err(wrong(format!(
                "rank {rank} was already given in line {first}; give each token its own"
            )));
        }
        if let Some((_, first)) = tokens.get(&token) {
            let shown = token.escape_ascii();
            return Err(wrong(format!(
                "the token b\"{shown}\" already stands in line {first}; remove one of them"
            )));
        }
        tokens.insert(token, (rank, number));
    }
    if tokens.is_empty() {
        return Err(Error::Format(format!(
            "{origin}: empty; a rank file has a line for each token, `base64 rank`. A download may have failed"
        )));
    }
    let mut tokens: Vec<_> = tokens.into_iter().map(|(token, (rank, _))| (rank, token)).collect();
    tokens.sort_unstable();
    Ok(tokens)
}

/// A rank file of these tokens, by ascending id, byte for byte as tiktoken writes it.
pub fn write<'a>(tokens: impl Iterator<Item = (u32, &'a [u8])>) -> Vec<u8> {
    let mut tokens: Vec<_> = tokens.collect();
    tokens.sort_unstable();
    let mut text = String::with_capacity(tokens.len() * 20);
    for (rank, token) in tokens {
        BASE64.encode_string(token, &mut text);
        text.push(' ');
        text.push_str(&rank.to_string());
        text.push('\n');
    }
    text.into_bytes()
}

fn refuse_foreign(bytes: &[u8], origin: &str) -> Result<()> {
    let what = if bytes.trim_ascii_start().starts_with(b"{") {
        "JSON; a `tokenizer.json` is read as the format \"huggingface\""
    } else if let Some(what) = foreign::looks_like(bytes) {
        what
    } else {
        return Ok(());
    };
    Err(Error::Format(format!("{origin}: not a rank file: it looks like {what}")))
}

/// One line without its end; the error says what is wrong with it.
fn read_line(line: &[u8]) -> std::result::Result<(Vec<u8>, u32), String> {
    if line.len() > LINE_LIMIT {
        return Err(format!("{} bytes long, over the limit of {LINE_LIMIT}: not a rank file", line.len()));
    }
    let mut fields = line.split(|&byte| byte == b' ');
    let (token, rank) = match (fields.next(), fields.next(), fields.next()) {
        (Some(token), Some(rank), None) if !rank.is_empty() => (token, rank),
        (_, None, _) => return Err(format!("no rank after {}; expected `base64 rank`", shown(line))),
        _ => return Err(format!("expected `base64 rank` with one space, got {}", shown(line))),
    };
    if token.is_empty() {
        return Err(format!("an empty token has rank {}; remove the line", shown(rank)));
    }
    let token = BASE64.decode(token).map_err(|error| {
        format!("{} is not base64 ({error}); the file is damaged, or of another kind", shown(token))
    })?;
    Ok((token, read_rank(rank)?))
}

fn read_rank(rank: &[u8]) -> std::result::Result<u32, String> {
    let digits = std::str::from_utf8(rank).ok().filter(|_| rank.iter().all(u8::is_ascii_digit));
    let Some(digits) = digits else {
        return Err(format!("the rank {} is not a whole number from 0", shown(rank)));
    };
    match digits.parse::<u64>() {
        Ok(rank) if rank < ID_LIMIT => u32::try_from(rank).map_err(|error| error.to_string()),
        _ => Err(format!("the rank {} is not below 2^31", shown(rank))),
    }
}

/// A part of a line for a message: escaped, and cut if it is long.
fn shown(bytes: &[u8]) -> String {
    const LIMIT: usize = 40;
    let cut = &bytes[..bytes.len().min(LIMIT)];
    format!("\"{}\"{}", cut.escape_ascii(), if bytes.len() > LIMIT { "…" } else { "" })
}
