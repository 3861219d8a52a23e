//! What goes into the files: from what the agent handed out to bytes.

pub(crate) mod jwt;
pub(crate) mod x509;
