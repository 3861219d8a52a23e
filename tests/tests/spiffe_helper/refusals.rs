//! What is refused, and how.

use std::process::Command;

use anyhow::{Result, ensure};
use steeple_tests::{Case, Place, run};

use crate::world::{helper, names, once};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("helper_refuses_in_one_line", refuses),
        Case::new("helper_command_line", command_line),
    ]
}

fn refuses(place: &Place) -> Result<()> {
    let folder = place.open_dir("certs")?;
    for (config, words) in [
        (
            "svid_filename = \"a\"",
            "unknown key \\\"svid_filename\\\"; did you mean \\\"svid_file_name\\\"?",
        ),
        ("svid_file_name = \"a\"", "all or none of 'svid_file_name'"),
        ("health_checks {", "failed to parse configuration"),
    ] {
        let text = format!("cert_dir = \"{}\"\n{config}\n", folder.display());
        let output = once(&helper()?, place, &text)?.failure(1)?;
        let errors: Vec<&str> = output
            .lines()
            .filter(|line| line.contains("level=error"))
            .collect();
        ensure!(errors.len() == 1 && errors[0].contains(words), "{output}");
        ensure!(names(&folder)?.is_empty());
    }
    let absent = run(Command::new(helper()?).args(["-config", "/no/helper.conf"]))?.failure(1)?;
    ensure!(absent.contains("/no/helper.conf"), "{absent}");
    // No agent: once, that is an error at once.
    let text = format!(
        "agent_address = \"/no/agent.sock\"\ncert_dir = \"{}\"\nsvid_file_name = \"a\"\n\
         svid_key_file_name = \"b\"\nsvid_bundle_file_name = \"c\"\n",
        folder.display()
    );
    let output = once(&helper()?, place, &text)?.failure(1)?;
    ensure!(output.contains("/no/agent.sock"), "{output}");
    ensure!(names(&folder)?.is_empty());
    Ok(())
}

fn command_line(_place: &Place) -> Result<()> {
    let usage = run(Command::new(helper()?).arg("-h"))?;
    ensure!(
        usage.code == Some(0) && usage.stdout.is_empty(),
        "{usage:?}"
    );
    let head = format!(
        "Usage of {}:\n  -config string\n    \t",
        helper()?.display()
    );
    ensure!(usage.stderr.starts_with(&head), "{usage:?}");
    let unknown = run(Command::new(helper()?).arg("--no-such-flag"))?;
    ensure!(unknown.code == Some(2), "{unknown:?}");
    let first = unknown.stderr.lines().next();
    ensure!(
        first == Some("flag provided but not defined: -no-such-flag"),
        "{unknown:?}"
    );
    let version = run(Command::new(helper()?).arg("-version"))?.success()?;
    ensure!(version.starts_with("0.11.0+steeple."), "{version}");
    Ok(())
}
