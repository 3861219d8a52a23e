//! Commands that look at a certificate or try a key.

use std::io::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use spki::SubjectPublicKeyInfoRef;
use steeple_spiffe::x509::CertificateInfo;

use crate::{
    cli::Values,
    identity::{Family, Hash, IdentityError, KeyError, SourceError, certificates, key, supported},
    log::Log,
};

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiagnoseError {
    /// The flags name nothing that can be looked at.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What they name cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key does not sign.
    #[error("unable to sign the digest: {0}")]
    Sign(#[from] KeyError),
    /// The certificate's file cannot be used.
    #[error("certificate {path:?} cannot be used: {reason}")]
    Certificate { path: String, reason: String },
    /// The result cannot be written down.
    #[error("failed to write the result: {0}")]
    Output(#[from] serde_json::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    key_type: &'a str,
    certificate_data: String,
    serial_number: String,
    supported_algorithms: Vec<String>,
}

/// Shows the first certificate of a PEM file as JSON.
///
/// # Errors
/// When there is none that can be read.
pub(crate) fn read_certificate(values: &Values) -> Result<Vec<u8>, DiagnoseError> {
    let path = values
        .some_text("certificate")
        .ok_or(SourceError::Nothing)?;
    supported(path)?;
    let failed = |reason: String| DiagnoseError::Certificate {
        path: path.to_owned(),
        reason,
    };
    let file = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let found = certificates(&file).map_err(|error| failed(error.to_string()))?;
    let der = found.first().map(Vec::as_slice).unwrap_or_default();
    let info = CertificateInfo::parse(der).map_err(|error| failed(error.to_string()))?;
    let key_type = key_type(&info.public_key);
    let supported_algorithms = match key_type {
        "RSA" | "EC" => ["SHA256", "SHA384", "SHA512"]
            .map(|hash| format!("{key_type}{hash}"))
            .to_vec(),
        other => vec![other.to_owned()],
    };
    let data = Data {
        key_type,
        certificate_data: STANDARD.encode(der),
        serial_number: info.serial.to_string(),
        supported_algorithms,
    };
    Ok(serde_json::to_vec(&data)?)
}

fn key_type(spki: &[u8]) -> &'static str {
    let Ok(spki) = SubjectPublicKeyInfoRef::try_from(spki) else {
        return "";
    };
    match spki.algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.10045.2.1" => "EC",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        _ => "",
    }
}

/// Signs a fixed text that ends with a fingerprint of the key, so that the signature is of no use
/// for anything else.
///
/// # Errors
/// When the key cannot be used.
pub(crate) fn sign_string(values: &Values, log: &Log) -> Result<Vec<u8>, DiagnoseError> {
    const LABEL: &[u8] = b"AWS Roles Anywhere Credential Helper Signing Test1";
    let key = key::<DiagnoseError>(values, log)?;
    let mut text = LABEL.to_vec();
    if key.family() != Family::MlDsa {
        let spki = SubjectPublicKeyInfoRef::try_from(key.public_der());
        let public = spki.map_err(|_| KeyError::NotAKey)?;
        let mut named = b"IAM RA".to_vec();
        named.extend_from_slice(public.subject_public_key.raw_bytes());
        text.extend_from_slice(digest(&SHA256, &named).as_ref());
    }
    let hash = Hash::named(values.text("digest")).unwrap_or(Hash::Sha256);
    let signature = key.sign(hash, &text)?;
    let hex = hex::encode(&signature);
    let mut output = Vec::new();
    // Writing into memory does not fail.
    drop(match values.text("format") {
        "bin" => output.write_all(&signature),
        "text" => output.write_all(hex.as_bytes()),
        _ => write!(output, "\"{hex}\""),
    });
    Ok(output)
}
