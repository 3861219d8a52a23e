//! Fetching what the agent is entitled to: all of it at first, then only what changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use steeple_proto::{
    server::entry::{
        EntryRevision, GetAuthorizedEntriesRequest, SyncAuthorizedEntriesRequest,
        SyncAuthorizedEntriesResponse,
    },
    types,
};
use steeple_spiffe::{Bundle, TrustDomain};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::{
    Entry, Server, ServerError, bundle,
    server::{RPC_TIMEOUT, late},
};

const OPERATION: &str = "failed to fetch authorized entries";

/// What the agent is entitled to, as of one sync.
#[derive(Clone, Debug)]
pub(crate) struct Authorized {
    pub(crate) entries: HashMap<String, Arc<Entry>>,
    /// The own bundle; none when the server's could not be read, and then the last one stays.
    pub(crate) bundle: Option<Bundle>,
    pub(crate) federated: BTreeMap<TrustDomain, Bundle>,
}

/// One agent's side of the sync protocol, and what it knows from last time.
pub(crate) struct Syncer {
    server: Server,
    entries: HashMap<String, Arc<Entry>>,
    /// Whether to try SyncAuthorizedEntries at all.
    by_revision: bool,
    /// Whether all entries are fetched each time: the server lacks SyncAuthorizedEntries, or it is
    /// not to be tried.
    full_only: bool,
}

impl Syncer {
    pub(crate) fn new(server: Server, by_revision: bool) -> Self {
        Self {
            server,
            entries: HashMap::new(),
            by_revision,
            full_only: !by_revision,
        }
    }

    /// Fetches entries and bundles.
    pub(crate) async fn fetch(&mut self) -> Result<Authorized, ServerError> {
        let fetched = self.entries().await.inspect_err(|error| {
            tracing::error!(
                subsystem_name = "manager",
                %error,
                status_code = ?error.status.code(),
                status_message = error.status.message(),
                "Failed to fetch authorized entries"
            );
        });
        if fetched.is_err() {
            // Maybe another server answers next time, one that can do more.
            self.full_only = !self.by_revision;
        }
        self.entries = fetched?;
        let bundle = own_bundle(self.server.bundle().await?);
        let domains: BTreeSet<_> = self
            .entries
            .values()
            .flat_map(|entry| entry.federates_with.iter().cloned())
            .collect();
        let federated = self.server.federated_bundles(domains).await?;
        Ok(Authorized {
            entries: self.entries.clone(),
            bundle,
            federated: federated
                .into_iter()
                .map(|bundle| (bundle.trust_domain.clone(), bundle))
                .collect(),
        })
    }

    async fn entries(&mut self) -> Result<HashMap<String, Arc<Entry>>, ServerError> {
        if !self.full_only {
            let generation = self.server.generation();
            let changed = tokio::time::timeout(RPC_TIMEOUT, self.changed_entries())
                .await
                .unwrap_or_else(|_| Err(late(RPC_TIMEOUT)));
            match changed {
                Err(status) if status.code() == Code::Unimplemented => self.full_only = true,
                ended => {
                    return ended
                        .map_err(|status| self.server.failed(OPERATION, generation, status));
                }
            }
        }
        let mut client = self.server.entries();
        let request = GetAuthorizedEntriesRequest {
            output_mask: Some(Entry::mask()),
        };
        let call = client.get_authorized_entries(request);
        let all = self.server.call(OPERATION, RPC_TIMEOUT, call).await?;
        Ok(all.entries.into_iter().filter_map(usable).collect())
    }

    /// The entries by SyncAuthorizedEntries: few come at once and whole, many as revisions first.
    async fn changed_entries(&self) -> Result<HashMap<String, Arc<Entry>>, Status> {
        let (asks, requests) = mpsc::channel(1);
        let ask = async |request| {
            asks.send(request)
                .await
                .map_err(|_| Status::unavailable("the server ended the sync"))
        };
        ask(SyncAuthorizedEntriesRequest {
            output_mask: Some(Entry::mask()),
            ids: Vec::new(),
        })
        .await?;
        let mut client = self.server.entries();
        let call = client.sync_authorized_entries(ReceiverStream::new(requests));
        let mut replies = call.await?.into_inner();
        let mut reply = next(&mut replies).await?;
        if reply.entry_revisions.is_empty() {
            return Ok(reply.entries.into_iter().filter_map(usable).collect());
        }

        let page = reply.entry_revisions.len();
        let mut revisions = Revisions::new(&self.entries);
        loop {
            revisions.take(&reply.entry_revisions);
            if !reply.more {
                break;
            }
            reply = next(&mut replies).await?;
            if !reply.entries.is_empty() {
                return Err(Status::internal("an entry came where revisions were due"));
            }
        }
        let Revisions {
            mut current,
            wanted,
            ..
        } = revisions;
        for ids in wanted.chunks(page) {
            ask(SyncAuthorizedEntriesRequest {
                output_mask: None,
                ids: ids.to_vec(),
            })
            .await?;
            loop {
                let reply = next(&mut replies).await?;
                if !reply.entry_revisions.is_empty() {
                    return Err(Status::internal("revisions came where entries were due"));
                }
                current.extend(reply.entries.into_iter().filter_map(usable));
                if !reply.more {
                    break;
                }
            }
        }
        Ok(current)
    }
}

/// Sorts revisions into what is known already and what must be asked for.
struct Revisions<'a> {
    known: &'a HashMap<String, Arc<Entry>>,
    seen: HashSet<String>,
    current: HashMap<String, Arc<Entry>>,
    wanted: Vec<String>,
}

impl<'a> Revisions<'a> {
    fn new(known: &'a HashMap<String, Arc<Entry>>) -> Self {
        Self {
            known,
            seen: HashSet::new(),
            current: HashMap::new(),
            wanted: Vec::new(),
        }
    }

    fn take(&mut self, revisions: &[EntryRevision]) {
        for revision in revisions {
            if revision.id.is_empty() || revision.revision_number < 0 {
                tracing::warn!(
                    subsystem_name = "manager",
                    entry_id = revision.id,
                    revision_number = revision.revision_number,
                    "Received malformed entry revision from SPIRE server; are the server and agent versions compatible?"
                );
                continue;
            }
            if !self.seen.insert(revision.id.clone()) {
                continue;
            }
            match self.known.get(&revision.id) {
                Some(entry) if !entry.is_stale(revision.revision_number, revision.created_at) => {
                    self.current.insert(revision.id.clone(), Arc::clone(entry));
                }
                known => {
                    // Until the new state is here, the old one is better than none.
                    if let Some(entry) = known {
                        self.current.insert(revision.id.clone(), Arc::clone(entry));
                    }
                    self.wanted.push(revision.id.clone());
                }
            }
        }
        // Servers look sorted ids up faster.
        self.wanted.sort();
    }
}

async fn next(
    replies: &mut Streaming<SyncAuthorizedEntriesResponse>,
) -> Result<SyncAuthorizedEntriesResponse, Status> {
    let ended = || Status::unavailable("the server ended the sync before it was complete");
    replies.message().await?.ok_or_else(ended)
}

/// Reads an entry; a broken one is told and left out.
fn usable(proto: types::Entry) -> Option<(String, Arc<Entry>)> {
    let (id, revision) = (proto.id.clone(), proto.revision_number);
    match Entry::try_from(proto) {
        Ok(entry) => Some((id, Arc::new(entry))),
        Err(error) => {
            tracing::warn!(
                subsystem_name = "manager",
                %error,
                entry_id = id,
                revision_number = revision,
                "Received malformed entry from SPIRE server; are the server and agent versions compatible?"
            );
            None
        }
    }
}

fn own_bundle(proto: types::Bundle) -> Option<Bundle> {
    let read = bundle::from_proto(proto);
    read.inspect_err(|error| {
        tracing::error!(subsystem_name = "manager", %error, "The server's bundle cannot be read; keeping the last one");
    })
    .ok()
    // Without roots nobody could be verified any more, the server least of all.
    .filter(|bundle| !bundle.x509_authorities.is_empty())
}
