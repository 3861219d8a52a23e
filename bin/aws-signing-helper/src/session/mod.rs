//! CreateSession: signed, sent, tried again within bounds.

mod answer;
mod endpoint;
mod http;
mod proxy;
mod tls;

use std::{fmt, time::Duration};

use ::http::{Request, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize;
use steeple_lifecycle::Clock;

pub(crate) use endpoint::{Endpoint, EndpointError};

use crate::{
    cli::VERSION,
    credentials::Credentials,
    identity::{Identity, IdentityError, KeyError},
    log::Log,
    options::{Session, Transport},
    sigv4::{PATH, Unsigned, canonical_query},
};

/// How often a request is tried, unless AWS_MAX_ATTEMPTS says otherwise.
const ATTEMPTS: u32 = 3;
/// The most that AWS_MAX_ATTEMPTS can ask for.
const MOST_ATTEMPTS: u32 = 10;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// An error that the service answered with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) request: String,
    pub(crate) later: bool,
    pub(crate) hint: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service answered {}", self.status)?;
        for (before, text) in [(" ", &self.kind), (": ", &self.message)] {
            if !text.is_empty() {
                write!(f, "{before}{text}")?;
            }
        }
        if !self.request.is_empty() {
            write!(f, " (request id {})", self.request)?;
        }
        self.hint
            .as_ref()
            .map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// Why there are no credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// There is nothing to sign with.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The certificate's time is over.
    #[error("the certificate with serial number {serial} has expired at {at}")]
    CertificateExpired { serial: String, at: String },
    /// The key does not sign.
    #[error("signing CreateSession failed: {0}")]
    Sign(#[from] KeyError),
    /// The request cannot be sent as the environment wants it.
    #[error("CreateSession cannot be sent: {0}")]
    Settings(String),
    /// Nobody is there.
    #[error("CreateSession failed: connecting to {to}: {reason}")]
    Connect { to: String, reason: String },
    /// No answer in time.
    #[error("CreateSession failed: no answer from {0} within {1} s")]
    Timeout(String, u64),
    /// The answer broke off or is no answer.
    #[error("CreateSession failed: the answer cannot be used: {0}")]
    Broken(String),
    /// The answer is whole but holds no credentials.
    #[error("CreateSession failed: the answer holds no credentials")]
    Empty,
    /// The credentials in the answer are over already.
    #[error(
        "CreateSession failed: the credentials in the answer have expired already, at {0}; is this \
         machine's clock right?"
    )]
    Expired(String),
    /// The service says no.
    #[error("CreateSession failed: {0}")]
    Refused(Refused),
    /// The same again and again.
    #[error("{last} (gave up after {attempts} attempts)")]
    GaveUp {
        attempts: u32,
        last: Box<SessionError>,
    },
}

impl SessionError {
    /// Whether the next attempt may fare better.
    fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout(..) | Self::Broken(_) | Self::Empty => true,
            Self::Refused(refused) => refused.later,
            _ => false,
        }
    }
}

/// Asks for sessions.
#[derive(Debug)]
pub(crate) struct Client {
    session: Session,
    transport: Transport,
    attempts: u32,
    clock: Clock,
    log: Log,
}

impl Client {
    /// A client for this session.
    pub(crate) fn new(session: Session, transport: Transport, clock: Clock, log: Log) -> Self {
        let attempts = std::env::var("AWS_MAX_ATTEMPTS").ok();
        let attempts = attempts.and_then(|text| text.parse().ok());
        Self {
            session,
            transport,
            attempts: attempts.unwrap_or(ATTEMPTS).clamp(1, MOST_ATTEMPTS),
            clock,
            log,
        }
    }

    /// Gets credentials for `identity`. Each attempt is signed afresh and has a deadline.
    ///
    /// # Errors
    /// When all attempts fail, or one in a way that another would not change.
    pub(crate) async fn create(&self, identity: &Identity) -> Result<Credentials, SessionError> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(identity).await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => error,
            };
            if !error.may_pass() {
                return Err(error);
            }
            if attempt == self.attempts {
                return Err(SessionError::GaveUp {
                    attempts: attempt,
                    last: Box::new(error),
                });
            }
            self.log.debug(format_args!("{error}; trying again"));
            tokio::time::sleep(jittered(attempt)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, identity: &Identity) -> Result<Credentials, SessionError> {
        let now = self.clock.now();
        if identity.leaf.not_after < now {
            return Err(SessionError::CertificateExpired {
                serial: identity.leaf.serial.to_string(),
                at: identity.leaf.not_after.to_string(),
            });
        }
        let Transport {
            endpoint,
            verify,
            timeout,
        } = &self.transport;
        let variable = |name: &str| std::env::var(name).ok();
        let proxy = proxy::find(endpoint, &variable).map_err(SessionError::Settings)?;
        let bundle = variable("AWS_CA_BUNDLE").filter(|path| !path.is_empty());
        let tls = match endpoint.tls {
            true => Some(tls::config(*verify, bundle.as_deref()).map_err(SessionError::Settings)?),
            false => None,
        };
        let request = self.request(identity, proxy.as_ref())?;
        let url = endpoint.url();
        let serial = &identity.leaf.serial;
        self.log.debug(format_args!(
            "CreateSession to {url} with certificate {serial}"
        ));
        let sent = http::send(endpoint, proxy.as_ref(), tls, request);
        let answer = tokio::time::timeout(*timeout, sent).await;
        let answer = answer.map_err(|_| SessionError::Timeout(url, timeout.as_secs()))??;
        self.log
            .debug(format_args!("CreateSession: {}", answer.status));
        answer::read(&answer, self.clock.now())
    }

    fn request(
        &self,
        identity: &Identity,
        proxy: Option<&proxy::Proxy>,
    ) -> Result<Request<Full<Bytes>>, SessionError> {
        let Self {
            session, transport, ..
        } = self;
        let endpoint = &transport.endpoint;
        let unusable = |error: &dyn fmt::Display| SessionError::Settings(error.to_string());
        let body = serde_json::to_vec(&Body {
            duration_seconds: session.seconds,
            role_session_name: session.name.as_deref(),
        })
        .map_err(|error| unusable(&error))?;
        let query = [
            ("profileArn", session.profile.text.as_str()),
            ("roleArn", session.role.text.as_str()),
            ("trustAnchorArn", session.trust_anchor.text.as_str()),
        ];
        let host = endpoint.authority();
        let unsigned = Unsigned {
            host: &host,
            query: &query,
            body: &body,
            region: &session.region,
            now: self.clock.now(),
        };
        let path = format!("{}{PATH}?{}", endpoint.path, canonical_query(&query));
        // A proxy without a tunnel wants the whole URL.
        let plain_proxy = proxy.filter(|_| !endpoint.tls);
        let target = match plain_proxy {
            Some(_) => format!("http://{host}{path}"),
            None => path,
        };
        let mut request = Request::post(target)
            .header(header::HOST, &host)
            .header(header::USER_AGENT, user_agent());
        if let Some(authorization) = plain_proxy.and_then(|proxy| proxy.authorization.as_ref()) {
            request = request.header(header::PROXY_AUTHORIZATION, authorization);
        }
        for (name, value) in unsigned.sign(identity)? {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        request.map_err(|error| unusable(&error))
    }
}

fn user_agent() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("CredHelper/{VERSION} (steeple; {os}; {arch})")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    duration_seconds: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_session_name: Option<&'a str>,
}

/// Somewhere between nothing and twice the wait before, so that clients that failed together do not
/// come back together.
pub(crate) fn jittered(attempt: u32) -> Duration {
    let most = LONGEST_WAIT.min(Duration::from_secs(1 << (attempt - 1).min(5)));
    let mut byte = [0];
    // Without randomness the wait is the longest: no harm.
    let share = match aws_lc_rs::rand::fill(&mut byte) {
        Ok(()) => u32::from(byte[0]),
        Err(_) => u32::from(u8::MAX),
    };
    most * share / u32::from(u8::MAX)
}
