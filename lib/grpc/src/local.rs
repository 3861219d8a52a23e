//! Unix sockets: the listener that reads the peer's credentials, and the channel to one.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::{
        fd::AsFd,
        unix::{
            fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
            net::UnixStream as StdUnixStream,
        },
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::{Stream, stream};
use hyper_util::rt::TokioIo;
use nix::sys::socket::{getsockopt, sockopt};
use tokio::net::{UnixListener, UnixStream};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::{Caller, Peer, PeerProcess, unix};

/// How long to wait before accepting again after a failure such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a Unix socket cannot be served or reached.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The folder that should hold the socket cannot be made.
    #[error("could not create the folder {path:?} for the socket: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process listens on this very path.
    #[error(
        "socket {0:?} is in use: a running process answers on it; stop that process or choose another socket_path"
    )]
    InUse(PathBuf),
    /// Something that is not a socket is at the path; it is left alone.
    #[error("{0:?} exists and is not a socket; move it away or choose another socket_path")]
    NotASocket(PathBuf),
    /// The socket of an earlier run is in the way and cannot be removed, or the path cannot be
    /// bound or given its mode.
    #[error("could not listen on socket {path:?}: {source}")]
    Bind {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody answers on the socket.
    #[error("could not connect to socket {path:?}: {source}")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The modes of a socket and of its folder.
#[derive(Clone, Copy, Debug)]
pub struct SocketOptions {
    /// Mode of the folder when it has to be made.
    pub folder_mode: u32,
    /// Mode of the socket: who may connect.
    pub socket_mode: u32,
}

impl SocketOptions {
    /// For operators: folder 0750, socket 0770.
    pub const PRIVATE: Self = Self {
        folder_mode: 0o750,
        socket_mode: 0o770,
    };
    /// For every workload on the machine: folder 0755, socket 0777.
    pub const PUBLIC: Self = Self {
        folder_mode: 0o755,
        socket_mode: 0o777,
    };
}

/// A bound Unix socket. The file is removed when this goes, if it is still the one made here.
#[derive(Debug)]
pub struct UnixEndpoint {
    listener: UnixListener,
    file: SocketFile,
}

impl UnixEndpoint {
    /// Binds `path`. A socket left by a dead process is replaced; one that a process still
    /// answers on is never touched.
    ///
    /// # Errors
    /// When the path is in use or the system refuses; see [`LocalError`].
    pub fn bind(path: &Path, options: SocketOptions) -> Result<Self, LocalError> {
        make_folder(path, options.folder_mode)?;
        clear_stale(path)?;
        let failed = |source| LocalError::Bind {
            path: path.to_owned(),
            source,
        };
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, Permissions::from_mode(options.socket_mode)).map_err(failed)?;
        let inode = fs::symlink_metadata(path).map_err(failed)?.ino();
        Ok(Self {
            listener,
            file: SocketFile {
                path: path.to_owned(),
                inode,
            },
        })
    }

    /// Where it is bound.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The connections, each with the process behind it. Ends never; a failure to accept is
    /// waited out.
    pub fn incoming(self) -> impl Stream<Item = io::Result<Peer<unix::Adapted>>> + Send {
        stream::unfold(self, |endpoint| async move {
            let peer = endpoint.accept().await;
            Some((Ok(peer), endpoint))
        })
    }

    /// The next connection as it is, for what is not gRPC.
    ///
    /// # Errors
    /// When the system refuses; trying again later may help.
    pub async fn accept_plain(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    async fn accept(&self) -> Peer<unix::Adapted> {
        loop {
            match self
                .listener
                .accept()
                .await
                .and_then(|(stream, _)| identify(stream))
            {
                Ok(peer) => return peer,
                Err(error) => {
                    tracing::warn!(%error, socket = %self.path().display(), "Could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn identify(stream: UnixStream) -> io::Result<Peer<unix::Adapted>> {
    let credentials = stream.peer_cred()?;
    let process = PeerProcess {
        pid: credentials
            .pid()
            .and_then(|pid| u32::try_from(pid).ok())
            .unwrap_or(0),
        uid: credentials.uid(),
        gid: credentials.gid(),
        pidfd: getsockopt(&stream.as_fd(), sockopt::PeerPidfd)
            .ok()
            .map(Arc::new),
    };
    Ok(Peer::new(unix::adapt(stream), Caller::Local(process)))
}

/// Makes the folder of `socket` and those above it, as far as they are missing. The mode is set
/// apart from making, since the umask of a daemon would take from it.
fn make_folder(socket: &Path, mode: u32) -> Result<(), LocalError> {
    let folders = socket.ancestors().skip(1);
    let missing = folders.take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let mut missing: Vec<_> = missing.collect();
    missing.reverse();
    for folder in missing {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(folder)
            .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(mode)));
        made.map_err(|source| LocalError::Folder {
            path: folder.to_owned(),
            source,
        })?;
    }
    Ok(())
}

fn clear_stale(path: &Path) -> Result<(), LocalError> {
    let failed = |source| LocalError::Bind {
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(LocalError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match StdUnixStream::connect(path) {
        Ok(_) => Err(LocalError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// The file of a bound socket, removed on drop unless another has taken its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, socket = %self.path.display(), "Could not remove the socket");
        }
    }
}

/// A channel over the socket at `path`, connected.
///
/// # Errors
/// [`LocalError::Connect`] when nobody listens there or the caller may not connect.
pub async fn unix_channel(path: &Path) -> Result<Channel, LocalError> {
    let failed = |source| LocalError::Connect {
        path: path.to_owned(),
        source,
    };
    drop(UnixStream::connect(path).await.map_err(failed)?);
    Ok(unix_channel_lazy(path))
}

/// A channel over the socket at `path` that connects with the first call, and again when the
/// connection was lost.
pub fn unix_channel_lazy(path: &Path) -> Channel {
    let path = path.to_owned();
    Endpoint::from(Uri::from_static("http://localhost")).connect_with_connector_lazy(service_fn(
        move |_: Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        },
    ))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_connection_knows_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/api.sock");
        let endpoint = UnixEndpoint::bind(&path, SocketOptions::PRIVATE).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o770);
        assert_eq!(mode(path.parent().unwrap()), 0o750);

        let _client = UnixStream::connect(&path).await.unwrap();
        let mut incoming = pin!(endpoint.incoming());
        let peer = incoming.next().await.unwrap().unwrap();
        let Caller::Local(process) = peer.caller() else {
            panic!("not local")
        };
        assert_eq!(process.pid, std::process::id());
        assert_eq!(process.uid, nix::unistd::geteuid().as_raw());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves the file behind");
        let endpoint = UnixEndpoint::bind(&path, SocketOptions::PUBLIC).unwrap();

        let refused = UnixEndpoint::bind(&path, SocketOptions::PUBLIC).unwrap_err();
        assert!(matches!(refused, LocalError::InUse(_)), "{refused}");
        assert!(
            StdUnixStream::connect(&path).is_ok(),
            "the live one still answers"
        );

        drop(endpoint);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn another_file_at_the_path_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        fs::write(&path, "precious").unwrap();
        let refused = UnixEndpoint::bind(&path, SocketOptions::PRIVATE).unwrap_err();
        assert!(matches!(refused, LocalError::NotASocket(_)), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_channel_to_nobody_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = unix_channel(&folder.path().join("none.sock"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("none.sock"), "{error}");
    }
}
