//! A server in memory for the tests: real gRPC, real certificates, and faults on demand.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use steeple_lifecycle::Clock;
use steeple_proto::{
    hints::{Hint, WatchRequest, hints_server},
    server::{
        bundle::{self, bundle_server},
        entry::{self, entry_server},
        svid::{self, svid_server},
    },
    types,
};
use steeple_spiffe::{
    Bundle, TrustDomain,
    csr::VerifiedCsr,
    key::{KeyType, PrivateKey},
    keyid,
    x509::{CertificateDraft, NameBuilder, Serial, extension},
};
use tokio::sync::{mpsc, watch};
use tonic::{
    Request, Response, Status, Streaming, async_trait,
    transport::{Channel, Endpoint, Server as Transport, Uri},
};
use tower::service_fn;

use crate::{Cache, CacheConfig, Server, ServerConnection};

/// What the server knows and how it behaves.
pub(crate) struct State {
    pub(crate) entries: BTreeMap<String, types::Entry>,
    pub(crate) bundle: types::Bundle,
    pub(crate) federated: BTreeMap<String, types::Bundle>,
    /// How long what it signs lives.
    pub(crate) ttl: Duration,
    /// Revisions a page; more entries than this come as revisions first.
    pub(crate) page: usize,
    /// Whether it knows SyncAuthorizedEntries.
    pub(crate) sync: bool,
    /// Entries it will not sign for.
    pub(crate) unsigned: Vec<String>,
    /// How many SVIDs it signs in one call.
    pub(crate) batch: usize,
    /// How the next calls fail, by method.
    pub(crate) faults: VecDeque<(&'static str, Status)>,
    /// Calls seen: method and what was asked for.
    pub(crate) calls: Vec<(&'static str, Vec<String>)>,
    issued: u64,
}

/// The server, and a cache that uses it.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) state: Arc<Mutex<State>>,
    /// What is told to whoever watches.
    pub(crate) hint: Arc<watch::Sender<Hint>>,
    key: Arc<PrivateKey>,
    clock: Clock,
}

impl Fake {
    /// A server for `example.org` without entries.
    pub(crate) fn new() -> Self {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let clock = Clock::following_tokio(start);
        let key = Arc::new(PrivateKey::generate(KeyType::EcP256).unwrap());
        let fake = Self {
            state: Arc::new(Mutex::new(State {
                entries: BTreeMap::new(),
                bundle: types::Bundle::default(),
                federated: BTreeMap::new(),
                ttl: Duration::from_secs(3600),
                page: 500,
                sync: true,
                unsigned: Vec::new(),
                batch: 500,
                faults: VecDeque::new(),
                calls: Vec::new(),
                issued: 0,
            })),
            hint: Arc::new(watch::Sender::default()),
            key,
            clock,
        };
        let root = fake.root();
        fake.lock().bundle = types::Bundle {
            trust_domain: "example.org".to_owned(),
            x509_authorities: vec![types::X509Certificate {
                asn1: root.into(),
                tainted: false,
            }],
            ..Default::default()
        };
        fake
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Adds or replaces an entry, with the next revision.
    pub(crate) fn put(&self, mut entry: types::Entry) {
        let mut state = self.lock();
        if let Some(old) = state.entries.get(&entry.id) {
            entry.revision_number = old.revision_number + 1;
        }
        state.entries.insert(entry.id.clone(), entry);
    }

    pub(crate) fn fail(&self, method: &'static str, status: Status) {
        self.lock().faults.push_back((method, status));
    }

    /// What was asked for in each call of `method`.
    pub(crate) fn calls(&self, method: &str) -> Vec<Vec<String>> {
        let state = self.lock();
        state
            .calls
            .iter()
            .filter(|(m, _)| *m == method)
            .map(|(_, asked)| asked.clone())
            .collect()
    }

    /// A cache over a connection to this server; it knows the bundle.
    pub(crate) fn cache(&self, config: CacheConfig) -> Cache {
        let server = Server::new(Arc::new(Connection::to(self)));
        let domain = TrustDomain::parse("example.org").unwrap();
        let bundle = crate::bundle::from_proto(self.lock().bundle.clone())
            .unwrap_or_else(|_| Bundle::empty(domain));
        Cache::new(config, server, Arc::new(bundle), self.clock.clone())
    }

    fn begin(&self, method: &'static str, asked: Vec<String>) -> Result<(), Status> {
        let mut state = self.lock();
        state.calls.push((method, asked));
        match state.faults.iter().position(|(m, _)| *m == method) {
            Some(at) => Err(state.faults.remove(at).unwrap().1),
            None => Ok(()),
        }
    }

    fn root(&self) -> Vec<u8> {
        let id = keyid::subject_key_id(self.key.public_key_der()).unwrap();
        self.sign(
            self.key.public_key_der(),
            Duration::from_secs(86400),
            0,
            vec![
                extension::basic_constraints(true).unwrap(),
                extension::subject_key_id(&id).unwrap(),
            ],
        )
    }

    fn leaf(&self, csr: &[u8]) -> types::X509svid {
        let csr = VerifiedCsr::parse(csr).unwrap();
        let (ttl, serial) = {
            let mut state = self.lock();
            state.issued += 1;
            (state.ttl, state.issued)
        };
        let id = keyid::subject_key_id(self.key.public_key_der()).unwrap();
        let none: [&str; 0] = [];
        let leaf = self.sign(
            csr.public_key(),
            ttl,
            serial,
            vec![
                extension::authority_key_id(&id).unwrap(),
                extension::subject_alt_name(&none, csr.uris()).unwrap(),
            ],
        );
        types::X509svid {
            cert_chain: vec![leaf.into()],
            ..Default::default()
        }
    }

    fn sign(
        &self,
        public_key: &[u8],
        ttl: Duration,
        serial: u64,
        extensions: Vec<steeple_spiffe::x509::Extension>,
    ) -> Vec<u8> {
        let name = NameBuilder::us("SPIRE").to_der().unwrap();
        let draft = CertificateDraft {
            serial: Serial::from_be_bytes(&(serial + 1).to_be_bytes()),
            issuer: name.clone(),
            subject: name,
            not_before: self.clock.now(),
            not_after: self.clock.now() + ttl,
            public_key: public_key.to_vec(),
            extensions,
        };
        let unsigned = draft.prepare(self.key.x509_scheme()).unwrap();
        let signature = self
            .key
            .sign(unsigned.scheme(), unsigned.message())
            .unwrap();
        unsigned.finish(&signature).unwrap()
    }
}

/// Connections in memory; each channel is served by its own task.
struct Connection {
    channel: Channel,
    generation: AtomicU64,
}

impl Connection {
    fn to(fake: &Fake) -> Self {
        let (accept, accepted) = mpsc::unbounded_channel();
        let routes = Transport::builder()
            .add_service(entry_server::EntryServer::new(fake.clone()))
            .add_service(bundle_server::BundleServer::new(fake.clone()))
            .add_service(svid_server::SvidServer::new(fake.clone()))
            .add_service(hints_server::HintsServer::new(fake.clone()));
        let incoming = tokio_stream::wrappers::UnboundedReceiverStream::new(accepted)
            .map(Ok::<_, std::io::Error>);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(routes.serve_with_incoming(incoming));
        let connector = service_fn(move |_: Uri| {
            let (client, server) = tokio::io::duplex(1 << 16);
            let sent = accept
                .send(server)
                .map_err(|_| std::io::Error::other("gone"));
            async move { sent.map(|()| TokioIo::new(client)) }
        });
        let endpoint = Endpoint::from_static("http://server");
        Self {
            channel: endpoint.connect_with_connector_lazy(connector),
            generation: AtomicU64::new(0),
        }
    }
}

impl ServerConnection for Connection {
    fn channel(&self) -> Channel {
        self.channel.clone()
    }

    fn release(&self) {}

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }
}

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl entry_server::Entry for Fake {
    type SyncAuthorizedEntriesStream = Replies<entry::SyncAuthorizedEntriesResponse>;

    async fn sync_authorized_entries(
        &self,
        request: Request<Streaming<entry::SyncAuthorizedEntriesRequest>>,
    ) -> Answer<Self::SyncAuthorizedEntriesStream> {
        self.begin("sync", Vec::new())?;
        if !self.lock().sync {
            return Err(Status::unimplemented("no such method"));
        }
        let mut asks = request.into_inner();
        let first = asks.message().await?.unwrap();
        assert!(first.ids.is_empty() && first.output_mask.is_some_and(|mask| mask.revision_number));
        let fake = self.clone();
        let (entries, page): (Vec<_>, _) = {
            let state = self.lock();
            (state.entries.values().cloned().collect(), state.page)
        };
        if entries.len() <= page {
            let reply = entry::SyncAuthorizedEntriesResponse {
                entries,
                ..Default::default()
            };
            return Ok(Response::new(Box::pin(futures::stream::iter([Ok(reply)]))));
        }
        let revisions: Vec<_> = entries
            .iter()
            .map(|e| entry::EntryRevision {
                id: e.id.clone(),
                revision_number: e.revision_number,
                created_at: e.created_at,
            })
            .collect();
        let pages: Vec<_> = revisions.chunks(page).map(<[_]>::to_vec).collect();
        let last = pages.len() - 1;
        let first = futures::stream::iter(pages.into_iter().enumerate()).map(move |(at, page)| {
            Ok(entry::SyncAuthorizedEntriesResponse {
                entry_revisions: page,
                entries: Vec::new(),
                more: at < last,
            })
        });
        let then = asks.map(move |ask| {
            let ids = ask?.ids;
            fake.begin("ids", ids.clone())?;
            let entries = entries
                .iter()
                .filter(|e| ids.contains(&e.id))
                .cloned()
                .collect();
            Ok(entry::SyncAuthorizedEntriesResponse {
                entries,
                ..Default::default()
            })
        });
        Ok(Response::new(Box::pin(first.chain(then))))
    }

    async fn get_authorized_entries(
        &self,
        _: Request<entry::GetAuthorizedEntriesRequest>,
    ) -> Answer<entry::GetAuthorizedEntriesResponse> {
        self.begin("get", Vec::new())?;
        let entries = self.lock().entries.values().cloned().collect();
        Ok(Response::new(entry::GetAuthorizedEntriesResponse {
            entries,
        }))
    }

    async fn count_entries(
        &self,
        _: Request<entry::CountEntriesRequest>,
    ) -> Answer<entry::CountEntriesResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_entries(
        &self,
        _: Request<entry::ListEntriesRequest>,
    ) -> Answer<entry::ListEntriesResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_entry(&self, _: Request<entry::GetEntryRequest>) -> Answer<types::Entry> {
        Err(Status::unimplemented(""))
    }

    async fn batch_create_entry(
        &self,
        _: Request<entry::BatchCreateEntryRequest>,
    ) -> Answer<entry::BatchCreateEntryResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_update_entry(
        &self,
        _: Request<entry::BatchUpdateEntryRequest>,
    ) -> Answer<entry::BatchUpdateEntryResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_delete_entry(
        &self,
        _: Request<entry::BatchDeleteEntryRequest>,
    ) -> Answer<entry::BatchDeleteEntryResponse> {
        Err(Status::unimplemented(""))
    }
}

#[async_trait]
impl svid_server::Svid for Fake {
    async fn batch_new_x509svid(
        &self,
        request: Request<svid::BatchNewX509svidRequest>,
    ) -> Answer<svid::BatchNewX509svidResponse> {
        let params = request.into_inner().params;
        self.begin("mint", params.iter().map(|p| p.entry_id.clone()).collect())?;
        if params.len() > self.lock().batch {
            return Err(Status::resource_exhausted("too many at once"));
        }
        let sign = |params: svid::NewX509svidParams| {
            let refused = {
                let state = self.lock();
                state.unsigned.contains(&params.entry_id)
                    || !state.entries.contains_key(&params.entry_id)
            };
            let mut result = svid::batch_new_x509svid_response::Result::default();
            if refused {
                let message = "entry not found or not authorized".to_owned();
                result.status = Some(types::Status { code: 5, message });
            } else {
                result.status = Some(types::Status {
                    code: 0,
                    message: "OK".to_owned(),
                });
                result.svid = Some(self.leaf(&params.csr));
            }
            result
        };
        let results = params.into_iter().map(sign).collect();
        Ok(Response::new(svid::BatchNewX509svidResponse { results }))
    }

    async fn new_jwtsvid(
        &self,
        request: Request<svid::NewJwtsvidRequest>,
    ) -> Answer<svid::NewJwtsvidResponse> {
        let request = request.into_inner();
        let asked = [vec![request.entry_id], request.audience].concat();
        self.begin("jwt", asked)?;
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut state = self.lock();
        state.issued += 1;
        let now = self.clock.now();
        let svid = types::Jwtsvid {
            token: format!("token-{}", state.issued),
            issued_at: now.as_second(),
            expires_at: (now + state.ttl).as_second(),
            ..Default::default()
        };
        Ok(Response::new(svid::NewJwtsvidResponse { svid: Some(svid) }))
    }

    async fn mint_x509svid(
        &self,
        _: Request<svid::MintX509svidRequest>,
    ) -> Answer<svid::MintX509svidResponse> {
        Err(Status::unimplemented(""))
    }

    async fn mint_jwtsvid(
        &self,
        _: Request<svid::MintJwtsvidRequest>,
    ) -> Answer<svid::MintJwtsvidResponse> {
        Err(Status::unimplemented(""))
    }

    async fn mint_witsvid(
        &self,
        _: Request<svid::MintWitsvidRequest>,
    ) -> Answer<svid::MintWitsvidResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_new_witsvid(
        &self,
        _: Request<svid::BatchNewWitsvidRequest>,
    ) -> Answer<svid::BatchNewWitsvidResponse> {
        Err(Status::unimplemented(""))
    }

    async fn new_downstream_x509ca(
        &self,
        _: Request<svid::NewDownstreamX509caRequest>,
    ) -> Answer<svid::NewDownstreamX509caResponse> {
        Err(Status::unimplemented(""))
    }
}

#[async_trait]
impl bundle_server::Bundle for Fake {
    async fn get_bundle(&self, _: Request<bundle::GetBundleRequest>) -> Answer<types::Bundle> {
        self.begin("bundle", Vec::new())?;
        Ok(Response::new(self.lock().bundle.clone()))
    }

    async fn get_federated_bundle(
        &self,
        request: Request<bundle::GetFederatedBundleRequest>,
    ) -> Answer<types::Bundle> {
        let domain = request.into_inner().trust_domain;
        self.begin("federated", vec![domain.clone()])?;
        let found = self.lock().federated.get(&domain).cloned();
        found
            .map(Response::new)
            .ok_or_else(|| Status::not_found("bundle not found"))
    }

    async fn count_bundles(
        &self,
        _: Request<bundle::CountBundlesRequest>,
    ) -> Answer<bundle::CountBundlesResponse> {
        Err(Status::unimplemented(""))
    }

    async fn append_bundle(
        &self,
        _: Request<bundle::AppendBundleRequest>,
    ) -> Answer<types::Bundle> {
        Err(Status::unimplemented(""))
    }

    async fn publish_jwt_authority(
        &self,
        _: Request<bundle::PublishJwtAuthorityRequest>,
    ) -> Answer<bundle::PublishJwtAuthorityResponse> {
        Err(Status::unimplemented(""))
    }

    async fn publish_wit_authority(
        &self,
        _: Request<bundle::PublishWitAuthorityRequest>,
    ) -> Answer<bundle::PublishWitAuthorityResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_federated_bundles(
        &self,
        _: Request<bundle::ListFederatedBundlesRequest>,
    ) -> Answer<bundle::ListFederatedBundlesResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_create_federated_bundle(
        &self,
        _: Request<bundle::BatchCreateFederatedBundleRequest>,
    ) -> Answer<bundle::BatchCreateFederatedBundleResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_update_federated_bundle(
        &self,
        _: Request<bundle::BatchUpdateFederatedBundleRequest>,
    ) -> Answer<bundle::BatchUpdateFederatedBundleResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_set_federated_bundle(
        &self,
        _: Request<bundle::BatchSetFederatedBundleRequest>,
    ) -> Answer<bundle::BatchSetFederatedBundleResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_delete_federated_bundle(
        &self,
        _: Request<bundle::BatchDeleteFederatedBundleRequest>,
    ) -> Answer<bundle::BatchDeleteFederatedBundleResponse> {
        Err(Status::unimplemented(""))
    }
}

#[async_trait]
impl hints_server::Hints for Fake {
    type WatchStream = Replies<Hint>;

    async fn watch(&self, _request: Request<WatchRequest>) -> Answer<Self::WatchStream> {
        self.begin("watch", Vec::new())?;
        let hints = tokio_stream::wrappers::WatchStream::from_changes(self.hint.subscribe());
        Ok(Response::new(Box::pin(hints.map(Ok))))
    }
}
