//! Decoded text as a `str`.

use crate::errors::IntoPython;
use crate::text::release;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::ffi::CString;
use std::slice;
use tokloom::decode::Decoded;

/// The text as a `str`; bytes that are no UTF-8 are handled as `bytes.decode` does with these `errors`.
pub(crate) fn string<'py>(
    py: Python<'py>,
    decoded: &Decoded<'_>,
    errors: &str,
) -> PyResult<Bound<'py, PyString>> {
    if decoded.is_ascii() {
        return ascii(py, decoded);
    }
    let bytes = release(py, decoded.length(), || {
        let mut bytes = vec![0; decoded.length()];
        decoded.write(&mut bytes).map(|()| bytes)
    });
    let bytes = bytes.into_python(py)?;
    let errors = CString::new(errors)?;
    // SAFETY: the pointer and the length are those of `bytes`, `errors` ends in NUL, and the result is a new reference
    // or null with an error set.
    unsafe {
        let text =
            ffi::PyUnicode_DecodeUTF8(bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t, errors.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(py, text)?.cast_into_unchecked())
    }
}

/// Written where the `str` keeps its characters: one byte each, and nothing to check.
fn ascii<'py>(py: Python<'py>, decoded: &Decoded<'_>) -> PyResult<Bound<'py, PyString>> {
    let length = decoded.length();
    if length == 0 {
        return Ok(PyString::new(py, ""));
    }
    // SAFETY: `PyUnicode_New` gives a str of `length` characters of one byte each (or null with an error set) that
    // nobody else knows, not hashed yet; it may be written until it is given away. Its memory is set to zero before a
    // slice is made of it, and stays valid: `text` is kept until the end.
    unsafe {
        let text = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(length as ffi::Py_ssize_t, 127))?;
        let data = ffi::PyUnicode_DATA(text.as_ptr()).cast::<u8>();
        data.write_bytes(0, length);
        let bytes = slice::from_raw_parts_mut(data, length);
        release(py, length, || decoded.write(bytes)).into_python(py)?;
        Ok(text.cast_into_unchecked())
    }
}
