//! (room under construction)
pub mod config;
