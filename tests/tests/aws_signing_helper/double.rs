//! A double of IAM Roles Anywhere: it knows the trust anchor and nothing else, so what it accepts
//! is what the certificate alone proves. What it answers can be scripted.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use steeple_tests::LIMIT;

use crate::{pki::now, verify};

/// What the double does instead of giving credentials.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An error of the service.
    Error(u16, &'static str, &'static str),
    /// 201 with this body.
    Body(&'static str),
    /// The beginning of an answer, then nothing more.
    Cut,
    /// Nothing, for as long as the client waits.
    Hang,
    /// Credentials, once the double is told to go on.
    Gate,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A request, and what the certificate proves about it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) request: Request,
    pub(crate) proof: Result<verify::Proof, String>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    seen: Vec<Seen>,
    /// How many seconds credentials last.
    lifetime: i64,
    issued: usize,
    /// Whether those at the gate may go on.
    open: bool,
}

struct Shared {
    root: Vec<u8>,
    state: Mutex<State>,
    changed: Condvar,
}

/// A running double. It ends with the test.
pub(crate) struct Double {
    port: u16,
    shared: Arc<Shared>,
}

impl Double {
    /// A double that trusts what leads to `root`.
    pub(crate) fn start(root: Vec<u8>) -> Result<Self> {
        Self::listen(root, None)
    }

    /// The same behind TLS.
    pub(crate) fn start_tls(root: Vec<u8>, tls: ServerConfig) -> Result<Self> {
        Self::listen(root, Some(Arc::new(tls)))
    }

    fn listen(root: Vec<u8>, tls: Option<Arc<ServerConfig>>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = State {
            lifetime: 3600,
            ..State::default()
        };
        let shared = Arc::new(Shared {
            root,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, tls) = (Arc::clone(&serving), tls.clone());
                // A client that goes away is no failure.
                thread::spawn(move || match tls {
                    None => drop(shared.serve(stream)),
                    Some(tls) => drop(shared.serve_tls(stream, tls)),
                });
            }
        });
        Ok(Self { port, shared })
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it does next, instead of giving credentials.
    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.lock().script.extend(replies);
    }

    /// Those at the gate may go on.
    pub(crate) fn open(&self) {
        self.shared.lock().open = true;
        self.shared.changed.notify_all();
    }

    /// Nothing scripted any more.
    pub(crate) fn clear(&self) {
        self.shared.lock().script.clear();
    }

    /// How many seconds credentials last from now on.
    pub(crate) fn lifetime(&self, seconds: i64) {
        self.shared.lock().lifetime = seconds;
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// Waits until there were `count` requests.
    pub(crate) fn wait(&self, count: usize) -> Result<Vec<Seen>> {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), LIMIT, |state| state.seen.len() < count)
            .unwrap_or_else(PoisonError::into_inner);
        if state.seen.len() < count {
            bail!("{} requests instead of {count}", state.seen.len());
        }
        Ok(state.seen.clone())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve_tls(&self, stream: TcpStream, tls: Arc<ServerConfig>) -> Result<()> {
        let connection = ServerConnection::new(tls)?;
        self.serve(StreamOwned::new(connection, stream))
    }

    fn serve(&self, mut stream: impl Read + Write) -> Result<()> {
        let request = read(&mut stream)?;
        let proof = verify::verify(&request, &self.root, now());
        let reply = {
            let mut state = self.lock();
            state.seen.push(Seen {
                request,
                proof: proof.clone(),
            });
            self.changed.notify_all();
            state.script.pop_front()
        };
        match reply {
            Some(Reply::Error(status, kind, message)) => error(&mut stream, status, kind, message),
            Some(Reply::Body(body)) => write(&mut stream, 201, "", body),
            Some(Reply::Cut) => {
                let head =
                    "HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{\"credentialSet\":[";
                Ok(stream.write_all(head.as_bytes())?)
            }
            Some(Reply::Gate) => {
                let opened = |state: &mut State| !state.open;
                let state = self.changed.wait_while(self.lock(), opened);
                drop(state.unwrap_or_else(PoisonError::into_inner));
                let proof = proof.map_err(anyhow::Error::msg)?;
                write(&mut stream, 201, "", &self.credentials(&proof))
            }
            Some(Reply::Hang) => {
                let mut nothing = Vec::new();
                stream.read_to_end(&mut nothing)?;
                Ok(())
            }
            None => match proof {
                Ok(proof) => write(&mut stream, 201, "", &self.credentials(&proof)),
                Err(why) => error(&mut stream, 403, "AccessDeniedException", &why),
            },
        }
    }

    fn credentials(&self, proof: &verify::Proof) -> String {
        let mut state = self.lock();
        state.issued += 1;
        let end = Timestamp::from_second(now() + state.lifetime).unwrap_or_default();
        json!({
            "credentialSet": [{
                "assumedRoleUser": {"arn": "arn:aws:sts::1:assumed-role/r/s", "assumedRoleId": "A:s"},
                "credentials": {
                    "accessKeyId": format!("ASIA{}", state.issued),
                    "secretAccessKey": "secret/access+key",
                    // So that a test sees which certificate it was.
                    "sessionToken": format!("token-for-{}", proof.serial),
                    "expiration": end.to_string(),
                },
                "packedPolicySize": 1,
                "roleArn": "arn:aws:iam::1:role/r",
                "sourceIdentity": "CN=leaf",
            }],
            "subjectArn": "arn:aws:rolesanywhere:us-east-1:1:subject/s",
        })
        .to_string()
    }
}

fn error(stream: &mut impl Write, status: u16, kind: &str, message: &str) -> Result<()> {
    let kind = match kind {
        "" => String::new(),
        kind => format!("X-Amzn-ErrorType: {kind}:http://internal.amazon.com/\r\n"),
    };
    let headers = format!("{kind}X-Amzn-RequestId: request-1\r\n");
    write(
        stream,
        status,
        &headers,
        &json!({"message": message}).to_string(),
    )
}

fn write(stream: &mut impl Write, status: u16, headers: &str, body: &str) -> Result<()> {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    Ok(stream.write_all(answer.as_bytes())?)
}

fn read(stream: impl Read) -> Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = || -> Result<String> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let method = words.next().context("no method")?.to_owned();
    let target = words.next().context("no target")?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method,
        path,
        query,
        headers,
        body: String::new(),
    };
    let length = request.header("content-length").unwrap_or("0").parse()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8(body)?;
    Ok(request)
}
