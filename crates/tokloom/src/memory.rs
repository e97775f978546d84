//! What memory is wanted, told to the processor (soon) and to the system (in large pages). Hints, in the only unsafe
//! code there is for them: without them all is the same, later.

/// Begins to fetch `items[index]` into the nearest cache; nothing where there is no such item.
#[inline(always)]
pub(crate) fn prefetch<T>(items: &[T], index: usize) {
    if let Some(item) = items.get(index) {
        fetch(std::ptr::from_ref(item).cast());
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn fetch(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch is a hint that reads and writes nothing a program can see, and faults at no address; its
    // instruction is part of SSE, which every x86-64 processor has.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
fn fetch(address: *const i8) {
    // SAFETY: a prefetch is a hint that faults at no address and changes nothing a program can see: no register, no
    // flag, no memory, no stack.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{address}]", address = in(reg) address,
            options(nostack, preserves_flags, readonly));
    }
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[inline(always)]
fn fetch(_: *const i8) {}

/// A vector of `count` values, in large pages where the system has them: tables that are read at random places spend
/// much of their time on finding out where a page lies.
pub(crate) fn filled<T: Clone>(count: usize, value: T) -> Vec<T> {
    let mut items = Vec::with_capacity(count);
    ask_for_large_pages(&mut items);
    items.resize(count, value);
    items
}

/// The size of a large page; smaller tables don't get one.
#[cfg(target_os = "linux")]
const LARGE_PAGE: usize = 1 << 21;

/// Only before it is written to does memory come in large pages.
#[cfg(target_os = "linux")]
fn ask_for_large_pages<T>(items: &mut Vec<T>) {
    use rustix::mm::{Advice, madvise};
    let room = items.spare_capacity_mut();
    let before_page = room.as_ptr().cast::<u8>().align_offset(LARGE_PAGE);
    let bytes = std::mem::size_of_val(room);
    let whole = bytes.saturating_sub(before_page) / LARGE_PAGE * LARGE_PAGE;
    if whole > 0 {
        let start = room.as_mut_ptr().cast::<u8>().wrapping_add(before_page);
        // SAFETY: the range begins and ends at multiples of a page and lies within the allocation of `items`, which
        // is borrowed mutably. This advice changes only how large the pages are, never what they hold. If the system
        // refuses it, nothing was lost.
        let _ = unsafe { madvise(start.cast(), whole, Advice::LinuxHugepage) };
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages<T>(_: &mut Vec<T>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_vector_is_filled() {
        for count in [0, 1, 1000, 5 << 20] {
            let items = filled(count, 7u16);
            assert_eq!(items.len(), count);
            assert!(items.iter().all(|item| *item == 7));
            prefetch(&items, count);
            prefetch(&items, 0);
        }
    }
}
