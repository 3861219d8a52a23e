//! Keys that never leave a PKCS#11 token; the certificate lies there too, or in a file.

mod uri;

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::digest;
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use steeple_spiffe::{key::PublicKeyKind, x509::CertificateInfo};

use super::{
    Family, Hash, Identity, IdentityError, KeyError, PrivateKey,
    files::{INTERMEDIATES, pem_error, read},
    password::Password,
    pem,
};
use uri::{Uri, without_query};

/// The module that finds all others on a machine with p11-kit.
const MODULE: &str = "p11-kit-proxy.so";

/// Where certificate and key are.
#[derive(Debug)]
pub(crate) struct Token {
    certificate: String,
    key: String,
    intermediates: Option<String>,
    library: Option<String>,
    pin: Password,
    module: Mutex<Option<Pkcs11>>,
}

/// A session in which the key was found.
struct Found {
    session: Session,
    key: ObjectHandle,
}

impl Token {
    /// Nothing is opened yet. Either text may be a URI; the certificate may be a PEM file.
    pub(crate) fn new(
        certificate: &str,
        key: &str,
        intermediates: Option<&str>,
        library: Option<&str>,
    ) -> Self {
        Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            intermediates: intermediates.map(str::to_owned),
            library: library.map(str::to_owned),
            pin: Password::default(),
            module: Mutex::new(None),
        }
    }

    /// Finds certificate and key.
    ///
    /// # Errors
    /// When the token, or on it the certificate or the key, is not there or not one alone.
    pub(crate) fn identity(&self) -> Result<Identity, IdentityError> {
        let failed = |reason: String| IdentityError::Token {
            uri: without_query(&self.key).to_owned(),
            reason,
        };
        let uri = Uri::parse(&self.key).map_err(failed)?;
        let module = self.open(&uri).map_err(failed)?;
        let session = self.log_in(&module, &uri).map_err(failed)?;
        let (leaf, mut chain, id) = match self.certificate.strip_prefix("pkcs11:") {
            Some(_) => {
                let (leaf, id) = self.certificate_in(&session).map_err(failed)?;
                (leaf, Vec::new(), id)
            }
            None => self.certificate_file()?,
        };
        if let Some(path) = &self.intermediates {
            chain = pem::only_certificates(&read(INTERMEDIATES, path)?)
                .map_err(|source| pem_error(INTERMEDIATES, path, source))?;
        }
        let key = find_key(&session, &uri, id).map_err(failed)?;
        let info = CertificateInfo::parse(&leaf);
        let info = info.map_err(|source| IdentityError::Certificate {
            path: without_query(&self.certificate).to_owned(),
            source,
        })?;
        let found = Found { session, key };
        let key = found.into_key(&info).map_err(failed)?;
        let names = (without_query(&self.certificate), without_query(&self.key));
        Identity::new(&leaf, chain, key, names)
    }

    fn open(&self, uri: &Uri) -> Result<Pkcs11, String> {
        let mut module = self.module.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = &*module {
            return Ok(module.clone());
        }
        let library = self.library.as_deref().or(uri.module.as_deref());
        let library = library.unwrap_or(MODULE);
        let failed = |error: Error| {
            format!(
                "PKCS#11 module {library:?} cannot be used: {error} (--pkcs11-lib names another)"
            )
        };
        let opened = Pkcs11::new(library).map_err(failed)?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match opened.initialize(arguments) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error)),
        }
        *module = Some(opened.clone());
        Ok(opened)
    }

    fn log_in(&self, module: &Pkcs11, uri: &Uri) -> Result<Session, String> {
        let slot = find_slot(module, uri)?;
        let say = |error: Error| format!("the token refuses: {error}");
        let session = module.open_ro_session(slot).map_err(say)?;
        let info = module.get_token_info(slot).map_err(say)?;
        if !info.login_required() {
            return Ok(session);
        }
        let pin = match (&uri.pin, &uri.pin_file) {
            (Some(pin), _) => AuthPin::new(pin.as_str().into()),
            (None, Some(path)) => {
                let file = std::fs::read_to_string(path);
                let text = file.map_err(|error| format!("PIN file {path:?}: {error}"))?;
                AuthPin::new(text.trim_end().into())
            }
            (None, None) => {
                let pin = self.pin.or_ask("PIN of the token:").map_err(|error| {
                    format!("it needs a PIN: put ?pin-value=PIN at the URI's end, or run it on a terminal ({error})")
                })?;
                AuthPin::new(pin.as_str().into())
            }
        };
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(format!("the token refuses the PIN: {error}")),
        }
    }

    /// The certificate on the token, and the id that its key shares with it.
    fn certificate_in(&self, session: &Session) -> Result<(Vec<u8>, Option<Vec<u8>>), String> {
        let uri = Uri::parse(&self.certificate)?;
        let template = template(ObjectClass::CERTIFICATE, uri.object, uri.id);
        let found = session
            .find_objects(&template)
            .map_err(|error| error.to_string())?;
        let [certificate] = found[..] else {
            let count = found.len();
            return Err(format!("{count} certificates match instead of one"));
        };
        let wanted = [AttributeType::Value, AttributeType::Id];
        let attributes = session.get_attributes(certificate, &wanted);
        let (mut value, mut id) = (Vec::new(), None);
        for attribute in attributes.map_err(|error| error.to_string())? {
            match attribute {
                Attribute::Value(bytes) => value = bytes,
                Attribute::Id(bytes) => id = Some(bytes).filter(|id| !id.is_empty()),
                _ => {}
            }
        }
        Ok((value, id))
    }

    #[expect(
        clippy::type_complexity,
        reason = "leaf, chain and the id that a file does not have"
    )]
    fn certificate_file(&self) -> Result<(Vec<u8>, Vec<Vec<u8>>, Option<Vec<u8>>), IdentityError> {
        let path = &self.certificate;
        let certificates = pem::certificates(&read("certificate", path)?);
        let mut certificates = certificates
            .map_err(|source| pem_error("certificate", path, source))?
            .into_iter();
        let leaf = certificates.next().unwrap_or_default();
        Ok((leaf, certificates.collect(), None))
    }
}

fn find_slot(module: &Pkcs11, uri: &Uri) -> Result<Slot, String> {
    let slots = module.get_slots_with_initialized_token();
    let slots = slots.map_err(|error| error.to_string())?;
    let same = |wanted: &Option<String>, is: &str| {
        wanted.as_ref().is_none_or(|wanted| wanted == is.trim_end())
    };
    let mut matching = Vec::new();
    for slot in slots {
        let Ok(info) = module.get_token_info(slot) else {
            continue;
        };
        if same(&uri.token, info.label())
            && same(&uri.manufacturer, info.manufacturer_id())
            && same(&uri.model, info.model())
            && same(&uri.serial, info.serial_number())
            && uri.slot.is_none_or(|id| id == slot.id())
        {
            matching.push(slot);
        }
    }
    match matching[..] {
        [slot] => Ok(slot),
        [] => Err("no token matches".to_owned()),
        _ => Err(format!("{} tokens match instead of one", matching.len())),
    }
}

/// The private key that the URI names, or the one with the certificate's id.
fn find_key(session: &Session, uri: &Uri, id: Option<Vec<u8>>) -> Result<ObjectHandle, String> {
    let tries = [
        (uri.object.clone(), uri.id.clone()),
        (None, uri.id.clone().or_else(|| id.clone())),
        (None, id),
    ];
    let mut count = 0;
    for (object, id) in tries {
        let template = template(ObjectClass::PRIVATE_KEY, object, id);
        let found = session
            .find_objects(&template)
            .map_err(|error| error.to_string())?;
        if let [key] = found[..] {
            return Ok(key);
        }
        count = count.max(found.len());
    }
    Err(format!("{count} private keys match instead of one"))
}

fn template(class: ObjectClass, label: Option<Vec<u8>>, id: Option<Vec<u8>>) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(label.map(Attribute::Label));
    template.extend(id.map(Attribute::Id));
    template
}

impl Found {
    /// The key, which is taken to be that of the certificate; where the token tells an RSA key's
    /// modulus, that is checked.
    fn into_key(self, certificate: &CertificateInfo) -> Result<PrivateKey, String> {
        let public = certificate.public_key.clone();
        let kind = PublicKeyKind::of(&public).map_err(|error| error.to_string())?;
        let family = match kind {
            PublicKeyKind::Rsa(_) => Family::Rsa,
            PublicKeyKind::EcP256 | PublicKeyKind::EcP384 | PublicKeyKind::EcP521 => Family::Ecdsa,
            PublicKeyKind::Ed25519 => return Err("Ed25519 keys cannot be used".to_owned()),
        };
        if family == Family::Rsa {
            self.check_modulus(&public)?;
        }
        let found = Arc::new(Mutex::new(self));
        Ok(PrivateKey::elsewhere(
            public,
            family,
            move |hash, message| {
                let found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.sign(family, hash, message)
            },
        ))
    }

    fn check_modulus(&self, public: &[u8]) -> Result<(), String> {
        let attributes = self
            .session
            .get_attributes(self.key, &[AttributeType::Modulus]);
        let Ok(Some(Attribute::Modulus(modulus))) =
            attributes.map(|found| found.into_iter().next())
        else {
            return Ok(());
        };
        if public
            .windows(modulus.len())
            .any(|window| window == modulus)
        {
            return Ok(());
        }
        Err("the private key does not belong to the certificate".to_owned())
    }

    fn sign(&self, family: Family, hash: Hash, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (mechanism, data) = match (family, hash) {
            (Family::Rsa, Hash::Sha256) => (Mechanism::Sha256RsaPkcs, message.to_vec()),
            (Family::Rsa, Hash::Sha384) => (Mechanism::Sha384RsaPkcs, message.to_vec()),
            (Family::Rsa, Hash::Sha512) => (Mechanism::Sha512RsaPkcs, message.to_vec()),
            _ => {
                let digest = digest(hash.algorithm(), message);
                (Mechanism::Ecdsa, digest.as_ref().to_vec())
            }
        };
        let signed = self.session.sign(&mechanism, self.key, &data);
        let signed = signed.map_err(|error| KeyError::Token(error.to_string()))?;
        Ok(match family {
            Family::Rsa => signed,
            _ => ecdsa_der(&signed),
        })
    }
}

/// r and s, one after the other, as the DER that everybody else writes.
fn ecdsa_der(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [header(0x30, body.len()), body].concat()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut value = bytes.get(zeros..).unwrap_or_default().to_vec();
    if value.first().is_none_or(|first| *first >= 0x80) {
        value.insert(0, 0);
    }
    [header(0x02, value.len()), value].concat()
}

/// Tag and length; nothing here is longer than two coordinates of P-521.
fn header(tag: u8, length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => vec![tag, length],
        Ok(length) => vec![tag, 0x81, length],
        Err(_) => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_signature_becomes_der() {
        assert_eq!(
            ecdsa_der(&[0, 1, 0x80, 2]),
            [0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 2]
        );
        assert_eq!(ecdsa_der(&[0, 0]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
        let long = ecdsa_der(&[0x7f; 132]);
        assert_eq!(long[..3], [0x30, 0x81, 136]);
    }
}
