//! The JSON twin: the same tree from JSON, as HashiCorp's library reads it.

mod flatten;
mod parser;
mod scanner;

pub(crate) use parser::parse;
