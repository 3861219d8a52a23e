//! SigV4 with an X.509 certificate in place of an access key.
//!
//! The service documents it as "Signing process for IAM Roles Anywhere": the certificate's serial
//! number stands where the access key id does, and its key signs the string to sign itself.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use crate::identity::{Hash, Identity, KeyError};

/// The path that is signed and, below the endpoint's own, called.
pub(crate) const PATH: &str = "/sessions";

/// A request before it is signed.
#[derive(Debug)]
pub(crate) struct Unsigned<'a> {
    /// Host, with the port unless it is the scheme's own.
    pub(crate) host: &'a str,
    /// The query, decoded.
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// The body.
    pub(crate) body: &'a [u8],
    /// Where the service is.
    pub(crate) region: &'a str,
    /// When it is signed.
    pub(crate) now: Timestamp,
}

/// The canonical query: sorted, with everything escaped that RFC 3986 does not call unreserved.
pub(crate) fn canonical_query(query: &[(&str, &str)]) -> String {
    let mut pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            // Writing into a String does not fail.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

impl Unsigned<'_> {
    /// The headers of the signed request, names in lower case, but for `host`.
    ///
    /// # Errors
    /// When the key does not sign.
    pub(crate) fn sign(
        &self,
        identity: &Identity,
    ) -> Result<Vec<(&'static str, String)>, KeyError> {
        let date = self.now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-amz-date", date.clone()),
            ("x-amz-x509", STANDARD.encode(&identity.leaf.der)),
        ];
        if !identity.chain.is_empty() {
            let chain: Vec<_> = identity
                .chain
                .iter()
                .map(|der| STANDARD.encode(der))
                .collect();
            headers.push(("x-amz-x509-chain", chain.join(",")));
        }
        let mut signed = headers.clone();
        signed.push(("host", self.host.to_owned()));
        signed.sort();
        let names: Vec<_> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");

        let algorithm = identity.key.family().algorithm();
        let scope = self.scope();
        let canonical = self.canonical(&signed, &names);
        let text = format!(
            "{algorithm}\n{date}\n{scope}\n{}",
            hash(canonical.as_bytes())
        );
        let signature = identity.key.sign(Hash::Sha256, text.as_bytes())?;
        let authorization = format!(
            "{algorithm} Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            identity.leaf.serial,
            hex::encode(signature)
        );
        headers.push(("authorization", authorization));
        Ok(headers)
    }

    fn scope(&self) -> String {
        let day = self.now.strftime("%Y%m%d");
        format!("{day}/{}/rolesanywhere/aws4_request", self.region)
    }

    fn canonical(&self, headers: &[(&str, String)], names: &str) -> String {
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}:{}\n", value.trim()));
        format!(
            "POST\n{PATH}\n{}\n{}\n{names}\n{}",
            canonical_query(self.query),
            lines.collect::<String>(),
            hash(self.body)
        )
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

#[cfg(test)]
#[path = "sigv4_tests.rs"]
mod tests;
