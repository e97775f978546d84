//! Vocabularies that a network learned, from and to Python.

use crate::errors::{IntoPython, to_python};
use crate::ids;
use crate::ints::Ints;
use crate::text::{SpecialArgument, Text, Texts, in_text, release};
use crate::vocabulary::{characters, checked_threads};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use std::sync::Arc;
use tokloom::Error;
use tokloom::chunks::Chunks;
use tokloom::encode::{Batch, Special};
use tokloom::network::Tensors;
use tokloom::segment::Spans;

/// From this many bytes on, a text is worth several threads where nobody says how many: a network takes about a
/// thousand times as long for a byte as a table.
const WORTH_THREADS_OF_CHUNKS: usize = 1 << 14;
const WORTH_THREADS_OF_SPANS: usize = 1 << 22;

#[pyclass(frozen, module = "tokloom._engine")]
pub(crate) struct LearnedVocabulary {
    inner: Arc<tokloom::learned::LearnedVocabulary>,
    chunks: Option<Arc<Chunks>>,
    ints: Ints,
}

impl LearnedVocabulary {
    fn wrap(inner: tokloom::learned::LearnedVocabulary, chunks: Option<Arc<Chunks>>) -> Self {
        Self { ints: Ints::new(inner.size()), inner: Arc::new(inner), chunks }
    }

    fn threads(&self, bytes: usize, threads: Option<usize>) -> tokloom::Result<usize> {
        let worth = if self.chunks.is_some() { WORTH_THREADS_OF_CHUNKS } else { WORTH_THREADS_OF_SPANS };
        checked_threads(bytes, worth, threads)
    }

    fn with_text<T: Send>(
        &self,
        text: &Bound<'_, PyAny>,
        special: Option<&Bound<'_, PyAny>>,
        work: impl Send + FnOnce(&tokloom::learned::LearnedVocabulary, &[u8], Special<'_>) -> tokloom::Result<T>,
    ) -> PyResult<T> {
        let py = text.py();
        let (text, special) = (Text::of(text)?, SpecialArgument::of(special)?);
        let result =
            release(py, text.bytes.len(), || special.with(|special| work(&self.inner, text.bytes, special)));
        result.map_err(|error| in_text(py, error, text))
    }

    fn encoded(
        &self,
        text: &Bound<'_, PyAny>,
        special: Option<&Bound<'_, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Vec<u32>> {
        self.with_text(text, special, |vocabulary, text, special| {
            vocabulary.encode(text, special, self.threads(text.len(), threads)?)
        })
    }

    fn batch(
        &self,
        texts: &Bound<'_, PyAny>,
        special: Option<&Bound<'_, PyAny>>,
        threads: usize,
    ) -> PyResult<Batch> {
        let py = texts.py();
        let (texts, special) = (Texts::of(texts)?, SpecialArgument::of(special)?);
        let borrowed = texts.borrow()?;
        let slices: Vec<&[u8]> = borrowed.iter().map(|text| text.bytes).collect();
        let bytes = slices.iter().map(|text| text.len()).sum();
        let work = || special.with(|special| self.inner.encode_batch(&slices, special, threads));
        release(py, bytes, work).map_err(|error| match &error {
            Error::ForbiddenSpecialToken { text: Some(index), .. } => {
                let text = borrowed[*index];
                in_text(py, error, text)
            }
            _ => to_python(py, error),
        })
    }

    fn chunks_of(&self, py: Python<'_>) -> PyResult<&Chunks> {
        self.chunks.as_deref().ok_or_else(|| {
            to_python(py, Error::Argument("this vocabulary has a table of spans, and no network".into()))
        })
    }
}

#[pymethods]
impl LearnedVocabulary {
    /// Chunks of codes: `tensors` are the bytes of a safetensors file.
    #[staticmethod]
    fn of_chunks(
        py: Python<'_>,
        description: &str,
        tensors: &[u8],
        origin: &str,
        special_tokens: Vec<String>,
    ) -> PyResult<Self> {
        let read = || {
            let chunks = Arc::new(Chunks::read(description, &Tensors::read(tensors, origin)?)?);
            let vocabulary = tokloom::learned::LearnedVocabulary::new(chunks.clone(), &special_tokens)?;
            Ok(Self::wrap(vocabulary, Some(chunks)))
        };
        py.detach(read).into_python(py)
    }

    /// A table of spans.
    #[staticmethod]
    fn of_spans(py: Python<'_>, spans: Vec<Vec<u8>>, special_tokens: Vec<String>) -> PyResult<Self> {
        let make = || {
            let spans = Spans::new(spans.iter().map(|span| &span[..]))?;
            let vocabulary = tokloom::learned::LearnedVocabulary::new(Arc::new(spans), &special_tokens)?;
            Ok(Self::wrap(vocabulary, None))
        };
        py.detach(make).into_python(py)
    }

    /// The same with other special tokens.
    fn with_special_tokens(&self, py: Python<'_>, special_tokens: Vec<String>) -> PyResult<Self> {
        let vocabulary = self.inner.with_special_tokens(&special_tokens).into_python(py)?;
        Ok(Self::wrap(vocabulary, self.chunks.clone()))
    }

    #[getter]
    fn size(&self) -> u32 {
        self.inner.size()
    }

    #[getter]
    fn special_tokens(&self) -> Vec<(String, u32)> {
        self.inner.special_tokens().map(|(name, id)| (name.to_owned(), id)).collect()
    }

    /// Weights of the networks, and numbers of their tables; 0 without networks.
    #[getter]
    fn weights(&self) -> usize {
        self.chunks.as_ref().map_or(0, |chunks| chunks.weights())
    }

    #[pyo3(
        signature = (text, *, special = None, threads = None),
        text_signature = "($self, text, *, special='text', threads=None)"
    )]
    fn encode<'py>(
        &self,
        text: &Bound<'py, PyAny>,
        special: Option<&Bound<'py, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let ids = self.encoded(text, special, threads)?;
        self.ints.list(text.py(), &ids)
    }

    #[pyo3(
        signature = (text, *, special = None, threads = None),
        text_signature = "($self, text, *, special='text', threads=None)"
    )]
    fn encode_to_numpy<'py>(
        &self,
        text: &Bound<'py, PyAny>,
        special: Option<&Bound<'py, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let ids = self.encoded(text, special, threads)?;
        Ok(ids.into_pyarray(text.py()))
    }

    #[pyo3(signature = (texts, *, special = None, threads))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        special: Option<&Bound<'py, PyAny>>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let batch = self.batch(texts, special, threads)?;
        let lists = batch.offsets.windows(2).map(|ends| self.ints.list(py, &batch.ids[ends[0]..ends[1]]));
        PyList::new(py, lists.collect::<PyResult<Vec<_>>>()?)
    }

    #[pyo3(signature = (texts, *, special = None, threads))]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn encode_batch_to_numpy<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        special: Option<&Bound<'py, PyAny>>,
        threads: usize,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<i64>>)> {
        let Batch { ids, offsets } = self.batch(texts, special, threads)?;
        let offsets: Vec<i64> = offsets.into_iter().map(|offset| offset as i64).collect();
        Ok((ids.into_pyarray(py), offsets.into_pyarray(py)))
    }

    #[pyo3(
        signature = (text, *, special = None, threads = None),
        text_signature = "($self, text, *, special='text', threads=None)"
    )]
    fn count_tokens(
        &self,
        text: &Bound<'_, PyAny>,
        special: Option<&Bound<'_, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<usize> {
        self.with_text(text, special, |vocabulary, text, special| {
            vocabulary.count_tokens(text, special, self.threads(text.len(), threads)?)
        })
    }

    #[pyo3(signature = (text, *, special = None), text_signature = "($self, text, *, special='text')")]
    fn spans(
        &self,
        text: &Bound<'_, PyAny>,
        special: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<(usize, usize)>> {
        let is_str = Text::of(text)?.is_str;
        self.with_text(text, special, |vocabulary, text, special| {
            let spans = vocabulary.spans(text, special)?;
            Ok(match is_str && !text.is_ascii() {
                true => characters(text, &spans),
                false => spans.into_iter().map(|span| (span.start, span.end)).collect(),
            })
        })
    }

    #[pyo3(signature = (ids, skip_special_tokens = false))]
    fn decode_bytes<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        skip_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ids = ids::of(ids)?;
        let bytes =
            release(py, 64 * ids.len(), || self.inner.decode(&ids, skip_special_tokens)).into_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn token_bytes<'py>(&self, py: Python<'py>, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.inner.decode(&[ids::one(id)?], false).into_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Symbols of whole chunks, one after another → their codes, before anything is put right.
    fn raw_encode<'py>(
        &self,
        py: Python<'py>,
        symbols: PyReadonlyArray1<'py, u32>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let (chunks, symbols) = (self.chunks_of(py)?, symbols.as_array().to_vec());
        Ok(py.detach(|| chunks.raw_encode(&symbols)).into_python(py)?.into_pyarray(py))
    }

    /// Codes of whole chunks, one after another → the symbols that the decoder gives.
    fn raw_decode<'py>(
        &self,
        py: Python<'py>,
        codes: PyReadonlyArray1<'py, u32>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let (chunks, codes) = (self.chunks_of(py)?, codes.as_array().to_vec());
        Ok(py.detach(|| chunks.raw_decode(&codes)).into_python(py)?.into_pyarray(py))
    }

    #[pyo3(signature = (*, special = None))]
    fn stream_encoder(&self, py: Python<'_>, special: Option<&Bound<'_, PyAny>>) -> PyResult<LearnedStream> {
        let special = SpecialArgument::of(special)?;
        let inner = special.with(|special| tokloom::learned::LearnedStream::new(self.inner.clone(), special));
        Ok(LearnedStream { inner: inner.into_python(py)? })
    }
}

/// A text that comes in parts.
#[pyclass(module = "tokloom._engine")]
pub(crate) struct LearnedStream {
    inner: tokloom::learned::LearnedStream,
}

#[pymethods]
impl LearnedStream {
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
