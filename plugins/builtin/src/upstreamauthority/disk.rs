//! UpstreamAuthority `disk`: a CA key and certificate in files sign the server's CA.

mod files;

use std::sync::Arc;

use async_trait::async_trait;
use steeple_plugin_sdk::{
    PluginError,
    builtin::Configured,
    config::{CoreConfig, PluginData},
    upstreamauthority::{
        UpstreamAuthority,
        held::{CaSource, HeldAuthority, HeldCa, blocking},
    },
};

use self::files::Paths;

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
        let plugin: Arc<dyn UpstreamAuthority> = Arc::new(HeldAuthority::open(core, paths).await?);
        Ok(plugin)
    }))
}

#[async_trait]
impl CaSource for Paths {
    async fn read(&self, core: &CoreConfig) -> Result<HeldCa, PluginError> {
        let (core, paths) = (core.clone(), self.clone());
        blocking(move || {
            paths
                .load(&core)
                .map_err(|error| PluginError::InvalidArgument(error.to_string()))
        })
        .await
    }
}

#[cfg(test)]
mod tests;
