//! TLS with X.509-SVIDs in place of host names: the server's listener and the agent's channel.

mod client_verifier;
mod connect;
mod connector;
mod identity;
mod listener;
mod refusal;
mod roots;
mod server_verifier;
mod socket;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

pub use connect::{ConnectError, ServerPolicy, Target, connect, connect_error, connect_lazy};
pub use identity::{Identity, IdentityError};
pub use listener::{ListenError, TlsListener, TlsServerConfig};
pub use roots::Bundles;

/// HTTP/2, the only protocol spoken here.
const ALPN: &[u8] = b"h2";

/// The one cryptography provider. It is always passed explicitly: no process-wide default is
/// installed or relied on.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}
