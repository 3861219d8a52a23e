//! Staying: follow the agent and keep the files current.

mod jwt_bundles;
mod jwt_svid;
mod retry;
mod x509;

use steeple_lifecycle::Tasks;
use steeple_workload::Client;
use tokio::sync::{mpsc, watch};

use crate::{
    health,
    process::{PidFile, Supervisor},
    writer::Writer,
};

/// How many updates the process may be behind.
const UPDATES: usize = 16;

/// Starts everything that the configuration asks for. Must be called within a runtime.
pub(crate) fn start(tasks: &Tasks, writer: &Writer) {
    let config = &writer.config;
    let client = Client::new(&config.address);
    let stopping = tasks.stopping();
    if let Some(files) = config.x509.clone() {
        tracing::info!("Watching for X509 Context");
        let watch = x509::Watch {
            files,
            writer: writer.clone(),
            renewed: renewed(tasks, writer),
        };
        tasks.spawn(
            "watching X.509 context",
            watch.run(client.clone(), stopping.clone()),
        );
    }
    if config.jwt_bundle.is_some() {
        tracing::info!("Watching for JWT Bundles");
    }
    if config.jwt_bundle.is_some() || !config.jwt_svids.is_empty() {
        let (known, bundles) = watch::channel(None);
        for file in config.jwt_svids.clone() {
            let keep = jwt_svid::Keep {
                file,
                writer: writer.clone(),
                client: client.clone(),
                bundles: bundles.clone(),
            };
            tasks.spawn("keeping a JWT-SVID", keep.run(stopping.clone()));
        }
        let watch = jwt_bundles::Watch {
            file: config.jwt_bundle.clone(),
            writer: writer.clone(),
            known,
        };
        tasks.spawn(
            "watching JWT bundle updates",
            watch.run(client, stopping.clone()),
        );
    }
    if let Some(pages) = config.health.clone() {
        let (status, clock) = (writer.status.clone(), writer.clock.clone());
        tasks.spawn(
            "serving health",
            health::serve(pages, status, clock, stopping),
        );
    }
}

/// Whom to tell of new certificates.
struct Renewed {
    child: Option<mpsc::Sender<()>>,
    pid_file: Option<watch::Sender<u64>>,
}

impl Renewed {
    async fn tell(&self) {
        if let Some(child) = &self.child {
            // The supervisor ends only when everything ends.
            let _ended = child.send(()).await;
        }
        if let Some(pid_file) = &self.pid_file {
            pid_file.send_modify(|count| *count += 1);
        }
    }
}

fn renewed(tasks: &Tasks, writer: &Writer) -> Renewed {
    let config = &writer.config;
    let child = config.cmd.clone().map(|cmd| {
        let (sender, updates) = mpsc::channel(UPDATES);
        let supervisor = Supervisor::new(cmd, config.renew_signal, updates);
        tasks.spawn("supervising cmd", supervisor.run(tasks.stopping()));
        sender
    });
    let pid_file = config.pid_file.clone().zip(config.renew_signal);
    let pid_file = pid_file.map(|(path, signal)| {
        let (sender, updates) = watch::channel(0);
        let task = PidFile::new(path, signal, updates);
        tasks.spawn("signalling the pid file", task.run(tasks.stopping()));
        sender
    });
    Renewed { child, pid_file }
}
