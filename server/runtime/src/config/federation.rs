//! `federation { }`: its keys are known and checked; the feature does not exist here yet.
//!
//! SPIRE ignores what it does not know directly in `federation` and in `federates_with`.

use steeple_hcl::{Kind, Section};
use steeple_spiffe::{SpiffeId, TrustDomain};

/// Checks the section and refuses what it asks for.
pub(super) fn check(server: &Section<'_>) {
    let Some(federation) = server.section("federation") else {
        return;
    };
    if let Some(endpoint) = federation.section("bundle_endpoint") {
        check_endpoint(&endpoint);
        not_yet(&federation, "bundle_endpoint");
    }
    for (name, peer) in federation.labelled("federates_with") {
        check_peer(&name, &peer);
    }
    if federation.has("federates_with") {
        not_yet(&federation, "federates_with");
    }
    federation.finish_tolerant();
}

fn not_yet(federation: &Section<'_>, key: &str) {
    federation.unsupported(key, "federation");
}

fn check_endpoint(endpoint: &Section<'_>) {
    endpoint.string("address");
    endpoint.int("port");
    endpoint.duration("refresh_hint");
    let acme = endpoint.section("acme");
    if acme.is_some() && endpoint.has("profile") {
        let message = "either bundle endpoint 'acme' or 'profile' can be set, but not both";
        endpoint.tell("acme", message, Kind::BadValue);
    }
    if let Some(acme) = acme {
        check_acme(&acme);
    }
    let profiles = endpoint.labelled("profile");
    exactly_one(endpoint, "profile", &profiles);
    for (name, profile) in profiles {
        match name.as_str() {
            "https_web" => check_web(&profile),
            "https_spiffe" => profile.finish_tolerant(),
            _ => unknown_profile(endpoint, "profile", &name),
        }
    }
    endpoint.finish();
}

fn exactly_one(section: &Section<'_>, key: &str, profiles: &[(String, Section<'_>)]) {
    if section.has(key) && profiles.len() != 1 {
        let message = "exactly one bundle endpoint profile is expected";
        section.tell(key, message, Kind::BadValue);
    }
}

fn unknown_profile(section: &Section<'_>, key: &str, name: &str) {
    let message = format!(
        "unknown bundle endpoint profile {name:?}; there are \"https_spiffe\" and \"https_web\""
    );
    section.tell(key, message, Kind::BadValue);
}

fn check_acme(acme: &Section<'_>) {
    acme.string("directory_url");
    for key in ["domain_name", "email"] {
        if acme.string(key).is_none_or(|text| text.is_empty()) {
            acme.missing(key);
        }
    }
    acme.bool("tos_accepted");
    acme.finish();
}

fn check_web(web: &Section<'_>) {
    let acme = web.section("acme");
    let files = web.section("serving_cert_file");
    if acme.is_none() && files.is_none() {
        let message = "malformed https_web profile configuration: 'acme' or 'serving_cert_file' \
                       is required";
        web.tell("acme", message, Kind::Missing);
    }
    if let Some(acme) = acme {
        check_acme(&acme);
    }
    if let Some(files) = files {
        for key in ["cert_file_path", "key_file_path"] {
            files.string(key);
        }
        if files.duration("file_sync_interval").is_none() {
            files.missing("file_sync_interval");
        }
        files.finish_tolerant();
    }
    web.finish_tolerant();
}

fn check_peer(name: &str, peer: &Section<'_>) {
    if let Err(error) = TrustDomain::parse(name) {
        let message = format!("could not parse trust domain {name:?}: {error}");
        peer.tell("", message, Kind::BadValue);
    }
    let url = peer.string("bundle_endpoint_url").unwrap_or_default();
    if url.is_empty() {
        peer.missing("bundle_endpoint_url");
    } else if !url.to_lowercase().starts_with("https://") {
        let message = format!("must use the HTTPS protocol; URL found: {url:?}");
        peer.problem("bundle_endpoint_url", message);
    }
    let profiles = peer.labelled("bundle_endpoint_profile");
    exactly_one(peer, "bundle_endpoint_profile", &profiles);
    if !peer.has("bundle_endpoint_profile") {
        peer.missing("bundle_endpoint_profile");
    }
    for (name, profile) in profiles {
        match name.as_str() {
            "https_web" => {}
            "https_spiffe" => check_endpoint_id(&profile),
            _ => unknown_profile(peer, "bundle_endpoint_profile", &name),
        }
        profile.finish_tolerant();
    }
    peer.finish_tolerant();
}

fn check_endpoint_id(profile: &Section<'_>) {
    let id = profile.string("endpoint_spiffe_id").unwrap_or_default();
    if let Err(error) = SpiffeId::parse(&id) {
        let message = format!("could not get endpoint SPIFFE ID: {error}");
        profile.tell("endpoint_spiffe_id", message, Kind::BadValue);
    }
}
