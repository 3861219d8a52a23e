//! Connections: accepted, bounded in number and time, ended in good order.

use std::{convert::Infallible, io, net::Ipv4Addr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use steeple_lifecycle::Tasks;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
};

use super::routes::Routes;

/// How many connections are served at a time; others wait.
const CONNECTIONS: usize = 256;
/// How long a client may take to send a request's head, and to stay without sending one.
const HEAD: Duration = Duration::from_secs(30);
/// The pause after the system refuses a connection: there may be no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the port, but nobody's connection yet.
pub(super) fn bind(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    Ok(socket)
}

/// Serves until the tasks stop.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Arc<Routes>,
    hop_limit: u32,
    tasks: Tasks,
) -> Result<(), Infallible> {
    let stopping = tasks.stopping();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            next = next => next,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                routes
                    .log
                    .line(format_args!("a connection was lost: {error}"));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let connection = connection(stream, Arc::clone(&routes), hop_limit, tasks.clone());
        tasks.spawn("connection", async move {
            let _permit = permit;
            connection.await;
            Ok::<(), Infallible>(())
        });
    }
}

async fn connection(stream: TcpStream, routes: Arc<Routes>, hop_limit: u32, tasks: Tasks) {
    if let Err(error) = stream.set_ttl(hop_limit) {
        routes
            .log
            .debug(format_args!("the hop limit cannot be set: {error}"));
    }
    let debug = routes.log.clone();
    let service = service_fn(move |request| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, Infallible>(routes.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let stopping = tasks.stopping();
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            // Answers what was asked, then closes.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug.debug(format_args!("a client's connection ended: {error}"));
    }
}
