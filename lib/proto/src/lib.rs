//! The wire: our own `.proto` files, and what is generated from them.
//!
//! Names and field numbers are those of the SPIFFE Workload API and of SPIRE's APIs: they are the
//! interface. Modules follow the proto packages.

#![expect(
    missing_docs,
    reason = "generated code carries the documentation of its .proto file"
)]
#![expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated code"
)]

/// The encoded descriptors of every file here, for gRPC reflection and for the test that walks
/// all methods against the authorization table.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The SPIFFE Workload API (no proto package).
pub mod workload {
    tonic::include_proto!("_");
}

/// Blobs stored in the database.
pub mod store {
    tonic::include_proto!("steeple.store");
}

/// Our own service of hints, which SPIRE does not have.
pub mod hints {
    tonic::include_proto!("steeple.hints.v1");
}

/// The generated modules, nested as their proto packages are; use the short names below.
mod spire {
    pub mod agent {
        pub mod debug {
            pub mod v1 {
                tonic::include_proto!("spire.agent.debug.v1");
            }
        }
    }
    pub mod api {
        pub mod types {
            tonic::include_proto!("spire.api.types");
        }
        pub mod agent {
            pub mod delegatedidentity {
                pub mod v1 {
                    tonic::include_proto!("spire.api.agent.delegatedidentity.v1");
                }
            }
            pub mod logger {
                pub mod v1 {
                    tonic::include_proto!("spire.api.agent.logger.v1");
                }
            }
        }
        pub mod server {
            pub mod agent {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.agent.v1");
                }
            }
            pub mod bundle {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.bundle.v1");
                }
            }
            pub mod debug {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.debug.v1");
                }
            }
            pub mod entry {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.entry.v1");
                }
            }
            pub mod localauthority {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.localauthority.v1");
                }
            }
            pub mod logger {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.logger.v1");
                }
            }
            pub mod svid {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.svid.v1");
                }
            }
            pub mod trustdomain {
                pub mod v1 {
                    tonic::include_proto!("spire.api.server.trustdomain.v1");
                }
            }
        }
    }
}

/// Types shared by the server and agent APIs.
pub use spire::api::types;

/// APIs that the agent serves on its admin socket.
pub mod agent {
    pub use crate::spire::agent::debug::v1 as debug;
    pub use crate::spire::api::agent::{
        delegatedidentity::v1 as delegatedidentity, logger::v1 as logger,
    };
}

/// APIs that the server serves.
pub mod server {
    pub use crate::spire::api::server::{
        agent::v1 as agent, bundle::v1 as bundle, debug::v1 as debug, entry::v1 as entry,
        localauthority::v1 as localauthority, logger::v1 as logger, svid::v1 as svid,
        trustdomain::v1 as trustdomain,
    };
}
