//! Vocabularies made from others: pruned.

use super::{Merges, Vocabulary};
use crate::encode::merge;
use crate::error::{Error, Result};
use std::collections::{BTreeMap, HashSet};

impl Vocabulary {
    /// A smaller vocabulary of the tokens in `keep`, the bytes, the added tokens, and every token through which those
    /// are made (so that each kept token can still come out of text); and the map from old ids to new ones. The order
    /// of the ids stays.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that stands for no token.
    pub fn prune(&self, keep: impl IntoIterator<Item = u32>) -> Result<(Self, BTreeMap<u32, u32>)> {
        let kept = self.closure(keep)?;
        let old_ids = self.bytes.iter().map(|(id, _)| id).filter(|id| kept.contains(id));
        let new_ids: BTreeMap<u32, u32> = old_ids.zip(0..).collect();
        let mut parts = self.parts();
        let renumber = |id: u32| new_ids.get(&id).copied();
        parts.tokens =
            parts.tokens.into_iter().filter_map(|(id, bytes)| Some((renumber(id)?, bytes))).collect();
        for token in &mut parts.added {
            token.id = renumber(token.id).ok_or(Error::UnknownId(token.id.into()))?;
        }
        if let Merges::Listed(listed) = &mut parts.merges {
            let renumbered = listed.iter().filter_map(|&(left, right, merged)| {
                Some((renumber(left)?, renumber(right)?, renumber(merged)?))
            });
            *listed = renumbered.collect();
        }
        Ok((Self::new(parts)?, new_ids))
    }

    fn closure(&self, keep: impl IntoIterator<Item = u32>) -> Result<HashSet<u32>> {
        let mut kept: HashSet<u32> = self.byte_ids.iter().copied().collect();
        kept.extend(self.added_tokens().iter().map(|token| token.id));
        let mut to_visit: Vec<u32> = keep.into_iter().collect();
        let makers = self.makers();
        while let Some(id) = to_visit.pop() {
            if self.bytes.get(id).is_none() {
                return Err(Error::UnknownId(id.into()));
            }
            if kept.insert(id) {
                to_visit.extend(makers.get(&id).into_iter().flat_map(|&(left, right)| [left, right]));
            }
        }
        Ok(kept)
    }

    /// For each token that merges make, the pair it is made from when its bytes stand alone.
    fn makers(&self) -> BTreeMap<u32, (u32, u32)> {
        if let Merges::Listed(_) = self.merges {
            // A list may make one token from several pairs; its bytes pass through just one of them.
            let tokens = self.ordinary_tokens().filter(|(_, bytes)| bytes.len() > 1);
            let pair = |bytes| merge::last_pair(bytes, &self.byte_ids, &self.pairs);
            return tokens.filter_map(|(id, bytes)| Some((id, pair(bytes)?))).collect();
        }
        self.pairs.by_rank().into_iter().map(|(left, right, merged)| (merged, (left, right))).collect()
    }
}
