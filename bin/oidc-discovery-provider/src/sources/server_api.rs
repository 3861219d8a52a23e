//! The server's Bundle API on its private socket.

use std::{path::Path, time::Duration};

use steeple_grpc::unix_channel_lazy;
use steeple_proto::{
    server::bundle::{GetBundleRequest, bundle_client::BundleClient},
    types::{Bundle, BundleMask, JwtKey},
};
use steeple_spiffe::JwtAuthority;
use tonic::{Status, transport::Channel};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The server, asked for nothing but its JWT keys.
pub(super) struct ServerApi(BundleClient<Channel>);

impl ServerApi {
    pub(super) fn new(socket: &Path) -> Self {
        Self(BundleClient::new(unix_channel_lazy(socket)))
    }

    pub(super) async fn fetch(&self) -> Option<Vec<JwtAuthority>> {
        match self.bundle().await {
            Ok(bundle) => Some(bundle.jwt_authorities.into_iter().map(authority).collect()),
            Err(status) => {
                let error = format!(
                    "rpc error: code = {:?} desc = {}",
                    status.code(),
                    status.message()
                );
                tracing::warn!(error, "Failed to fetch bundle");
                None
            }
        }
    }

    async fn bundle(&self) -> Result<Bundle, Status> {
        let request = GetBundleRequest {
            output_mask: Some(BundleMask {
                jwt_authorities: true,
                ..BundleMask::default()
            }),
        };
        let mut client = self.0.clone();
        let answer = tokio::time::timeout(TIMEOUT, client.get_bundle(request));
        let late = |_| Status::deadline_exceeded("the server did not answer within 30 s");
        Ok(answer.await.map_err(late)??.into_inner())
    }
}

/// Expiry is left to the server, which takes keys out of the bundle; it changes nothing of what is
/// served.
fn authority(key: JwtKey) -> JwtAuthority {
    JwtAuthority {
        key_id: key.key_id,
        public_key: key.public_key.to_vec(),
        expires_at: 0,
        tainted: false,
    }
}
