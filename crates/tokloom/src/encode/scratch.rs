//! What one thread needs while it encodes: room for merging and for one block of pretokens, and what it met before.

use super::block::Block;
use super::long_cache::LongCache;
use super::merge::Workspace;
use super::short_cache::ShortCache;
use crate::vocabulary::hashing::Seed;
use std::sync::Mutex;

/// What one thread needs while it encodes. The caches grow with what they hold, up to 16 MiB together.
pub(crate) struct Scratch {
    pub(super) block: Block,
    pub(super) short: ShortCache,
    pub(super) long: LongCache,
    pub(super) workspace: Workspace,
}

/// Scratches that wait for the next call, for one vocabulary.
pub(crate) struct ScratchPool {
    seed: Seed,
    waiting: Mutex<Vec<Box<Scratch>>>,
}

impl ScratchPool {
    /// For a vocabulary whose tables hash with `seed`.
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, waiting: Mutex::default() }
    }

    /// Runs `work` with a scratch of its own. Never waits: a lock that is held (perhaps for ever, by a thread that a
    /// fork left behind) only means a new scratch.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let waiting = self.waiting.try_lock().ok().and_then(|mut waiting| waiting.pop());
        let mut scratch = waiting.unwrap_or_else(|| {
            Box::new(Scratch {
                block: Block::default(),
                short: ShortCache::new(self.seed),
                long: LongCache::new(),
                workspace: Workspace::default(),
            })
        });
        let result = work(&mut scratch);
        if let Ok(mut waiting) = self.waiting.try_lock()
            && waiting.len() < 64
        {
            waiting.push(scratch);
        }
        result
    }
}
