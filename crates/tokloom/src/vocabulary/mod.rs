//! Token bytes by id, merges, special tokens: a vocabulary that was checked and is ready for use.

mod derive;
mod fingerprint;
pub(crate) mod hashing;
pub(crate) mod pair_table;
mod pairs;
mod parts;
pub(crate) mod tokens;

pub use parts::{AddedToken, Merges, Parts};
pub use tokens::{HIGHEST_ID, LONGEST_TOKEN};

use crate::encode::added::AddedTokens;
use crate::encode::merge::{self, Workspace};
use crate::encode::scratch::ScratchPool;
use crate::error::{Error, Result};
use crate::pretokenize::{Pattern, Pretokenizer};
use pair_table::{Merge, PairTable};
use std::collections::HashMap;
use std::sync::OnceLock;
use tokens::{TokenBytes, TokenLookup};

/// A vocabulary ready for use. Never changes: what is made from it is a new one. Safe to share between threads.
pub struct Vocabulary {
    pattern: Pattern,
    pub(crate) pretokenizer: Pretokenizer,
    merges: Merges,
    whole_pretoken_first: bool,
    /// Ordinary and added tokens.
    pub(crate) bytes: TokenBytes,
    /// Pretokens that are one token.
    pub(crate) whole: TokenLookup,
    /// Ordinary tokens that no text becomes, since merges never make them and don't have to be asked first.
    unreachable: HashMap<Vec<u8>, u32>,
    pub(crate) pairs: PairTable,
    pub(crate) byte_ids: [u32; 256],
    pub(crate) added: AddedTokens,
    post_processor: Option<String>,
    fingerprint: OnceLock<[u8; 32]>,
    pub(crate) scratch: ScratchPool,
}

impl Vocabulary {
    /// Checks the parts and makes them ready for use.
    ///
    /// # Errors
    /// [`Error::Vocabulary`] for an empty or duplicate token, a duplicate id, a byte without a token, a merge of what
    /// isn't there; [`Error::SpecialToken`] for an added token that is empty, given twice, or equal to an ordinary
    /// one; [`Error::Pattern`] for a pattern that doesn't compile.
    pub fn new(parts: Parts) -> Result<Self> {
        let Parts { pattern, mut tokens, merges, whole_pretoken_first, added, post_processor } = parts;
        tokens.sort_by_key(|(id, _)| *id);
        let tokens: Vec<(u32, &[u8])> = tokens.iter().map(|(id, bytes)| (*id, &bytes[..])).collect();
        let tables = Tables::new(&tokens)?;
        let (merges, pairs) = resolve_merges(merges, whole_pretoken_first, &tables)?;
        Self::assemble(pattern, &tokens, tables, merges, pairs, whole_pretoken_first, added, post_processor)
    }

    /// A vocabulary whose pairs were derived before: (left, right, merged) by rank, which is the merged token's id.
    pub(crate) fn with_pairs(
        pattern: Pattern,
        tokens: &[(u32, &[u8])],
        pairs: impl ExactSizeIterator<Item = (u32, u32, u32)>,
        added: Vec<AddedToken>,
    ) -> Result<Self> {
        let tables = Tables::new(tokens)?;
        let mut table = PairTable::with_capacity(pairs.len());
        for (left, right, id) in pairs {
            table.insert(left, right, Merge { rank: id, id });
        }
        Self::assemble(pattern, tokens, tables, Merges::ByRank, table, true, added, None)
    }

    #[expect(clippy::too_many_arguments, reason = "what a vocabulary is made of, each once")]
    fn assemble(
        pattern: Pattern,
        tokens: &[(u32, &[u8])],
        tables: Tables,
        merges: Merges,
        mut pairs: PairTable,
        whole_pretoken_first: bool,
        added: Vec<AddedToken>,
        post_processor: Option<String>,
    ) -> Result<Self> {
        let pretokenizer = Pretokenizer::new(&pattern)?;
        check_added(&added, &tables)?;
        let Tables { bytes, mut whole, byte_ids } = tables;
        pairs.index_bytes(&byte_ids);
        let by_rank = matches!(merges, Merges::ByRank);
        let whole_pretoken_first = whole_pretoken_first || by_rank;
        let mut unreachable = HashMap::new();
        if !whole_pretoken_first && !matches!(merges, Merges::None) {
            unreachable = unreachable_tokens(&bytes, &byte_ids, &pairs);
            let reachable = tokens.iter().copied().filter(|(_, bytes)| !unreachable.contains_key(*bytes));
            whole = TokenLookup::new(reachable);
        }
        let mut all = tokens.to_vec();
        all.extend(added.iter().map(|token| (token.id, token.content.as_bytes())));
        all.sort_by_key(|(id, _)| *id);
        Ok(Self {
            bytes: if added.is_empty() { bytes } else { TokenBytes::new(all)? },
            pattern,
            pretokenizer,
            merges,
            whole_pretoken_first,
            scratch: ScratchPool::new(whole.seed()),
            whole,
            unreachable,
            pairs,
            byte_ids,
            added: AddedTokens::new(added)?,
            post_processor,
            fingerprint: OnceLock::new(),
        })
    }

    /// The parts again, in canonical order.
    pub fn parts(&self) -> Parts {
        Parts {
            pattern: self.pattern.clone(),
            tokens: self.ordinary_tokens().map(|(id, bytes)| (id, bytes.to_vec())).collect(),
            merges: self.merges.clone(),
            whole_pretoken_first: self.whole_pretoken_first,
            added: self.added.tokens().to_vec(),
            post_processor: self.post_processor.clone(),
        }
    }

    /// How text is split.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Which pairs merge, and which first.
    pub fn merges(&self) -> &Merges {
        &self.merges
    }

    /// The merges as pairs, the earliest first: (left id, right id, merged id). Empty for a vocabulary without any.
    pub fn merge_list(&self) -> Vec<(u32, u32, u32)> {
        self.pairs.by_rank()
    }

    /// Whether a pretoken that is a token as a whole becomes it, whatever the merges say.
    pub fn whole_pretoken_first(&self) -> bool {
        self.whole_pretoken_first
    }

    /// Special and other added tokens, in ascending order of id.
    pub fn added_tokens(&self) -> &[AddedToken] {
        self.added.tokens()
    }

    /// A Hugging Face post-processor as JSON, never applied here.
    pub fn post_processor(&self) -> Option<&str> {
        self.post_processor.as_deref()
    }

    /// The highest id + 1: the rows that an embedding needs.
    pub fn size(&self) -> u32 {
        self.bytes.last_id().map_or(0, |id| id + 1)
    }

    /// The bytes of a token, special ones included; `None` if the id stands for nothing.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.bytes.get(id)
    }

    /// The id of the ordinary token with exactly these bytes.
    pub fn token_id(&self, bytes: &[u8]) -> Option<u32> {
        self.whole.get(bytes).or_else(|| self.unreachable.get(bytes).copied())
    }

    /// (id, bytes) of all ordinary tokens in ascending order of id.
    pub fn ordinary_tokens(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.bytes.iter().filter(|(id, _)| self.added.by_id(*id).is_none())
    }

    /// sha256 over everything that can change an id or a byte.
    pub fn fingerprint(&self) -> [u8; 32] {
        *self.fingerprint.get_or_init(|| fingerprint::of(self))
    }

    /// This vocabulary with more added tokens.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_added_tokens(&self, tokens: impl IntoIterator<Item = AddedToken>) -> Result<Self> {
        let mut parts = self.parts();
        parts.added.extend(tokens);
        Self::new(parts)
    }
}

/// The ordinary tokens, checked, by id and by their bytes.
struct Tables {
    bytes: TokenBytes,
    whole: TokenLookup,
    byte_ids: [u32; 256],
}

impl Tables {
    /// From tokens in ascending order of id.
    fn new(tokens: &[(u32, &[u8])]) -> Result<Self> {
        check_tokens(tokens)?;
        let bytes = TokenBytes::new(tokens.iter().copied())?;
        let whole = TokenLookup::new(tokens.iter().copied());
        if whole.len() < tokens.len() {
            return Err(given_twice(tokens));
        }
        let mut byte_ids = [0; 256];
        for byte in 0..=255u8 {
            byte_ids[byte as usize] = whole.get(&[byte]).ok_or_else(|| {
                Error::Vocabulary(format!(
                    "byte 0x{byte:02x} has no token; byte-level vocabularies need one for each of the 256 bytes, or \
                     some text could not be encoded. Was the file cut short?"
                ))
            })?;
        }
        Ok(Self { bytes, whole, byte_ids })
    }
}

/// Checks each token in ascending order of id.
fn check_tokens(tokens: &[(u32, &[u8])]) -> Result<()> {
    for (id, bytes) in tokens {
        let wrong = match bytes.len() {
            0 => format!("the token with id {id} is empty; every token needs at least one byte"),
            length if length > LONGEST_TOKEN => {
                format!("the token with id {id} is {length} bytes long; at most {LONGEST_TOKEN} are allowed")
            }
            _ if *id > HIGHEST_ID - 1 => format!("id {id} is too high: ids go up to {}", HIGHEST_ID - 1),
            _ => continue,
        };
        return Err(Error::Vocabulary(wrong));
    }
    if let Some(pair) = tokens.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let ((id, first), (_, second)) = (&pair[0], &pair[1]);
        let message = format!("id {id} stands for two tokens, {} and {}", show(first), show(second));
        return Err(Error::Vocabulary(message));
    }
    Ok(())
}

/// The error for tokens of which two have the same bytes.
fn given_twice(tokens: &[(u32, &[u8])]) -> Error {
    let mut seen = HashMap::with_capacity(tokens.len());
    let second = tokens.iter().find_map(|(id, bytes)| Some((seen.insert(*bytes, *id)?, *id, *bytes)));
    let (first, id, bytes) = second.unwrap_or_default();
    Error::Vocabulary(format!("the token {} has two ids, {first} and {id}", show(bytes)))
}

fn check_added(added: &[AddedToken], tables: &Tables) -> Result<()> {
    let mut contents = HashMap::new();
    let mut ids: HashMap<u32, &[u8]> = HashMap::new();
    for AddedToken { content, id, special, .. } in added {
        let wrong = if content.is_empty() {
            "a special token is empty; it would be found everywhere".to_owned()
        } else if content.len() > LONGEST_TOKEN {
            format!("a special token is {} bytes long; at most {LONGEST_TOKEN} are allowed", content.len())
        } else if *id > HIGHEST_ID - 1 {
            format!("id {id} of special token {content:?} is too high: ids go up to {}", HIGHEST_ID - 1)
        } else if let Some(ordinary) = tables.whole.get(content.as_bytes()).filter(|_| *special) {
            format!(
                "special token {content:?} is already an ordinary token, with id {ordinary}: give it another text"
            )
        } else if contents.insert(content, *id).is_some() {
            format!("special token {content:?} is given twice")
        } else if let Some(other) = tables.bytes.get(*id).or_else(|| ids.insert(*id, content.as_bytes())) {
            format!("id {id} of special token {content:?} already stands for {}", show(other))
        } else {
            continue;
        };
        return Err(Error::SpecialToken(wrong));
    }
    Ok(())
}

/// Bytes for a message: short, and readable where they are text.
pub(crate) fn show(bytes: &[u8]) -> String {
    const AT_MOST: usize = 64;
    let shown = &bytes[..bytes.len().min(AT_MOST)];
    let more = if bytes.len() > AT_MOST { "…" } else { "" };
    match std::str::from_utf8(shown) {
        Ok(text) => format!("{text:?}{more}"),
        Err(_) => format!("b\"{}\"{more}", shown.escape_ascii()),
    }
}

/// The pair table, and the merges in canonical form: what ranks alone say is said by rank.
fn resolve_merges(
    merges: Merges,
    whole_pretoken_first: bool,
    tables: &Tables,
) -> Result<(Merges, PairTable)> {
    let Tables { bytes: tokens, whole: lookup, byte_ids } = tables;
    let listed = match merges {
        Merges::None => return Ok((Merges::None, PairTable::with_capacity(0))),
        Merges::ByRank => return Ok((Merges::ByRank, pairs::pairs_by_rank(tokens, lookup, byte_ids))),
        Merges::Listed(listed) => listed,
    };
    let mut table = PairTable::with_capacity(listed.len());
    for (rank, &(left, right, id)) in listed.iter().enumerate() {
        let joined = tokens.get(left).zip(tokens.get(right)).map(|(left, right)| [left, right].concat());
        if joined.is_none() || joined.as_deref() != tokens.get(id) {
            return Err(Error::Vocabulary(format!(
                "merge {rank} joins ids {left} and {right} into id {id}, but their bytes don't make that token"
            )));
        }
        table.insert(left, right, Merge { rank: rank as u32, id });
    }
    let said_by_rank = pairs::pairs_by_rank(tokens, lookup, byte_ids);
    let equal = said_by_rank.by_rank() == table.by_rank()
        && (whole_pretoken_first || unreachable_tokens(tokens, byte_ids, &table).is_empty());
    if equal { Ok((Merges::ByRank, said_by_rank)) } else { Ok((Merges::Listed(table.by_rank()), table)) }
}

fn unreachable_tokens(
    tokens: &TokenBytes,
    byte_ids: &[u32; 256],
    pairs: &PairTable,
) -> HashMap<Vec<u8>, u32> {
    let mut workspace = Workspace::default();
    let unreachable =
        tokens.iter().filter(|(id, bytes)| merge::merge(bytes, byte_ids, pairs, &mut workspace) != [*id]);
    unreachable.map(|(id, bytes)| (bytes.to_vec(), id)).collect()
}
