//! What keeps a daemon alive and lets it end well: the clock, supervised tasks, drain, readiness
//! and the health endpoint.

mod clock;

pub use clock::Clock;
