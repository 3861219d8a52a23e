//! Why a call was denied, in the form that SPIRE's agents understand: a `google.rpc.Status` in
//! `grpc-status-details-bin` that holds one `spire.api.types.PermissionDeniedDetails`.

use bytes::Bytes;
use prost::Message;
use prost_types::Any;
use steeple_proto::types::{PermissionDeniedDetails, permission_denied_details};
use tonic::{Code, Status};

/// The reasons an agent can be denied for.
pub use permission_denied_details::Reason as DenialReason;

const TYPE_URL: &str = "type.googleapis.com/spire.api.types.PermissionDeniedDetails";

/// `google.rpc.Status`, which gRPC carries in a trailer of its own.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// A PermissionDenied that tells the agent why.
pub fn denied(message: impl Into<String>, reason: DenialReason) -> Status {
    let message = message.into();
    let details = PermissionDeniedDetails {
        reason: reason.into(),
    };
    let status = RpcStatus {
        code: Code::PermissionDenied.into(),
        message: message.clone(),
        details: vec![Any {
            type_url: TYPE_URL.to_owned(),
            value: details.encode_to_vec(),
        }],
    };
    Status::with_details(
        Code::PermissionDenied,
        message,
        Bytes::from(status.encode_to_vec()),
    )
}

/// The reason in a PermissionDenied, when the server gave one.
pub fn denial_reason(status: &Status) -> Option<DenialReason> {
    if status.code() != Code::PermissionDenied {
        return None;
    }
    let status = RpcStatus::decode(status.details()).ok()?;
    let any = status.details.iter().find(|any| any.type_url == TYPE_URL)?;
    Some(
        PermissionDeniedDetails::decode(any.value.as_slice())
            .ok()?
            .reason(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reads_back() {
        let status = denied("no", DenialReason::AgentBanned);
        assert_eq!(status.message(), "no");
        assert_eq!(denial_reason(&status), Some(DenialReason::AgentBanned));
    }

    #[test]
    fn a_plain_denial_has_no_reason() {
        assert_eq!(denial_reason(&Status::permission_denied("no")), None);
        let status = denied("no", DenialReason::AgentExpired);
        let other = Status::with_details(
            Code::Internal,
            "x",
            Bytes::copy_from_slice(status.details()),
        );
        assert_eq!(denial_reason(&other), None);
    }
}
