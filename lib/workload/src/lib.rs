//! A client of the SPIFFE Workload API: follows X.509-SVIDs and bundles, fetches JWT-SVIDs.
//!
//! Streams connect again by themselves, with a growing wait, for as long as the agent may come
//! back: a caller without identity today (PermissionDenied) may have one tomorrow. Only an answer
//! that no retry can change (InvalidArgument) ends them.

mod address;
mod backoff;
mod client;
mod error;
mod jwt;
mod x509;

pub use address::{Address, AddressError};
pub use client::{Client, Updates};
pub use error::WorkloadError;
pub use jwt::{JwtBundles, JwtSvid};
pub use x509::{X509Context, X509Svid};
