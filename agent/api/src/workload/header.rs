//! The header that keeps callers honest who are tricked into forwarding somebody's request
//! (SPIFFE Workload Endpoint, section 6).

use tonic::{Request, Status};

const HEADER: &str = "workload.spiffe.io";

/// Lets a call pass that has the header, once, and `true`.
pub(crate) fn check(request: Request<()>) -> Result<Request<()>, Status> {
    let mut values = request.metadata().get_all(HEADER).iter();
    let first = values.next().is_some_and(|value| value == "true");
    if first && values.next().is_none() {
        return Ok(request);
    }
    Err(Status::invalid_argument(
        "security header missing from request",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&'static str]) -> Request<()> {
        let mut request = Request::new(());
        for value in values {
            request
                .metadata_mut()
                .append(HEADER, value.parse().unwrap());
        }
        request
    }

    #[test]
    fn exactly_one_true() {
        assert!(check(with(&["true"])).is_ok());
        for refused in [
            &[][..],
            &["false"],
            &["True"],
            &["true", "true"],
            &["true", "x"],
        ] {
            let status = check(with(refused)).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{refused:?}");
            assert_eq!(status.message(), "security header missing from request");
        }
    }
}
