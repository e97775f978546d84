//! What one thread needs while it encodes: memory for merging, and a bounded cache of pretokens met before.

use super::merge::Workspace;
use std::sync::Mutex;

/// The longest pretoken kept in the cache, in bytes.
const LONGEST_KEY: usize = 31;
/// The most ids kept for one pretoken.
const MOST_IDS: usize = 7;
/// 2^15 slots of 64 bytes: 2 MiB a thread, and never more.
const SLOTS: usize = 1 << 15;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    key: [u8; LONGEST_KEY + 1],
    ids: [u32; MOST_IDS],
    count: u32,
}

/// Pretokens of several tokens and their ids. A new one takes the place of whatever was in its slot.
pub(crate) struct Cache {
    slots: Vec<Slot>,
}

impl Cache {
    fn new() -> Self {
        Self { slots: vec![Slot { key: [0; LONGEST_KEY + 1], ids: [0; MOST_IDS], count: 0 }; SLOTS] }
    }

    /// The key of a pretoken (its bytes, then its length) and its slot. The slot is not secret: who makes pretokens
    /// fall into one slot only makes the cache useless, and the merging behind it is linear.
    #[inline]
    fn place(pretoken: &[u8]) -> Option<([u8; LONGEST_KEY + 1], usize)> {
        let length = pretoken.len();
        if length > LONGEST_KEY {
            return None;
        }
        let mut key = [0; LONGEST_KEY + 1];
        key[..length].copy_from_slice(pretoken);
        key[LONGEST_KEY] = length as u8;
        let mut hash = 0u64;
        for block in key.chunks_exact(8) {
            let mut word = [0; 8];
            word.copy_from_slice(block);
            hash = (hash.rotate_left(29) ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        Some((key, (hash >> 40) as usize % SLOTS))
    }

    #[inline]
    pub(crate) fn get(&self, pretoken: &[u8]) -> Option<&[u32]> {
        let (key, place) = Self::place(pretoken)?;
        let slot = &self.slots[place];
        (slot.key == key && slot.count > 0).then(|| &slot.ids[..slot.count as usize])
    }

    pub(crate) fn put(&mut self, pretoken: &[u8], ids: &[u32]) {
        let Some((key, place)) = Self::place(pretoken).filter(|_| ids.len() <= MOST_IDS) else { return };
        let slot = &mut self.slots[place];
        slot.key = key;
        slot.ids[..ids.len()].copy_from_slice(ids);
        slot.count = ids.len() as u32;
    }
}

/// What one thread needs while it encodes.
pub(crate) struct Scratch {
    pub(crate) workspace: Workspace,
    pub(crate) cache: Cache,
}

/// Scratches that wait for the next call.
#[derive(Default)]
pub(crate) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    /// Runs `work` with a scratch of its own. Never waits: a lock that is held (perhaps for ever, by a thread that a
    /// fork left behind) only means a new scratch.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let waiting = self.0.try_lock().ok().and_then(|mut pool| pool.pop());
        let mut scratch =
            waiting.unwrap_or_else(|| Scratch { workspace: Workspace::default(), cache: Cache::new() });
        let result = work(&mut scratch);
        if let Ok(mut pool) = self.0.try_lock()
            && pool.len() < 64
        {
            pool.push(scratch);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_gives_back_what_it_was_given_or_nothing() {
        let mut cache = Cache::new();
        for number in 0..100_000u32 {
            let pretoken = format!("pretoken {number}");
            cache.put(pretoken.as_bytes(), &[number, number + 1]);
            assert_eq!(cache.get(pretoken.as_bytes()), Some(&[number, number + 1][..]));
        }
        let kept =
            (0..100_000u32).filter(|number| match cache.get(format!("pretoken {number}").as_bytes()) {
                Some(ids) => ids == [*number, *number + 1] || panic!("ids of another pretoken"),
                None => false,
            });
        assert!((1..=SLOTS).contains(&kept.count()));
        assert_eq!(cache.get(b""), None);
        cache.put(&[7; LONGEST_KEY + 1], &[1]);
        assert_eq!(cache.get(&[7; LONGEST_KEY + 1]), None);
    }
}
