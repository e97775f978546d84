//! Rank files, read for Python.

use crate::errors::IntoPython;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

#[pyfunction]
pub(crate) fn read_ranks<'py>(
    py: Python<'py>,
    data: &[u8],
    origin: &str,
) -> PyResult<Vec<(u32, Bound<'py, PyBytes>)>> {
    let tokens = tokloom::formats::tiktoken::read(data, origin).into_python(py)?;
    Ok(tokens.into_iter().map(|(id, bytes)| (id, PyBytes::new(py, &bytes))).collect())
}
