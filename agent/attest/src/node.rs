//! The node's identity: found on disk or obtained by attestation, then kept and presented.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use steeple_grpc::Identity;
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::{
    keymanager::{KeyInfo, KeyManager, KeyType, SignatureScheme},
    nodeattestor::AgentNodeAttestor,
};
use steeple_proto::server::bundle::{GetBundleRequest, bundle_client::BundleClient};
use steeple_spiffe::{
    Bundle, JwtAuthority, TrustDomain, X509Authority,
    csr::{CsrDraft, CsrError},
    key::same_public_key,
    x509::{CertificateInfo, NameBuilder},
};
use tokio::sync::watch;
use tonic::{Status, transport::Channel};

use crate::{
    AgentData, AgentSvid, AttestError, NodeConnection,
    bootstrap::{self, Asking, BundleSource},
    connection::Address,
    stream,
};

pub(crate) const RPC_TIMEOUT: Duration = Duration::from_secs(30);
/// Taken off what is left of an SVID, for clocks that differ.
const SKEW: Duration = Duration::from_secs(1);
const SLOT_A: &str = "agent-svid-A";
const SLOT_B: &str = "agent-svid-B";

/// How the node proves what it is.
#[derive(Clone)]
pub enum Attestor {
    /// By a join token, if one was given.
    JoinToken(Option<String>),
    /// By a plugin.
    Plugin(Arc<dyn AgentNodeAttestor>),
}

/// What it takes to become an agent.
#[derive(Clone)]
pub struct NodeConfig {
    /// Where `agent-data.json` is.
    pub data_dir: PathBuf,
    /// The server's host.
    pub server_host: String,
    /// The server's port.
    pub server_port: u16,
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// The first bundle.
    pub source: BundleSource,
    /// How the node proves what it is.
    pub attestor: Attestor,
    /// Holds the agent's keys.
    pub key_manager: Arc<dyn KeyManager>,
    /// When the agent's SVID is renewed: from its first and last moment.
    pub rotate_at: fn(Timestamp, Timestamp) -> Timestamp,
    /// The time.
    pub clock: Clock,
}

/// This node as the agent that it is. Clones share it.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    config: NodeConfig,
    data: AgentData,
    svid: watch::Sender<Arc<AgentSvid>>,
    identity: watch::Sender<Option<Identity>>,
    bundle: watch::Sender<Arc<Bundle>>,
    connection: NodeConnection,
}

impl Node {
    /// Takes up the identity kept on disk, or attests. One try: `attempt` says which and `since`
    /// when the first was.
    ///
    /// # Errors
    /// See [`AttestError`]; [`AttestError::is_final`] says whether to try again.
    pub async fn start(
        config: NodeConfig,
        attempt: u32,
        since: Timestamp,
    ) -> Result<Self, AttestError> {
        let data = AgentData::open(&config.data_dir)?;
        let bundle = config.first_bundle(&data, attempt, since).await?;
        match &bundle {
            None => tracing::info!(subsystem_name = "attestor", "Bundle is not found"),
            Some(bundle) => tracing::info!(
                subsystem_name = "attestor",
                trust_domain_id = %bundle.trust_domain.id(),
                "Bundle loaded"
            ),
        }
        let (svid, bundle) = match (config.kept_svid(&data).await?, bundle) {
            (Kept::Svid(svid), Some(bundle)) => {
                tracing::info!(
                    subsystem_name = "attestor",
                    spiffe_id = %svid.id,
                    trust_domain_id = %bundle.trust_domain.id(),
                    "SVID loaded"
                );
                (svid, bundle)
            }
            (Kept::Svid(_), None) => {
                return Err(AttestError::Answer(
                    "SVID loaded but no bundle in cache".to_owned(),
                ));
            }
            (Kept::None { key_of_expired }, bundle) => {
                tracing::info!(
                    subsystem_name = "attestor",
                    "SVID is not found. Starting node attestation"
                );
                config
                    .attest(bundle.map(Arc::new), key_of_expired.as_deref())
                    .await?
            }
        };
        let roots = bundle
            .x509_authorities
            .iter()
            .map(|root| root.der.clone())
            .collect();
        data.store(svid.chain.clone(), svid.reattestable, roots)
            .await?;
        Self::new(config, data, svid, bundle)
    }

    fn new(
        config: NodeConfig,
        data: AgentData,
        svid: AgentSvid,
        bundle: Bundle,
    ) -> Result<Self, AttestError> {
        let identity = svid.identity(Arc::clone(&config.key_manager));
        let identity = identity.map_err(|error| AttestError::Answer(error.to_string()))?;
        let identity = watch::Sender::new(Some(identity));
        let bundle = watch::Sender::new(Arc::new(bundle));
        let connection =
            NodeConnection::new(&config.address(), bundle.subscribe(), identity.subscribe())?;
        let svid = watch::Sender::new(Arc::new(svid));
        Ok(Self(Arc::new(Inner {
            config,
            data,
            svid,
            identity,
            bundle,
            connection,
        })))
    }

    /// The agent's SVID, now and after each renewal.
    pub fn svid(&self) -> watch::Receiver<Arc<AgentSvid>> {
        self.0.svid.subscribe()
    }

    /// The bundle that the server is verified with.
    pub fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(&self.0.bundle.borrow())
    }

    pub(crate) fn bundle_changes(&self) -> watch::Receiver<Arc<Bundle>> {
        self.0.bundle.subscribe()
    }

    /// The agent's connection to the server.
    pub fn connection(&self) -> NodeConnection {
        self.0.connection.clone()
    }

    /// Takes over a newer bundle, and keeps it for the next start.
    pub async fn set_bundle(&self, bundle: Arc<Bundle>) {
        let roots = bundle
            .x509_authorities
            .iter()
            .map(|root| root.der.clone())
            .collect();
        self.0.bundle.send_replace(bundle);
        if let Err(error) = self.0.data.store_bundle(roots).await {
            tracing::error!(subsystem_name = "manager", %error, "Could not store bundle");
        }
    }

    /// Gives up the identity on disk: the server will not take it again.
    pub async fn forget(&self) {
        if let Err(error) = self.0.data.delete_svid().await {
            tracing::error!(subsystem_name = "manager", %error, "Failed to remove SVID");
        }
    }

    pub(crate) fn config(&self) -> &NodeConfig {
        &self.0.config
    }

    /// Puts a new SVID in place of the present one: on disk first, so that a crash finds it.
    pub(crate) async fn replace(&self, svid: AgentSvid) -> Result<(), AttestError> {
        let identity = svid.identity(Arc::clone(&self.0.config.key_manager));
        let identity = identity.map_err(|error| AttestError::Answer(error.to_string()))?;
        let stored = self
            .0
            .data
            .store_svid(svid.chain.clone(), svid.reattestable)
            .await;
        if let Err(error) = stored {
            tracing::warn!(subsystem_name = "manager", %error, "Could not store SVID");
        }
        self.0.identity.send_replace(Some(identity));
        self.0.connection.renewed();
        self.0.svid.send_replace(Arc::new(svid));
        Ok(())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.0.svid.borrow().id)
            .finish_non_exhaustive()
    }
}

/// What was found on disk.
enum Kept {
    /// A usable SVID.
    Svid(AgentSvid),
    /// None; the id of the key of one that has expired, which is not to be overwritten yet.
    None { key_of_expired: Option<String> },
}

impl NodeConfig {
    pub(crate) fn address(&self) -> Address {
        Address {
            host: self.server_host.clone(),
            port: self.server_port,
            trust_domain: self.trust_domain.clone(),
            clock: self.clock.clone(),
        }
    }

    async fn first_bundle(
        &self,
        data: &AgentData,
        attempt: u32,
        since: Timestamp,
    ) -> Result<Option<Bundle>, AttestError> {
        if let Some(roots) = data.bundle() {
            let root = |der| X509Authority {
                der,
                tainted: false,
            };
            let x509_authorities = roots.into_iter().map(root).collect();
            return Ok(Some(Bundle {
                x509_authorities,
                ..Bundle::empty(self.trust_domain.clone())
            }));
        }
        let asking = Asking {
            trust_domain: self.trust_domain.clone(),
            server_host: self.server_host.clone(),
            server_port: self.server_port,
            attempt,
            since,
        };
        Ok(bootstrap::load(&self.source, &asking).await?)
    }

    /// The SVID on disk, if its key is there and it has not expired.
    async fn kept_svid(&self, data: &AgentData) -> Result<Kept, AttestError> {
        let keys = self.key_manager.keys().await;
        let keys = keys.map_err(|error| AttestError::Key("load private key", error))?;
        let none = Ok(Kept::None {
            key_of_expired: None,
        });
        let Some((chain, reattestable)) = data.svid() else {
            tracing::debug!(
                subsystem_name = "attestor",
                "No pre-existing agent SVID found. Will perform node attestation"
            );
            if !keys.is_empty() {
                warn_new_key("Keys recovered, but no SVID found. Generating new keypair");
            }
            return none;
        };
        let Some(key) = key_of(&chain, &keys) else {
            warn_new_key(if keys.is_empty() {
                "SVID recovered, but no keys found. Generating new keypair"
            } else {
                "SVID recovered, but no SVID key found. Generating new keypair"
            });
            return none;
        };
        let key_id = key.id.clone();
        match AgentSvid::read(chain, key_id.clone(), reattestable) {
            Ok(svid) if self.clock.now() + SKEW < svid.not_after => Ok(Kept::Svid(svid)),
            Ok(svid) => {
                tracing::warn!(
                    subsystem_name = "attestor",
                    expiry = %svid.not_after,
                    "SVID key recovered, but SVID is expired. Generating new keypair"
                );
                Ok(Kept::None {
                    key_of_expired: Some(key_id),
                })
            }
            Err(error) => {
                tracing::warn!(subsystem_name = "attestor", %error, "Could not get agent SVID from path");
                none
            }
        }
    }

    /// Attests; the server is verified by `bundle`, or not at all.
    async fn attest(
        &self,
        bundle: Option<Arc<Bundle>>,
        current_key: Option<&str>,
    ) -> Result<(AgentSvid, Bundle), AttestError> {
        let insecure = bundle.is_none();
        let key = self.new_key(current_key).await?;
        let csr = self.csr(&key).await?;
        let channel = self.address().anonymous(bundle)?;
        warn_insecure(insecure);
        let (chain, reattestable) = stream::attest(channel.clone(), &self.attestor, csr).await?;
        let svid = issued(chain, &key, reattestable)?;
        warn_insecure(insecure);
        let bundle = self.server_bundle(channel).await?;
        tracing::info!(
            subsystem_name = "attestor",
            spiffe_id = %svid.id,
            reattestable,
            "Node attestation was successful"
        );
        Ok((svid, bundle))
    }

    async fn server_bundle(&self, channel: Channel) -> Result<Bundle, AttestError> {
        let mut client = BundleClient::new(channel);
        let call = client.get_bundle(GetBundleRequest::default());
        let ended = tokio::time::timeout(RPC_TIMEOUT, call)
            .await
            .unwrap_or_else(|_| {
                Err(Status::deadline_exceeded(format!(
                    "no answer within {} s",
                    RPC_TIMEOUT.as_secs()
                )))
            });
        let fetched = ended
            .map_err(|status| AttestError::server("failed to get updated bundle", status))?
            .into_inner();
        let x509_authorities = fetched.x509_authorities.into_iter();
        let jwt_authorities = fetched.jwt_authorities.into_iter();
        let bundle = Bundle {
            trust_domain: self.trust_domain.clone(),
            x509_authorities: x509_authorities
                .map(|root| X509Authority {
                    der: root.asn1.into(),
                    tainted: root.tainted,
                })
                .collect(),
            jwt_authorities: jwt_authorities
                .map(|key| JwtAuthority {
                    key_id: key.key_id,
                    public_key: key.public_key.into(),
                    expires_at: key.expires_at,
                    tainted: key.tainted,
                })
                .collect(),
            refresh_hint: fetched.refresh_hint,
            sequence_number: fetched.sequence_number,
        };
        if bundle.x509_authorities.is_empty() {
            return Err(AttestError::Answer(
                "the server's bundle has no X.509 authorities".to_owned(),
            ));
        }
        Ok(bundle)
    }

    /// A new key, in the slot that `current` is not in.
    pub(crate) async fn new_key(&self, current: Option<&str>) -> Result<KeyInfo, AttestError> {
        let slot = if current == Some(SLOT_A) {
            SLOT_B
        } else {
            SLOT_A
        };
        let made = self.key_manager.generate(slot, KeyType::EcP256).await;
        made.map_err(|error| AttestError::Key("generate private key", error))
    }

    /// A request for an agent's certificate. The server decides what is in it.
    pub(crate) async fn csr(&self, key: &KeyInfo) -> Result<Vec<u8>, AttestError> {
        let subject = NameBuilder::us("SPIRE").to_der()?;
        let draft = CsrDraft {
            subject,
            public_key: key.public_key.clone(),
            ..Default::default()
        };
        let unsigned = draft.prepare(SignatureScheme::EcdsaSha256)?;
        let signed = self
            .key_manager
            .sign(&key.id, unsigned.scheme(), unsigned.message())
            .await;
        let signature = signed.map_err(|error| AttestError::Key("sign with private key", error))?;
        Ok(unsigned.finish(&signature).map_err(CsrError::Build)?)
    }
}

/// Takes what the server issued, if it is for `key`.
pub(crate) fn issued(
    chain: Vec<Vec<u8>>,
    key: &KeyInfo,
    reattestable: bool,
) -> Result<AgentSvid, AttestError> {
    if key_of(&chain, std::slice::from_ref(key)).is_none() {
        return Err(AttestError::Answer(
            "the SVID is not for the agent's key".to_owned(),
        ));
    }
    Ok(AgentSvid::read(chain, key.id.clone(), reattestable)?)
}

/// The key that the chain's leaf is for.
fn key_of<'k>(chain: &[Vec<u8>], keys: &'k [KeyInfo]) -> Option<&'k KeyInfo> {
    let leaf = CertificateInfo::parse(chain.first()?).ok()?;
    keys.iter()
        .find(|key| same_public_key(&leaf.public_key, &key.public_key))
}

fn warn_new_key(message: &'static str) {
    tracing::warn!(subsystem_name = "attestor", "{message}");
}

fn warn_insecure(insecure: bool) {
    if insecure {
        tracing::warn!(
            subsystem_name = "attestor",
            "Insecure bootstrap enabled; skipping server certificate verification"
        );
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
