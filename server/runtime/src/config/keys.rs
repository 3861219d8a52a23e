//! Key types of the authorities.

use steeple_config::Layers;
use steeple_plugin_sdk::keymanager::KeyType;

/// `ca_key_type` and `jwt_key_type`; the second is the first if not set.
pub(super) fn read(layers: &Layers<'_, '_>) -> (KeyType, KeyType) {
    let ca = key_type(layers, "ca_key_type").unwrap_or(KeyType::EcP256);
    (ca, key_type(layers, "jwt_key_type").unwrap_or(ca))
}

/// The key type that a key of any section names.
pub(super) fn key_type(layers: &Layers<'_, '_>, key: &'static str) -> Option<KeyType> {
    layers.parsed(layers.text(key, None), |name| {
        KeyType::from_name(&name.to_lowercase()).ok_or_else(|| {
            format!(
                "error parsing {key}: key type {name:?} is unknown; \
                 must be one of [rsa-2048, rsa-4096, ec-p256, ec-p384]"
            )
        })
    })
}
