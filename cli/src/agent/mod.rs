//! The commands of `spire-agent`.
