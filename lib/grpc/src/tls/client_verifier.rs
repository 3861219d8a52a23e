//! How the server judges a client's certificate.

use std::{fmt, sync::Arc};

use rustls::{
    DigitallySignedStruct, DistinguishedName, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{verify_tls12_signature, verify_tls13_signature},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, UnixTime};
use steeple_lifecycle::Clock;
use steeple_spiffe::{
    SpiffeId, TrustDomain,
    x509::{X509Error, spiffe_id_from_leaf},
};

use super::{Bundles, provider, refusal::Refusal, roots::RootCache};

/// Accepts nobody's certificate but that of a member of the trust domain or of a listed foreign
/// admin, and callers without a certificate: what those may do is decided call by call.
pub(crate) struct SvidClientVerifier {
    trust_domain: TrustDomain,
    foreign: Vec<SpiffeId>,
    bundles: Arc<dyn Bundles>,
    own_roots: RootCache,
    foreign_roots: RootCache,
    clock: Clock,
}

impl SvidClientVerifier {
    pub(crate) fn new(
        trust_domain: TrustDomain,
        foreign: Vec<SpiffeId>,
        bundles: Arc<dyn Bundles>,
        clock: Clock,
    ) -> Self {
        Self {
            trust_domain,
            foreign,
            bundles,
            own_roots: RootCache::default(),
            foreign_roots: RootCache::default(),
            clock,
        }
    }

    fn judge(&self, chain: &[&CertificateDer<'_>]) -> Result<(), Refusal> {
        let leaf = chain.first().ok_or(X509Error::EmptyChain)?;
        let id = spiffe_id_from_leaf(leaf)?;
        let own = id.is_member_of(&self.trust_domain);
        if !own && !self.foreign.contains(&id) {
            return Err(Refusal::Foreign(id));
        }
        let domain = id.trust_domain();
        let bundle = self
            .bundles
            .bundle(&domain)
            .ok_or_else(|| Refusal::NoBundle(domain.to_string()))?;
        let roots = if own {
            &self.own_roots
        } else {
            &self.foreign_roots
        };
        roots.verify(&bundle, chain, self.clock.now())?;
        Ok(())
    }
}

impl ClientCertVerifier for SvidClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
        self.judge(&chain)?;
        Ok(ClientCertVerified::assertion())
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

impl fmt::Debug for SvidClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SvidClientVerifier({})", self.trust_domain)
    }
}
