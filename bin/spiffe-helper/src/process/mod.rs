//! The process that uses the certificates: one that is started here, or one named by a pid file.

pub(crate) mod args;
mod child;
mod pid_file;
pub(crate) mod signal;

pub(crate) use child::Supervisor;
pub(crate) use pid_file::PidFile;
