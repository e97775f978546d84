//! A text that comes in parts.

use crate::errors::{IntoPython, to_python};
use crate::text::{SpecialArgument, Text, in_text, release};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

#[pyclass(module = "tokloom._engine")]
pub(crate) struct StreamEncoder {
    inner: tokloom::encode::StreamEncoder,
}

impl StreamEncoder {
    pub(crate) fn new(
        py: Python<'_>,
        vocabulary: Arc<tokloom::Vocabulary>,
        special: &SpecialArgument,
    ) -> PyResult<Self> {
        let inner = special.with(|special| tokloom::encode::StreamEncoder::new(vocabulary, special));
        Ok(Self { inner: inner.into_python(py)? })
    }
}

#[pymethods]
impl StreamEncoder {
    fn feed<'py>(
        &mut self,
        py: Python<'py>,
        chunk: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let text = Text::of(chunk)?;
        let mut ids = Vec::new();
        release(py, text.bytes.len(), || self.inner.feed(text.bytes, &mut ids))
            // Positions count the bytes of the whole stream: earlier parts are gone.
            .map_err(|error| in_text(py, error, Text { bytes: &[], is_str: false }))?;
        Ok(ids.into_pyarray(py))
    }

    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let mut ids = Vec::new();
        py.detach(|| self.inner.finish(&mut ids)).map_err(|error| to_python(py, error))?;
        Ok(ids.into_pyarray(py))
    }
}
