//! The one thread that writes.
//!
//! A request's wait is bounded: by the queue's length, and for each group before it by the time
//! SQLite waits for another process (`_busy_timeout`). There is no timer on the answer itself: a
//! caller that stops waiting (its RPC's deadline) takes its request out of the queue.

use std::{sync::Arc, thread, time::Duration};

use jiff::Timestamp;
use rusqlite::Connection;
use steeple_store::{Change, ChangeObserver, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::{
    dialect::refusal,
    feed,
    txn::{Txn, lost},
};

/// How many requests may wait.
const QUEUE: usize = 1024;
/// How many are committed together at most.
const GROUP: usize = 256;
/// How long a request waits for a place in the queue.
const ENTER: Duration = Duration::from_secs(5);

/// The way to the thread that writes.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<thread::JoinHandle<()>>,
}

enum Request {
    Write(Box<dyn Job>),
    Observe(
        Arc<dyn ChangeObserver>,
        oneshot::Sender<Result<(), StoreError>>,
    ),
}

/// A write that waits for its turn, whatever its answer is.
trait Job: Send {
    /// Whether anybody still waits for it.
    fn is_wanted(&self) -> bool;
    fn run(&mut self, txn: &mut Txn<'_>);
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Call<F, T> {
    work: Option<F>,
    now: Timestamp,
    done: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Call<F, T>
where
    F: FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, txn: &mut Txn<'_>) {
        if let Some(work) = self.work.take() {
            txn.set_now(self.now);
            self.done = txn.attempt(work);
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match committed {
            // Its own error is the better one, if it has got so far.
            Err(error) if self.done.is_ok() || self.work.is_some() => Err(error),
            _ => self.done,
        };
        // Whoever has stopped waiting does not get an answer.
        drop(self.reply.send(answer));
    }
}

impl Writer {
    /// Starts the thread; it ends when the writer is dropped.
    pub(crate) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                Thread {
                    connection,
                    observers: Vec::new(),
                }
                .run(requests)
            })
            .map_err(|error| StoreError::Io(format!("cannot start the writer thread: {error}")))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction and answers after its commit.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        now: Timestamp,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let call = Call {
            work: Some(work),
            now,
            done: Err(StoreError::Closed),
            reply,
        };
        self.send(Request::Write(Box::new(call)), answer).await
    }

    /// Brings an observer up to date and keeps it so.
    pub(crate) async fn observe(
        &self,
        observer: Arc<dyn ChangeObserver>,
    ) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Observe(observer, reply), answer).await
    }

    async fn send<T>(
        &self,
        request: Request,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        match queue.send_timeout(request, ENTER).await {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Closed(_)) => return Err(StoreError::Closed),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                return Err(StoreError::Busy(format!(
                    "{QUEUE} writes wait for the database already; nothing was written, try again"
                )));
            }
        }
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // Ends with the request at hand. A panic has been printed by then.
            drop(thread.join());
        }
    }
}

struct Thread {
    connection: Connection,
    observers: Vec<Arc<dyn ChangeObserver>>,
}

impl Thread {
    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(request) = next.take() {
                match request {
                    Request::Write(job) => group.push(job),
                    Request::Observe(observer, reply) => {
                        self.commit(std::mem::take(&mut group));
                        self.observe(observer, reply);
                    }
                }
                if group.len() < GROUP {
                    next = requests.try_recv().ok();
                }
            }
            self.commit(group);
        }
    }

    fn commit(&self, mut group: Vec<Box<dyn Job>>) {
        group.retain(|job| job.is_wanted());
        if group.is_empty() {
            return;
        }
        let committed = self.write(&mut group);
        if let Ok(changes) = &committed {
            self.tell(changes);
        }
        for job in group {
            job.answer(committed.as_ref().map(|_| ()).map_err(Clone::clone));
        }
    }

    fn write(&self, group: &mut [Box<dyn Job>]) -> Result<Vec<Change>, StoreError> {
        let mut txn = Txn::new(&self.connection);
        txn.execute("BEGIN IMMEDIATE", [])?;
        for job in group {
            job.run(&mut txn);
            if txn.is_lost() {
                return Err(lost());
            }
        }
        if let Err(error) = txn.execute("COMMIT", []) {
            if !txn.is_lost() {
                // The commit's own error is the one to tell.
                drop(txn.execute("ROLLBACK", []));
            }
            return Err(error);
        }
        Ok(txn.into_changes())
    }

    fn tell(&self, changes: &[Change]) {
        if !changes.is_empty() {
            self.observers
                .iter()
                .for_each(|observer| observer.apply(changes));
        }
    }

    fn observe(
        &mut self,
        observer: Arc<dyn ChangeObserver>,
        reply: oneshot::Sender<Result<(), StoreError>>,
    ) {
        let replayed = self
            .connection
            .execute_batch("BEGIN")
            .map_err(refusal)
            .and_then(|()| feed::replay(&self.connection, &*observer));
        if !self.connection.is_autocommit() {
            // It has only read.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        if replayed.is_ok() {
            self.observers.push(observer);
        }
        // Whoever has stopped waiting does not get an answer.
        drop(reply.send(replayed));
    }
}
