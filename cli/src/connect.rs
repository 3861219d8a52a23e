//! Finding and reaching the Unix socket of a server or agent.

use std::{
    io,
    path::{Path, PathBuf},
};

use steeple_grpc::{LocalError, unix_channel};
use tonic::transport::Channel;

use crate::env::Env;

/// Which program listens on a socket, and how a user names another socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    /// As in "the SPIRE ... is not running".
    pub(crate) program: &'static str,
    /// What starts it.
    pub(crate) start: &'static str,
    /// Where it listens unless told otherwise.
    pub(crate) default_path: &'static str,
    /// The environment variable that replaces the default.
    pub(crate) path_var: &'static str,
    /// The environment variable that `-instance` fills.
    pub(crate) template_var: &'static str,
}

/// The server's private socket.
pub(crate) const SERVER: Peer = Peer {
    program: "server",
    start: "spire-server run",
    default_path: "/tmp/spire-server/private/api.sock",
    path_var: "SPIRE_SERVER_PRIVATE_SOCKET",
    template_var: "SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE",
};

/// The agent's public socket: the Workload API.
pub(crate) const AGENT: Peer = Peer {
    program: "agent",
    start: "spire-agent run",
    default_path: "/tmp/spire-agent/public/api.sock",
    path_var: "SPIRE_AGENT_PUBLIC_SOCKET",
    template_var: "SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE",
};

/// Why the other side's socket cannot be named or reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `-instance` was given without a template to fill.
    #[error("you must define {0} to use the instance flag")]
    NoTemplate(&'static str),
    /// The template has no place for the instance's name.
    #[error("failed to find %i in {0}")]
    NoPlaceholder(&'static str),
    /// There is no such file.
    #[error(
        "could not connect to the {program}: socket {} does not exist (no such file or directory). \
         Start the {program} with '{start}', or name its socket with -socketPath or {var}",
        .path.display()
    )]
    Missing {
        /// `server` or `agent`.
        program: &'static str,
        /// The command that starts it.
        start: &'static str,
        /// The environment variable that names another socket.
        var: &'static str,
        /// The socket.
        path: PathBuf,
    },
    /// The file is there, but nobody listens.
    #[error(
        "could not connect to the {program}: nobody answers on socket {} (connection refused). \
         The {program} that made it has stopped; start it again with '{start}'",
        .path.display()
    )]
    Refused {
        /// `server` or `agent`.
        program: &'static str,
        /// The command that starts it.
        start: &'static str,
        /// The socket.
        path: PathBuf,
    },
    /// This user may not use the socket.
    #[error(
        "could not connect to the {program}: this user may not use socket {} (permission denied). \
         Run the command as the user or group that owns the socket",
        .path.display()
    )]
    Forbidden {
        /// `server` or `agent`.
        program: &'static str,
        /// The socket.
        path: PathBuf,
    },
    /// The path is longer than the system allows for a socket.
    #[error(
        "could not connect to the {program}: {} is {} bytes long, and the path of a socket may \
         have at most {MAX_PATH}; use a shorter path, for instance a relative one",
        .path.display(), .path.as_os_str().len()
    )]
    TooLong {
        /// `server` or `agent`.
        program: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// Anything else.
    #[error("could not connect to the {program} on socket {}: {source}", .path.display())]
    Other {
        /// `server` or `agent`.
        program: &'static str,
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The longest path of a Unix socket on Linux, without its closing zero.
pub const MAX_PATH: usize = 107;

impl Peer {
    /// The socket to use: an explicit path, else the instance's, else the environment's, else
    /// the default.
    pub(crate) fn resolve(
        &self,
        explicit: &str,
        instance: &str,
        env: &Env,
    ) -> Result<PathBuf, ConnectError> {
        let instance = self.instance_path(instance, env)?;
        if explicit != self.default_path {
            return Ok(explicit.into());
        }
        let path = instance.or_else(|| env.var(self.path_var));
        Ok(path.unwrap_or_else(|| self.default_path.to_owned()).into())
    }

    fn instance_path(&self, instance: &str, env: &Env) -> Result<Option<String>, ConnectError> {
        if instance.is_empty() {
            return Ok(None);
        }
        let template = env
            .var(self.template_var)
            .ok_or(ConnectError::NoTemplate(self.template_var))?;
        if !template.contains("%i") {
            return Err(ConnectError::NoPlaceholder(self.template_var));
        }
        Ok(Some(template.replace("%i", instance)))
    }

    /// A channel to the socket; somebody listens on it.
    pub(crate) async fn connect(&self, path: &Path) -> Result<Channel, ConnectError> {
        if path.as_os_str().len() > MAX_PATH {
            return Err(ConnectError::TooLong {
                program: self.program,
                path: path.into(),
            });
        }
        unix_channel(path)
            .await
            .map_err(|error| self.explain(path, error))
    }

    fn explain(&self, path: &Path, error: LocalError) -> ConnectError {
        let Self {
            program,
            start,
            path_var: var,
            ..
        } = *self;
        let path = path.to_owned();
        let kind = match &error {
            LocalError::Connect { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        match kind {
            io::ErrorKind::NotFound => ConnectError::Missing {
                program,
                start,
                var,
                path,
            },
            io::ErrorKind::ConnectionRefused => ConnectError::Refused {
                program,
                start,
                path,
            },
            io::ErrorKind::PermissionDenied => ConnectError::Forbidden { program, path },
            _ => ConnectError::Other {
                program,
                path,
                source: error.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &'static [(&'static str, &'static str)]) -> Env {
        Env::new(
            std::io::empty(),
            std::io::sink(),
            std::io::sink(),
            move |name| {
                vars.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            },
        )
    }

    fn path(explicit: &str, instance: &str, env: &Env) -> Result<String, String> {
        let path = SERVER.resolve(explicit, instance, env);
        path.map(|path| path.display().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_most_explicit_wish_wins() {
        let bare = env(&[]);
        let full = env(&[
            ("SPIRE_SERVER_PRIVATE_SOCKET", "/env.sock"),
            ("SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE", "/run/%i/api.sock"),
        ]);
        assert_eq!(
            path(SERVER.default_path, "", &bare).unwrap(),
            SERVER.default_path
        );
        assert_eq!(path(SERVER.default_path, "", &full).unwrap(), "/env.sock");
        assert_eq!(
            path(SERVER.default_path, "b", &full).unwrap(),
            "/run/b/api.sock"
        );
        assert_eq!(path("/x.sock", "b", &full).unwrap(), "/x.sock");
    }

    #[test]
    fn an_instance_needs_a_template_with_its_place() {
        assert_eq!(
            path(SERVER.default_path, "b", &env(&[])).unwrap_err(),
            "you must define SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE to use the instance flag"
        );
        let fixed = env(&[("SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE", "/run/api.sock")]);
        assert_eq!(
            path(SERVER.default_path, "b", &fixed).unwrap_err(),
            "failed to find %i in SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE"
        );
    }

    #[tokio::test]
    async fn a_failure_says_which_socket_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        let missing = SERVER.connect(&path).await.unwrap_err().to_string();
        assert!(missing.contains(&path.display().to_string()), "{missing}");
        assert!(missing.contains("'spire-server run'"), "{missing}");

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let refused = SERVER.connect(&path).await.unwrap_err().to_string();
        assert!(refused.contains("connection refused"), "{refused}");

        let long = dir.path().join("x".repeat(108));
        let too_long = SERVER.connect(&long).await.unwrap_err().to_string();
        assert!(too_long.contains("at most 107"), "{too_long}");
    }
}
