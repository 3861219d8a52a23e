//! HTTPS with a certificate from files.

use std::fs;

use anyhow::{Result, ensure};
use steeple_tests::{Case, Place, free_port};

use crate::{
    fetch::{DISCOVERY, LACKING, fetch, possible},
    pki::Ca,
    provider,
};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("oidc_certificate_files", certificate_files).needs(possible(), LACKING)]
}

fn certificate_files(place: &Place) -> Result<()> {
    let (old, new) = (Ca::new()?, Ca::new()?);
    place.write("old-ca.pem", old.pem())?;
    place.write("new-ca.pem", new.pem())?;
    old.issue(place, "tls", &["oidc.test"])?;
    place.write("bundle.json", "{\"keys\":[]}")?;
    let port = free_port()?;
    let dir = place.dir().display();
    let config = format!(
        "domains = [\"oidc.test\"]\nfile {{ path = \"{dir}/bundle.json\" }}\n\
         serving_cert_file {{\n  cert_file_path = \"{dir}/tls.pem\"\n  key_file_path = \"{dir}/tls.key\"\n\
         addr = \"127.0.0.1:{port}\"\n  file_sync_interval = \"50ms\"\n}}\n"
    );
    let provider = provider::start(place, "provider", &config)?;
    let ask = |ca: &str, words: &[&str]| {
        let ca = place.path(ca).display().to_string();
        let leads = format!("oidc.test:{port}:127.0.0.1");
        let mut all = vec!["--cacert", &ca, "--resolve", &leads];
        all.extend(words);
        let url = format!("https://oidc.test:{port}{DISCOVERY}");
        all.push(&url);
        fetch(&all)
    };
    let answer = ask("old-ca.pem", &[])?;
    ensure!(answer.status.starts_with("HTTP/2 200"), "{answer:?}");
    let issuer = format!("\"issuer\": \"https://oidc.test:{port}\"");
    ensure!(answer.body.contains(&issuer), "{answer:?}");
    for words in [
        ["--http1.1", "--tlsv1.2", "--tls-max", "1.2"],
        ["--http1.1", "--tlsv1.3", "-m", "9"],
    ] {
        ensure!(
            ask("old-ca.pem", &words)?.status == "HTTP/1.1 200 OK",
            "{words:?}"
        );
    }
    ensure!(ask("old-ca.pem", &["--tls-max", "1.1"]).is_err(), "TLS 1.1");

    // A key that does not fit changes nothing, the pair does.
    new.issue(place, "next", &["oidc.test"])?;
    let mark = provider.mark();
    fs::rename(place.path("next.pem"), place.path("tls.pem"))?;
    provider.wait_line(mark, "Failed to load certificate; the old one stays in use")?;
    ensure!(
        ask("old-ca.pem", &[])?.status.starts_with("HTTP/2 200"),
        "half a pair"
    );
    fs::rename(place.path("next.key"), place.path("tls.key"))?;
    provider.wait_line(mark, "Loaded provided certificate with success")?;
    ensure!(
        ask("new-ca.pem", &[])?.status.starts_with("HTTP/2 200"),
        "new pair"
    );
    ensure!(
        ask("old-ca.pem", &[]).is_err(),
        "the old certificate is still served"
    );
    ensure!(provider.terminate()?.code() == Some(0), "exit code");
    Ok(())
}
