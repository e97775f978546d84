//! How many threads one text gets.

use tokloom::Error;

/// From this many bytes on, one text is worth several threads where nobody says how many.
const WORTH_THREADS: usize = 1 << 22;
/// As many as `encode_batch` may be asked for.
const MOST_THREADS: usize = 1024;

/// Those that were asked for, or as many as a text is worth that is encoded by looking up pretokens.
pub(crate) fn threads_for(text: &[u8], threads: Option<usize>) -> tokloom::Result<usize> {
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
