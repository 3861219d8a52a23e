//! The client: calls, and streams that connect again.

use std::{future::Future, pin::Pin, time::Duration};

use futures::{Stream, StreamExt, stream};
use steeple_grpc::unix_channel_lazy;
use steeple_proto::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status, Streaming,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

use crate::{Address, WorkloadError, backoff::Backoff};

/// The header that every call must carry (SPIFFE Workload Endpoint, section 6).
const HEADER: &str = "workload.spiffe.io";
/// How long a call that is not a stream may take, and how long a stream may take to begin.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is taken.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What follows the agent: each update, and each failure on the way. It ends when it is told to
/// stop, and after a failure that is final.
pub type Updates<T> = Pin<Box<dyn Stream<Item = Result<T, WorkloadError>> + Send>>;

/// A client of one Workload API. Cheap to clone; connects when it is used.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// A client of the Workload API at `address`. Nobody is contacted yet. Must be called within
    /// a tokio runtime.
    pub fn new(address: &Address) -> Self {
        let channel = match address {
            Address::Unix(path) => unix_channel_lazy(path),
            Address::Tcp(addr) => {
                // A socket address always makes a valid URI.
                Endpoint::from_shared(format!("http://{addr}"))
                    .unwrap_or_else(|_| Endpoint::from_static("http://localhost"))
                    .connect_lazy()
            }
        };
        Self { channel }
    }

    pub(crate) fn api(&self) -> SpiffeWorkloadApiClient<Channel> {
        SpiffeWorkloadApiClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// Follows a stream of the agent: opens it again whenever it ends or fails, until `stopping`.
    pub(crate) fn follow<M, T, O>(
        &self,
        operation: &'static str,
        stopping: CancellationToken,
        open: impl Fn(Self) -> O + Send + Sync + 'static,
        read: impl Fn(M) -> Result<T, WorkloadError> + Send + Sync + 'static,
    ) -> Updates<T>
    where
        M: Send + 'static,
        T: Send + 'static,
        O: Future<Output = Result<Streaming<M>, Status>> + Send + 'static,
    {
        let state = Following {
            client: self.clone(),
            operation,
            open,
            read,
            stream: None,
            backoff: Backoff::default(),
            wait: Duration::ZERO,
            over: false,
        };
        let updates = stream::unfold(state, |mut state| async move {
            let update = state.next().await?;
            Some((update, state))
        });
        Box::pin(updates.take_until(stopping.cancelled_owned()))
    }
}

struct Following<F, R, M> {
    client: Client,
    operation: &'static str,
    open: F,
    read: R,
    stream: Option<Streaming<M>>,
    backoff: Backoff,
    wait: Duration,
    over: bool,
}

impl<F, R, M, T, O> Following<F, R, M>
where
    F: Fn(Client) -> O,
    R: Fn(M) -> Result<T, WorkloadError>,
    O: Future<Output = Result<Streaming<M>, Status>>,
{
    async fn next(&mut self) -> Option<Result<T, WorkloadError>> {
        if self.over {
            return None;
        }
        let received = self.receive().await;
        let update = received
            .map_err(WorkloadError::call(self.operation))
            .and_then(|message| (self.read)(message));
        match &update {
            Ok(_) => self.backoff.reset(),
            Err(error) => {
                self.over = error.is_final();
                self.stream = None;
                self.wait = self.backoff.next();
            }
        }
        Some(update)
    }

    async fn receive(&mut self) -> Result<M, Status> {
        loop {
            if let Some(stream) = &mut self.stream {
                match stream.message().await? {
                    Some(message) => return Ok(message),
                    None => return Err(Status::unavailable("the agent has ended the stream")),
                }
            }
            tokio::time::sleep(std::mem::take(&mut self.wait)).await;
            let opened = tokio::time::timeout(TIMEOUT, (self.open)(self.client.clone())).await;
            self.stream = Some(opened.unwrap_or_else(|_| {
                Err(Status::deadline_exceeded(
                    "the agent did not answer within 30 s",
                ))
            })?);
        }
    }
}

/// A request with the header.
pub(crate) fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert(HEADER, MetadataValue::from_static("true"));
    request
}
