//! BundlePublishers.

pub mod rolesanywhere;
pub mod s3;
