//! `helper.conf`, read once into a form that nobody checks again.

mod error;
mod health;
mod jwt;
mod keys;
mod modes;
mod paths;
mod process;
mod read;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use nix::sys::signal::Signal;
use steeple_workload::Address;

pub(crate) use error::ConfigError;
pub(crate) use read::{Overrides, load};

/// Everything that the file, the command line and the environment say, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// Where the Workload API is.
    pub(crate) address: Address,
    /// Chooses among several SVIDs; empty for the default one.
    pub(crate) hint: String,
    /// Whether to stay and follow updates.
    pub(crate) daemon: bool,
    /// How long fetching once may take; none for upstream's patience.
    pub(crate) one_shot_timeout: Option<Duration>,
    /// The X.509 files.
    pub(crate) x509: Option<X509Files>,
    /// The file of the JWT bundles.
    pub(crate) jwt_bundle: Option<JwtBundleFile>,
    /// The files of the JWT-SVIDs.
    pub(crate) jwt_svids: Vec<JwtSvidFile>,
    /// The program to start.
    pub(crate) cmd: Option<Cmd>,
    /// A file with the process to signal.
    pub(crate) pid_file: Option<PathBuf>,
    /// The signal that tells of new certificates.
    pub(crate) renew_signal: Option<Signal>,
    /// The health pages, if they are wanted.
    pub(crate) health: Option<Health>,
}

/// The three X.509 files and what goes into them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct X509Files {
    /// The certificate file.
    pub(crate) svid: PathBuf,
    /// The key file.
    pub(crate) key: PathBuf,
    /// The bundle file.
    pub(crate) bundle: PathBuf,
    /// The mode of certificate and bundle.
    pub(crate) cert_mode: u32,
    /// The mode of the key.
    pub(crate) key_mode: u32,
    /// Whether intermediates go behind the bundle instead of behind the leaf.
    pub(crate) intermediates_to_bundle: bool,
    /// Whether the roots of federated trust domains go into the bundle.
    pub(crate) federated: bool,
    /// Whether expired authorities are left out.
    pub(crate) omit_expired: bool,
    /// How the files are published.
    pub(crate) layout: Layout,
}

/// How the three X.509 files are published.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Layout {
    /// One generation at a time, behind one link.
    #[default]
    Links,
    /// Each file by itself.
    Plain,
}

/// The file of the JWT bundles.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct JwtBundleFile {
    /// Where; may contain [`TRUST_DOMAIN`] in the form [`JwtBundleFormat::Jwks`].
    pub(crate) path: PathBuf,
    /// Its mode.
    pub(crate) mode: u32,
    /// Its form.
    pub(crate) format: JwtBundleFormat,
}

/// Stands in `jwt_bundle_file_name` for the name of each trust domain.
pub(crate) const TRUST_DOMAIN: &str = "{trust_domain}";

/// The form of the JWT bundle file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum JwtBundleFormat {
    /// An object of trust domain to the base64 of its JWKS: upstream's.
    #[default]
    Base64,
    /// The JWKS themselves.
    Jwks,
}

/// One JWT-SVID to keep in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct JwtSvidFile {
    /// Where.
    pub(crate) path: PathBuf,
    /// Its mode.
    pub(crate) mode: u32,
    /// The main audience and the extra ones.
    pub(crate) audience: Vec<String>,
}

/// The program that uses the certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cmd {
    /// The program.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// When it is started again.
    pub(crate) restart: Restart,
    /// How long its end is waited for at the helper's end.
    pub(crate) stop_timeout: Duration,
}

/// When a program that has ended is started again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Restart {
    /// With the next update, as upstream does.
    #[default]
    OnUpdate,
    /// At once if it failed, else with the next update.
    OnFailure,
    /// At once.
    Always,
}

/// Where health is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Health {
    /// The TCP port, on every interface.
    pub(crate) port: u16,
    /// The liveness page.
    pub(crate) live_path: String,
    /// The readiness page.
    pub(crate) ready_path: String,
}

/// A checked configuration, and what is worth saying about it.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// What works, but perhaps not as meant.
    pub(crate) warnings: Vec<String>,
    /// What will not work; the files are written all the same.
    pub(crate) errors: Vec<String>,
}
