//! Help, usage errors, and the commands that only look.

use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use steeple_tests::{Case, Place, run};

use crate::{
    pki::Pki,
    program::{command, failure},
};

/// As the walk-through shows it, without the blanks at its line ends.
const HELP: &str = "\
A tool that utilizes certificates and their associated private keys to
sign requests to AWS IAM Roles Anywhere's CreateSession API and retrieve temporary
AWS security credentials. This tool exposes multiple commands to make credential
retrieval and rotation more convenient.

Usage:
  aws_signing_helper [command] [flags]
  aws_signing_helper [command]

Available Commands:
  completion            Generate the autocompletion script for the specified shell
  credential-process    Retrieve AWS credentials in the appropriate format for external credential processes
  help                  Help about any command
  read-certificate-data Diagnostic command to read certificate data
  serve                 Serve AWS credentials through a local endpoint
  sign-string           Signs a fixed string using the passed-in private key (or reference to private key)
  update                Updates a profile in the AWS credentials file with new AWS credentials
  version               Prints the version number of the credential helper

Flags:
  -h, --help   help for aws_signing_helper

Use \"aws_signing_helper [command] --help\" for more information about a command.
";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("help_and_usage_errors", help_and_usage_errors),
        Case::new("read_certificate_data", read_certificate_data),
        Case::new("sign_string", sign_string),
    ]
}

fn help_and_usage_errors(_: &Place) -> Result<()> {
    for words in [&[][..], &["-h"], &["--help"], &["help"]] {
        let shown = run(&mut command(words)?)?.success()?;
        ensure!(shown == HELP, "{shown}");
    }
    let shown = run(&mut command(&["serve", "--help"])?)?.success()?;
    ensure!(shown.contains("--hop-limit int"), "{shown}");
    let shown = run(&mut command(&["version"])?)?.success()?;
    ensure!(shown.starts_with("1.") && shown.ends_with('\n'), "{shown}");
    for (words, error) in [
        (&["serve", "--foo"][..], "unknown flag: --foo"),
        (
            &["nothing"],
            "unknown command \"nothing\" for \"aws_signing_helper\"",
        ),
        (
            &["serve", "--certificate", "a", "--cert-selector", "b"],
            "if any flags in the group [certificate cert-selector] are set none of the others can be; [cert-selector certificate] were all set",
        ),
    ] {
        let said = failure(&mut command(words)?)?;
        ensure!(said.starts_with(&format!("Error: {error}\n")), "{said}");
        ensure!(said.trim_end().ends_with(error), "{said}");
    }
    let script = run(&mut command(&["completion", "bash"])?)?.success()?;
    ensure!(script.contains("--trust-anchor-arn"), "{script}");
    Ok(())
}

fn read_certificate_data(place: &Place) -> Result<()> {
    let pki = Pki::new()?;
    let leaf = pki.ec_leaf(9)?;
    let path = place.write("leaf.pem", &leaf.certificate)?;
    let mut read = command(&["read-certificate-data", "--certificate"])?;
    let shown: Value = serde_json::from_str(&run(read.arg(path))?.success()?)?;
    let body: String = leaf
        .certificate
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    ensure!(STANDARD.decode(&body).is_ok());
    let expected = json!({
        "keyType": "EC",
        "certificateData": body,
        "serialNumber": leaf.serial,
        "supportedAlgorithms": ["ECSHA256", "ECSHA384", "ECSHA512"],
    });
    ensure!(shown == expected, "{shown}");
    let words = ["read-certificate-data", "--certificate", "/nonexistent"];
    let said = failure(&mut command(&words)?)?;
    ensure!(said.contains("\"/nonexistent\""), "{said}");
    Ok(())
}

fn sign_string(place: &Place) -> Result<()> {
    let pki = Pki::new()?;
    let leaf = pki.leaf_for(&rcgen::PKCS_RSA_SHA256)?;
    let key = place.write("leaf.key", &leaf.key)?;
    let key = key.to_string_lossy();
    let signed = |more: &[&str]| -> Result<String> {
        let mut command = command(&["sign-string", "--private-key", &key])?;
        run(command.args(more))?.success()
    };
    // RSA with PKCS#1 v1.5 gives the same signature each time.
    let text = signed(&["--format", "text"])?;
    ensure!(
        text.len() == 512 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{text}"
    );
    ensure!(signed(&[])? == format!("\"{text}\""));
    ensure!(signed(&["--format", "text", "--digest", "SHA512"])? != text);
    Ok(())
}
