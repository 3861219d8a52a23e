//! HCL version 1 and its JSON twin, as HashiCorp's Go library reads them, with positions.
//!
//! [`parse`] turns a [`Source`] into a [`Document`]; a [`Section`] is how the rest of the house
//! reads it: one typed question a key. What was asked for is what is known, so [`Section::finish`]
//! can name every key that nobody asked for, and all mistakes of a file end in one [`Report`].
//!
//! The crate does no I/O.

pub mod duration;

mod ast;
mod cursor;
mod error;
mod json;
mod lexis;
mod native;
mod nearest;
mod number;
mod owned;
mod printer;
mod report;
mod section;
mod source;
mod unquote;

pub use ast::{Comment, Item, Key, List, Literal, LiteralKind, Object, Pos, Value};
pub use error::ParseError;
pub use nearest::nearest;
pub use owned::{OwnedSection, empty};
pub use printer::print;
pub use report::{Kind, Problem, Report};
pub use section::Section;
pub use source::{Document, Source, parse, parse_bytes};
