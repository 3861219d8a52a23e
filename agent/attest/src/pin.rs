//! Holding on to the process behind a connection, so that another one with the same pid cannot
//! answer for it.

use std::{
    fs,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use steeple_grpc::PeerProcess;

/// The process is not there any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("caller (pid {0}) has exited, or its pid cannot be seen from here")]
pub struct Gone(pub u32);

/// A process that was alive when this was made.
#[derive(Debug)]
pub struct Pin {
    pid: u32,
    hold: Hold,
}

#[derive(Debug)]
enum Hold {
    /// The kernel's descriptor of the very process that connected.
    Fd(Arc<OwnedFd>),
    /// When the process was started, on kernels without such descriptors: tells a recycled pid
    /// from the moment of pinning on.
    StartedAt(String),
}

impl Pin {
    /// Pins the process that made a connection.
    ///
    /// # Errors
    /// When it has ended, or lives in a pid namespace that cannot be seen from here.
    pub fn new(process: &PeerProcess) -> Result<Self, Gone> {
        let pid = process.pid;
        if pid == 0 {
            return Err(Gone(pid));
        }
        let hold = match &process.pidfd {
            Some(fd) => Hold::Fd(Arc::clone(fd)),
            None => Hold::StartedAt(started_at(pid).ok_or(Gone(pid))?),
        };
        let pin = Self { pid, hold };
        pin.check()?;
        Ok(pin)
    }

    /// The pid, which is this process's for as long as [`Pin::check`] succeeds.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the process is still the same and alive.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self) -> Result<(), Gone> {
        let alive = match &self.hold {
            // A descriptor of a process becomes readable when the process ends.
            Hold::Fd(fd) => {
                let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
                matches!(poll(&mut fds, PollTimeout::ZERO), Ok(0))
            }
            Hold::StartedAt(then) => started_at(self.pid).as_ref() == Some(then),
        };
        if alive { Ok(()) } else { Err(Gone(self.pid)) }
    }
}

/// Field 22 of `/proc/PID/stat`. The second field is the program's name in parentheses and may
/// hold anything, so counting starts after the last of these.
fn started_at(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn child() -> Child {
        Command::new("cat").stdin(Stdio::piped()).spawn().unwrap()
    }

    fn process(pid: u32) -> PeerProcess {
        PeerProcess {
            pid,
            uid: 0,
            gid: 0,
            pidfd: None,
        }
    }

    #[test]
    fn a_living_process_stays_pinned_until_it_ends() {
        let mut child = child();
        let pin = Pin::new(&process(child.id())).unwrap();
        assert_eq!(pin.check(), Ok(()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(pin.check(), Err(Gone(child.id())));
        assert!(Pin::new(&process(child.id())).is_err());
    }

    #[test]
    fn a_process_that_cannot_be_seen_is_not_pinned() {
        assert_eq!(Pin::new(&process(0)).unwrap_err(), Gone(0));
    }

    #[tokio::test]
    async fn the_kernels_descriptor_tells_when_the_peer_is_gone() {
        use futures::StreamExt;
        use steeple_grpc::{Caller, SocketOptions, UnixEndpoint};

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let endpoint = UnixEndpoint::bind(&path, SocketOptions::PRIVATE).unwrap();
        let _client = tokio::net::UnixStream::connect(&path).await.unwrap();
        let mut incoming = std::pin::pin!(endpoint.incoming());
        let peer = incoming.next().await.unwrap().unwrap();
        let Caller::Local(process) = peer.caller() else {
            panic!("not local")
        };
        let pin = Pin::new(process).unwrap();
        assert_eq!(pin.pid(), std::process::id());
        assert_eq!(pin.check(), Ok(()));
    }
}
