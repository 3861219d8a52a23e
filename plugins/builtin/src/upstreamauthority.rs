//! UpstreamAuthorities.

pub mod disk;
