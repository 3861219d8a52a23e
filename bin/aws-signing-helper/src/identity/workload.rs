//! The X.509-SVID straight from the SPIFFE Workload API.

use std::sync::Arc;

use futures::StreamExt as _;
use steeple_workload::{Address, Client, X509Context};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Identity, IdentityError, PrivateKey};
use crate::log::Log;

/// The latest SVID, once someone follows the agent.
type Latest = watch::Sender<Option<Arc<Identity>>>;

/// An agent, and the SVID that it gave last.
#[derive(Debug)]
pub(crate) struct Workload {
    address: Address,
    hint: String,
    log: Log,
    latest: Latest,
}

impl Workload {
    /// Nobody is contacted yet.
    pub(crate) fn new(address: Address, hint: String, log: Log) -> Self {
        Self {
            address,
            hint,
            log,
            latest: watch::Sender::new(None),
        }
    }

    /// The SVID: the one that was followed up to now, else asked for.
    ///
    /// # Errors
    /// When the agent gives none.
    pub(crate) async fn identity(&self) -> Result<Arc<Identity>, IdentityError> {
        if let Some(latest) = self.latest.borrow().clone() {
            return Ok(latest);
        }
        let context = Client::new(&self.address).fetch_x509_context().await;
        let context = context.map_err(|source| IdentityError::Workload {
            address: self.address.to_string(),
            source,
        })?;
        self.read(&context).map(Arc::new)
    }

    /// Follows the agent until `stopping`: a rotated SVID is the one to sign with from then on.
    pub(crate) async fn follow(&self, stopping: CancellationToken) {
        let mut updates = Client::new(&self.address).x509_contexts(stopping);
        while let Some(update) = updates.next().await {
            let read = update
                .map_err(|source| IdentityError::Workload {
                    address: self.address.to_string(),
                    source,
                })
                .and_then(|context| self.read(&context));
            match read {
                Ok(identity) => {
                    let serial = &identity.leaf.serial;
                    self.log
                        .debug(format_args!("X.509-SVID {serial} from the agent"));
                    self.latest.send_replace(Some(Arc::new(identity)));
                }
                Err(error) => self.log.line(error),
            }
        }
    }

    fn read(&self, context: &X509Context) -> Result<Identity, IdentityError> {
        let svid = context
            .svid(&self.hint)
            .ok_or_else(|| IdentityError::Hint {
                address: self.address.to_string(),
                hint: self.hint.clone(),
            })?;
        let name = svid.id.to_string();
        let key = PrivateKey::from_der(svid.key.pkcs8_der());
        let key = key.map_err(|source| IdentityError::Key {
            path: name.clone(),
            source,
        })?;
        let (leaf, chain) = svid
            .chain
            .split_first()
            .map_or((&[][..], &[][..]), |(leaf, chain)| (leaf.as_slice(), chain));
        Identity::new(leaf, chain.to_vec(), key, (&name, &name))
    }
}
