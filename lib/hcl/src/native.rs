//! HCL itself, in its native spelling.

mod comments;
mod heredoc;
mod parser;
mod scanner;
mod token;

pub(crate) use parser::parse;
