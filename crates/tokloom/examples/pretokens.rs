//! Splits texts, to be compared with what other libraries make of them.
//!
//! ```text
//! pretokens named NAME                a named pattern
//! pretokens huggingface REGEX...      what these isolated splits of a tokenizer.json are known to mean
//! pretokens splits REGEX...           these splits in fancy-regex's dialect
//! ```
//!
//! Standard input has a text a line, each a JSON string. The first line of the output is a JSON list of the pattern's
//! texts for Hugging Face's tokenizers, or null; each further line a JSON list of the lengths, in characters, of the
//! pretokens of one text.

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

use tokloom::{Pattern, Pretokenizer};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let pattern = match arguments.as_slice() {
        ["named", name] => Pattern::named(name).ok_or("no pattern has this name")?,
        ["huggingface", regexes @ ..] => {
            Pattern::from_huggingface(regexes).ok_or("these texts are not known")?
        }
        ["splits", regexes @ ..] => Pattern::sequence(regexes.iter().copied()),
        _ => return Err("usage: pretokens named NAME | huggingface REGEX... | splits REGEX...".into()),
    };
    let pretokenizer = Pretokenizer::new(&pattern)?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    writeln!(output, "{}", serde_json::to_string(&pattern.for_huggingface())?)?;
    for line in std::io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        let mut lengths = Vec::new();
        pretokenizer.split(text.as_bytes(), |pretoken| {
            lengths.push(String::from_utf8_lossy(pretoken).chars().count());
        })?;
        writeln!(output, "{}", serde_json::to_string(&lengths)?)?;
    }
    Ok(output.flush()?)
}
