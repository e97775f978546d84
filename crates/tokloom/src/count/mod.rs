//! pretokens → how often each occurs: threads, u64, exact sums.
