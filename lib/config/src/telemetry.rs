//! `telemetry { }`: its keys are known and checked; sinks do not exist here yet.

use steeple_hcl::{Kind, Section};

/// Reads the section of the whole document.
pub fn read(root: &Section<'_>) {
    let Some(section) = root.section("telemetry") else {
        return;
    };
    section.string("MetricPrefix");
    section.bool("EnableTrustDomainLabel");
    section.bool("EnableHostnameLabel");
    for key in [
        "AllowedPrefixes",
        "BlockedPrefixes",
        "AllowedLabels",
        "BlockedLabels",
    ] {
        section.strings(key);
    }
    if let Some(prometheus) = section.section("Prometheus") {
        read_prometheus(&prometheus);
        not_yet(&section, "Prometheus");
    }
    for key in ["DogStatsd", "Statsd", "M3"] {
        let sinks = section.sections(key);
        for sink in &sinks {
            sink.string("address");
            if key == "M3" {
                sink.string("env");
            }
            sink.finish();
        }
        if !sinks.is_empty() {
            not_yet(&section, key);
        }
    }
    if let Some(in_memory) = section.section("InMem") {
        in_memory.finish();
        not_yet(&section, "InMem");
    }
    section.finish_tolerant();
}

fn not_yet(section: &Section<'_>, sink: &str) {
    let message = format!("{sink} is not supported yet (metrics); take it out to go on");
    section.tell(sink, message, Kind::Unsupported);
}

fn read_prometheus(section: &Section<'_>) {
    section.string("host");
    section.int("port");
    if let Some(tls) = section.section("tls") {
        read_tls(&tls);
    }
    section.finish();
}

fn read_tls(tls: &Section<'_>) {
    let given = |key| tls.string(key).is_some_and(|text| !text.is_empty());
    let (cert, key, client_ca) = (
        given("cert_file"),
        given("key_file"),
        given("client_ca_file"),
    );
    let own_svid = tls.bool("use_spire_svid").unwrap_or(false);
    let ids = tls.strings("authorized_spiffe_ids").unwrap_or_default();
    if cert != key {
        tls.problem("cert_file", "has to be given together with key_file");
    }
    if !own_svid && !cert && !key {
        tls.problem(
            "cert_file",
            "give cert_file and key_file, or use_spire_svid = true",
        );
    }
    if client_ca && !ids.is_empty() {
        tls.problem(
            "client_ca_file",
            "cannot be given together with authorized_spiffe_ids",
        );
    }
    tls.finish_tolerant();
}
