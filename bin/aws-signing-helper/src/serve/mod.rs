//! `serve`: credentials on a local endpoint that looks like EC2's metadata service.

mod container;
mod keeper;
mod listener;
mod routes;
mod tokens;

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use steeple_lifecycle::{
    Clock, TaskError, Tasks,
    signals::{Actions, listen},
};
use tokio::net::TcpSocket;

use crate::{
    cli::Values,
    identity::Source,
    log::Log,
    options::{Options, OptionsError, in_range},
    session::{Client, SessionError},
};
use container::{ContainerError, ContainerToken};
use keeper::Keeper;
use routes::Routes;
use tokens::Tokens;

/// How long open requests may take once the program should end.
const DRAIN: Duration = Duration::from_secs(20);

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The flags make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The port cannot be had.
    #[error("failed to create listener on 127.0.0.1:{port}: {source}")]
    Listen { port: u16, source: io::Error },
    /// The first credentials cannot be had.
    #[error("{0}; nothing is served")]
    Session(#[from] SessionError),
    /// The container protocol's token cannot be had.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The program cannot run.
    #[error("failed to start: {0}")]
    Runtime(#[from] io::Error),
    /// No randomness for tokens.
    #[error("the operating system gives no random bytes")]
    Random,
    /// A part of the program failed.
    #[error(transparent)]
    Task(#[from] TaskError),
}

/// Serves until it is told to end.
///
/// # Errors
/// When it cannot begin.
pub(crate) fn run(values: &Values, log: &Log) -> Result<Vec<u8>, ServeError> {
    let options = Options::read(values, log)?;
    let port = in_range(
        values,
        "port",
        0,
        i64::from(u16::MAX),
        "between 0 and 65535",
    )?;
    let hops = in_range(values, "hop-limit", 1, 255, "between 1 and 255")?;
    let container = values.some_text("container-token-file");
    let server = Server {
        port: u16::try_from(port).unwrap_or_default(),
        hop_limit: u32::try_from(hops).unwrap_or_default(),
        container: container.map(ContainerToken::open).transpose()?,
        container_file: container.map(str::to_owned),
        log: log.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(server.run(options))?;
    Ok(Vec::new())
}

struct Server {
    port: u16,
    hop_limit: u32,
    container: Option<ContainerToken>,
    container_file: Option<String>,
    log: Log,
}

impl Server {
    async fn run(self, options: Options) -> Result<(), ServeError> {
        let clock = Clock::system();
        let (role, role_arn) = (
            options.session.role.name().to_owned(),
            options.session.role.text.clone(),
        );
        let log = self.log.clone();
        let client = Client::new(options.session, options.transport, clock.clone(), log);
        let keeper = Keeper::new(options.source, client, clock.clone(), self.log.clone());
        let keeper = Arc::new(keeper);

        // From here on no signal ends the process in the middle of something.
        let tasks = Tasks::new();
        let reloaded = Arc::clone(&keeper);
        let actions = Actions::new().on_usr1(move || reloaded.reload());
        let _signals = listen(&tasks, actions)?;
        let stopping = tasks.stopping();

        let socket = self.listening(listener::bind(self.port))?;
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            started = keeper.start() => started?,
        }
        let listener = self.listening(TcpSocket::listen(socket, 1024))?;
        let port = listener.local_addr()?.port();

        let kept = Arc::clone(&keeper);
        let follow = Arc::clone(&keeper);
        let routes = Routes {
            role,
            role_arn,
            tokens: Tokens::new().map_err(|_| ServeError::Random)?,
            container: self.container,
            keeper,
            clock,
            log: self.log.clone(),
        };
        let serving = listener::serve(listener, Arc::new(routes), self.hop_limit, tasks.clone());
        tasks.spawn("listener", serving);
        let token = stopping.clone();
        tasks.spawn("renewal", async move {
            kept.run(token).await;
            Ok::<(), Infallible>(())
        });
        tasks.spawn("Workload API", async move {
            if let Source::Workload(workload) = follow.source() {
                workload.follow(stopping).await;
            }
            Ok::<(), Infallible>(())
        });
        announce(&self.log, port, self.container_file.as_deref());
        tasks.wait(DRAIN).await?;
        Ok(())
    }

    fn listening<T>(&self, result: io::Result<T>) -> Result<T, ServeError> {
        result.map_err(|source| ServeError::Listen {
            port: self.port,
            source,
        })
    }
}

fn announce(log: &Log, port: u16, container_file: Option<&str>) {
    log.line(format_args!("Local server started on port: {port}"));
    log.line("Make it available to the sdk by running:");
    log.line(format_args!(
        "export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:{port}/"
    ));
    if let Some(file) = container_file {
        let path = routes::CONTAINER;
        log.line(format_args!(
            "or: export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:{port}{path} \
             AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={file}"
        ));
    }
}
