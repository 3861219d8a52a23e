//! `update`: the shared credentials file.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use steeple_tests::{Case, LIMIT, Place, Process, Terminal, eventually, run};

use crate::{double::Double, pki::Pki, program::session};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("update_once", update_once),
        Case::new("update_goes_on", update_goes_on),
    ]
}

fn update_once(place: &Place) -> Result<()> {
    let pki = Pki::new()?;
    let double = Double::start(pki.root_der())?;
    let leaf = pki.ec_leaf(1)?;
    let files = pki.write(place, &leaf)?;
    let update = |profile: &str| -> Result<String> {
        let more = ["--once", "--profile", profile];
        let mut command = session("update", &double, &files, &more)?;
        run(command.env("HOME", place.dir()))?.success()
    };
    update("default")?;
    let folder = place.path(".aws");
    let file = folder.join("credentials");
    ensure!(fs::metadata(&folder)?.permissions().mode() & 0o777 == 0o700);
    ensure!(fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600);
    let block = |number: usize| {
        format!(
            "aws_access_key_id = ASIA{number}\naws_secret_access_key = secret/access+key\n\
             aws_session_token = token-for-{}\n",
            leaf.serial
        )
    };
    let text = fs::read_to_string(&file)?;
    ensure!(text == format!("[default]\n{}\n", block(1)), "{text}");

    // Comments and other profiles stay, the mode stays, and the last line is not lost.
    fs::write(&file, "# mine\n[other]\nregion = a\n[w]\nregion = b")?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640))?;
    update("w")?;
    let text = fs::read_to_string(&file)?;
    let expected = format!("# mine\n[other]\nregion = a\n[w]\nregion = b\n{}", block(2));
    ensure!(text == expected, "{text}");
    ensure!(fs::metadata(&file)?.permissions().mode() & 0o777 == 0o640);
    Ok(())
}

fn update_goes_on(place: &Place) -> Result<()> {
    let pki = Pki::new()?;
    let double = Double::start(pki.root_der())?;
    double.lifetime(4); // half of it is the margin
    let files = pki.write(place, &pki.ec_leaf(1)?)?;
    let mut command = session("update", &double, &files, &["--profile", "w"])?;
    let file = place.path("shared");
    command.env("AWS_SHARED_CREDENTIALS_FILE", &file);
    let log = place.path("update.log");
    let mut process = Process::start("update", command, &log, Terminal::No)?;
    process.wait_lines(0, "Credentials will be refreshed at", 2)?;
    double.lifetime(3600);
    let count = double.seen().len();
    process.signal(Signal::SIGUSR1)?;
    double.wait(count + 1)?;
    // The third by the signal, or the fourth if the third were due just before.
    let new = |text: &str| ["ASIA3", "ASIA4"].iter().any(|key| text.contains(key));
    let written = || Ok(new(&fs::read_to_string(&file)?).then_some(()));
    eventually("newer credentials", LIMIT, written)?;
    process.signal(Signal::SIGTERM)?;
    let ended = process.wait_exit(LIMIT)?;
    ensure!(ended.code() == Some(0), "{ended}");
    Ok(())
}
