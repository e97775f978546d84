//! The engine's errors as the Python hierarchy of `tokloom.errors`.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;
use tokloom::Error;

static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// An error of class `tokloom.errors.<class>`.
pub(crate) fn raise<A>(py: Python<'_>, class: &str, arguments: A) -> PyErr
where
    A: for<'py> pyo3::call::PyCallArgs<'py>,
{
    let make = || {
        let module = ERRORS.get_or_try_init(py, || Ok::<_, PyErr>(py.import("tokloom.errors")?.unbind()))?;
        module.bind(py).getattr(class)?.call1(arguments)
    };
    match make() {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// The Python error for an engine error.
pub(crate) fn to_python(py: Python<'_>, error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Pattern(_) => raise(py, "PatternError", (message,)),
        Error::Vocabulary(_) => raise(py, "VocabularyError", (message,)),
        Error::SpecialToken(_) | Error::ForbiddenSpecialToken { .. } => {
            raise(py, "SpecialTokenError", (message,))
        }
        Error::Format(_) => raise(py, "FormatError", (message,)),
        Error::Unsupported { reason, .. } => raise(py, "UnsupportedFormatError", (message, reason)),
        Error::UnknownId(_) => raise(py, "UnknownIdError", (message,)),
        Error::Argument(_) => raise(py, "ArgumentError", (message,)),
        Error::Io { path, source } => {
            // Python's own words for the number; what isn't from the system (a damaged gz file) has none.
            let number = source.raw_os_error();
            let words = number.map_or_else(
                || source.to_string(),
                |number| {
                    let strerror =
                        py.import("os").and_then(|os| os.call_method1("strerror", (number,))?.extract());
                    strerror.unwrap_or_else(|_| source.to_string())
                },
            );
            raise(py, "SourceError", (number.unwrap_or(0), words, path))
        }
        Error::Interrupted | Error::Internal(_) => PyRuntimeError::new_err(message),
    }
}

/// `?` for engine results.
pub(crate) trait IntoPython<T> {
    fn into_python(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> IntoPython<T> for tokloom::Result<T> {
    fn into_python(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| to_python(py, error))
    }
}
