//! Passwords of encrypted keys: from the command line, else from the terminal.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Write as _},
    sync::{Mutex, PoisonError},
};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use pkcs8::EncryptedPrivateKeyInfoRef;
use zeroize::Zeroizing;

/// How often a person may mistype.
const TRIES: usize = 3;

/// A password that is asked for once and remembered, so that a key can be read again later.
#[derive(Debug, Default)]
pub(crate) struct Password(Mutex<Option<Zeroizing<String>>>);

impl Password {
    /// A password that is known.
    pub(crate) fn given(text: &str) -> Self {
        Self(Mutex::new(Some(Zeroizing::new(text.to_owned()))))
    }

    /// The password, if it is known.
    pub(crate) fn known(&self) -> Option<Zeroizing<String>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The password; asks on the terminal when it is not known.
    ///
    /// # Errors
    /// When there is no terminal.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn or_ask(&self, prompt: &str) -> io::Result<Zeroizing<String>> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let password = ask(prompt)?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(password.clone());
        Ok(password)
    }

    /// Decrypts a PKCS#8 key (PBES2); asks on the terminal when no password is known.
    ///
    /// # Errors
    /// When it is no such key, there is no terminal, or the password is wrong. Says why.
    pub(crate) fn decrypt(&self, der: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        let key = EncryptedPrivateKeyInfoRef::try_from(der)
            .map_err(|_| "it is no PKCS#8 key encrypted by PBES2".to_owned())?;
        let open = |password: &str| {
            let opened = key.decrypt(password).ok()?;
            Some(Zeroizing::new(opened.as_bytes().to_vec()))
        };
        if let Some(password) = self.known() {
            return open(&password).ok_or_else(|| {
                "wrong password (--pkcs8-password), or a cipher that is not supported".to_owned()
            });
        }
        for _ in 0..TRIES {
            let password = ask("Password of the private key:").map_err(|error| {
                format!("it is encrypted: give --pkcs8-password, or run it on a terminal ({error})")
            })?;
            if let Some(opened) = open(&password) {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(password);
                return Ok(opened);
            }
        }
        Err("wrong password".to_owned())
    }
}

/// Asks on the terminal, without showing what is typed.
fn ask(prompt: &str) -> io::Result<Zeroizing<String>> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    writeln!(terminal, "{prompt}")?;
    let shown = tcgetattr(&terminal)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &hidden)?;
    let mut line = Zeroizing::new(String::new());
    let read = BufReader::new(&terminal).read_line(&mut line);
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &shown)?;
    read?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}
