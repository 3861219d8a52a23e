//! What keeps a daemon alive and lets it end well: the clock, supervised tasks, signals, drain,
//! the health endpoint, and files that are never half written.

pub mod files;
pub mod health;
pub mod signals;
pub mod umask;

mod clock;
mod tasks;

pub use clock::Clock;
pub use tasks::{TaskError, Tasks};
