//! A stand-in for the services: answers as it is told and remembers what it was asked.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::config::CoreConfig;
use tokio::{net::TcpListener, task::AbortHandle};

/// A call that came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Method and path, as in `PUT /bucket/key`.
    pub(crate) line: String,
    /// `X-Amz-Target`, where the protocol has it.
    pub(crate) target: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

type Answers = dyn Fn(&Call) -> (u16, String) + Send + Sync;

/// The stand-in; it ends with this.
pub(crate) struct Double {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    task: AbortHandle,
}

impl Double {
    pub(crate) async fn start(
        answers: impl Fn(&Call) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (answers, log): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&calls));
        #[expect(clippy::disallowed_methods, reason = "ends with the double")]
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                let service = service_fn(move |request| {
                    answer(request, Arc::clone(&answers), Arc::clone(&log))
                });
                #[expect(clippy::disallowed_methods, reason = "ends with its connection")]
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            url,
            calls,
            task: task.abort_handle(),
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    answers: Arc<Answers>,
    log: Arc<Mutex<Vec<Call>>>,
) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    let header = |name: &str| {
        let value = request.headers().get(name);
        let text = value.and_then(|value| value.to_str().ok());
        text.unwrap_or_default().to_owned()
    };
    let mut call = Call {
        line: format!("{} {}", request.method(), request.uri().path()),
        target: header("x-amz-target"),
        authorization: header("authorization"),
        body: String::new(),
    };
    let body = request.into_body().collect().await.unwrap().to_bytes();
    call.body = String::from_utf8(body.to_vec()).unwrap();
    let (status, text) = answers(&call);
    log.lock().unwrap().push(call);
    let answer = Response::builder().status(status);
    let answer = answer.header("content-type", "application/json");
    Ok(answer.body(Full::from(text)).unwrap())
}

/// What plugins are configured with in tests.
pub(crate) fn core() -> CoreConfig {
    CoreConfig {
        trust_domain: "example.org".parse().unwrap(),
        clock: Clock::system(),
    }
}

/// Reads `text` with `configure`; every mistake and warning, and whether there is a plugin.
pub(crate) fn configure<K: ?Sized>(
    configure: steeple_plugin_sdk::builtin::Configure<K>,
    text: &str,
) -> (bool, Vec<String>) {
    let source = steeple_hcl::Source {
        name: "test".to_owned(),
        text: text.to_owned(),
    };
    let document = steeple_hcl::parse(&source).unwrap();
    let report = steeple_hcl::Report::new();
    let section = document.section(&report);
    let configured = configure(&core(), &section).is_some();
    section.finish();
    let told = [report.problems(), report.warnings()].concat();
    (configured, told.iter().map(ToString::to_string).collect())
}
