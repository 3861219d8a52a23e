//! Between the wire's messages and the house's own types; one file a noun.

pub(crate) mod agent;
pub(crate) mod bundle;
pub(crate) mod entry;
pub(crate) mod id;
pub(crate) mod selector;
