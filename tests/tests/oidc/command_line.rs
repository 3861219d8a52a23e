//! What the program says before it runs.

use std::process::Command;

use anyhow::{Result, ensure};
use steeple_tests::{Case, Place, run};

use crate::provider::program;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("oidc_command_line", command_line),
        Case::new("oidc_refused_configurations", refused_configurations),
    ]
}

fn command_line(place: &Place) -> Result<()> {
    let program = program()?;
    let called = |words: &[&str]| {
        let mut command = Command::new(&program);
        run(command.args(words).current_dir(place.dir()))
    };
    let version = called(&["-version"])?.success()?;
    ensure!(
        version.starts_with("1.") && version.contains("+steeple."),
        "{version}"
    );
    let help = called(&["--help"])?;
    ensure!(help.code == Some(0) && help.stdout.is_empty(), "{help:?}");
    let expected =
        "  -config string\n    \tconfiguration file (default \"oidc-discovery-provider.conf\")\n";
    ensure!(help.stderr.contains(expected), "{help:?}");
    let unknown = called(&["-confg", "x"])?.failure(2)?;
    ensure!(
        unknown.starts_with("flag provided but not defined: -confg\nUsage of "),
        "{unknown}"
    );
    let operand = called(&["-config", "x", "run"])?.failure(1)?;
    ensure!(
        operand.starts_with("Error: unexpected arguments: [run]\nUsage of "),
        "{operand}"
    );
    let missing = called(&[])?.failure(1)?;
    ensure!(
        missing.contains("oidc-discovery-provider.conf"),
        "{missing}"
    );
    Ok(())
}

fn refused_configurations(place: &Place) -> Result<()> {
    let refused = |name: &str, text: &str| -> Result<String> {
        let path = place.write(name, text)?;
        run(Command::new(program()?).arg("-config").arg(path))?.failure(1)
    };
    let error = refused(
        "misspelt.conf",
        "domains = [\"oidc.test\"]\ninsecure_adr = \":0\"\nfile { path = \"x\" }\n",
    )?;
    let hint = "misspelt.conf:2:1: unknown key \"insecure_adr\"; did you mean \"insecure_addr\"?";
    ensure!(error.contains(hint), "{error}");
    ensure!(
        error.contains("must be configured"),
        "all mistakes are told: {error}"
    );
    // The seed's file, with its block left open.
    let error = refused(
        "open.conf",
        "domain = \"\" // The same as my issuer\ninsecure_addr = \"\"\nworkload_api {\n  trust_domain = \"\"\n",
    )?;
    ensure!(error.contains("unable to decode configuration"), "{error}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?;
    let error = refused(
        "busy.conf",
        &format!(
            "domains = [\"oidc.test\"]\ninsecure_addr = \"{address}\"\nfile {{ path = \"x\" }}\n"
        ),
    )?;
    ensure!(
        error.contains(&format!("could not listen on {address}")),
        "{error}"
    );
    Ok(())
}
