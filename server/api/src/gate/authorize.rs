//! May this caller call this method? Asked in SPIRE's order: anyone, the socket, configured
//! administrators, entries, agents. Everything is answered from memory.

use std::{collections::HashSet, sync::Arc};

use steeple_grpc::{Caller, DenialReason, PeerSvid};
use steeple_lifecycle::Clock;
use steeple_registry::{Registry, nodes::Standing};
use steeple_spiffe::SpiffeId;
use tonic::Status;

use crate::{ApiConfig, methods::Method};

/// As what the caller was let in, and what said so; for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Grant {
    pub(crate) role: &'static str,
    pub(crate) via: &'static str,
}

/// Why the caller was not let in.
#[derive(Debug)]
pub(crate) enum Denial {
    /// It may not, for this reason if it is an agent's.
    Refused(Option<DenialReason>),
    /// It could not be found out.
    Failed(Status),
}

pub(crate) struct Authorizer {
    registry: Arc<Registry>,
    admins: HashSet<SpiffeId>,
    clock: Clock,
}

impl Authorizer {
    pub(crate) fn new(config: &ApiConfig) -> Self {
        Self {
            registry: Arc::clone(&config.registry),
            admins: config.admin_ids.iter().cloned().collect(),
            clock: config.clock.clone(),
        }
    }

    pub(crate) async fn authorize(
        &self,
        method: &Method,
        caller: &Caller,
    ) -> Result<Grant, Denial> {
        let callers = method.callers;
        if callers.any {
            return Ok(Grant {
                role: "nobody",
                via: "",
            });
        }
        let svid = match caller {
            Caller::Local(_) if callers.local => {
                return Ok(Grant {
                    role: "local",
                    via: "transport",
                });
            }
            Caller::Local(_) | Caller::Anonymous { .. } => return Err(Denial::Refused(None)),
            Caller::X509(svid) => svid,
        };
        if let Some(grant) = self.by_id(method, &svid.id) {
            return Ok(grant);
        }
        if callers.agent {
            return self.agent(svid).await;
        }
        Err(Denial::Refused(None))
    }

    fn by_id(&self, method: &Method, id: &SpiffeId) -> Option<Grant> {
        let callers = method.callers;
        if callers.admin && self.admins.contains(id) {
            return Some(Grant {
                role: "admin",
                via: "config",
            });
        }
        if !callers.admin && !callers.downstream {
            return None;
        }
        let entries = self.registry.caller_entries(id);
        if callers.admin && entries.admin {
            return Some(Grant {
                role: "admin",
                via: "entries",
            });
        }
        (callers.downstream && entries.downstream.is_some()).then_some(Grant {
            role: "downstream",
            via: "entries",
        })
    }

    async fn agent(&self, svid: &PeerSvid) -> Result<Grant, Denial> {
        let serial = svid.serial_decimal.as_str();
        let refused = |reason, message: &str| {
            tracing::error!("{message}");
            Err(Denial::Refused(Some(reason)))
        };
        if self.clock.now() > svid.not_after {
            return refused(DenialReason::AgentExpired, "Agent SVID is expired");
        }
        match self.registry.nodes().standing(&svid.id, serial) {
            Standing::Active => {}
            Standing::Renewed => self.promote(&svid.id, serial).await?,
            Standing::NotAttested => {
                return refused(DenialReason::AgentNotAttested, "Agent is not attested");
            }
            Standing::Banned => return refused(DenialReason::AgentBanned, "Agent is banned"),
            Standing::NotActive => {
                let current = self.registry.nodes().find(&svid.id);
                let serial_number = current.as_ref().map(|node| node.serial.as_str());
                tracing::error!(
                    svid_serial_num = serial,
                    serial_num = serial_number,
                    "Agent SVID is not active"
                );
                return Err(Denial::Refused(Some(DenialReason::AgentNotActive)));
            }
        }
        Ok(Grant {
            role: "agent",
            via: "datastore",
        })
    }

    /// The agent shows its renewed SVID for the first time: from now on it is the only one.
    async fn promote(&self, id: &SpiffeId, serial: &str) -> Result<(), Denial> {
        match self.registry.nodes().promote(id, serial).await {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(
                    svid_serial_num = serial,
                    %error,
                    "Unable to activate the new agent SVID"
                );
                Err(Denial::Failed(Status::internal(error.to_string())))
            }
        }
    }
}
