//! Keys of every kind and in every wrapping, made by OpenSSL.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_RSA_SHA256,
};
use steeple_tests::{Case, Place, run};

use crate::{
    double::Double,
    pki::{Leaf, Pki},
    program::{bare_session, credentials, failure},
};

pub(crate) fn cases() -> Vec<Case> {
    let openssl = run(Command::new("openssl").arg("version")).is_ok();
    vec![
        Case::new("key_kinds", key_kinds),
        Case::new("key_wrappings", key_wrappings).needs(openssl, "openssl is not installed"),
        Case::new("pkcs12_files", pkcs12_files).needs(openssl, "openssl is not installed"),
    ]
}

/// A place with everything, and how the program is called there.
struct Setting<'a> {
    place: &'a Place,
    pki: Pki,
    double: Double,
}

impl<'a> Setting<'a> {
    fn new(place: &'a Place) -> Result<Self> {
        let pki = Pki::new()?;
        let double = Double::start(pki.root_der())?;
        place.write("intermediates.pem", pki.intermediates())?;
        Ok(Self { place, pki, double })
    }

    fn openssl(&self, words: &str) -> Result<()> {
        let mut command = Command::new("openssl");
        command.args(words.split(' ')).current_dir(self.place.dir());
        run(&mut command)?
            .success()
            .with_context(|| words.to_owned())?;
        Ok(())
    }

    fn command(&self, words: &str) -> Result<Command> {
        let words: Vec<_> = words.split(' ').collect();
        let mut command = bare_session("credential-process", &self.double, &words)?;
        command.current_dir(self.place.dir());
        Ok(command)
    }

    fn works(&self, leaf: &Leaf, words: &str) -> Result<()> {
        let shown = credentials(&mut self.command(words)?).with_context(|| words.to_owned())?;
        ensure!(
            shown["SessionToken"] == format!("token-for-{}", leaf.serial),
            "{shown}"
        );
        Ok(())
    }
}

fn key_kinds(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    for (algorithm, name) in [
        (&PKCS_ECDSA_P256_SHA256, "ECDSA"),
        (&PKCS_ECDSA_P384_SHA384, "ECDSA"),
        (&PKCS_ECDSA_P521_SHA512, "ECDSA"),
        (&PKCS_RSA_SHA256, "RSA"),
    ] {
        let leaf = setting.pki.leaf_for(algorithm)?;
        setting.pki.write(place, &leaf)?;
        let words = "--certificate svid.pem --private-key svid.key --intermediates bundle.pem";
        setting.works(&leaf, words)?;
        let seen = setting.double.seen();
        let proof = seen.last().context("no request")?.proof.clone();
        let algorithm = proof.map_err(anyhow::Error::msg)?.algorithm;
        ensure!(
            algorithm == format!("AWS4-X509-{name}-SHA256"),
            "{algorithm}"
        );
    }
    Ok(())
}

fn key_wrappings(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let words = "--certificate svid.pem --private-key k.pem --intermediates bundle.pem";
    for (algorithm, forms) in [
        (
            &PKCS_ECDSA_P256_SHA256,
            &[
                "ec -in svid.key -out k.pem",
                "pkcs8 -topk8 -nocrypt -in svid.key -out k.pem",
            ][..],
        ),
        (
            &PKCS_RSA_SHA256,
            &["rsa -traditional -in svid.key -out k.pem"],
        ),
    ] {
        let leaf = setting.pki.leaf_for(algorithm)?;
        setting.pki.write(place, &leaf)?;
        for form in forms {
            setting.openssl(form)?;
            setting.works(&leaf, words)?;
        }
        for cipher in [
            "-v2 aes-256-cbc -v2prf hmacWithSHA256",
            "-v2 aes-128-cbc -v2prf hmacWithSHA1",
            "-v2 aes-192-cbc -v2prf hmacWithSHA512",
            "-v2 des3",
            "-scrypt",
        ] {
            setting.openssl(&format!(
                "pkcs8 -topk8 -in svid.key -out k.pem -passout pass:password {cipher}"
            ))?;
            setting.works(&leaf, &format!("{words} --pkcs8-password password"))?;
        }
        let wrong = format!("{words} --pkcs8-password other");
        let said = failure(&mut setting.command(&wrong)?)?;
        ensure!(said.contains("wrong password"), "{said}");
    }
    // The parameters that `openssl ecparam -genkey` writes before the key.
    let leaf = setting.pki.leaf_for(&PKCS_ECDSA_P256_SHA256)?;
    setting.pki.write(place, &leaf)?;
    setting.openssl("ecparam -name prime256v1 -out p.pem")?;
    setting.openssl("ec -in svid.key -out e.pem")?;
    let read = |name: &str| std::fs::read_to_string(place.path(name));
    place.write("k.pem", read("p.pem")? + &read("e.pem")?)?;
    setting.works(&leaf, words)?;
    // What stays out says so.
    setting.openssl("ec -in svid.key -out k.pem -aes128 -passout pass:password")?;
    let said = failure(&mut setting.command(words)?)?;
    ensure!(said.contains("encrypted the old way"), "{said}");
    Ok(())
}

fn pkcs12_files(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let leaf = setting.pki.leaf_for(&PKCS_RSA_SHA256)?;
    setting.pki.write(place, &leaf)?;
    let make = "pkcs12 -export -inkey svid.key -in svid.pem -certfile bundle.pem -out store.p12";
    let before = setting.double.seen().len();
    for (export, password) in [
        ("-passout pass:", ""),
        ("-passout pass:secret", "--pkcs8-password secret"),
        ("-passout pass: -legacy", ""),
        (
            "-passout pass: -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
            "",
        ),
    ] {
        setting.openssl(&format!("{make} {export}"))?;
        let words = format!("--certificate store.p12 {password}");
        setting.works(&leaf, words.trim_end())?;
    }
    // The other certificates in the file are the chain.
    for seen in &setting.double.seen()[before..] {
        let proof = seen.proof.clone().map_err(anyhow::Error::msg)?;
        ensure!(proof.chain == 1, "{proof:?}");
    }
    setting.openssl(&format!("{make} -passout pass:secret"))?;
    let said = failure(&mut setting.command("--certificate store.p12")?)?;
    ensure!(said.contains("--pkcs8-password"), "{said}");
    Ok(())
}
