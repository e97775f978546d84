//! tiktoken's rank files: a line a token, `base64(bytes) SPACE rank`.
//!
//! A rank is the token's id. The file carries neither a split pattern nor special tokens: who reads it must know them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::collections::HashMap;
use std::hash::BuildHasher;

use super::{ID_LIMIT, foreign};
use crate::error::{Error, Result};

/// No token is anywhere near this long; a longer line is another kind of file.
const LINE_LIMIT: usize = 1 << 20;

/// The tokens of a rank file, by ascending id. Ids may have holes.
///
/// Line ends may be `\n` or `\r\n`; the last may be missing, and blank lines may follow it.
pub fn read(bytes: &[u8], origin: &str) -> Result<Vec<(u32, Vec<u8>)>> {
    refuse_foreign(bytes, origin)?;
    let mut tokens = Lines::default();
    let mut blank = None;
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1..) {
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
        let added = read_line(line).and_then(|(token, rank)| tokens.add(token, rank));
        added.map_err(|what| Error::Format(format!("{origin}, line {number}: {what}")))?;
    }
    if tokens.list.is_empty() {
        return Err(Error::Format(format!(
            "{origin}: empty; a rank file has a line for each token, `base64 rank`. A download may have failed"
        )));
    }
    if tokens.by_rank.is_some() {
        tokens.list.sort_unstable();
    }
    Ok(tokens.list)
}

/// The tokens of the lines so far: line `i` is `list[i - 1]`.
#[derive(Default)]
struct Lines {
    list: Vec<(u32, Vec<u8>)>,
    by_token: HashTable<usize>,
    hasher: foldhash::fast::RandomState,
    /// Not needed while ranks ascend, as they do in every published file.
    by_rank: Option<HashMap<u32, usize>>,
}

impl Lines {
    fn add(&mut self, token: Vec<u8>, rank: u32) -> std::result::Result<(), String> {
        let Self { list, by_token, hasher, by_rank } = self;
        let index = list.len();
        if by_rank.is_none() && list.last().is_some_and(|&(last, _)| last >= rank) {
            *by_rank = Some(list.iter().zip(0..).map(|((rank, _), index)| (*rank, index)).collect());
        }
        if let Some(first) = by_rank.as_mut().and_then(|by_rank| by_rank.insert(rank, index)) {
            return Err(format!(
                "rank {rank} was already given in line {}; give each token its own",
                first + 1
            ));
        }
        let hash = |index: &usize| hasher.hash_one(&list[*index].1);
        match by_token.entry(hasher.hash_one(&token), |index| list[*index].1 == token, hash) {
            Entry::Occupied(first) => {
                let (shown, line) = (token.escape_ascii(), first.get() + 1);
                return Err(format!(
                    "the token b\"{shown}\" already stands in line {line}; remove one of them"
                ));
            }
            Entry::Vacant(place) => place.insert(index),
        };
        list.push((rank, token));
        Ok(())
    }
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
