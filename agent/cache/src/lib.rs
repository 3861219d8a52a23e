//! What the agent knows and hands out: the entries it is entitled to, the X.509-SVIDs and
//! JWT-SVIDs for them, and the bundles to verify others with.
//!
//! [`Cache`] is the handle everyone shares. One task keeps entries and bundles in step with the
//! server ([`Cache::run_sync`]), one mints and renews X.509-SVIDs ([`Cache::run_minting`]).
//! A third listens for the server's hints that a sync is due ([`Cache::run_hints`]).
//! Readers never wait for either: they read a snapshot, and subscribers are told when to look
//! again. An identity that is still valid stays until its successor is there.

pub mod backoff;
pub mod rotation;

mod bundle;
mod cache;
mod denial;
mod entry;
mod hints;
mod jwt;
mod mint;
mod server;
mod snapshot;
mod subscribe;
mod svid;
mod sync;
mod update;

pub use bundle::BundleError;
pub use cache::{Cache, CacheConfig};
pub use denial::{Denial, ServerError};
pub use entry::{Entry, EntryError};
pub use jwt::{JwtSvid, JwtSvidError};
pub use server::{Server, ServerConnection};
pub use subscribe::Subscription;
pub use svid::X509Svid;
pub use update::{Identity, WorkloadUpdate, without_duplicate_hints};

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
