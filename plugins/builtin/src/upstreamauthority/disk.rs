//! UpstreamAuthority `disk`: a CA key and certificate in files sign the server's CA.

mod files;
mod mint;

use std::sync::Arc;

use async_trait::async_trait;
use steeple_plugin_sdk::{
    PluginError,
    builtin::Configured,
    config::{CoreConfig, PluginData},
    upstreamauthority::{MintedCa, UpstreamAuthority},
};
use steeple_spiffe::X509Authority;
use tokio::sync::watch;

use self::files::{Paths, Upstream};

/// Signs with what is in the files.
struct Disk {
    core: CoreConfig,
    paths: Paths,
    /// What was read last and was good.
    last_good: arc_swap::ArcSwap<Upstream>,
    roots: watch::Sender<Vec<X509Authority>>,
}

/// Reads `cert_file_path`, `key_file_path` and `bundle_file_path`.
pub fn configure(
    core: &CoreConfig,
    data: &PluginData<'_>,
) -> Option<Configured<dyn UpstreamAuthority>> {
    let required = |key: &str| {
        let path = data.string(key).filter(|path| !path.is_empty());
        if path.is_none() {
            data.problem(
                key,
                "'cert_file_path' and 'key_file_path' must be set and not empty",
            );
        }
        path
    };
    let (certificate, key) = (required("cert_file_path"), required("key_file_path"));
    let bundle = data
        .string("bundle_file_path")
        .filter(|path| !path.is_empty());
    let paths = Paths {
        certificate: certificate?.into(),
        key: key?.into(),
        bundle: bundle.map(Into::into),
    };
    let core = core.clone();
    Some(Configured::new(async move {
        let plugin: Arc<dyn UpstreamAuthority> = Arc::new(Disk::open(core, paths).await?);
        Ok(plugin)
    }))
}

impl Disk {
    async fn open(core: CoreConfig, paths: Paths) -> Result<Self, PluginError> {
        let upstream = read(&core, &paths).await?;
        let roots = watch::channel(upstream.roots.clone()).0;
        Ok(Self {
            core,
            paths,
            last_good: arc_swap::ArcSwap::from_pointee(upstream),
            roots,
        })
    }

    /// The files as they are now; what was good before, when they no longer are.
    async fn reload(&self) -> Arc<Upstream> {
        match read(&self.core, &self.paths).await {
            Ok(upstream) => {
                self.last_good.store(Arc::new(upstream));
                let upstream = self.last_good.load_full();
                self.roots.send_if_modified(|roots| {
                    let changed = *roots != upstream.roots;
                    if changed {
                        roots.clone_from(&upstream.roots);
                    }
                    changed
                });
                upstream
            }
            Err(error) => {
                tracing::warn!(
                    subsystem_name = "upstream_authority",
                    error = %error,
                    "Upstream CA files cannot be used any more; going on with what was read before"
                );
                self.last_good.load_full()
            }
        }
    }
}

async fn read(core: &CoreConfig, paths: &Paths) -> Result<Upstream, PluginError> {
    let (core, paths) = (core.clone(), paths.clone());
    blocking(move || {
        Upstream::read(&paths, &core)
            .map_err(|error| PluginError::InvalidArgument(error.to_string()))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PluginError> + Send + 'static,
) -> Result<T, PluginError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|lost| PluginError::Internal(format!("upstream CA's work was lost: {lost}")))?
}

#[async_trait]
impl UpstreamAuthority for Disk {
    async fn mint_x509_ca(
        &self,
        csr: &[u8],
        preferred_ttl: Option<std::time::Duration>,
    ) -> Result<MintedCa, PluginError> {
        let upstream = self.reload().await;
        let (core, csr) = (self.core.clone(), csr.to_vec());
        let chain = blocking(move || {
            upstream
                .mint(&csr, preferred_ttl, &core.trust_domain, core.clock.now())
                .map_err(|error| {
                    PluginError::InvalidArgument(format!("unable to sign CSR: {error}"))
                })
        })
        .await?;
        Ok(MintedCa {
            chain,
            roots: self.roots.subscribe(),
        })
    }
}

#[cfg(test)]
mod tests;
