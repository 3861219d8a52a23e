//! The keys that begin with `jwt_`.

use steeple_hcl::Section;

use super::{
    JwtBundleFile, JwtBundleFormat, JwtSvidFile, TRUST_DOMAIN, keys::Keys, modes, paths::below,
};

const MODE: u32 = 0o600;

/// The file of the JWT bundles.
pub(super) fn bundle(keys: &Keys<'_>, cert_dir: &str) -> Option<JwtBundleFile> {
    let mode = modes::read(keys, "jwt_bundle_file_mode", MODE);
    let formats = [
        ("base64", JwtBundleFormat::Base64),
        ("jwks", JwtBundleFormat::Jwks),
    ];
    let format = keys
        .choice("jwt_bundle_format", &formats)
        .unwrap_or_default();
    let name = keys.string("jwt_bundle_file_name")?;
    if name.contains(TRUST_DOMAIN) && format != JwtBundleFormat::Jwks {
        let message = format!(
            "a file for each trust domain ({TRUST_DOMAIN}) needs jwt_bundle_format = \"jwks\""
        );
        keys.section().problem("jwt_bundle_file_name", message);
    }
    Some(JwtBundleFile {
        path: below(cert_dir, &name),
        mode,
        format,
    })
}

/// The files of the JWT-SVIDs.
pub(super) fn svids(keys: &Keys<'_>, cert_dir: &str) -> Vec<JwtSvidFile> {
    let mode = modes::read(keys, "jwt_svid_file_mode", MODE);
    let items = keys.section().sections("jwt_svids");
    let items = items.into_iter().enumerate();
    items
        .filter_map(|(at, item)| svid(&item.named(format!("jwt_svids[{at}]")), cert_dir, mode))
        .collect()
}

fn svid(item: &Section<'_>, cert_dir: &str, mode: u32) -> Option<JwtSvidFile> {
    let required = |key: &str| {
        let text = item.string(key).filter(|text| !text.is_empty());
        if text.is_none() {
            item.tell(
                key,
                format!("'{key}' is required in 'jwt_svids'"),
                steeple_hcl::Kind::Missing,
            );
        }
        text
    };
    let name = required("jwt_svid_file_name");
    let main = required("jwt_audience");
    let extra = item.strings("jwt_extra_audiences").unwrap_or_default();
    item.finish();
    Some(JwtSvidFile {
        path: below(cert_dir, &name?),
        mode,
        audience: [vec![main?], extra].concat(),
    })
}
