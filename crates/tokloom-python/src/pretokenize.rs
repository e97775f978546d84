//! Patterns and their splitting.

use crate::errors::{IntoPython, raise};
use crate::text::{Text, release};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;
use tokloom::pretokenize::{Gaps, Pattern, Split};

/// (regular expression, "characters" | "whole") each.
pub(crate) type Splits = Vec<(String, String)>;

pub(crate) fn pattern(py: Python<'_>, splits: Splits) -> PyResult<Pattern> {
    let split = |(regex, gaps): (String, String)| {
        let gaps = match &gaps[..] {
            "characters" => Gaps::Characters,
            "whole" => Gaps::Whole,
            other => {
                let message = format!("gaps {other:?} are not known; they are \"characters\" or \"whole\"");
                return Err(raise(py, "ArgumentError", (message,)));
            }
        };
        Ok(Split { regex, gaps })
    };
    let splits = splits.into_iter().map(split).collect::<PyResult<_>>()?;
    Pattern::from_splits(splits).into_python(py)
}

pub(crate) fn splits(pattern: &Pattern) -> Splits {
    let gaps = |gaps| match gaps {
        Gaps::Characters => "characters".to_owned(),
        Gaps::Whole => "whole".to_owned(),
    };
    pattern.splits().iter().map(|split| (split.regex.clone(), gaps(split.gaps))).collect()
}

#[pyfunction]
pub(crate) fn pattern_names() -> Vec<&'static str> {
    Pattern::names()
}

#[pyfunction]
pub(crate) fn named_pattern(name: &str) -> Option<Splits> {
    Pattern::named(name).as_ref().map(splits)
}

#[pyfunction]
#[pyo3(name = "pattern_name")]
pub(crate) fn pattern_name(py: Python<'_>, splits: Splits) -> PyResult<Option<&'static str>> {
    Ok(pattern(py, splits)?.name())
}

#[pyclass(frozen, module = "tokloom._engine")]
pub(crate) struct Pretokenizer {
    pub(crate) inner: Arc<tokloom::Pretokenizer>,
}

#[pymethods]
impl Pretokenizer {
    #[new]
    fn new(py: Python<'_>, splits: Splits) -> PyResult<Self> {
        let inner = tokloom::Pretokenizer::new(&pattern(py, splits)?).into_python(py)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    fn split<'py>(&self, py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let text = Text::of(text)?.bytes;
        let mut ends = Vec::new();
        let found = release(py, text.len(), || {
            let mut end = 0;
            self.inner.split(text, |pretoken| {
                end += pretoken.len();
                ends.push(end);
            })
        });
        found.into_python(py)?;
        let starts = std::iter::once(0).chain(ends.iter().copied());
        Ok(starts.zip(&ends).map(|(start, &end)| PyBytes::new(py, &text[start..end])).collect())
    }
}
