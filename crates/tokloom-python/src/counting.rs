//! Counting, counts, and training from them.

use crate::errors::{IntoPython, to_python};
use crate::pretokenize::{Splits, pattern, splits};
use crate::progress::Progress;
use crate::text::Text;
use crate::vocabulary::Vocabulary;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use std::sync::{Arc, Mutex};
use tokloom::count::{Counted, Counter as EngineCounter, PretokenCounts as EngineCounts, StoredCounts};
use tokloom::read::{Batch, Compression, Documents as EngineDocuments, Format};
use tokloom::train::{self, Options};
use tokloom::{Error, Pretokenizer};

/// How much of a file is read before the caller is asked whether to go on, in bytes.
const BATCH_BYTES: usize = 1 << 20;

#[pyclass(module = "tokloom._engine")]
pub(crate) struct Counter {
    /// `None` once finished.
    engine: Option<EngineCounter>,
    pretokenizer: Arc<Pretokenizer>,
    progress: Mutex<Option<Py<PyAny>>>,
}

impl Counter {
    /// Runs `work` without the GIL; what the progress callback raises ends it.
    fn work(
        &mut self,
        py: Python<'_>,
        work: impl Send
        + FnOnce(&mut EngineCounter, &mut dyn FnMut(u64) -> tokloom::Result<()>) -> tokloom::Result<()>,
    ) -> PyResult<()> {
        let mut progress = self.progress_of(py);
        let Some(engine) = &mut self.engine else { return Err(to_python(py, finished())) };
        let result = py.detach(|| work(engine, &mut |bytes| progress.tell((bytes,))));
        result.map_err(|error| progress.error(py, error))
    }

    fn progress_of(&self, py: Python<'_>) -> Progress {
        let callback =
            self.progress.lock().ok().and_then(|callback| callback.as_ref().map(|it| it.clone_ref(py)));
        Progress::new(callback)
    }
}

fn finished() -> Error {
    Error::Argument("this counter is finished; make another one".into())
}

#[pymethods]
impl Counter {
    #[new]
    #[pyo3(signature = (splits, *, threads, memory, progress))]
    fn new(
        py: Python<'_>,
        splits: Splits,
        threads: usize,
        memory: Option<u64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let pattern = pattern(py, splits)?;
        let pretokenizer = Arc::new(Pretokenizer::new(&pattern).into_python(py)?);
        let directory = std::env::temp_dir();
        let engine = EngineCounter::with_temporary_directory(
            &pattern,
            pretokenizer.clone(),
            threads,
            memory,
            directory,
        );
        Ok(Self { engine: Some(engine.into_python(py)?), pretokenizer, progress: Mutex::new(progress) })
    }

    fn add_documents(&mut self, py: Python<'_>, documents: &Bound<'_, PyList>) -> PyResult<()> {
        let mut batch = Batch::default();
        for document in documents {
            batch.push(Text::of(&document)?.bytes);
        }
        self.work(py, |engine, tick| engine.add_batch(batch, tick))
    }

    #[pyo3(signature = (path, *, format, compression, field))]
    fn add_file(
        &mut self,
        py: Python<'_>,
        path: &str,
        format: &str,
        compression: &str,
        field: &str,
    ) -> PyResult<()> {
        let pretokenizer = self.pretokenizer.clone();
        let cut = Box::new(move |block: &[u8]| pretokenizer.cut(block));
        let format = match format {
            "text" => Format::Text(Some(cut)),
            _ => json_lines(format, field).into_python(py)?,
        };
        let compression = compression_of(compression).into_python(py)?;
        self.work(py, |engine, tick| {
            let mut documents = EngineDocuments::open(path, format, compression)?;
            while let Some(batch) = documents.next_batch(BATCH_BYTES)? {
                let counted = engine.bytes_counted();
                tick(counted)?;
                engine.add_batch(batch, tick)?;
            }
            Ok(())
        })
    }

    fn finish(&mut self, py: Python<'_>) -> PyResult<PretokenCounts> {
        let mut progress = self.progress_of(py);
        let engine = self.engine.take().ok_or_else(|| to_python(py, finished()))?;
        let counts = py.detach(|| engine.finish_within(&mut |bytes| progress.tell((bytes,))));
        counts.map(PretokenCounts::of).map_err(|error| progress.error(py, error))
    }
}

fn json_lines(format: &str, field: &str) -> tokloom::Result<Format> {
    match format {
        "jsonl" => Ok(Format::JsonLines { field: field.to_owned() }),
        other => Err(Error::Argument(format!("the engine reads no files of format {other:?}"))),
    }
}

fn compression_of(name: &str) -> tokloom::Result<Compression> {
    match name {
        "none" => Ok(Compression::None),
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        other => Err(Error::Argument(format!("compression {other:?} is not known"))),
    }
}

#[pyclass(frozen, module = "tokloom._engine")]
pub(crate) struct Documents {
    engine: Mutex<EngineDocuments>,
}

#[pymethods]
impl Documents {
    #[new]
    #[pyo3(signature = (path, *, format, compression, field))]
    fn new(py: Python<'_>, path: &str, format: &str, compression: &str, field: &str) -> PyResult<Self> {
        let format = match format {
            // Blocks of any cut: who reads them encodes them as a stream.
            "text" => Format::Text(Some(Box::new(|block: &[u8]| Ok(Some(block.len()))))),
            _ => json_lines(format, field).into_python(py)?,
        };
        let compression = compression_of(compression).into_python(py)?;
        let engine = py.detach(|| EngineDocuments::open(path, format, compression)).into_python(py)?;
        Ok(Self { engine: Mutex::new(engine) })
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Vec<Bound<'py, PyBytes>>>> {
        py.check_signals()?;
        let next = || match self.engine.lock() {
            Ok(mut engine) => engine.next_batch(BATCH_BYTES),
            Err(_) => Err(Error::Internal("reading failed in another thread".into())),
        };
        let batch = py.detach(next).into_python(py)?;
        Ok(batch.map(|batch| batch.documents().map(|document| PyBytes::new(py, document.bytes)).collect()))
    }
}

#[pyclass(frozen, module = "tokloom._engine")]
pub(crate) struct PretokenCounts {
    inner: Held,
}

enum Held {
    InMemory(Arc<EngineCounts>),
    OnDisk(Box<StoredCounts>),
}

impl PretokenCounts {
    fn wrap(inner: EngineCounts) -> Self {
        Self { inner: Held::InMemory(Arc::new(inner)) }
    }

    fn of(counted: Counted) -> Self {
        match counted {
            Counted::InMemory(counts) => Self::wrap(counts),
            Counted::OnDisk(counts) => Self { inner: Held::OnDisk(Box::new(counts)) },
        }
    }

    /// All entries, in memory: for what can't do with less.
    fn loaded(&self, py: Python<'_>) -> PyResult<Arc<EngineCounts>> {
        match &self.inner {
            Held::InMemory(counts) => Ok(counts.clone()),
            Held::OnDisk(counts) => py.detach(|| counts.load()).map(Arc::new).into_python(py),
        }
    }
}

#[pymethods]
impl PretokenCounts {
    #[getter]
    fn splits(&self) -> Splits {
        splits(match &self.inner {
            Held::InMemory(counts) => counts.pattern(),
            Held::OnDisk(counts) => counts.pattern(),
        })
    }

    #[getter]
    fn total_pretokens(&self) -> u64 {
        match &self.inner {
            Held::InMemory(counts) => counts.total_pretokens(),
            Held::OnDisk(counts) => counts.total_pretokens(),
        }
    }

    #[getter]
    fn total_bytes(&self) -> u64 {
        match &self.inner {
            Held::InMemory(counts) => counts.total_bytes(),
            Held::OnDisk(counts) => counts.total_bytes(),
        }
    }

    fn __len__(&self) -> usize {
        match &self.inner {
            Held::InMemory(counts) => counts.len(),
            Held::OnDisk(counts) => counts.len(),
        }
    }

    #[pyo3(signature = (limit=None))]
    fn most_common<'py>(
        &self,
        py: Python<'py>,
        limit: Option<usize>,
    ) -> PyResult<Vec<(Bound<'py, PyBytes>, u64)>> {
        let counts = self.loaded(py)?;
        let order = py.detach(|| counts.by_frequency());
        let entries =
            order.into_iter().take(limit.unwrap_or(usize::MAX)).filter_map(|index| counts.get(index));
        Ok(entries.map(|(pretoken, count)| (PyBytes::new(py, pretoken), count)).collect())
    }

    fn merged(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        let (left, right) = (self.loaded(py)?, other.loaded(py)?);
        py.detach(|| (*left).clone().merged((*right).clone())).into_python(py).map(Self::wrap)
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let (counts, mut bytes) = (self.loaded(py)?, Vec::new());
        py.detach(|| counts.write(&mut bytes))?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8], origin: &str) -> PyResult<Self> {
        py.detach(|| tokloom::count::PretokenCounts::read(data, origin)).into_python(py).map(Self::wrap)
    }

    #[pyo3(signature = (vocab_size, special_tokens, *, model, min_count, max_token_length, progress))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a training, each by its name")]
    fn train(
        &self,
        py: Python<'_>,
        vocab_size: usize,
        special_tokens: Vec<String>,
        model: &str,
        min_count: u64,
        max_token_length: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vocabulary> {
        let options = Options { vocab_size, special_tokens, min_count, max_token_length };
        let mut progress = Progress::new(progress);
        let words = if model == "words" { Some(self.loaded(py)?) } else { None };
        let trained = py.detach(|| {
            let mut tell = |done, total| progress.tell((done, total));
            match (&words, &self.inner) {
                (Some(counts), _) => train::train_words(counts.pattern(), counts.iter(), &options),
                (None, Held::InMemory(counts)) => {
                    train::train(counts.pattern(), counts.iter(), &options, &mut tell)
                }
                (None, Held::OnDisk(counts)) => train::train_stored(counts, &options, &mut tell),
            }
        });
        trained.map(Vocabulary::wrap).map_err(|error| progress.error(py, error))
    }

    #[pyo3(signature = (vocabulary, vocab_size, *, min_count, max_token_length, progress))]
    fn train_more(
        &self,
        py: Python<'_>,
        vocabulary: &Vocabulary,
        vocab_size: usize,
        min_count: u64,
        max_token_length: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vocabulary> {
        let options = Options { vocab_size, special_tokens: Vec::new(), min_count, max_token_length };
        let mut progress = Progress::new(progress);
        let vocabulary = &vocabulary.inner;
        let trained = py.detach(|| {
            let mut tell = |done, total| progress.tell((done, total));
            match &self.inner {
                Held::InMemory(counts) => train::train_more(vocabulary, counts.iter(), &options, &mut tell),
                Held::OnDisk(counts) => train::train_more_stored(vocabulary, counts, &options, &mut tell),
            }
        });
        trained.map(Vocabulary::wrap).map_err(|error| progress.error(py, error))
    }
}

/// Checks what a training is asked for before any text is read.
#[pyfunction]
pub(crate) fn check_training(
    py: Python<'_>,
    vocab_size: usize,
    special_tokens: Vec<String>,
    max_token_length: Option<usize>,
) -> PyResult<()> {
    Options { vocab_size, special_tokens, min_count: 1, max_token_length }.check().into_python(py)
}
