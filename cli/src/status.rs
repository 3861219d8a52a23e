//! gRPC status as gRPC's Go library prints it, which is what scripts compare.

/// A status as one line: `rpc error: code = NotFound desc = entry not found`.
pub(crate) fn describe(status: &tonic::Status) -> String {
    format!(
        "rpc error: code = {} desc = {}",
        code_name(status.code() as i32),
        status.message()
    )
}

/// The name of a status code; the codes are those of gRPC.
pub(crate) fn code_name(code: i32) -> String {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    let name = usize::try_from(code).ok().and_then(|code| NAMES.get(code));
    name.map_or_else(|| format!("Code({code})"), ToString::to_string)
}

/// Whether a batch result succeeded; a result without status counts as success, as an empty
/// status means code 0 on the wire.
pub(crate) fn is_ok(status: Option<&steeple_proto::types::Status>) -> bool {
    status.is_none_or(|status| status.code == 0)
}

/// The code and message of a failed batch result as `code: X, msg: "..."`.
pub(crate) fn describe_result(status: Option<&steeple_proto::types::Status>) -> String {
    let (code, message) = status.map_or((0, ""), |status| (status.code, status.message.as_str()));
    format!(
        "code: {}, msg: {}",
        code_name(code),
        crate::goflag::quote(message)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_reads_as_in_go() {
        let status = tonic::Status::not_found("entry not found");
        assert_eq!(
            describe(&status),
            "rpc error: code = NotFound desc = entry not found"
        );
        assert_eq!(code_name(16), "Unauthenticated");
        assert_eq!(code_name(17), "Code(17)");
        assert_eq!(code_name(-1), "Code(-1)");
    }
}
