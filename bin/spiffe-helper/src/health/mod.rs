//! The health pages: what was written, and whether it still holds.

mod listener;
mod status;

pub(crate) use listener::serve;
pub(crate) use status::{Status, Tracked};
