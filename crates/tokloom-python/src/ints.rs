//! Ids as Python's ints, and back: millions of objects, so that what one costs decides.

use crate::ids;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyInt, PyList};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A vocabulary with higher ids gets no table: 2^20 ints are 40 MB.
const MOST: usize = 1 << 20;
/// How many objects ahead of the one in hand memory is asked for.
const AHEAD: usize = 12;

/// The ints of a vocabulary's ids, made once: a list refers to them. To make a new int for each token costs about
/// three times as much, and as much again when the list is dropped.
pub(crate) struct Ints {
    size: usize,
    /// How many ids were listed before there was a table: one call on a short text shouldn't pay for it.
    listed: AtomicUsize,
    ready: PyOnceLock<Vec<Py<PyInt>>>,
}

impl Ints {
    /// For ids below `size`.
    pub(crate) fn new(size: u32) -> Self {
        Self { size: size as usize, listed: AtomicUsize::new(0), ready: PyOnceLock::new() }
    }

    fn ready(&self, py: Python<'_>, more: usize) -> &[Py<PyInt>] {
        if let Some(ready) = self.ready.get(py) {
            return ready;
        }
        if self.size > MOST || self.listed.fetch_add(more, Ordering::Relaxed) + more < self.size {
            return &[];
        }
        let make = || {
            (0..self.size).map(|id| id.into_pyobject(py).map_or_else(|never| match never {}, Bound::unbind))
        };
        self.ready.get_or_init(py, || make().collect())
    }

    /// The ids as a list of int.
    pub(crate) fn list<'py>(&self, py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyList>> {
        let ready = self.ready(py, ids.len());
        if ready.is_empty() {
            return PyList::new(py, ids);
        }
        // SAFETY: `PyList_New` gives a list of so many empty places that nobody else knows, or null with an error set
        // (`from_owned_ptr_or_err`). Each place is then filled exactly once with a reference of its own, as
        // `PyList_SET_ITEM` wants; nothing in between runs Python code or can fail.
        unsafe {
            let length = ids.len() as ffi::Py_ssize_t;
            let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length))?;
            for (place, &id) in ids.iter().enumerate() {
                if let Some(int) = ids.get(place + AHEAD).and_then(|&id| ready.get(id as usize)) {
                    prefetch(int.as_ptr());
                }
                let int = match ready.get(id as usize) {
                    Some(int) => int.clone_ref(py).into_ptr(),
                    None => id.into_pyobject(py).map_or_else(|never| match never {}, Bound::into_ptr),
                };
                ffi::PyList_SET_ITEM(list.as_ptr(), place as ffi::Py_ssize_t, int);
            }
            Ok(list.cast_into_unchecked())
        }
    }
}

/// The ids of a list.
pub(crate) fn of_list(list: &Bound<'_, PyList>) -> PyResult<Vec<u32>> {
    match with_critical_section(list, || of_exact_ints(list)) {
        Some(ids) => Ok(ids),
        None => list.iter().map(|item| ids::one(&item)).collect(),
    }
}

/// The ids of a list that nobody else may change meanwhile; `None` if one is anything but an exact int in range.
fn of_exact_ints(list: &Bound<'_, PyList>) -> Option<Vec<u32>> {
    let length = list.len();
    // SAFETY: places below `length` hold valid objects, and go on to hold them: the list is locked (by the critical
    // section, or by the GIL that nothing here releases), and no Python code is run.
    let item = |place: usize| unsafe { ffi::PyList_GET_ITEM(list.as_ptr(), place as ffi::Py_ssize_t) };
    let mut ids = Vec::with_capacity(length);
    for place in 0..length {
        prefetch(item((place + AHEAD).min(length - 1)));
        let object = item(place);
        // SAFETY: `object` is valid, and the interpreter is attached. `PyLong_AsLongAndOverflow` of an exact int runs no
        // Python code and sets no error: too large a value is told by `overflow`.
        let (value, overflow) = unsafe {
            if ffi::PyLong_CheckExact(object) == 0 {
                return None;
            }
            let mut overflow = 0;
            (ffi::PyLong_AsLongAndOverflow(object, &mut overflow), overflow)
        };
        if overflow != 0 {
            return None;
        }
        ids.push(u32::try_from(value).ok()?);
    }
    Some(ids)
}

/// Asks for the memory of an object that is needed soon: a vocabulary's ints are more than the nearer caches hold.
#[inline(always)]
fn prefetch(object: *mut ffi::PyObject) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see, whatever the address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(object.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = object;
}
