//! Progress, and Ctrl-C, out of long calls that run without the GIL.

use pyo3::prelude::*;
use tokloom::Error;

/// Calls back into Python from a thread that doesn't hold the GIL, and keeps what was raised there.
pub(crate) struct Progress {
    callback: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl Progress {
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, raised: None }
    }

    /// Looks for signals, then calls the callback. What Python raises ends the engine's work.
    pub(crate) fn tell<A>(&mut self, arguments: A) -> tokloom::Result<()>
    where
        A: for<'py> pyo3::call::PyCallArgs<'py>,
    {
        let told = Python::attach(|py| {
            py.check_signals()?;
            if let Some(callback) = &self.callback {
                callback.call1(py, arguments)?;
            }
            Ok(())
        });
        told.map_err(|error| {
            self.raised = Some(error);
            Error::Interrupted
        })
    }

    /// What was raised, else the engine's own error.
    pub(crate) fn error(self, py: Python<'_>, error: Error) -> PyErr {
        match (error, self.raised) {
            (Error::Interrupted, Some(raised)) => raised,
            (error, _) => crate::errors::to_python(py, error),
        }
    }
}
