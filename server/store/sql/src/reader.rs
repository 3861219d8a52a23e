//! The few connections that read, used off the async threads.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use steeple_store::StoreError;
use tokio::sync::Semaphore;

use crate::{connection, target::Target};

/// How many reads run at a time.
const READERS: usize = 4;

/// Connections that read; opened when first needed, then kept.
#[derive(Clone)]
pub(crate) struct Readers {
    target: Arc<Target>,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target: Arc::new(target),
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// Runs a read.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let connection = match readers.lock().pop() {
                Some(connection) => connection,
                None => connection::reader(&readers.target)?,
            };
            let done = work(&connection);
            readers.lock().push(connection);
            drop(place);
            done
        });
        read.await
            .unwrap_or_else(|error| Err(StoreError::Io(format!("a read broke off: {error}"))))
    }

    /// Closes the idle connections.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
