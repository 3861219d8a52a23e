//! The SVID that seed 002 ends with: what is printed about it, the files, the certificates.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use anyhow::{Context, Result, bail, ensure};
use steeple_tests::{Place, run};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    pem::Pem,
    prelude::FromDer,
};

/// S30.
pub(crate) fn check_printed(printed: &str) -> Result<()> {
    let lines: Vec<_> = printed.lines().collect();
    let (first, rest) = lines.split_first().context("nothing printed")?;
    let took = first
        .strip_prefix("Received 1 svid after ")
        .context("the first line")?;
    ensure!(is_go_duration(took), "{took:?} is no duration of Go");
    let shape: Vec<String> = rest.iter().map(|line| without_time(line)).collect();
    let expected = [
        "",
        "SPIFFE ID:\t\tspiffe://misaac.me/myservice",
        "SVID Valid After:\t<time>",
        "SVID Valid Until:\t<time>",
        "Intermediate #1 Valid After:\t<time>",
        "Intermediate #1 Valid Until:\t<time>",
        "CA #1 Valid After:\t<time>",
        "CA #1 Valid Until:\t<time>",
        "",
        "Writing SVID #0 to file /tmp/svid.0.pem.",
        "Writing key #0 to file /tmp/svid.0.key.",
        "Writing bundle #0 to file /tmp/bundle.0.pem.",
    ];
    ensure!(shape == expected, "printed {printed:?}");
    Ok(())
}

/// S16, S17, S31, S32: `text` is what openssl prints now, `listing` what it printed for the post.
pub(crate) fn check_files(place: &Place, text: &str, listing: &str) -> Result<()> {
    let svid = read_certificates(place, "tmp/svid.0.pem")?;
    let bundle = read_certificates(place, "tmp/bundle.0.pem")?;
    let root = read_certificates(place, "opt/spire/root/root.pem")?;
    ensure!(
        svid.len() == 2,
        "svid.0.pem has {} certificates",
        svid.len()
    );
    ensure!(bundle == root, "bundle.0.pem is not just the root");
    for (name, mode) in [
        ("svid.0.pem", 0o644),
        ("bundle.0.pem", 0o644),
        ("svid.0.key", 0o600),
    ] {
        let path = place.path("tmp").join(name);
        let found = fs::metadata(&path)?.permissions().mode() & 0o7777;
        ensure!(
            found == mode,
            "{name} has mode {found:o} instead of {mode:o}"
        );
    }
    ensure!(
        normal(text) == normal(listing),
        "openssl prints\n{text}\ninstead of\n{listing}"
    );
    let (_, leaf) = X509Certificate::from_der(&svid[0])?;
    let (_, intermediate) = X509Certificate::from_der(&svid[1])?;
    check_leaf(&leaf, &intermediate).context("the leaf")?;
    check_intermediate(&intermediate).context("the intermediate")?;
    check_with_openssl(place)
}

fn check_leaf(leaf: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Result<()> {
    check_serial(leaf)?;
    ensure!(
        lifetime(leaf) == 3_600 + 10,
        "it is valid for {} s",
        lifetime(leaf)
    );
    ensure!(
        leaf.subject().to_string() == "C=US, O=SPIRE, CN=m.misaac.me",
        "{}",
        leaf.subject()
    );
    ensure!(
        leaf.issuer() == issuer.subject(),
        "issued by {}",
        leaf.issuer()
    );
    let names = leaf.subject_alternative_name()?.context("no names")?;
    let expected = [
        GeneralName::DNSName("m.misaac.me"),
        GeneralName::URI("spiffe://misaac.me/myservice"),
    ];
    ensure!(
        names.value.general_names == expected,
        "names are {:?}",
        names.value.general_names
    );
    ensure!(
        authority_key_id(leaf)? == subject_key_id(issuer)?,
        "the authority key id"
    );
    leaf.verify_signature(Some(issuer.public_key()))
        .context("the signature")?;
    Ok(())
}

/// S16, S17: the server's own certificate authority.
fn check_intermediate(ca: &X509Certificate<'_>) -> Result<()> {
    check_serial(ca)?;
    let lifetime = lifetime(ca);
    ensure!(lifetime == 24 * 3_600 + 10, "it is valid for {lifetime} s");
    let subject: Vec<_> = ca
        .subject()
        .iter_attributes()
        .map(|a| {
            (
                a.attr_type().to_id_string(),
                a.as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    // The last is what the server put into its request: the certificate's own serial number is
    // the root's choice.
    let [named @ .., (oid, serial)] = subject.as_slice() else {
        bail!("an empty subject")
    };
    let expected = [
        ("2.5.4.6", "US"),
        ("2.5.4.10", "SPIRE"),
        ("2.5.4.3", "misaacspireissued"),
    ]
    .map(|(oid, value)| (oid.to_owned(), value.to_owned()));
    ensure!(
        named == expected && oid == "2.5.4.5",
        "its subject is {subject:?}"
    );
    serial
        .parse::<u128>()
        .with_context(|| format!("serialNumber={serial}"))?;
    let names = ca.subject_alternative_name()?.context("no names")?;
    ensure!(
        names.value.general_names == [GeneralName::URI("spiffe://misaac.me")],
        "names are {:?}",
        names.value.general_names
    );
    let usage = ca.key_usage()?.context("no key usage")?;
    ensure!(
        usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign(),
        "key usage"
    );
    let constraints = ca.basic_constraints()?.context("no basic constraints")?;
    ensure!(
        constraints.critical && constraints.value.ca,
        "basic constraints"
    );
    Ok(())
}

fn check_serial(certificate: &X509Certificate<'_>) -> Result<()> {
    let bits = certificate.serial.bits();
    ensure!((65..=128).contains(&bits), "a serial number of {bits} bits");
    Ok(())
}

fn lifetime(certificate: &X509Certificate<'_>) -> i64 {
    let validity = certificate.validity();
    validity.not_after.timestamp() - validity.not_before.timestamp()
}

fn subject_key_id<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a [u8]> {
    for extension in certificate.extensions() {
        if let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() {
            return Ok(id.0);
        }
    }
    bail!("no subject key id in {}", certificate.subject())
}

fn authority_key_id<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a [u8]> {
    for extension in certificate.extensions() {
        if let ParsedExtension::AuthorityKeyIdentifier(id) = extension.parsed_extension() {
            return id
                .key_identifier
                .as_ref()
                .map(|id| id.0)
                .context("empty authority key id");
        }
    }
    bail!("no authority key id in {}", certificate.subject())
}

/// The chain, and that the key is the leaf's, as openssl sees them.
fn check_with_openssl(place: &Place) -> Result<()> {
    let dir = place.path("tmp");
    let openssl =
        |words: &[&str]| run(Command::new("openssl").args(words).current_dir(&dir))?.success();
    openssl(&[
        "verify",
        "-CAfile",
        "bundle.0.pem",
        "-untrusted",
        "svid.0.pem",
        "svid.0.pem",
    ])?;
    let key = fs::read_to_string(dir.join("svid.0.key"))?;
    ensure!(
        key.starts_with("-----BEGIN PRIVATE KEY-----"),
        "the key is not PKCS#8"
    );
    let of_key = openssl(&["pkey", "-in", "svid.0.key", "-pubout"])?;
    let of_certificate = openssl(&["x509", "-in", "svid.0.pem", "-noout", "-pubkey"])?;
    ensure!(of_key == of_certificate, "the key is not the certificate's");
    Ok(())
}

fn read_certificates(place: &Place, name: &str) -> Result<Vec<Vec<u8>>> {
    let text = fs::read(place.path(name)).with_context(|| name.to_owned())?;
    Pem::iter_from_buffer(&text)
        .map(|pem| {
            let pem = pem?;
            ensure!(pem.label == "CERTIFICATE", "{name} has a {}", pem.label);
            Ok(pem.contents)
        })
        .collect()
}

/// The listing without what differs from one certificate to the next, and without what differs
/// from one openssl to the next.
fn normal(listing: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in listing.lines() {
        let line = line.trim().replace(" = ", "=");
        let hex = !line.is_empty()
            && line
                .chars()
                .all(|c| c == ':' || c == ' ' || c.is_ascii_hexdigit());
        if hex || line.is_empty() {
            continue;
        }
        let cut = ["Not Before", "Not After", "serialNumber="]
            .iter()
            .find_map(|w| line.find(w));
        lines.push(match cut {
            Some(at) => line[..at].to_owned() + line[at..].split([':', '=']).next().unwrap_or(""),
            None => line,
        });
    }
    lines
}

/// `2025-05-19 11:06:54 +0000 UTC` at the end of a line becomes `<time>`.
fn without_time(line: &str) -> String {
    let Some((label, time)) = line.rsplit_once('\t') else {
        return line.to_owned();
    };
    let digits = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect::<String>()
    };
    if digits(time) == "0000-00-00 00:00:00 +0000 UTC" {
        return format!("{label}\t<time>");
    }
    line.to_owned()
}

/// `254.053709ms`
fn is_go_duration(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < text.len() && ["ns", "µs", "ms", "s"].contains(&unit)
}
