//! Checks a signed CreateSession request as the service documents it, with nothing but the trust
//! anchor and what is in the request.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{self, UnparsedPublicKey, VerificationAlgorithm},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::civil::DateTime;
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use crate::double::Request;

/// What a request proves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Proof {
    /// The certificate's serial number, in decimal.
    pub(crate) serial: String,
    pub(crate) algorithm: String,
    pub(crate) region: String,
    /// How many certificates came besides the leaf.
    pub(crate) chain: usize,
}

/// How far the clocks may differ, in seconds.
const SKEW: i64 = 300;

/// Checks signature, chain, serial number, scope and time.
pub(crate) fn verify(request: &Request, root: &[u8], now: i64) -> Result<Proof, String> {
    let header = |name: &str| {
        let value = request.header(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("Missing header {name}"))
    };
    let leaf = decode(header("x-amz-x509")?)?;
    let chain = match request.header("x-amz-x509-chain") {
        Some(list) => list.split(',').map(decode).collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    let date = header("x-amz-date")?;
    let authorization = Authorization::read(header("authorization")?)?;
    let certificate = parse(&leaf)?;

    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", date).map_err(|error| error.to_string())?;
    let at = at
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|error| error.to_string())?;
    if (at.timestamp().as_second() - now).abs() > SKEW {
        return Err(format!("Signature expired: {date}"));
    }
    let serial = certificate.tbs_certificate.serial.to_string();
    let region = authorization.check_scope(&serial, &date[..8])?;
    let text = authorization.string_to_sign(request, date)?;
    check_signature(&certificate, &authorization, &text)?;
    check_chain(&leaf, &chain, root, now)?;
    Ok(Proof {
        serial,
        algorithm: authorization.algorithm.to_owned(),
        region,
        chain: chain.len(),
    })
}

struct Authorization<'a> {
    algorithm: &'a str,
    credential: &'a str,
    signed: Vec<&'a str>,
    signature: Vec<u8>,
}

impl<'a> Authorization<'a> {
    fn read(text: &'a str) -> Result<Self, String> {
        let bad = || format!("Malformed Authorization {text:?}");
        let (algorithm, rest) = text.split_once(' ').ok_or_else(bad)?;
        let mut parts = rest.split(", ");
        let mut part = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
        let credential = part("Credential").ok_or_else(bad)?;
        let signed = part("SignedHeaders").ok_or_else(bad)?.split(';').collect();
        let signature = part("Signature").ok_or_else(bad)?;
        if signature.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(bad());
        }
        Ok(Self {
            algorithm,
            credential,
            signed,
            signature: hex::decode(signature).map_err(|_| bad())?,
        })
    }

    /// The region that the scope names.
    fn check_scope(&self, serial: &str, day: &str) -> Result<String, String> {
        let parts: Vec<_> = self.credential.split('/').collect();
        match parts[..] {
            [number, date, region, "rolesanywhere", "aws4_request"]
                if number == serial && date == day =>
            {
                Ok(region.to_owned())
            }
            _ => Err(format!(
                "Credential {} for serial {serial}",
                self.credential
            )),
        }
    }

    fn string_to_sign(&self, request: &Request, date: &str) -> Result<String, String> {
        let mut sorted = self.signed.clone();
        sorted.sort_unstable();
        if sorted != self.signed {
            return Err(format!("SignedHeaders are not sorted: {:?}", self.signed));
        }
        for name in ["host", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"] {
            if request.header(name).is_some() && !self.signed.contains(&name) {
                return Err(format!("Header {name} is not signed"));
            }
        }
        let mut headers = String::new();
        for name in &self.signed {
            let value = request
                .header(name)
                .ok_or_else(|| format!("Signed header {name} is missing"))?;
            headers += &format!("{name}:{value}\n");
        }
        let mut query: Vec<_> = request.query.split('&').collect();
        query.sort_unstable();
        // Only the path of the operation is signed, wherever it is called.
        if request.method != "POST" || !request.path.ends_with("/sessions") {
            return Err(format!("{} {}", request.method, request.path));
        }
        let canonical = format!(
            "POST\n/sessions\n{}\n{headers}\n{}\n{}",
            query.join("&"),
            self.signed.join(";"),
            hash(&request.body)
        );
        let (_, scope) = self.credential.split_once('/').unwrap_or_default();
        Ok(format!(
            "{}\n{date}\n{scope}\n{}",
            self.algorithm,
            hash(&canonical)
        ))
    }
}

fn check_signature(
    certificate: &X509Certificate<'_>,
    authorization: &Authorization<'_>,
    text: &str,
) -> Result<(), String> {
    let key = certificate.public_key();
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|any| any.as_oid().ok().map(|oid| oid.to_id_string()));
    let kind = key.algorithm.algorithm.to_id_string();
    let (name, algorithm): (_, &dyn VerificationAlgorithm) = match (kind.as_str(), curve.as_deref())
    {
        ("1.2.840.113549.1.1.1", _) => (
            "AWS4-X509-RSA-SHA256",
            &signature::RSA_PKCS1_2048_8192_SHA256,
        ),
        (_, Some("1.2.840.10045.3.1.7")) => {
            ("AWS4-X509-ECDSA-SHA256", &signature::ECDSA_P256_SHA256_ASN1)
        }
        (_, Some("1.3.132.0.34")) => ("AWS4-X509-ECDSA-SHA256", &signature::ECDSA_P384_SHA256_ASN1),
        (_, Some("1.3.132.0.35")) => ("AWS4-X509-ECDSA-SHA256", &signature::ECDSA_P521_SHA256_ASN1),
        other => return Err(format!("Unknown key {other:?}")),
    };
    if name != authorization.algorithm {
        return Err(format!("{} with a key for {name}", authorization.algorithm));
    }
    UnparsedPublicKey::new(algorithm, key.subject_public_key.as_ref())
        .verify(text.as_bytes(), &authorization.signature)
        .map_err(|_| "Invalid signature".to_owned())
}

fn check_chain(leaf: &[u8], chain: &[Vec<u8>], root: &[u8], now: i64) -> Result<(), String> {
    let anchor = parse(root)?;
    let mut current = parse(leaf)?;
    if current.is_ca() {
        return Err("The leaf is a CA".to_owned());
    }
    for _ in 0..=chain.len() {
        let validity = current.validity();
        if !(validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now) {
            return Err("Certificate is not valid now".to_owned());
        }
        if current.verify_signature(Some(anchor.public_key())).is_ok() {
            return Ok(());
        }
        let mut issuers = chain.iter().filter_map(|der| parse(der).ok());
        let issuer = issuers.find(|issuer| {
            let fits = issuer.subject() == current.issuer() && issuer.is_ca();
            fits && current.verify_signature(Some(issuer.public_key())).is_ok()
        });
        current = issuer.ok_or("Untrusted signing certificate")?;
    }
    Err("Untrusted signing certificate".to_owned())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    match parse_x509_certificate(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err("Malformed certificate".to_owned()),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|error| format!("Malformed certificate: {error}"))
}

fn hash(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}
