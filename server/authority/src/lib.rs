//! The certificate authority: what it signs, with which keys, and how these change hands.
//!
//! [`Authority`] signs: each kind of SVID is *prepared* (every rule checked, every byte fixed) and
//! then signed exactly once. [`Rotation`] owns the keys' life: it prepares the next authority,
//! activates it in time, keeps journal and bundle in step, and prunes. One task runs it; its step
//! takes no input and may be run at any time.

mod active;
mod authority;
mod config;
mod error;
mod issue;
mod journal;
mod jwt;
mod load;
mod prepare;
mod profile;
mod rotation;
mod server_svid;
mod slot;
mod state;
mod upstream;

#[cfg(test)]
mod tests;

pub use authority::{Authority, Parts};
pub use config::AuthorityConfig;
pub use error::AuthorityError;
pub use issue::{AgentX509, DownstreamCa, IssuedX509, PreparedX509, WorkloadX509};
pub use jwt::{IssuedJwt, PreparedJwt, WorkloadJwt};
pub use rotation::Rotation;
pub use server_svid::ServerSvid;
pub use state::{AuthorityInfo, AuthorityState, SlotsInfo};
