//! The agent's key as TLS sees it: a signer whose private part stays in the key manager.

use std::{fmt, sync::Arc};

use futures::executor::block_on;
use rustls::{SignatureAlgorithm, SignatureScheme as TlsScheme, sign};
use steeple_plugin_sdk::keymanager::{KeyManager, SignatureScheme};
use tokio::runtime::{Handle, RuntimeFlavor};

/// An EC P-256 key in a key manager.
#[derive(Clone)]
pub(crate) struct ManagedKey {
    pub(crate) manager: Arc<dyn KeyManager>,
    pub(crate) id: String,
}

impl fmt::Debug for ManagedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl sign::SigningKey for ManagedKey {
    fn choose_scheme(&self, offered: &[TlsScheme]) -> Option<Box<dyn sign::Signer>> {
        offered
            .contains(&TlsScheme::ECDSA_NISTP256_SHA256)
            .then(|| Box::new(self.clone()) as Box<dyn sign::Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl sign::Signer for ManagedKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        // rustls signs in the middle of a handshake and cannot wait; one handshake a few minutes
        // is little enough to block a thread for.
        let signing = || {
            block_on(
                self.manager
                    .sign(&self.id, SignatureScheme::EcdsaSha256, message),
            )
        };
        let threaded = Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        let signed = if threaded {
            tokio::task::block_in_place(signing)
        } else {
            signing()
        };
        signed.map_err(|error| {
            rustls::Error::General(format!("could not sign with key {:?}: {error}", self.id))
        })
    }

    fn scheme(&self) -> TlsScheme {
        TlsScheme::ECDSA_NISTP256_SHA256
    }
}
