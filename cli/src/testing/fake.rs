//! A gRPC peer on a Unix socket that answers what a test tells it to.

use std::{
    collections::HashMap,
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, combinators::WithTrailers};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::{net::UnixListener, sync::oneshot};

/// A code and a message instead of an answer.
type Refusal = (i32, &'static str);
/// Each call's path and request.
type Calls = Mutex<Vec<(String, Vec<u8>)>>;
type Handler = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, Refusal> + Send + Sync>;

/// The peer; it ends when this goes.
pub(crate) struct Fake {
    folder: tempfile::TempDir,
    calls: Arc<Calls>,
    _stop: oneshot::Sender<()>,
}

/// What it shall answer.
#[derive(Default)]
pub(crate) struct Script(HashMap<&'static str, Handler>);

impl Script {
    /// Answers `method` (the whole path) with what `answer` makes of the request.
    pub(crate) fn on<Q: Message + Default, A: Message>(
        mut self,
        method: &'static str,
        answer: impl Fn(Q) -> Result<A, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let handler =
            move |bytes: &[u8]| answer(Q::decode(bytes).unwrap()).map(|a| a.encode_to_vec());
        self.0.insert(method, Box::new(handler));
        self
    }

    /// Listens from now on.
    pub(crate) fn listen(self) -> Fake {
        let folder = tempfile::tempdir().unwrap();
        let calls = Arc::<Calls>::default();
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (path, log) = (folder.path().join("api.sock"), Arc::clone(&calls));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = UnixListener::bind(path).unwrap();
                ready.send(()).unwrap();
                tokio::select! {
                    () = serve(listener, self.0, log) => {}
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv().unwrap();
        Fake {
            folder,
            calls,
            _stop: stop,
        }
    }
}

impl Fake {
    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("api.sock")
    }

    /// Its folder, for files of the test.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The last request to `method`.
    pub(crate) fn request<Q: Message + Default>(&self, method: &str) -> Q {
        let calls = self.calls.lock().unwrap();
        let (_, bytes) = calls.iter().rev().find(|(path, _)| path == method).unwrap();
        Q::decode(bytes.as_slice()).unwrap()
    }
}

async fn serve(listener: UnixListener, script: HashMap<&'static str, Handler>, calls: Arc<Calls>) {
    let script = Arc::new(script);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (script, calls) = (Arc::clone(&script), Arc::clone(&calls));
        let service = service_fn(move |request| {
            let (script, calls) = (Arc::clone(&script), Arc::clone(&calls));
            async move { Ok::<_, Infallible>(answer(request, &script, &calls).await) }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service);
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the test's own runtime"
        )]
        tokio::spawn(async move { connection.await.ok() });
    }
}

async fn answer(
    request: Request<Incoming>,
    script: &HashMap<&'static str, Handler>,
    calls: &Calls,
) -> Response<WithTrailers<Full<Bytes>, std::future::Ready<Option<Result<HeaderMap, Infallible>>>>>
{
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message = body.get(5..).unwrap_or_default().to_vec();
    let result = match script.get(path.as_str()) {
        Some(handler) => handler(&message),
        None => Err((12, "not in the script of this test")),
    };
    calls.lock().unwrap().push((path, message));
    let mut trailers = HeaderMap::new();
    let (code, text, data) = match result {
        Ok(answer) => {
            let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
            (0, "", [&[0], length.as_slice(), &answer].concat())
        }
        Err((code, text)) => (code, text, Vec::new()),
    };
    trailers.insert("grpc-status", HeaderValue::from(code));
    trailers.insert("grpc-message", HeaderValue::from_static(text));
    let body = Full::new(Bytes::from(data)).with_trailers(std::future::ready(Some(Ok(trailers))));
    Response::builder()
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap()
}
