//! KeyManagers whose keys are in this process.

pub mod disk;
pub mod memory;

mod keyring;

/// For the conformance suite: verification by the cryptography library alone.
#[cfg(test)]
fn verifies(
    public_key: &[u8],
    scheme: steeple_plugin_sdk::keymanager::SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> bool {
    use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
    use steeple_plugin_sdk::keymanager::SignatureScheme;
    let algorithm: &dyn VerificationAlgorithm = match scheme {
        SignatureScheme::EcdsaSha256 => &signature::ECDSA_P256_SHA256_ASN1,
        SignatureScheme::EcdsaSha384 => &signature::ECDSA_P384_SHA384_ASN1,
        SignatureScheme::EcdsaSha512 => &signature::ECDSA_P521_SHA512_ASN1,
        SignatureScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SignatureScheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
    };
    let (_, key) = x509_parser::x509::SubjectPublicKeyInfo::from_der(public_key).unwrap();
    let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
    key.verify(message, signature).is_ok()
}

#[cfg(test)]
use x509_parser::prelude::FromDer as _;
