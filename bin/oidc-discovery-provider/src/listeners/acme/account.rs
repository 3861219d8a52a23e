//! The account with the service: a key, which is kept so that the account is found again.

use instant_acme::{Account, Key};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use steeple_spiffe::pem::private_key_from_pem;

use super::{AcmeError, cache::Cache, client::HttpsClient};
use crate::config::AcmeConfig;

/// Opens the account, or makes it.
pub(super) async fn open(config: &AcmeConfig, cache: &Cache) -> Result<Account, AcmeError> {
    let failed = |doing| move |source| AcmeError::Service { doing, source };
    let (key, der) = match kept(cache)? {
        Some(kept) => kept,
        None => fresh(cache)?,
    };
    let builder = Account::builder_with_http(Box::new(HttpsClient::new()?));
    let (account, _credentials) = builder
        .create_from_key(
            (key, PrivateKeyDer::Pkcs8(der)),
            config.directory_url.clone(),
        )
        .await
        .map_err(failed("opening an account with the ACME service"))?;
    tracing::info!(url = config.directory_url, "ACME Terms Of Service accepted");
    let contact = format!("mailto:{}", config.email);
    account
        .update_contacts(&[&contact])
        .await
        .map_err(failed("telling the ACME service the email address"))?;
    Ok(account)
}

type AccountKey = (Key, PrivatePkcs8KeyDer<'static>);

/// The key of an earlier run, if it is of the kind that can be used.
fn kept(cache: &Cache) -> Result<Option<AccountKey>, AcmeError> {
    let Some(pem) = cache.account_key()? else {
        return Ok(None);
    };
    let usable = private_key_from_pem(&pem).ok().and_then(|key| {
        let der = PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec());
        Some((Key::from_pkcs8_der(der.clone_key()).ok()?, der))
    });
    if usable.is_none() {
        tracing::warn!("The kept key of the ACME account is no ECDSA P-256 key; making another");
    }
    Ok(usable)
}

fn fresh(cache: &Cache) -> Result<AccountKey, AcmeError> {
    let (key, der) = Key::generate_pkcs8().map_err(|source| AcmeError::Service {
        doing: "making an account key",
        source,
    })?;
    cache.keep_account_key(der.secret_pkcs8_der())?;
    Ok((key, der))
}
