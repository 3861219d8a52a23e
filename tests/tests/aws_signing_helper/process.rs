//! `credential-process`: what is sent, what is printed, what is tried again.

use anyhow::{Result, ensure};
use serde_json::Value;
use steeple_tests::{Case, Place};

use crate::{
    double::{Double, Reply},
    pki::{Files, Pki},
    program::{ANCHOR, PROFILE, ROLE, bare_session, credentials, failure, session},
};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("credential_process", credential_process),
        Case::new(
            "chain_from_the_certificate_file",
            chain_from_the_certificate_file,
        ),
        Case::new("retries_and_refusals", retries_and_refusals),
        Case::new("pairs_are_checked_before_any_request", pairs_are_checked),
        Case::new(
            "endpoint_from_the_environment",
            endpoint_from_the_environment,
        ),
        Case::new("credential_cache", credential_cache),
    ]
}

fn setting(place: &Place) -> Result<(Pki, Double, Files, String)> {
    let pki = Pki::new()?;
    let double = Double::start(pki.root_der())?;
    let leaf = pki.ec_leaf(1)?;
    let files = pki.write(place, &leaf)?;
    Ok((pki, double, files, leaf.serial))
}

fn credential_process(place: &Place) -> Result<()> {
    let (_, double, files, serial) = setting(place)?;
    let more = ["--role-session-name", "me", "--session-duration", "900"];
    let shown = credentials(&mut session("credential-process", &double, &files, &more)?)?;
    ensure!(
        shown["Version"] == 1 && shown["AccessKeyId"] == "ASIA1",
        "{shown}"
    );
    ensure!(
        shown["SessionToken"] == format!("token-for-{serial}"),
        "{shown}"
    );
    let seen = double.seen();
    ensure!(seen.len() == 1, "{seen:?}");
    let (request, proof) = (&seen[0].request, seen[0].proof.clone());
    let proof = proof.map_err(anyhow::Error::msg)?;
    ensure!(proof.serial == serial && proof.chain == 1, "{proof:?}");
    ensure!(proof.region == "us-east-1", "{proof:?}");
    let escaped = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
    let query = format!(
        "profileArn={}&roleArn={}&trustAnchorArn={}",
        escaped(PROFILE),
        escaped(ROLE),
        escaped(ANCHOR)
    );
    ensure!(request.query == query, "{request:?}");
    let body: Value = serde_json::from_str(&request.body)?;
    ensure!(body == serde_json::json!({"durationSeconds": 900, "roleSessionName": "me"}));
    let agent = request.header("user-agent").unwrap_or_default();
    ensure!(agent.starts_with("CredHelper/"), "{agent}");
    Ok(())
}

fn chain_from_the_certificate_file(place: &Place) -> Result<()> {
    let (pki, double, files, _) = setting(place)?;
    // The positive control of the double: without the intermediate nothing leads to the anchor.
    let certificate = files.certificate.to_string_lossy();
    let words = ["--certificate", &certificate, "--private-key"];
    let key = files.key.to_string_lossy();
    let words = [&words[..], &[&key]].concat();
    let said = failure(&mut bare_session("credential-process", &double, &words)?)?;
    ensure!(
        said.contains("403 AccessDeniedException: Untrusted signing certificate"),
        "{said}"
    );
    ensure!(said.contains("--intermediates"), "{said}");

    // As the agent writes an SVID; and everything in one file.
    let leaf = pki.ec_leaf(5)?;
    let all = format!("{}\n{}{}", leaf.certificate, pki.intermediates(), leaf.key);
    let combined = place.write("all.pem", all)?;
    let combined = combined.to_string_lossy();
    let words = ["--certificate", &combined];
    let shown = credentials(&mut bare_session("credential-process", &double, &words)?)?;
    ensure!(
        shown["SessionToken"] == format!("token-for-{}", leaf.serial),
        "{shown}"
    );
    Ok(())
}

fn retries_and_refusals(place: &Place) -> Result<()> {
    let (_, double, files, _) = setting(place)?;
    let run = |more: &[&str]| session("credential-process", &double, &files, more);
    let throttle = Reply::Error(429, "ThrottlingException", "Rate exceeded");
    double.script([throttle.clone(), Reply::Error(503, "", "")]);
    ensure!(credentials(&mut run(&[])?)?["Version"] == 1);
    ensure!(double.seen().len() == 3);
    // Signed afresh each time, and rightly.
    ensure!(double.seen().iter().all(|seen| seen.proof.is_ok()));

    let mut asked = 3;
    let broken = "the answer cannot be used";
    for (replies, attempts, said) in [
        (
            vec![throttle; 3],
            3,
            "429 ThrottlingException: Rate exceeded (request id request-1)",
        ),
        (vec![Reply::Cut; 3], 3, broken),
        (vec![Reply::Body("{\"credentialSet\":[{"); 3], 3, broken),
        (
            vec![Reply::Body("{\"credentialSet\":[]}"); 3],
            3,
            "holds no credentials",
        ),
        (
            vec![Reply::Hang; 3],
            3,
            "within 1 s (gave up after 3 attempts)",
        ),
        (
            vec![Reply::Error(403, "AccessDeniedException", "Not you")],
            1,
            "403 AccessDeniedException: Not you",
        ),
        (
            vec![Reply::Error(400, "ValidationException", "Bad duration")],
            1,
            "400 ValidationException: Bad duration",
        ),
    ] {
        double.script(replies);
        let told = failure(&mut run(&["--request-timeout", "1"])?)?;
        ensure!(told.contains(said), "{said}: {told}");
        asked += attempts;
        ensure!(double.seen().len() == asked, "{said}");
    }
    Ok(())
}

fn pairs_are_checked(place: &Place) -> Result<()> {
    let (pki, double, files, _) = setting(place)?;
    place.write("svid.key", pki.ec_leaf(2)?.key)?;
    let said = failure(&mut session("credential-process", &double, &files, &[])?)?;
    ensure!(
        said.contains("does not belong to the certificate"),
        "{said}"
    );
    let said = failure(&mut bare_session("credential-process", &double, &[])?)?;
    ensure!(
        said.contains("no certificate: give --certificate"),
        "{said}"
    );
    for (value, what) in [("pkcs11:object=x", "PKCS#11"), ("handle:0x81000001", "TPM")] {
        let certificate = files.certificate.to_string_lossy();
        let words = ["--certificate", &certificate, "--private-key", value];
        let said = failure(&mut bare_session("credential-process", &double, &words)?)?;
        ensure!(said.contains(what) && said.contains(value), "{said}");
    }
    ensure!(double.seen().is_empty(), "{:?}", double.seen());
    Ok(())
}

fn endpoint_from_the_environment(place: &Place) -> Result<()> {
    let (pki, double, files, _) = setting(place)?;
    let other = Double::start(pki.root_der())?;
    let mut command = session("credential-process", &double, &files, &[])?;
    let url = format!("{}/below/", other.url());
    credentials(command.env("AWS_ENDPOINT_URL_ROLESANYWHERE", url))?;
    ensure!(double.seen().is_empty() && other.seen().len() == 1);
    ensure!(other.seen()[0].request.path == "/below/sessions");
    let mut command = session("credential-process", &double, &files, &[])?;
    let said = failure(command.env("AWS_USE_FIPS_ENDPOINT", "true"))?;
    ensure!(said.contains("AWS_USE_FIPS_ENDPOINT"), "{said}");
    Ok(())
}

fn credential_cache(place: &Place) -> Result<()> {
    let (_, double, files, _) = setting(place)?;
    let cache = place.path("cache");
    let run = |more: &[&str]| -> Result<Value> {
        let mut command = session("credential-process", &double, &files, more)?;
        credentials(command.env("XDG_CACHE_HOME", &cache))
    };
    ensure!(run(&["--cache"])? == run(&["--cache"])?);
    ensure!(double.seen().len() == 1, "{:?}", double.seen());
    ensure!(run(&["--cache", "--session-duration", "900"])?["AccessKeyId"] == "ASIA2");
    ensure!(run(&[])?["AccessKeyId"] == "ASIA3");
    Ok(())
}
