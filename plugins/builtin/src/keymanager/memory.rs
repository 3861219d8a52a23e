//! KeyManager `memory`: keys are gone when the process ends.

use std::sync::Arc;

use steeple_plugin_sdk::{
    PluginError,
    builtin::Configured,
    config::{CoreConfig, PluginData},
    keymanager::KeyManager,
};

use super::keyring::{Keyring, Keys, Persist};

#[derive(Clone)]
struct Nowhere;

impl Persist for Nowhere {
    fn write(&self, _: &Keys) -> Result<(), PluginError> {
        Ok(())
    }
}

/// A KeyManager without keys.
pub fn new() -> Arc<dyn KeyManager> {
    Arc::new(Keyring::new(Keys::new(), Nowhere))
}

/// Has no settings.
pub fn configure(_: &CoreConfig, _: &PluginData<'_>) -> Option<Configured<dyn KeyManager>> {
    Some(Configured::ready(new()))
}

#[cfg(test)]
mod tests {
    use steeple_plugin_sdk::conformance;

    use super::super::verifies;

    #[tokio::test]
    async fn conforms() {
        conformance::key_manager(&*super::new(), &verifies).await;
    }
}
