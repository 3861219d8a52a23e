//! The rules by which bundles change.

use jiff::Timestamp;
use steeple_spiffe::{Bundle, X509Authority};
use x509_parser::{
    certificate::X509Certificate, extensions::ParsedExtension, prelude::FromDer as _,
};

use super::BundleEdit;
use crate::StoreError;

pub(super) fn append(old: Option<&Bundle>, addition: &Bundle) -> BundleEdit {
    let Some(old) = old else {
        return BundleEdit::Put(addition.clone());
    };
    let mut merged = old.clone();
    merge(&mut merged.x509_authorities, &addition.x509_authorities);
    merge(&mut merged.jwt_authorities, &addition.jwt_authorities);
    if merged == *old {
        BundleEdit::Keep
    } else {
        next(merged)
    }
}

/// Appends what is not in `old`; the addition itself may hold the same thing twice.
fn merge<T: Clone + Eq>(old: &mut Vec<T>, addition: &[T]) {
    for item in addition {
        if !old.contains(item) {
            old.push(item.clone());
        }
    }
}

fn next(mut bundle: Bundle) -> BundleEdit {
    bundle.sequence_number += 1;
    BundleEdit::Put(bundle)
}

pub(super) fn create(old: Option<&Bundle>, new: &Bundle) -> Result<BundleEdit, StoreError> {
    match old {
        None => Ok(BundleEdit::Put(new.clone())),
        Some(_) => Err(StoreError::AlreadyExists(
            "UNIQUE constraint failed: bundles.trust_domain".to_owned(),
        )),
    }
}

pub(super) fn prune(old: Option<&Bundle>, before: Timestamp) -> Result<BundleEdit, StoreError> {
    let Some(old) = old else {
        return Ok(BundleEdit::Keep);
    };
    let before = before.as_second();
    let mut pruned = old.clone();
    pruned.x509_authorities.clear();
    for authority in &old.x509_authorities {
        if first_end(authority)? > before {
            pruned.x509_authorities.push(authority.clone());
        }
    }
    pruned
        .jwt_authorities
        .retain(|key| key.expires_at == 0 || key.expires_at > before);
    if pruned.x509_authorities.is_empty() && !old.x509_authorities.is_empty() {
        return Err(precondition("would prune all certificates"));
    }
    if pruned.jwt_authorities.is_empty() && !old.jwt_authorities.is_empty() {
        return Err(precondition("would prune all JWT signing keys"));
    }
    Ok(if pruned == *old {
        BundleEdit::Keep
    } else {
        next(pruned)
    })
}

fn precondition(text: &str) -> StoreError {
    StoreError::FailedPrecondition(text.to_owned())
}

/// When the first of an authority's certificates ends. The field may hold several, one after the
/// other; a chain is worth no more than its weakest part.
fn first_end(authority: &X509Authority) -> Result<i64, StoreError> {
    let mut rest = authority.der.as_slice();
    let mut first = i64::MAX;
    while !rest.is_empty() {
        let (after, certificate) = parse(rest)?;
        first = first.min(certificate.validity().not_after.timestamp());
        rest = after;
    }
    Ok(first)
}

fn parse(der: &[u8]) -> Result<(&[u8], X509Certificate<'_>), StoreError> {
    X509Certificate::from_der(der).map_err(|error| {
        StoreError::Corrupt(format!(
            "a root certificate in the bundle cannot be parsed: {error}"
        ))
    })
}

pub(super) fn taint_x509(old: Option<&Bundle>, id: &str) -> Result<BundleEdit, StoreError> {
    let mut bundle = old.ok_or(StoreError::NotFound)?.clone();
    let mut found = false;
    for authority in &mut bundle.x509_authorities {
        if subject_key_id(authority)? != id {
            continue;
        }
        if authority.tainted {
            return Err(bad("root CA is already tainted"));
        }
        authority.tainted = true;
        found = true;
    }
    if found {
        Ok(next(bundle))
    } else {
        Err(StoreError::NotFound)
    }
}

pub(super) fn revoke_x509(old: Option<&Bundle>, id: &str) -> Result<BundleEdit, StoreError> {
    let old = old.ok_or(StoreError::NotFound)?;
    let mut bundle = old.clone();
    bundle.x509_authorities.clear();
    for authority in &old.x509_authorities {
        if subject_key_id(authority)? != id {
            bundle.x509_authorities.push(authority.clone());
        } else if !authority.tainted {
            return Err(bad("it is not possible to revoke an untainted root CA"));
        }
    }
    if bundle == *old {
        Err(StoreError::NotFound)
    } else {
        Ok(next(bundle))
    }
}

/// Lower-case hex, as authority IDs are written; empty when the certificate names none.
fn subject_key_id(authority: &X509Authority) -> Result<String, StoreError> {
    let (_, certificate) = parse(&authority.der)?;
    let id =
        certificate
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
                _ => None,
            });
    Ok(id
        .unwrap_or_default()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn bad(text: &str) -> StoreError {
    StoreError::BadRequest(text.to_owned())
}

pub(super) fn taint_jwt(old: Option<&Bundle>, id: &str) -> Result<BundleEdit, StoreError> {
    let mut bundle = old.ok_or(StoreError::NotFound)?.clone();
    let key = bundle
        .jwt_authorities
        .iter_mut()
        .find(|key| key.key_id == id);
    let key = key.ok_or(StoreError::NotFound)?;
    if key.tainted {
        return Err(bad("key is already tainted"));
    }
    key.tainted = true;
    Ok(next(bundle))
}

pub(super) fn revoke_jwt(old: Option<&Bundle>, id: &str) -> Result<BundleEdit, StoreError> {
    let mut bundle = old.ok_or(StoreError::NotFound)?.clone();
    let at = bundle
        .jwt_authorities
        .iter()
        .position(|key| key.key_id == id);
    let at = at.ok_or(StoreError::NotFound)?;
    if !bundle.jwt_authorities[at].tainted {
        return Err(bad("it is not possible to revoke an untainted key"));
    }
    bundle.jwt_authorities.remove(at);
    Ok(next(bundle))
}
