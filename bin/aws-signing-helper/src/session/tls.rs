//! TLS towards the service.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs::default_provider},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};

/// Whom to trust: the machine's roots, or those in AWS_CA_BUNDLE in their place; or anyone.
///
/// # Errors
/// When there are no roots. Says why.
pub(super) fn config(verify: bool, bundle: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = if verify {
        builder.with_root_certificates(roots(bundle)?)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone::new(&provider)))
    };
    Ok(Arc::new(config.with_no_client_auth()))
}

fn roots(bundle: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match bundle {
        Some(path) => {
            let failed = |error| format!("AWS_CA_BUNDLE {path:?} cannot be read: {error}");
            for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
                let added = roots.add(certificate.map_err(failed)?);
                added.map_err(|error| format!("AWS_CA_BUNDLE {path:?}: {error}"))?;
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
        }
    }
    if roots.is_empty() {
        return Err(match bundle {
            Some(path) => format!("AWS_CA_BUNDLE {path:?} holds no certificate"),
            None => "this machine has no root certificates: install ca-certificates, or name a \
                     file in AWS_CA_BUNDLE"
                .to_owned(),
        });
    }
    Ok(roots)
}

/// Believes every certificate: `--no-verify-ssl`.
#[derive(Debug)]
struct Anyone(WebPkiSupportedAlgorithms);

impl Anyone {
    fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
