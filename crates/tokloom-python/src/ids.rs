//! Ids from Python: arrays of integers without a copy where it can be, else anything that yields integers.

use crate::errors::raise;
use crate::ints;
use numpy::PyReadonlyArray1;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

/// The ids of `ids`; one that is negative or too large for any vocabulary is an `UnknownIdError`.
pub(crate) fn of(ids: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    if let Ok(array) = ids.extract::<PyReadonlyArray1<'_, u32>>() {
        return Ok(array.as_array().to_vec());
    }
    if let Ok(array) = ids.extract::<PyReadonlyArray1<'_, i64>>() {
        let number = |id: &i64| u32::try_from(*id).map_err(|_| unknown(ids.py(), &id.to_string()));
        return array.as_array().iter().map(number).collect();
    }
    if ids.is_instance_of::<PyString>() || ids.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err("ids are a list or array of int, not text"));
    }
    if let Ok(list) = ids.cast::<PyList>() {
        return ints::of_list(list);
    }
    ids.try_iter()?.map(|id| one(&id?)).collect()
}

pub(crate) fn one(id: &Bound<'_, PyAny>) -> PyResult<u32> {
    id.extract::<u32>().map_err(|error| match error.is_instance_of::<PyOverflowError>(id.py()) {
        true => unknown(id.py(), &id.to_string()),
        false => error,
    })
}

/// The error for an id that stands for nothing.
pub(crate) fn unknown(py: Python<'_>, id: &str) -> PyErr {
    raise(py, "UnknownIdError", (format!("id {id} stands for no token of this vocabulary"),))
}
