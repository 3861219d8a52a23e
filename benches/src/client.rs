//! The driver's connections: to the sockets, and to the server as an agent.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use steeple_grpc::{Identity, ServerPolicy, Target, connect, unix_channel};
use steeple_lifecycle::Clock;
use steeple_proto::{
    server::{
        agent::{
            AgentX509svidParams, AttestAgentRequest, CreateJoinTokenRequest,
            agent_client::AgentClient,
            attest_agent_request::{Params, Step},
            attest_agent_response,
        },
        entry::{BatchCreateEntryRequest, BatchDeleteEntryRequest, entry_client::EntryClient},
    },
    types::{AttestationData, Entry},
    workload::{
        X509svidRequest, X509svidResponse, spiffe_workload_api_client::SpiffeWorkloadApiClient,
    },
};
use steeple_spiffe::TrustDomain;
use tokio::sync::watch;
use tonic::{Request, Streaming, metadata::MetadataValue, transport::Channel};

use crate::site::{Site, TRUST_DOMAIN, id};

/// A channel to a server or agent on this machine.
pub(crate) async fn unix(socket: &Path) -> Result<Channel> {
    Ok(unix_channel(socket).await?)
}

/// A request as the Workload API wants it.
pub(crate) fn workload<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("workload.spiffe.io", MetadataValue::from_static("true"));
    request
}

/// Opens a stream of X.509-SVIDs and takes its first message.
pub(crate) async fn first_svids(
    client: &mut SpiffeWorkloadApiClient<Channel>,
) -> Result<(Streaming<X509svidResponse>, X509svidResponse)> {
    let request = workload(X509svidRequest {});
    let mut stream = client.fetch_x509svid(request).await?.into_inner();
    let first = stream
        .message()
        .await?
        .context("the stream ended at once")?;
    Ok((stream, first))
}

/// A join token; `alias` names the path of another ID for the agent that uses it.
pub(crate) async fn token(site: &Site, alias: Option<&str>) -> Result<String> {
    let mut client = AgentClient::new(unix(&site.server_socket()).await?);
    let agent_id = alias.and_then(id);
    let request = CreateJoinTokenRequest {
        ttl: 600,
        token: String::new(),
        agent_id,
    };
    Ok(client.create_join_token(request).await?.into_inner().value)
}

/// Creates entries and returns their ids.
pub(crate) async fn create(
    client: &mut EntryClient<Channel>,
    entries: Vec<Entry>,
) -> Result<Vec<String>> {
    let request = BatchCreateEntryRequest {
        entries,
        output_mask: None,
    };
    let results = client
        .batch_create_entry(request)
        .await?
        .into_inner()
        .results;
    results
        .into_iter()
        .map(|result| match (result.status, result.entry) {
            (Some(status), Some(entry)) if status.code == 0 => Ok(entry.id),
            (status, _) => bail!("an entry is refused: {status:?}"),
        })
        .collect()
}

/// Deletes entries.
pub(crate) async fn delete(client: &mut EntryClient<Channel>, ids: Vec<String>) -> Result<()> {
    client
        .batch_delete_entry(BatchDeleteEntryRequest { ids })
        .await?;
    Ok(())
}

/// A key and the request for a certificate that goes with it.
#[derive(Debug)]
pub(crate) struct Csr {
    /// The request, DER.
    pub(crate) der: Vec<u8>,
    /// The key, PKCS#8 DER.
    key: Vec<u8>,
}

impl Csr {
    pub(crate) fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let der = params.serialize_request(&key)?.der().to_vec();
        Ok(Self {
            der,
            key: key.serialize_der(),
        })
    }
}

/// Attests as an agent over a connection of its own; returns the certificate chain.
pub(crate) async fn attest(site: &Site, token: &str, csr: &Csr) -> Result<Vec<Vec<u8>>> {
    let channel = connect(target(site, None)?).await?;
    let params = Params {
        data: Some(AttestationData {
            r#type: "join_token".to_owned(),
            payload: token.as_bytes().to_vec().into(),
        }),
        params: Some(AgentX509svidParams {
            csr: csr.der.clone().into(),
        }),
    };
    let request = AttestAgentRequest {
        step: Some(Step::Params(params)),
    };
    let requests = tokio_stream::once(request);
    let mut replies = AgentClient::new(channel)
        .attest_agent(requests)
        .await?
        .into_inner();
    let reply = replies
        .message()
        .await?
        .context("the server said nothing")?;
    match reply.step {
        Some(attest_agent_response::Step::Result(result)) => {
            let svid = result.svid.context("no SVID")?;
            Ok(svid.cert_chain.into_iter().map(Into::into).collect())
        }
        _ => bail!("the server wants a challenge answered"),
    }
}

/// A channel to the server as the agent with this certificate.
pub(crate) async fn as_agent(site: &Site, chain: &[Vec<u8>], csr: &Csr) -> Result<Channel> {
    let identity = Identity::from_pkcs8(chain, &csr.key)?;
    Ok(connect(target(site, Some(identity))?).await?)
}

fn target(site: &Site, identity: Option<Identity>) -> Result<Target> {
    let identity = identity.map(|identity| watch::channel(Some(identity)).1);
    Ok(Target {
        host: "127.0.0.1".to_owned(),
        port: site.port,
        trust_domain: TrustDomain::parse(TRUST_DOMAIN)?,
        // It is our own server, on loopback.
        policy: ServerPolicy::Insecure,
        identity,
        clock: Clock::system(),
    })
}
