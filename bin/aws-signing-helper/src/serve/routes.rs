//! What is answered: EC2's instance metadata protocol, version 2, as far as credentials go, and the
//! container credentials protocol where it is asked for.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use steeple_lifecycle::Clock;

use super::{container::ContainerToken, keeper::Keeper, tokens::Tokens};
use crate::{credentials::Credentials, log::Log};

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials";
/// Where the container credentials protocol is served.
pub(super) const CONTAINER: &str = "/credentials";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const LONGEST_TTL: i64 = 21_600;

/// What a request is answered with.
pub(super) type Answer = Response<Full<Bytes>>;

/// Answers requests.
pub(super) struct Routes {
    pub(super) role: String,
    pub(super) role_arn: String,
    pub(super) tokens: Tokens,
    pub(super) container: Option<ContainerToken>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) clock: Clock,
    pub(super) log: Log,
}

impl Routes {
    /// Answers one request.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Answer {
        let path = clean(request.uri().path());
        let (method, headers) = (request.method(), request.headers());
        let below = |root: &str| {
            let rest = path.strip_prefix(root)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/').to_owned())
        };
        if below(TOKEN).is_some() {
            return self.token(method, headers);
        }
        if let Some(role) = below(ROLES) {
            return self.role(method, headers, &role).await;
        }
        if let (Some(""), Some(token)) = (below(CONTAINER).as_deref(), &self.container) {
            return self.container(method, headers, token).await;
        }
        text(StatusCode::NOT_FOUND, "404 page not found\n")
    }

    fn token(&self, method: &Method, headers: &HeaderMap) -> Answer {
        if method != Method::PUT {
            return text(StatusCode::METHOD_NOT_ALLOWED, "");
        }
        let header = |name: &str| headers.get(name).filter(|value| !value.is_empty());
        if header("x-forwarded-for").is_some() {
            return text(
                StatusCode::BAD_REQUEST,
                "unable to process requests with X-Forwarded-For header",
            );
        }
        let ttl = match header(TTL_HEADER) {
            None => Some(LONGEST_TTL),
            Some(value) => value.to_str().ok().and_then(|text| text.parse().ok()),
        };
        let Some(ttl) = ttl.filter(|ttl| (1..=LONGEST_TTL).contains(ttl)) else {
            return text(StatusCode::BAD_REQUEST, "invalid token TTL");
        };
        let end = self.clock.now() + SignedDuration::from_secs(ttl);
        match self.tokens.make(end) {
            Ok(token) => with_ttl(text(StatusCode::OK, token), ttl),
            Err(_) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "unable to generate token",
            ),
        }
    }

    async fn role(&self, method: &Method, headers: &HeaderMap, role: &str) -> Answer {
        if method != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, "");
        }
        let given = headers
            .get(TOKEN_HEADER)
            .and_then(|value| value.to_str().ok());
        let Some(token) = given.filter(|token| !token.is_empty()) else {
            return text(StatusCode::UNAUTHORIZED, "no token provided");
        };
        let Some(ttl) = self.tokens.left(token, self.clock.now()) else {
            return text(StatusCode::UNAUTHORIZED, "invalid token provided");
        };
        if role != self.role {
            return with_ttl(text(StatusCode::OK, self.role.clone()), ttl);
        }
        with_ttl(self.credentials(instance_document).await, ttl)
    }

    async fn container(
        &self,
        method: &Method,
        headers: &HeaderMap,
        token: &ContainerToken,
    ) -> Answer {
        if method != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, "");
        }
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let same = |given: &[u8]| verify_slices_are_equal(given, token.as_bytes()).is_ok();
        if !given.is_some_and(same) {
            return text(StatusCode::UNAUTHORIZED, "invalid authorization token");
        }
        self.credentials(|credentials| container_document(credentials, &self.role_arn))
            .await
    }

    async fn credentials(
        &self,
        write: impl Fn(&Credentials) -> Result<String, serde_json::Error>,
    ) -> Answer {
        match self.keeper.get().await {
            Ok(credentials) => match write(&credentials) {
                Ok(document) => text(StatusCode::OK, document + "\n"),
                Err(_) => text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "failed to encode credentials",
                ),
            },
            Err(why) => {
                self.log
                    .debug(format_args!("no credentials for a client: {why}"));
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    format!("no valid credentials: {why}"),
                )
            }
        }
    }
}

/// As the metadata service writes them.
fn instance_document(credentials: &Credentials) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document<'a> {
        access_key_id: &'a str,
        secret_access_key: &'a str,
        token: &'a str,
        code: &'a str,
        #[serde(rename = "Type")]
        kind: &'a str,
        expiration: String,
        last_updated: String,
    }
    serde_json::to_string(&Document {
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        token: &credentials.session_token,
        code: "Success",
        kind: "AWS-HMAC",
        expiration: whole_second(credentials.expiration),
        last_updated: whole_second(credentials.obtained),
    })
}

/// As the container credentials endpoint writes them.
fn container_document(credentials: &Credentials, role: &str) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document<'a> {
        role_arn: &'a str,
        access_key_id: &'a str,
        secret_access_key: &'a str,
        token: &'a str,
        expiration: String,
    }
    serde_json::to_string(&Document {
        role_arn: role,
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        token: &credentials.session_token,
        expiration: whole_second(credentials.expiration),
    })
}

fn whole_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A path without doubled slashes: clients join endpoint and path with one too many.
fn clean(path: &str) -> String {
    let mut clean = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !clean.ends_with('/') {
            clean.push(letter);
        }
    }
    clean
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

fn with_ttl(mut answer: Answer, seconds: i64) -> Answer {
    answer
        .headers_mut()
        .insert(TTL_HEADER, HeaderValue::from(seconds));
    answer
}
