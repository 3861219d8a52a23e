//! Keys in a PKCS#11 token: SoftHSM.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use steeple_tests::{Case, Place, run};

use crate::{
    double::Double,
    pki::Pki,
    program::{bare_session, command, credentials, failure},
};

pub(crate) fn cases() -> Vec<Case> {
    let there = module().is_some() && run(Command::new("pkcs11-tool").arg("--help")).is_ok();
    vec![
        Case::new("pkcs11_token", pkcs11_token)
            .needs(there, "softhsm2 and opensc are not installed"),
    ]
}

fn module() -> Option<PathBuf> {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    ];
    let mut places = places.into_iter().map(Path::new);
    places.find(|path| path.is_file()).map(Path::to_path_buf)
}

/// A token in the place's folder.
struct Token<'a> {
    place: &'a Place,
    module: String,
}

impl Token<'_> {
    fn run(&self, words: &str) -> Result<()> {
        let mut words = words.split(' ');
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        self.at(&mut command);
        run(&mut command)?.success()?;
        Ok(())
    }

    fn at(&self, command: &mut Command) {
        command.current_dir(self.place.dir());
        command.env("SOFTHSM2_CONF", self.place.path("softhsm2.conf"));
    }

    fn store(&self, kind: &str, file: &str, name: &str, id: &str) -> Result<()> {
        self.run(&format!(
            "pkcs11-tool --module {} --login --pin 1234 --write-object {file} --type {kind} --label {name} --id {id}",
            self.module
        ))
    }
}

fn pkcs11_token(place: &Place) -> Result<()> {
    let module = module().context("no module")?.display().to_string();
    let token = Token { place, module };
    place.write("tokens/.keep", "")?;
    let tokens = place.path("tokens").display().to_string();
    place.write(
        "softhsm2.conf",
        format!("directories.tokendir = {tokens}\n"),
    )?;
    token.run("softhsm2-util --init-token --free --label steeple --pin 1234 --so-pin 1234")?;
    let pki = Pki::new()?;
    let double = Double::start(pki.root_der())?;
    for (algorithm, name, id) in [
        (&PKCS_ECDSA_P256_SHA256, "ec", "01"),
        (&PKCS_RSA_SHA256, "rsa", "02"),
    ] {
        let leaf = pki.leaf_for(algorithm)?;
        pki.write(place, &leaf)?;
        token.run("openssl pkcs8 -topk8 -nocrypt -in svid.key -outform DER -out key.der")?;
        token.run("openssl x509 -in svid.pem -outform DER -out certificate.der")?;
        token.store("privkey", "key.der", name, id)?;
        token.store("cert", "certificate.der", name, id)?;
        let named = format!("pkcs11:token=steeple;object={name}?pin-value=1234");
        let by_id = format!("pkcs11:token=steeple;id=%{id}?pin-value=1234");
        for (certificate, key) in [
            (named.as_str(), named.as_str()),
            (&named, ""),
            ("svid.pem", &by_id),
        ] {
            let mut words = vec![
                "--pkcs11-lib",
                &token.module,
                "--intermediates",
                "bundle.pem",
            ];
            words.extend(["--certificate", certificate]);
            if !key.is_empty() {
                words.extend(["--private-key", key]);
            }
            let mut command = bare_session("credential-process", &double, &words)?;
            token.at(&mut command);
            let shown = credentials(&mut command)?;
            ensure!(
                shown["SessionToken"] == format!("token-for-{}", leaf.serial),
                "{shown}"
            );
        }
        let words = [
            "sign-string",
            "--format",
            "text",
            "--pkcs11-lib",
            &token.module,
        ];
        let mut sign = command(&words)?;
        token.at(sign.args(["--private-key", &named]));
        ensure!(!run(&mut sign)?.success()?.is_empty());
    }
    for (uri, said) in [
        (
            "pkcs11:token=steeple;object=other?pin-value=1234",
            "0 certificates match",
        ),
        (
            "pkcs11:token=other;object=ec?pin-value=1234",
            "no token matches",
        ),
        (
            "pkcs11:token=steeple;object=ec?pin-value=9999",
            "refuses the PIN",
        ),
    ] {
        let words = ["--pkcs11-lib", &token.module, "--certificate", uri];
        let mut command = bare_session("credential-process", &double, &words)?;
        token.at(&mut command);
        let told = failure(&mut command)?;
        ensure!(
            told.contains(said) && !told.contains("pin-value=9999"),
            "{told}"
        );
    }
    Ok(())
}
