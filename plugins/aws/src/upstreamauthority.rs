//! UpstreamAuthorities.

pub mod awssecret;
