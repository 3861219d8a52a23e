//! What a failed call to the server means for the agent.

use steeple_grpc::{ConnectError, DenialReason, connect_error, denial_reason};
use tonic::{Code, Status};

/// What the agent has to do about a call that the server refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Denial {
    /// The server does not take the agent's SVID any more: attest again.
    Reattest,
    /// The agent is banned: give up the SVID and end.
    Banned,
}

/// A call to the server failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: rpc error: code = {code:?} desc = {}", status.message(), code = status.code())]
pub struct ServerError {
    /// What was attempted, such as `failed to fetch bundle`.
    pub operation: &'static str,
    /// How it ended.
    pub status: Status,
}

impl ServerError {
    pub(crate) fn new(operation: &'static str, status: Status) -> Self {
        Self { operation, status }
    }

    /// Whether the server said that the agent cannot go on as it is.
    pub fn denial(&self) -> Option<Denial> {
        match denial_reason(&self.status)? {
            DenialReason::AgentBanned => Some(Denial::Banned),
            DenialReason::AgentExpired
            | DenialReason::AgentNotActive
            | DenialReason::AgentNotAttested
            | DenialReason::AgentMustReattest => Some(Denial::Reattest),
            DenialReason::Unknown => None,
        }
    }

    /// Whether the server showed a certificate that the agent's bundle does not vouch for.
    pub fn is_unknown_authority(&self) -> bool {
        matches!(
            connect_error(&self.status),
            Some(ConnectError::UnknownAuthority { .. })
        )
    }

    /// Whether no server was reached at all.
    pub(crate) fn never_arrived(&self) -> bool {
        matches!(
            connect_error(&self.status),
            Some(ConnectError::Dial { .. } | ConnectError::Resolve { .. })
        )
    }

    /// Whether the same call may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self.status.code(),
            Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::Internal
        ) && !self.is_unknown_authority()
    }
}

#[cfg(test)]
mod tests {
    use steeple_grpc::denied;

    use super::*;

    fn failed(status: Status) -> ServerError {
        ServerError::new("failed to fetch bundle", status)
    }

    #[test]
    fn reasons_say_what_to_do() {
        for reason in [DenialReason::AgentExpired, DenialReason::AgentMustReattest] {
            assert_eq!(failed(denied("x", reason)).denial(), Some(Denial::Reattest));
        }
        let banned = failed(denied("x", DenialReason::AgentBanned));
        assert_eq!(banned.denial(), Some(Denial::Banned));
        assert_eq!(failed(Status::permission_denied("x")).denial(), None);
        assert_eq!(failed(denied("x", DenialReason::Unknown)).denial(), None);
    }

    #[test]
    fn reads_as_the_clients_of_the_server_know_it() {
        let error = failed(Status::permission_denied("no"));
        let text = "failed to fetch bundle: rpc error: code = PermissionDenied desc = no";
        assert_eq!(error.to_string(), text);
        assert!(!error.is_transient());
        assert!(failed(Status::unavailable("x")).is_transient());
    }
}
