//! A place for one value that waits for its next use: taken and put back with one instruction each, by any thread.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Room for one value. Nobody ever waits: where there is none, `take` gives none.
pub(crate) struct Spare<T> {
    /// Null, or what [`Box::into_raw`] gave. Whoever swaps it out owns it.
    place: AtomicPtr<T>,
}

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self { place: AtomicPtr::new(ptr::null_mut()) }
    }
}

impl<T> Spare<T> {
    /// The value that waits; the place is empty then.
    #[inline]
    pub(crate) fn take(&self) -> Option<Box<T>> {
        let taken = self.place.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: only `put` writes anything but null there, and what it writes is from `Box::into_raw`. The swap gave
        // the pointer to nobody else, and acquires what the thread that put it had written.
        (!taken.is_null()).then(|| unsafe { Box::from_raw(taken) })
    }

    /// Leaves a value for the next `take`; gives it back if another waits there.
    #[inline]
    pub(crate) fn put(&self, value: Box<T>) -> Option<Box<T>> {
        let value = Box::into_raw(value);
        match self.place.compare_exchange(ptr::null_mut(), value, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => None,
            // SAFETY: the pointer is from `Box::into_raw` above and went nowhere.
            Err(_) => Some(unsafe { Box::from_raw(value) }),
        }
    }
}

impl<T> Drop for Spare<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

// SAFETY: values only pass through, from one thread to another: nobody sees one by reference.
unsafe impl<T: Send> Send for Spare<T> {}
// SAFETY: as above: `take` and `put` by several threads give each value to one of them.
unsafe impl<T: Send> Sync for Spare<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn what_is_put_is_taken_once() {
        let spare = Spare::default();
        assert_eq!(spare.take(), None);
        assert_eq!(spare.put(Box::new(1)), None);
        assert_eq!(spare.put(Box::new(2)), Some(Box::new(2)));
        assert_eq!(spare.take(), Some(Box::new(1)));
        assert_eq!(spare.take(), None);
    }

    /// Counts how many of it were dropped.
    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_value_has_one_owner_whatever_the_threads() {
        const EACH: usize = if cfg!(miri) { 50 } else { 20_000 };
        let dropped = Arc::new(AtomicUsize::new(0));
        let spare = Spare::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let value = Box::new(Counted(dropped.clone()));
                        let (back, taken) = (spare.put(value), spare.take());
                        drop((back, taken));
                    }
                });
            }
        });
        drop(spare);
        assert_eq!(dropped.load(Ordering::Relaxed), 4 * EACH);
    }
}
