//! What one thread needs while it encodes: room for merging and for one block of pretokens, and what it met before.

use super::block::Block;
use super::long_cache::LongCache;
use super::merge::Workspace;
use super::short_cache::ShortCache;
use crate::spare::Spare;
use crate::vocabulary::hashing::Seed;
use std::sync::Mutex;

/// What one thread needs while it encodes. The caches grow with what they hold, up to 16 MiB together.
pub(crate) struct Scratch {
    pub(super) block: Block,
    pub(super) short: ShortCache,
    pub(super) long: LongCache,
    pub(super) workspace: Workspace,
    /// Of a short text.
    pub(super) ids: Vec<u32>,
}

/// Scratches that wait for the next call, for one vocabulary.
pub(crate) struct ScratchPool {
    seed: Seed,
    /// Where one thread encodes at a time, all there is: a call on a short text shouldn't spend its time on locks.
    first: Spare<Scratch>,
    others: Mutex<Vec<Box<Scratch>>>,
}

impl ScratchPool {
    /// For a vocabulary whose tables hash with `seed`.
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, first: Spare::default(), others: Mutex::default() }
    }

    /// Runs `work` with a scratch of its own. Never waits: a lock that is held (perhaps for ever, by a thread that a
    /// fork left behind) only means a new scratch.
    #[inline]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let mut scratch = self.first.take().unwrap_or_else(|| self.another());
        let result = work(&mut scratch);
        if let Some(scratch) = self.first.put(scratch) {
            self.keep(scratch);
        }
        result
    }

    #[cold]
    fn another(&self) -> Box<Scratch> {
        let waiting = self.others.try_lock().ok().and_then(|mut others| others.pop());
        waiting.unwrap_or_else(|| {
            Box::new(Scratch {
                block: Block::default(),
                short: ShortCache::new(self.seed),
                long: LongCache::new(),
                workspace: Workspace::default(),
                ids: Vec::new(),
            })
        })
    }

    #[cold]
    fn keep(&self, scratch: Box<Scratch>) {
        if let Ok(mut others) = self.others.try_lock()
            && others.len() < 64
        {
            others.push(scratch);
        }
    }
}
