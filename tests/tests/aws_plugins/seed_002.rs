//! Seed 002's server.conf as printed, with nothing changed but what Terraform renders: the root is
//! in Secrets Manager, and the bundle goes to the trust anchor.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use steeple_tests::{
    Case, LIMIT, Place, Process, Programs, Room, Seed, Terminal, eventually, find_line, run,
};

use crate::services::{Call, Services, python_works};

const SERVER: &str = "/opt/spire/bin/spire-server";
const PORT: u16 = 15000;
const TRUST_ANCHOR: &str = "0d4a6a2e-8ee5-4d2c-9b0c-7f2a35f0d9c1";
/// What the credentials endpoint gives out.
const TASK_ROLE: &str = "ASIATASKROLE00000000";
const SESSION: &str = "a-session-of-the-task-role";

pub(crate) fn cases() -> Vec<Case> {
    let openssl = run(Command::new("openssl").arg("version")).is_ok();
    vec![
        Case::new("seed_002_with_aws", seed_002)
            .needs(
                Seed::find("002").is_some(),
                "seed 002 is not in the shared folder (STEEPLE_SHARED)",
            )
            .needs(openssl, "openssl is not installed")
            .needs(python_works(), "python3 with venv is not installed")
            .needs(
                Room::possible(),
                "needs root and the right to make namespaces",
            )
            .hiding_tmp(),
    ]
}

fn seed_002(place: &Place) -> Result<()> {
    let program = Programs::ours()?.server();
    let shown: [(&Path, &Path); 1] = [(&program, Path::new(SERVER))];
    let room = Room::open(place, &["spire.misaac.me"], &shown)?;
    let (root, key) = make_root(place)?;
    let services = Services::start(place, PORT, &[&root, &key], |python| {
        room.command("/", python)
    })?;
    let [cert_arn, key_arn] = services.secrets.as_slice() else {
        anyhow::bail!("{} secrets were made", services.secrets.len());
    };
    let seed = Seed::read("002")?;
    let template = seed.block("# server.conf.tftpl", "ca_subject")?;
    let write = |conf: &str| place.write("opt/spire/conf/server/server.conf", conf);

    write(template)?;
    check_template_is_refused(&room)?;
    write(
        &template
            .replace("${cert_arn}", cert_arn)
            .replace("${key_arn}", key_arn)
            .replace("${trust_anchor_id}", TRUST_ANCHOR),
    )?;
    place.open_dir("tmp/spire-server/private")?;
    let server = start_server(place, &room, &services).context("starting the server")?;
    let published = server.wait_line(0, "Bundle published")?;
    ensure!(published.contains("trust_anchor_name=iamra"), "{published}");
    check_plugins(&server)?;
    let root = fs::read_to_string(root)?;
    check_calls(&services.calls()?, &services.secrets, &root)?;
    check_chain(&room, &root)?;
    Ok(())
}

/// The root that the seed's Terraform makes; the key in its PKCS#1 form.
fn make_root(place: &Place) -> Result<(std::path::PathBuf, std::path::PathBuf)> {
    let folder = place.open_dir("root")?;
    let script = "umask 077 && openssl req -x509 -newkey rsa:2048 -nodes -days 3650 \
         -subj '/C=US/O=Misaac Org/CN=misaac.me Root CA' -keyout any.pem -out root.pem \
         -addext keyUsage=critical,keyCertSign,cRLSign,keyEncipherment,digitalSignature \
         && openssl rsa -traditional -in any.pem -out root.key";
    let mut openssl = Command::new("sh");
    run(openssl.args(["-c", script]).current_dir(&folder))?.success()?;
    Ok((folder.join("root.pem"), folder.join("root.key")))
}

/// S4: what Terraform did not render is told before anything is asked of AWS.
fn check_template_is_refused(room: &Room) -> Result<()> {
    let output = run(room.command("/opt/spire", SERVER).arg("validate"))?;
    let told = format!("{}{}", output.stdout, output.stderr);
    ensure!(
        output.code == Some(1),
        "validate accepts a template: {told}"
    );
    for variable in ["cert_arn", "key_arn", "trust_anchor_id"] {
        let text = format!("\"${{{variable}}}\" is a template variable");
        ensure!(
            told.contains(&text),
            "validate does not say: {text}\n{told}"
        );
    }
    Ok(())
}

fn start_server(place: &Place, room: &Room, services: &Services) -> Result<Process> {
    let mut command = room.command("/opt/spire", SERVER);
    services.lead(command.arg("run"));
    let log = place.path("server.log");
    let server = Process::start("server", command, &log, Terminal::No)?;
    server.wait_lines(0, "Starting Server APIs", 2)?;
    Ok(server)
}

/// S3.
fn check_plugins(server: &Process) -> Result<()> {
    for (kind, name) in [
        ("KeyManager", "disk"),
        ("NodeAttestor", "join_token"),
        ("UpstreamAuthority", "awssecret"),
        ("BundlePublisher", "aws_rolesanywhere_trustanchor"),
    ] {
        let fields = [("plugin_type", kind), ("plugin_name", name)];
        let line = find_line(&server.lines(), "Plugin loaded", &fields);
        ensure!(line.is_some(), "no line that {kind} {name} is loaded");
    }
    Ok(())
}

/// S5, S6: nothing but what the seed's IAM policy grants, with the task role's credentials.
fn check_calls(calls: &[Call], secrets: &[String], root: &str) -> Result<()> {
    let mut read = Vec::new();
    let mut bundles = Vec::new();
    for call in calls {
        if call.line == "GET /credentials" {
            continue;
        }
        ensure!(
            call.authorization
                .contains(&format!("Credential={TASK_ROLE}/"))
                && call.session == SESSION,
            "not the task role's credentials: {call:?}"
        );
        let body: serde_json::Value = serde_json::from_str(&call.body)?;
        if call.target == "secretsmanager.GetSecretValue" {
            read.push(body["SecretId"].as_str().unwrap_or_default().to_owned());
        } else if call.line == format!("PATCH /trustanchor/{TRUST_ANCHOR}") {
            bundles.push(body["source"].clone());
        } else {
            anyhow::bail!("a call that the policy does not grant: {call:?}");
        }
    }
    read.sort();
    read.dedup();
    let mut expected = secrets.to_vec();
    expected.sort();
    ensure!(read == expected, "read {read:?} instead of {expected:?}");
    let last = bundles.last().context("no bundle was published")?;
    ensure!(last["sourceType"] == "CERTIFICATE_BUNDLE", "{last}");
    let pem = last["sourceData"]["x509CertificateData"].as_str();
    ensure!(
        pem == Some(root),
        "the trust anchor got {last}, not the root\n{root}"
    );
    Ok(())
}

/// The server's own chain leads to the root from the secret, and that is the whole bundle.
fn check_chain(room: &Room, root: &str) -> Result<()> {
    let shown = run(room.command("/opt/spire", SERVER).args([
        "bundle",
        "show",
        "-socketPath",
        "/tmp/spire-server/private/api.sock",
    ]))?
    .success()?;
    ensure!(shown == root, "the bundle is not the root:\n{shown}");
    let script = "openssl s_client -connect 127.0.0.1:8081 -showcerts -verify_return_error \
         -CAfile <(printf '%s' \"$0\") </dev/null 2>&1";
    let seen = eventually("a verified chain", LIMIT, || {
        let mut openssl = room.command("/", "bash");
        let output = run(openssl.args(["-c", script, root]))?;
        let verified = output.stdout.contains("Verify return code: 0 (ok)");
        Ok(verified.then_some(output.stdout))
    })?;
    let count = seen.matches("-----BEGIN CERTIFICATE-----").count();
    ensure!(count == 2, "the chain is not SVID and CA:\n{seen}");
    ensure!(
        seen.contains("CN = misaacspireissued") || seen.contains("CN=misaacspireissued"),
        "the CA's name is not in the chain:\n{seen}"
    );
    Ok(())
}
