//! Many texts at once, on several threads; the result never depends on how many.

use super::Special;
use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A thread is worth starting for this many bytes.
const BYTES_WORTH_A_THREAD: usize = 1 << 16;
/// Texts are handed out in groups of about this many bytes.
const GROUP_BYTES: usize = 1 << 16;

/// The ids of many texts, one after another.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// All ids.
    pub ids: Vec<u32>,
    /// Text `i` has `ids[offsets[i]..offsets[i + 1]]`; one more than there are texts.
    pub offsets: Vec<usize>,
}

impl Vocabulary {
    /// The ids of many texts.
    ///
    /// # Errors
    /// As [`Self::encode`]: that of the first text that has one, with its index.
    pub fn encode_batch(&self, texts: &[&[u8]], special: Special<'_>, threads: usize) -> Result<Batch> {
        let groups = groups(texts);
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let threads = threads.min(groups.len()).min(1 + bytes / BYTES_WORTH_A_THREAD).max(1);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((group.start, self.encode_group(texts, group.clone(), special)));
            }
            done
        };
        let mut done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                done.extend(
                    other.join().map_err(|_| Error::Argument("a thread of the batch failed".into()))?,
                );
            }
            Ok::<_, Error>(done)
        })?;
        done.sort_by_key(|(start, _)| *start);
        join(texts.len(), done)
    }

    fn encode_group(&self, texts: &[&[u8]], group: Range<usize>, special: Special<'_>) -> Result<Batch> {
        let mut batch = Batch::default();
        for (index, text) in group.clone().zip(&texts[group]) {
            self.encode_into(text, special, &mut batch.ids).map_err(|error| error.in_text(index))?;
            batch.offsets.push(batch.ids.len());
        }
        Ok(batch)
    }
}

/// Neighbouring texts of about [`GROUP_BYTES`] together.
fn groups(texts: &[&[u8]]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        bytes += text.len();
        if bytes >= GROUP_BYTES {
            groups.push(start..index + 1);
            (start, bytes) = (index + 1, 0);
        }
    }
    if start < texts.len() {
        groups.push(start..texts.len());
    }
    groups
}

fn join(texts: usize, parts: Vec<(usize, Result<Batch>)>) -> Result<Batch> {
    let mut whole = Batch { ids: Vec::new(), offsets: Vec::with_capacity(texts + 1) };
    whole.offsets.push(0);
    for (_, part) in parts {
        let part = part?;
        let before = whole.ids.len();
        whole.offsets.extend(part.offsets.iter().map(|offset| before + offset));
        if before == 0 {
            whole.ids = part.ids;
        } else {
            whole.ids.extend_from_slice(&part.ids);
        }
    }
    Ok(whole)
}
