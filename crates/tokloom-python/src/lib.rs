//! tokloom's engine for Python: converts types, releases the GIL, turns errors into Python's. No rule of tokenizing
//! lives here.

mod counting;
mod errors;
mod ids;
mod ints;
mod learned;
mod network;
mod pretokenize;
mod progress;
mod stream;
mod strings;
mod text;
mod vocabulary;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _engine {
    #[pymodule_export]
    use crate::counting::{Counter, Documents, PretokenCounts, check_training};
    #[pymodule_export]
    use crate::learned::{LearnedStream, LearnedVocabulary};
    #[pymodule_export]
    use crate::network::{Network, read_tensors, tensors_to_bytes};
    #[pymodule_export]
    use crate::pretokenize::{Pretokenizer, named_pattern, pattern_name, pattern_names};
    #[pymodule_export]
    use crate::stream::StreamEncoder;
    #[pymodule_export]
    use crate::vocabulary::{Vocabulary, read_ranks};

    #[pymodule_export]
    const UNICODE_VERSION: &str = tokloom::pretokenize::UNICODE_VERSION;
}
