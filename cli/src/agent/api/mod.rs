//! `api ...`: what a workload sees of the Workload API.

mod adapter;
mod fetch_jwt;
mod fetch_x509;
mod print;
mod svid;
mod validate_jwt;
mod watch;
mod write;

pub(crate) use adapter::Adapted;
pub(crate) use fetch_jwt::FetchJwt;
pub(crate) use fetch_x509::FetchX509;
pub use svid::{FetchedSvid, SvidError, parse_svids};
pub(crate) use validate_jwt::ValidateJwt;
pub(crate) use watch::Watch;
