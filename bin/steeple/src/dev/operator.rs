//! What an operator would type into `spire-server`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use nix::unistd::{Uid, User, getuid};
use steeple_grpc::unix_channel;
use steeple_lifecycle::files;
use steeple_proto::{
    server::{
        agent::{
            CreateJoinTokenRequest, DeleteAgentRequest, GetAgentRequest, agent_client::AgentClient,
        },
        bundle::{GetBundleRequest, bundle_client::BundleClient},
        entry::{BatchCreateEntryRequest, entry_client::EntryClient},
    },
    types::{Entry, Selector, Spiffeid},
};
use steeple_spiffe::{SpiffeId, TrustDomain, pem::certificates_to_pem};
use tonic::{Code, transport::Channel};

/// The node's name that stays while its agents' IDs come and go: entries hang on it.
pub(crate) const NODE: &str = "/dev/node";

/// A join token is used at once; this is for a slow machine.
const TOKEN_TTL: i32 = 600;

/// Who you are.
pub(crate) struct Identity {
    /// As workloads see it.
    pub(crate) spiffe_id: SpiffeId,
    node: SpiffeId,
    uid: Uid,
}

impl Identity {
    /// The user of this process.
    pub(crate) fn of_caller(trust_domain: &TrustDomain) -> Result<Self> {
        let uid = getuid();
        let user = User::from_uid(uid).ok().flatten().map(|user| user.name);
        let name = user.and_then(|name| trust_domain.member(&format!("/user/{name}")).ok());
        let spiffe_id = match name {
            Some(id) => id,
            None => trust_domain.member(&format!("/user/uid-{uid}"))?,
        };
        Ok(Self {
            spiffe_id,
            node: trust_domain.member(NODE)?,
            uid,
        })
    }
}

/// The server's APIs on its private socket.
pub(crate) struct Operator(Channel);

impl Operator {
    /// Reaches the server.
    pub(crate) async fn connect(socket: &Path) -> Result<Self> {
        Ok(Self(unix_channel(socket).await?))
    }

    /// Writes the server's roots for the agent and says how many there are.
    pub(crate) async fn write_bundle(&self, path: &Path) -> Result<usize> {
        let mut client = BundleClient::new(self.0.clone());
        let answer = client.get_bundle(GetBundleRequest::default()).await;
        let bundle = answer
            .context("could not read the server's bundle")?
            .into_inner();
        let roots: Vec<&[u8]> = bundle
            .x509_authorities
            .iter()
            .map(|root| &*root.asn1)
            .collect();
        files::write(path, certificates_to_pem(&roots).as_bytes(), 0o644)?;
        Ok(roots.len())
    }

    /// Makes the entry for the caller's processes unless it is there.
    pub(crate) async fn register(&self, identity: &Identity) -> Result<()> {
        let entry = Entry {
            spiffe_id: Some(wire_id(&identity.spiffe_id)),
            parent_id: Some(wire_id(&identity.node)),
            selectors: vec![Selector {
                r#type: "unix".into(),
                value: format!("uid:{}", identity.uid),
            }],
            ..Default::default()
        };
        let request = BatchCreateEntryRequest {
            entries: vec![entry],
            output_mask: None,
        };
        let answer = EntryClient::new(self.0.clone())
            .batch_create_entry(request)
            .await;
        let results = answer
            .context("could not register you")?
            .into_inner()
            .results;
        for status in results.into_iter().filter_map(|result| result.status) {
            let code = Code::from(status.code);
            if code != Code::Ok && code != Code::AlreadyExists {
                bail!(
                    "could not register you as {}: {}",
                    identity.spiffe_id,
                    status.message
                );
            }
        }
        Ok(())
    }

    /// A join token whose agent also goes by the node's lasting name.
    pub(crate) async fn join_token(&self, trust_domain: &TrustDomain) -> Result<String> {
        let request = CreateJoinTokenRequest {
            ttl: TOKEN_TTL,
            agent_id: Some(wire_id(&trust_domain.member(NODE)?)),
            ..Default::default()
        };
        let answer = AgentClient::new(self.0.clone())
            .create_join_token(request)
            .await;
        Ok(answer
            .context("could not make a join token")?
            .into_inner()
            .value)
    }

    /// Whether the server knows the agent, takes it, and will do so beyond `until`.
    pub(crate) async fn agent_lasts(&self, id: &SpiffeId, until: Timestamp) -> Result<bool> {
        let request = GetAgentRequest {
            id: Some(wire_id(id)),
            output_mask: None,
        };
        match AgentClient::new(self.0.clone()).get_agent(request).await {
            Ok(agent) => {
                let agent = agent.into_inner();
                Ok(!agent.banned && agent.x509svid_expires_at > until.as_second())
            }
            Err(status) if status.code() == Code::NotFound => Ok(false),
            Err(status) => Err(status).context("could not ask the server for its agent"),
        }
    }

    /// Takes an agent that cannot come back off the server's list, and its alias with it.
    pub(crate) async fn remove_agent(&self, id: &SpiffeId) -> Result<()> {
        let request = DeleteAgentRequest {
            id: Some(wire_id(id)),
        };
        match AgentClient::new(self.0.clone()).delete_agent(request).await {
            Err(status) if status.code() != Code::NotFound => {
                Err(status).context("could not remove the agent's old identity")
            }
            _ => Ok(()),
        }
    }
}

fn wire_id(id: &SpiffeId) -> Spiffeid {
    Spiffeid {
        trust_domain: id.trust_domain_str().to_owned(),
        path: id.path().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_has_a_valid_id() {
        let domain = TrustDomain::parse("example.org").unwrap();
        let identity = Identity::of_caller(&domain).unwrap();
        assert!(
            identity.spiffe_id.path().starts_with("/user/"),
            "{}",
            identity.spiffe_id
        );
        assert_eq!(identity.node.as_str(), "spiffe://example.org/dev/node");
    }
}
