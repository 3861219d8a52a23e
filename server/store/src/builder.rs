//! How the server gets its store from the configuration without knowing which one it is.

use std::sync::Arc;

use async_trait::async_trait;
use steeple_hcl::Section;
use steeple_lifecycle::Clock;

use crate::{Store, StoreError};

/// Turns a DataStore plugin's configuration into a store. `bin` hands one to the runtime.
pub trait StoreBuilder: Send + Sync {
    /// The plugin's name in the configuration, as in `DataStore "sql"`.
    fn name(&self) -> &'static str;

    /// Reads and checks the plugin's keys; mistakes go into the section's report and make this
    /// `None`. Touches neither disk nor network, so it is also all that `validate` does.
    fn prepare(&self, data: &Section<'_>) -> Option<Box<dyn PreparedStore>>;
}

/// A store whose configuration has been checked.
#[async_trait]
pub trait PreparedStore: Send + Sync {
    /// Opens the database, creating or migrating it where that is due.
    ///
    /// # Errors
    /// When the database cannot be opened or is not one this program may use; then it has not
    /// been touched.
    async fn open(self: Box<Self>, clock: Clock) -> Result<Arc<dyn Store>, StoreError>;
}
