//! counts → vocabulary: byte-level BPE, its continuation, and the baseline of most frequent pretokens.

mod apply;
mod by_parts;
mod frequent;
mod merges;
mod pairs;
mod word_file;
mod words;

use crate::count::StoredCounts;
use crate::error::{Error, Result};
use crate::pretokenize::Pattern;
use crate::vocabulary::{AddedToken, HIGHEST_ID, LONGEST_TOKEN, Merges, Parts, Vocabulary};
use by_parts::merge_by_parts;
use merges::{Goal, Limits, MergeLoop, Tokens};
use std::cmp::Reverse;
use words::{Cell, Words};

/// Called now and then with the merges made and the merges wanted; an error ends the training.
pub type Progress<'p> = &'p mut dyn FnMut(usize, usize) -> Result<()>;

/// What a training is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything counted: 256 bytes, merges, special tokens.
    pub vocab_size: usize,
    /// Their ids follow the last merge, in this order.
    pub special_tokens: Vec<String>,
    /// A pair or word met fewer times is not taken.
    pub min_count: u64,
    /// No token gets longer than this, in bytes.
    pub max_token_length: Option<usize>,
}

impl Options {
    /// A vocabulary of this size, without special tokens and limits.
    pub fn new(vocab_size: usize) -> Self {
        Self { vocab_size, special_tokens: Vec::new(), min_count: 1, max_token_length: None }
    }

    /// Whether a training can be asked for this; so that nobody waits for hours of counting to be told.
    ///
    /// # Errors
    /// As [`train`].
    pub fn check(&self) -> Result<()> {
        check_special_tokens(&self.special_tokens)?;
        self.room()?;
        self.limits()?;
        Ok(())
    }

    fn limits(&self) -> Result<Limits> {
        let longest = self.max_token_length.unwrap_or(LONGEST_TOKEN);
        if longest == 0 || longest > LONGEST_TOKEN {
            return Err(Error::Argument(format!(
                "max_token_length is {longest}; it must be 1 to {LONGEST_TOKEN}"
            )));
        }
        Ok(Limits { min_count: i64::try_from(self.min_count.max(1)).unwrap_or(i64::MAX), longest })
    }

    /// How many tokens there is room for between the bytes and the special tokens.
    fn room(&self) -> Result<usize> {
        let (bytes, special) = (256, self.special_tokens.len());
        if self.vocab_size > HIGHEST_ID as usize {
            return Err(Error::Argument(format!(
                "vocab_size is {}; at most {HIGHEST_ID} (2^31 - 1) is possible",
                self.vocab_size
            )));
        }
        self.vocab_size.checked_sub(bytes + special).ok_or_else(|| {
            Error::Argument(format!(
                "vocab_size is {}, but 256 bytes and {special} special tokens need at least {}",
                self.vocab_size,
                bytes + special
            ))
        })
    }

    fn finish(&self, pattern: &Pattern, tokens: Vec<Vec<u8>>, merges: Merges) -> Result<Vocabulary> {
        let first_special = tokens.len() as u32;
        let added = self.special_tokens.iter().zip(first_special..);
        Vocabulary::new(Parts {
            pattern: pattern.clone(),
            tokens: (0..).zip(tokens).collect(),
            merges,
            whole_pretoken_first: true,
            added: added.map(|(content, id)| AddedToken::special(content, id)).collect(),
            post_processor: None,
        })
    }
}

/// Checks special tokens before hours are spent on counting: distinct, not empty, and no single byte (every byte is a
/// token already).
///
/// # Errors
/// [`Error::SpecialToken`] that names the first wrong one.
pub fn check_special_tokens(special_tokens: &[String]) -> Result<()> {
    for (index, token) in special_tokens.iter().enumerate() {
        let wrong = match token.len() {
            0 => "a special token is empty; it would be found everywhere".to_owned(),
            1 => format!(
                "special token {token:?} is a single byte, and every byte is already an ordinary token"
            ),
            _ if special_tokens[..index].contains(token) => format!("special token {token:?} is given twice"),
            _ => continue,
        };
        return Err(Error::SpecialToken(wrong));
    }
    Ok(())
}

fn bytes() -> Vec<Vec<u8>> {
    (0..=255).map(|byte| vec![byte]).collect()
}

/// Trains byte-level BPE: again and again the most frequent pair of neighbours becomes a token; of pairs met equally
/// often the one with the smaller (left id, right id). Ends early when no pair is left.
///
/// A special token must not equal a token; a merge that would make one is left out.
///
/// # Errors
/// [`Error::Argument`] for a `vocab_size` out of range; [`Error::SpecialToken`] as [`check_special_tokens`]; what
/// `progress` returns.
pub fn train<'c>(
    pattern: &Pattern,
    counts: impl Iterator<Item = (&'c [u8], u64)>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Vocabulary> {
    check_special_tokens(&options.special_tokens)?;
    let room = options.room()?;
    let mut tokens = Tokens::new(bytes(), options.limits()?);
    tokens.forbid(options.special_tokens.iter().map(String::as_bytes));
    let words = counts.map(|(pretoken, count)| (pretoken.iter().map(|&byte| byte.into()), count));
    merge(&mut tokens, words, room, progress)?;
    options.finish(pattern, tokens.into_bytes(), Merges::ByRank)
}

/// Like [`train`], from counts on disk: within the memory that counting was allowed, where that can be.
///
/// In that memory are the tables of what is merged at a time. Not in it are some megabytes of buffers, the new tokens,
/// and what a single pair, the most frequent one, needs at least: the different segments of words made of nothing else.
///
/// # Errors
/// As [`train`], and [`Error::Io`] where no temporary file can be written.
pub fn train_stored(counts: &StoredCounts, options: &Options, progress: Progress<'_>) -> Result<Vocabulary> {
    check_special_tokens(&options.special_tokens)?;
    let room = options.room()?;
    let mut tokens = Tokens::new(bytes(), options.limits()?);
    tokens.forbid(options.special_tokens.iter().map(String::as_bytes));
    let ids_of = |pretoken: &[u8]| pretoken.iter().map(|&byte| byte.into()).collect::<Vec<u32>>();
    merge_by_parts(&mut tokens, counts, ids_of, room, progress)?;
    options.finish(counts.pattern(), tokens.into_bytes(), Merges::ByRank)
}

/// Makes up to `wanted` merges with ids after those of `tokens`, and returns their pairs.
fn merge<I: IntoIterator<Item = u32>>(
    tokens: &mut Tokens,
    words: impl Iterator<Item = (I, u64)>,
    wanted: usize,
    progress: Progress<'_>,
) -> Result<Vec<(u32, u32)>> {
    let mut merges = Vec::new();
    let lowest = i64::try_from(tokens.least()).unwrap_or(i64::MAX);
    let all = Goal { until: wanted, wanted, lowest };
    let narrow = (u16::LIMIT as usize).saturating_sub(tokens.number());
    if narrow == 0 {
        let mut merging = MergeLoop::new(Words::<u32>::of(words)?);
        merging.run(tokens, &mut merges, all, progress)?;
        return Ok(merges);
    }
    let mut merging = MergeLoop::new(Words::<u16>::of(words)?);
    merging.run(tokens, &mut merges, Goal { until: narrow.min(wanted), ..all }, progress)?;
    if merges.len() == narrow && narrow < wanted {
        merging.widened().run(tokens, &mut merges, all, progress)?;
    }
    Ok(merges)
}

/// The baseline of every comparison: the most frequent pretokens become tokens, the rest is bytes. Ties go to the
/// smaller bytes.
///
/// # Errors
/// As [`train`].
pub fn train_words<'c>(
    pattern: &Pattern,
    counts: impl Iterator<Item = (&'c [u8], u64)>,
    options: &Options,
) -> Result<Vocabulary> {
    check_special_tokens(&options.special_tokens)?;
    let (room, limits) = (options.room()?, options.limits()?);
    let mut words: Vec<(Reverse<u64>, &[u8])> = counts
        .filter(|(word, count)| {
            (2..=limits.longest).contains(&word.len())
                && *count >= options.min_count
                && !options.special_tokens.iter().any(|special| special.as_bytes() == *word)
        })
        .map(|(word, count)| (Reverse(count), word))
        .collect();
    words.sort_unstable();
    let mut tokens = bytes();
    tokens.extend(words.into_iter().take(room).map(|(_, word)| word.to_vec()));
    options.finish(pattern, tokens, Merges::None)
}

/// Goes on training: every id stays, new merges get the ids after the highest one, up to `vocab_size` in all.
///
/// # Errors
/// [`Error::Argument`] if the vocabulary has no merges to go on from, or is as large already; what `progress` returns.
pub fn train_more<'c>(
    vocabulary: &Vocabulary,
    counts: impl Iterator<Item = (&'c [u8], u64)>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Vocabulary> {
    continued(vocabulary, options, |tokens, wanted| {
        let words = counts.map(|(pretoken, count)| (vocabulary.pretoken_ids(pretoken), count));
        merge(tokens, words, wanted, progress)
    })
}

/// Like [`train_more`], from counts on disk, as [`train_stored`].
///
/// # Errors
/// As [`train_more`], and [`Error::Io`] where no temporary file can be written.
pub fn train_more_stored(
    vocabulary: &Vocabulary,
    counts: &StoredCounts,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Vocabulary> {
    continued(vocabulary, options, |tokens, wanted| {
        merge_by_parts(tokens, counts, |pretoken| vocabulary.pretoken_ids(pretoken), wanted, progress)
    })
}

fn continued(
    vocabulary: &Vocabulary,
    options: &Options,
    merge: impl FnOnce(&mut Tokens, usize) -> Result<Vec<(u32, u32)>>,
) -> Result<Vocabulary> {
    if matches!(vocabulary.merges(), Merges::None) {
        let message = "a vocabulary of words has no merges to go on from; train one with model=\"bpe\"";
        return Err(Error::Argument(message.into()));
    }
    let (first_id, wanted) = (vocabulary.size(), options.vocab_size);
    if wanted > HIGHEST_ID as usize || wanted <= first_id as usize {
        return Err(Error::Argument(format!(
            "vocab_size is {wanted}; this vocabulary has {first_id} already, so give more than that and at most \
             {HIGHEST_ID}"
        )));
    }
    let known = vocabulary.ordinary_tokens().count();
    if first_id as usize > 16 * known + (1 << 20) {
        return Err(Error::Argument(format!(
            "the ids go up to {} for {known} tokens; with holes that large there is no going on. prune() gives a \
             vocabulary without holes",
            first_id - 1
        )));
    }
    let mut tokens = vec![Vec::new(); first_id as usize];
    for (id, bytes) in vocabulary.ordinary_tokens() {
        tokens[id as usize] = bytes.to_vec();
    }
    let mut tokens = Tokens::new(tokens, options.limits()?);
    // A pair whose bytes are a token already can't get a second id.
    tokens.forbid(vocabulary.ordinary_tokens().map(|(_, bytes)| bytes).filter(|bytes| bytes.len() > 1));
    tokens.forbid(vocabulary.added_tokens().iter().map(|token| token.content.as_bytes()));
    let made = merge(&mut tokens, wanted - first_id as usize)?;
    let mut parts = vocabulary.parts();
    parts.tokens.extend((first_id..).zip(tokens.into_bytes().into_iter().skip(first_id as usize)));
    if let Merges::Listed(listed) = &mut parts.merges {
        listed.extend(made.into_iter().zip(first_id..).map(|((left, right), id)| (left, right, id)));
    }
    Vocabulary::new(parts)
}
