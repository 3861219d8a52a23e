//! The server's own SVID in the form that TLS presents.

use std::sync::Arc;

use steeple_authority::ServerSvid;
use steeple_grpc::{Identity, IdentityError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

type Svid = Option<Arc<ServerSvid>>;

/// Follows the server's SVID: what it turns into, and the task that keeps it so.
pub(crate) struct TlsIdentity {
    svids: watch::Receiver<Svid>,
    identity: watch::Sender<Option<Identity>>,
}

impl TlsIdentity {
    /// Presents the SVID that is there now.
    pub(crate) fn new(
        mut svids: watch::Receiver<Svid>,
        identity: watch::Sender<Option<Identity>>,
    ) -> Result<Self, IdentityError> {
        let first = svids
            .borrow_and_update()
            .as_deref()
            .map(convert)
            .transpose()?;
        identity.send_replace(first);
        Ok(Self { svids, identity })
    }

    /// Follows rotations until `stopping`. An SVID that TLS cannot use leaves the old one in place.
    pub(crate) async fn follow(mut self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                changed = self.svids.changed() => if changed.is_err() { return },
            }
            match self
                .svids
                .borrow_and_update()
                .as_deref()
                .map(convert)
                .transpose()
            {
                Ok(identity) => {
                    self.identity.send_replace(identity);
                }
                Err(error) => {
                    tracing::error!(%error, "Could not present the new server SVID; the old one stays in use");
                }
            }
        }
    }
}

fn convert(svid: &ServerSvid) -> Result<Identity, IdentityError> {
    Identity::from_pkcs8(&svid.chain, svid.key.pkcs8_der())
}
