//! The vocabulary, from and to Python.

use crate::errors::{IntoPython, to_python};
use crate::ids;
use crate::ints::Ints;
use crate::pretokenize::{Splits, pattern, splits};
use crate::stream::StreamEncoder;
use crate::strings;
use crate::text::{SpecialArgument, Text, Texts, in_text, release};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use tokloom::formats::{self, huggingface::ConfigTokens};
use tokloom::{AddedToken, Error, Merges, Parts};

/// (content, id, special, strip left, strip right, single word, normalized)
type AddedTokenTuple = (String, u32, bool, bool, bool, bool, bool);

fn added_token(token: AddedTokenTuple) -> AddedToken {
    let (content, id, special, strip_left, strip_right, single_word, normalized) = token;
    AddedToken { content, id, special, strip_left, strip_right, single_word, normalized }
}

/// From this many bytes on, one text is worth several threads where nobody says how many.
const WORTH_THREADS: usize = 1 << 22;
/// As many as `encode_batch` may be asked for.
const MOST_THREADS: usize = 1024;

fn threads_for(text: &[u8], threads: Option<usize>) -> tokloom::Result<usize> {
    checked_threads(text.len(), WORTH_THREADS, threads)
}

/// The number of threads asked for; where nobody says, one a processor from `worth` bytes on.
pub(crate) fn checked_threads(bytes: usize, worth: usize, threads: Option<usize>) -> tokloom::Result<usize> {
    match threads {
        None if bytes < worth => Ok(1),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)),
        Some(threads @ 1..=MOST_THREADS) => Ok(threads),
        Some(threads) => {
            Err(Error::Argument(format!("threads is {threads}; it must be from 1 to {MOST_THREADS}")))
        }
    }
}

#[pyclass(frozen, module = "tokloom._engine")]
pub(crate) struct Vocabulary {
    pub(crate) inner: Arc<tokloom::Vocabulary>,
    ints: Ints,
}

impl Vocabulary {
    pub(crate) fn wrap(inner: tokloom::Vocabulary) -> Self {
        Self { ints: Ints::new(inner.size()), inner: Arc::new(inner) }
    }

    /// Runs `work` on a text without the GIL where that pays.
    fn with_text<T: Send>(
        &self,
        text: &Bound<'_, PyAny>,
        special: Option<&Bound<'_, PyAny>>,
        work: impl Send + FnOnce(&tokloom::Vocabulary, &[u8], tokloom::encode::Special<'_>) -> tokloom::Result<T>,
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
        self.with_text(text, special, |vocabulary, text, special| match threads_for(text, threads)? {
            1 => vocabulary.encode(text, special),
            threads => vocabulary.encode_on_threads(text, special, threads),
        })
    }

    fn batch(
        &self,
        texts: &Bound<'_, PyAny>,
        special: Option<&Bound<'_, PyAny>>,
        threads: usize,
    ) -> PyResult<tokloom::encode::Batch> {
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
}

#[pymethods]
impl Vocabulary {
    #[staticmethod]
    #[pyo3(signature = (splits, tokens, *, kind, merges, whole_pretoken_first, added_tokens, post_processor))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a vocabulary, each by its name")]
    fn from_parts(
        py: Python<'_>,
        splits: Splits,
        tokens: Vec<(u32, Vec<u8>)>,
        kind: &str,
        merges: Option<Vec<(u32, u32, u32)>>,
        whole_pretoken_first: bool,
        added_tokens: Vec<AddedTokenTuple>,
        post_processor: Option<String>,
    ) -> PyResult<Self> {
        let merges = match (kind, merges) {
            ("words", None) => Merges::None,
            ("bpe", None) => Merges::ByRank,
            ("bpe", Some(listed)) => Merges::Listed(listed),
            _ => {
                let message = format!("a vocabulary of kind {kind:?} with such merges is not known");
                return Err(to_python(py, Error::Argument(message)));
            }
        };
        let pattern = pattern(py, splits)?;
        let added = added_tokens.into_iter().map(added_token).collect();
        let parts = Parts { pattern, tokens, merges, whole_pretoken_first, added, post_processor };
        py.detach(|| tokloom::Vocabulary::new(parts)).into_python(py).map(Self::wrap)
    }

    /// A rank file's tokens, which merge by rank.
    #[staticmethod]
    fn from_ranks(
        py: Python<'_>,
        data: &[u8],
        origin: &str,
        splits: Splits,
        added_tokens: Vec<AddedTokenTuple>,
    ) -> PyResult<Self> {
        let pattern = pattern(py, splits)?;
        let added = added_tokens.into_iter().map(added_token).collect();
        let read = || {
            let tokens = formats::tiktoken::read(data, origin)?;
            let merges = Merges::ByRank;
            let parts =
                Parts { pattern, tokens, merges, whole_pretoken_first: true, added, post_processor: None };
            tokloom::Vocabulary::new(parts)
        };
        py.detach(read).into_python(py).map(Self::wrap)
    }

    /// What `compiled` gave for the rank file with this sha256, with a pattern and special tokens of its own.
    #[staticmethod]
    fn from_compiled(
        py: Python<'_>,
        data: &[u8],
        ranks: [u8; formats::compiled::HASH],
        origin: &str,
        splits: Splits,
        added_tokens: Vec<AddedTokenTuple>,
    ) -> PyResult<Self> {
        let pattern = pattern(py, splits)?;
        let added = added_tokens.into_iter().map(added_token).collect();
        let read = || formats::compiled::read(data, &ranks, origin, pattern, added);
        py.detach(read).into_python(py).map(Self::wrap)
    }

    /// The tables that loading worked out; None where ranks alone don't say how it merges.
    fn compiled<'py>(
        &self,
        py: Python<'py>,
        ranks: [u8; formats::compiled::HASH],
    ) -> Option<Bound<'py, PyBytes>> {
        py.detach(|| formats::compiled::write(&self.inner, &ranks)).map(|data| PyBytes::new(py, &data))
    }

    #[staticmethod]
    fn from_huggingface(py: Python<'_>, data: &[u8], origin: &str) -> PyResult<Self> {
        let read = || tokloom::Vocabulary::new(formats::huggingface::read(data, origin)?);
        py.detach(read).into_python(py).map(Self::wrap)
    }

    fn to_huggingface<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| formats::to_huggingface(&self.inner)).into_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[pyo3(signature = (*, bos, eos, pad, unk))]
    fn huggingface_config<'py>(
        &self,
        py: Python<'py>,
        bos: Option<&str>,
        eos: Option<&str>,
        pad: Option<&str>,
        unk: Option<&str>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let tokens = ConfigTokens { bos, eos, pad, unk };
        let bytes =
            formats::huggingface::write_config(self.inner.added_tokens(), tokens, None).into_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn to_tiktoken<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &formats::to_tiktoken(&self.inner).into_python(py)?))
    }

    /// All ordinary tokens in the form of a rank file, whatever the merges.
    fn token_table<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &formats::token_table(&self.inner))
    }

    fn tiktoken_pattern(&self) -> Option<String> {
        self.inner.pattern().for_tiktoken()
    }

    /// Whether the split pattern is proven to mean the same in a `tokenizer.json`.
    fn opens_in_huggingface(&self) -> bool {
        self.inner.pattern().for_huggingface().is_some()
    }

    #[getter]
    fn size(&self) -> u32 {
        self.inner.size()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        if matches!(self.inner.merges(), Merges::None) { "words" } else { "bpe" }
    }

    #[getter]
    fn splits(&self) -> Splits {
        splits(self.inner.pattern())
    }

    #[getter]
    fn fingerprint(&self) -> String {
        self.inner.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[getter]
    fn added_tokens(&self) -> Vec<AddedTokenTuple> {
        let tuple = |token: &AddedToken| {
            let AddedToken { content, id, special, strip_left, strip_right, single_word, normalized } = token;
            (content.clone(), *id, *special, *strip_left, *strip_right, *single_word, *normalized)
        };
        self.inner.added_tokens().iter().map(tuple).collect()
    }

    #[getter]
    fn whole_pretoken_first(&self) -> bool {
        self.inner.whole_pretoken_first()
    }

    #[getter]
    fn post_processor(&self) -> Option<&str> {
        self.inner.post_processor()
    }

    fn listed_merges(&self) -> Option<Vec<(u32, u32, u32)>> {
        match self.inner.merges() {
            Merges::Listed(listed) => Some(listed.clone()),
            Merges::ByRank | Merges::None => None,
        }
    }

    fn tokens<'py>(&self, py: Python<'py>) -> Vec<(u32, Bound<'py, PyBytes>)> {
        self.inner.ordinary_tokens().map(|(id, bytes)| (id, PyBytes::new(py, bytes))).collect()
    }

    fn token_bytes<'py>(&self, py: Python<'py>, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let number = ids::one(id)?;
        let bytes = self.inner.token_bytes(number).ok_or_else(|| ids::unknown(py, &number.to_string()))?;
        Ok(PyBytes::new(py, bytes))
    }

    fn token_id(&self, token: &[u8]) -> Option<u32> {
        self.inner.token_id(token)
    }

    fn with_added_tokens(&self, py: Python<'_>, tokens: Vec<AddedTokenTuple>) -> PyResult<Self> {
        self.inner.with_added_tokens(tokens.into_iter().map(added_token)).into_python(py).map(Self::wrap)
    }

    fn prune(&self, py: Python<'_>, keep: &Bound<'_, PyAny>) -> PyResult<(Self, BTreeMap<u32, u32>)> {
        let keep = ids::of(keep)?;
        let (pruned, map) = py.detach(|| self.inner.prune(keep)).into_python(py)?;
        Ok((Self::wrap(pruned), map))
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

    #[expect(clippy::type_complexity, reason = "two arrays")]
    #[pyo3(signature = (texts, *, special = None, threads))]
    fn encode_batch_to_numpy<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        special: Option<&Bound<'py, PyAny>>,
        threads: usize,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<i64>>)> {
        let batch = self.batch(texts, special, threads)?;
        let offsets: Vec<i64> = batch.offsets.into_iter().map(|offset| offset as i64).collect();
        Ok((batch.ids.into_pyarray(py), offsets.into_pyarray(py)))
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
        self.with_text(text, special, |vocabulary, text, special| match threads_for(text, threads)? {
            1 => vocabulary.count_tokens(text, special),
            threads => vocabulary.count_tokens_on_threads(text, special, threads),
        })
    }

    #[pyo3(signature = (text, *, special = None))]
    fn byte_spans<'py>(
        &self,
        text: &Bound<'py, PyAny>,
        special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let spans =
            self.with_text(text, special, |vocabulary, text, special| vocabulary.spans(text, special))?;
        let flat: Vec<i64> = spans.iter().flat_map(|span| [span.start as i64, span.end as i64]).collect();
        flat.into_pyarray(text.py()).reshape([spans.len(), 2])
    }

    #[pyo3(signature = (text, *, special = None))]
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
            release(py, 4 * ids.len(), || self.inner.decode(&ids, skip_special_tokens)).into_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[pyo3(signature = (ids, *, errors = "replace", skip_special_tokens = false))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        errors: &str,
        skip_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyString>> {
        let ids = ids::of(ids)?;
        let decoded =
            release(py, 4 * ids.len(), || self.inner.decoded(&ids, skip_special_tokens)).into_python(py)?;
        strings::string(py, &decoded, errors)
    }

    /// For copies in other processes (also of a method of it): the saved form, as plain values.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        let saved = slf.py().import("tokloom.saved")?;
        Ok((saved.getattr("vocabulary")?, (saved.getattr("state")?.call1((slf,))?,)))
    }

    #[pyo3(signature = (*, special = None))]
    fn stream_encoder(&self, py: Python<'_>, special: Option<&Bound<'_, PyAny>>) -> PyResult<StreamEncoder> {
        StreamEncoder::new(py, self.inner.clone(), &SpecialArgument::of(special)?)
    }
}

/// Spans of bytes as spans of code points: a token inside a character has the characters it touches.
pub(crate) fn characters(text: &[u8], spans: &[Range<usize>]) -> Vec<(usize, usize)> {
    let begins = |byte: &u8| byte & 0xC0 != 0x80;
    // How many characters begin in the first `seen` bytes.
    let (mut seen, mut begun) = (0, 0);
    let mut characters_before = |end: usize| {
        begun += text[seen..end].iter().filter(|byte| begins(byte)).count();
        seen = end;
        begun
    };
    let mut found = Vec::with_capacity(spans.len());
    for span in spans {
        let before = characters_before(span.start);
        let inside = text.get(span.start).is_some_and(|byte| !begins(byte));
        let end = characters_before(span.end);
        found.push((before - usize::from(inside), end));
    }
    found
}

#[pyfunction]
pub(crate) fn read_ranks<'py>(
    py: Python<'py>,
    data: &[u8],
    origin: &str,
) -> PyResult<Vec<(u32, Bound<'py, PyBytes>)>> {
    let tokens = tokloom::formats::tiktoken::read(data, origin).into_python(py)?;
    Ok(tokens.into_iter().map(|(id, bytes)| (id, PyBytes::new(py, &bytes))).collect())
}
