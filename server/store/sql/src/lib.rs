//! The `sql` DataStore: SQLite with SPIRE's schema, so that either program opens the other's file.
//!
//! One thread owns the only connection that writes ([`writer`]). Requests queue for it; what has
//! queued up while it was busy is committed together, each request in a savepoint of its own, so
//! one that fails takes nobody along. A request is answered after the commit that holds it.
//! Reads use a few connections of their own, off the async threads ([`reader`]).
//!
//! Commits are synced to the disk (`synchronous=FULL`): what has been acknowledged
//! survives a power cut, not only a crash. Committing in groups is what makes that cheap;
//! `_synchronous=NORMAL` in the connection string gives it up.
//!
//! SQL text is kept by noun. What will differ between database systems (the forms of statements,
//! their error codes, how times are written) is in [`dialect`]; [`schema`] is SQLite's.

mod blob;
mod builder;
mod bundle;
mod connection;
mod dialect;
mod entry;
mod event;
mod feed;
mod journal;
mod migrate;
mod node;
mod reader;
mod schema;
mod store;
mod target;
mod token;
mod txn;
mod version;
mod writer;

pub use builder::SqlBuilder;
pub use migrate::CODE_VERSION;
pub use store::{SqlOptions, SqlStore};

#[cfg(test)]
mod tests;
