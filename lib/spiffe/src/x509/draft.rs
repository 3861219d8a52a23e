//! Certificates in two steps: first the bytes to be signed, then the whole, so that the signer
//! may be a key manager, an HSM or a cloud.

use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, GeneralizedTime, Int, UtcTime},
};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::time::{Time, Validity};

pub use x509_cert::ext::Extension;

use super::{Serial, X509Error};
use crate::key::{KeyError, SignatureScheme};

/// A certificate about to be signed. Names and key are DER and go in byte for byte.
#[derive(Clone, Debug)]
pub struct CertificateDraft {
    /// Serial number; at most 20 bytes and not zero.
    pub serial: Serial,
    /// The issuer's subject, a DER Name.
    pub issuer: Vec<u8>,
    /// The subject, a DER Name.
    pub subject: Vec<u8>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// The public key, a DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// Extensions in the order in which they shall appear.
    pub extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: Int,
    signature: AlgorithmIdentifierOwned,
    issuer: Any,
    validity: Validity,
    subject: Any,
    public_key: Any,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

impl CertificateDraft {
    /// Encodes the part to be signed, for a signer that uses `scheme`.
    ///
    /// # Errors
    /// When a part cannot be encoded, or the scheme is not for certificates.
    pub fn prepare(self, scheme: SignatureScheme) -> Result<Unsigned, X509Error> {
        let algorithm = scheme
            .algorithm_identifier()
            .ok_or(KeyError::WrongScheme(scheme))?;
        let tbs = TbsCertificate {
            version: 2,
            serial: positive(&self.serial)?,
            signature: algorithm.clone(),
            issuer: Any::from_der(&self.issuer)?,
            validity: Validity::new(time(self.not_before)?, time(self.not_after)?),
            subject: Any::from_der(&self.subject)?,
            public_key: Any::from_der(&self.public_key)?,
            extensions: self.extensions,
        };
        Ok(Unsigned {
            scheme,
            algorithm,
            message: tbs.to_der()?,
        })
    }
}

/// A DER INTEGER that is positive whatever its first bit.
fn positive(serial: &Serial) -> Result<Int, X509Error> {
    let mut bytes = serial.as_be_bytes().to_vec();
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        bytes.insert(0, 0);
    }
    Ok(Int::new(&bytes)?)
}

/// UTCTime up to 2049, GeneralizedTime after (RFC 5280 4.1.2.5).
fn time(at: Timestamp) -> Result<Time, X509Error> {
    let seconds = u64::try_from(at.as_second())
        .map_err(|_| X509Error::Encode(format!("{at} is before 1970")))?;
    let since_epoch = std::time::Duration::from_secs(seconds);
    match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(
            since_epoch,
        )?)),
    }
}

/// A certificate or CSR that lacks only its signature. It is consumed by [`Unsigned::finish`], so
/// one preparation cannot end up under two signatures.
#[derive(Debug)]
pub struct Unsigned {
    scheme: SignatureScheme,
    algorithm: AlgorithmIdentifierOwned,
    message: Vec<u8>,
}

#[derive(Sequence)]
struct Signed {
    message: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Unsigned {
    pub(crate) fn new(message: Vec<u8>, scheme: SignatureScheme) -> Result<Self, X509Error> {
        let algorithm = scheme
            .algorithm_identifier()
            .ok_or(KeyError::WrongScheme(scheme))?;
        Ok(Self {
            scheme,
            algorithm,
            message,
        })
    }

    /// The scheme to sign with.
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// The bytes to sign.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Puts the signature to the message and returns the whole as DER.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, X509Error> {
        let signed = Signed {
            message: Any::from_der(&self.message)?,
            algorithm: self.algorithm,
            signature: BitString::from_bytes(signature)?,
        };
        Ok(signed.to_der()?)
    }
}
