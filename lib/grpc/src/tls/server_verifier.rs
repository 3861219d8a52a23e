//! How a client judges the certificate of the server it connected to.

use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use steeple_lifecycle::Clock;
use steeple_spiffe::{
    SpiffeId,
    x509::{X509Error, spiffe_id_from_leaf},
};

use super::{ServerPolicy, provider, refusal::Refusal, roots::RootCache};

/// Accepts the trust domain's server and nobody else. Names and addresses of hosts mean nothing.
#[derive(Debug)]
pub(crate) struct SvidServerVerifier {
    expected: SpiffeId,
    policy: ServerPolicy,
    roots: RootCache,
    clock: Clock,
}

impl SvidServerVerifier {
    pub(crate) fn new(expected: SpiffeId, policy: ServerPolicy, clock: Clock) -> Self {
        Self {
            expected,
            policy,
            roots: RootCache::default(),
            clock,
        }
    }

    fn judge(&self, chain: &[&CertificateDer<'_>]) -> Result<(), Refusal> {
        let leaf = chain.first().ok_or(X509Error::EmptyChain)?;
        let found = spiffe_id_from_leaf(leaf)?;
        if let ServerPolicy::Verify(bundle) = &self.policy {
            let bundle = bundle.borrow().clone();
            self.roots
                .verify(&bundle, chain, self.clock.now())
                .map_err(|error| match error {
                    X509Error::UnknownAuthority => Refusal::UnknownAuthority(found.clone()),
                    error => Refusal::Chain(error),
                })?;
        }
        if found != self.expected {
            return Err(Refusal::WrongId {
                found,
                expected: self.expected.clone(),
            });
        }
        Ok(())
    }
}

impl ServerCertVerifier for SvidServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
        self.judge(&chain)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
