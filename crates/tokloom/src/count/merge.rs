//! Sorted streams of counts → one sorted stream, in which each pretoken stands once.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::error::{Error, Result};

/// Pretokens in strictly ascending order of their bytes, each with its count.
pub(crate) trait Sorted {
    /// Replaces `pretoken` by the next one and returns its count; `None` at the end.
    fn next(&mut self, pretoken: &mut Vec<u8>) -> Result<Option<u64>>;
}

impl<S: Sorted + ?Sized> Sorted for &mut S {
    fn next(&mut self, pretoken: &mut Vec<u8>) -> Result<Option<u64>> {
        (**self).next(pretoken)
    }
}

/// Calls `emit` with every pretoken of `sources` and the sum of its counts, ascending.
pub(crate) fn merge<'a>(
    sources: impl IntoIterator<Item = Box<dyn Sorted + 'a>>,
    mut emit: impl FnMut(&[u8], u64) -> Result<()>,
) -> Result<()> {
    let mut heads = BinaryHeap::new();
    for mut source in sources {
        let mut pretoken = Vec::new();
        if let Some(count) = source.next(&mut pretoken)? {
            heads.push(Head { pretoken, count, source });
        }
    }
    let mut pretoken = Vec::new();
    while let Some(first) = heads.peek() {
        pretoken.clone_from(&first.pretoken);
        let mut sum: u64 = 0;
        while let Some(head) = heads.peek_mut().filter(|head| head.pretoken == pretoken) {
            sum = sum.checked_add(head.count).ok_or_else(|| too_large(&pretoken))?;
            advance(head)?;
        }
        emit(&pretoken, sum)?;
    }
    Ok(())
}

pub(crate) fn too_large(pretoken: &[u8]) -> Error {
    let shown = String::from_utf8_lossy(&pretoken[..pretoken.len().min(60)]);
    Error::Argument(format!("the counts of {shown:?} add up to more than 2^64 - 1"))
}

fn advance(mut head: PeekMut<'_, Head<'_>>) -> Result<()> {
    let Head { pretoken, count, source } = &mut *head;
    match source.next(pretoken)? {
        Some(next) => *count = next,
        None => drop(PeekMut::pop(head)),
    }
    Ok(())
}

struct Head<'a> {
    pretoken: Vec<u8>,
    count: u64,
    source: Box<dyn Sorted + 'a>,
}

/// The heap's greatest is the smallest pretoken.
impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.pretoken.cmp(&self.pretoken)
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.pretoken == other.pretoken
    }
}

impl Eq for Head<'_> {}
