//! `run` and `validate`: the flags that both read; the work is the server's own.

use clap::ArgAction;

use crate::{
    command::{Command, refuse},
    env::Env,
    goflag::{self, BOOL, FlagSet, Flags, boolean, typed},
};

/// The server as the commands know it.
pub trait Runtime {
    /// Serves until told to stop.
    ///
    /// # Errors
    /// With the text to show when it could not start or had to end.
    fn run(&self, flags: RunFlags) -> Result<(), String>;

    /// Looks at the configuration without effect.
    ///
    /// # Errors
    /// With all that is wrong, one a line.
    fn validate(&self, flags: RunFlags) -> Result<(), String>;
}

/// The flags of `run` and `validate`; an empty text, zero or false means "not given".
#[derive(clap::Args, Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunFlags {
    /// Where to listen for agents.
    #[arg(
        long = "bindAddress",
        value_name = "string",
        default_value = "",
        help = "IP address or DNS name of the SPIRE server"
    )]
    pub bind_address: String,
    /// The port for agents.
    #[arg(long = "serverPort", value_name = "int", default_value = "0", value_parser = goflag::int, help = "Port number of the SPIRE server")]
    pub server_port: i64,
    /// The configuration file.
    #[arg(
        long = "config",
        value_name = "string",
        default_value = "",
        help = "Path to a SPIRE config file"
    )]
    pub config: String,
    /// Where state is kept.
    #[arg(
        long = "dataDir",
        value_name = "string",
        default_value = "",
        help = "Directory to store runtime data to"
    )]
    pub data_dir: String,
    /// Where to log to.
    #[arg(
        long = "logFile",
        value_name = "string",
        default_value = "",
        help = "File to write logs to"
    )]
    pub log_file: String,
    /// How a log line looks.
    #[arg(
        long = "logFormat",
        value_name = "string",
        default_value = "",
        help = "'text' or 'json'"
    )]
    pub log_format: String,
    /// Whether a log line says where in the program it was written.
    #[arg(long = "logSourceLocation", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "Include source file, line number and function name in log lines")]
    pub log_source_location: bool,
    /// What is logged.
    #[arg(
        long = "logLevel",
        value_name = "string",
        default_value = "",
        help = "'debug', 'info', 'warn', or 'error'"
    )]
    pub log_level: String,
    /// The trust domain.
    #[arg(
        long = "trustDomain",
        value_name = "string",
        default_value = "",
        help = "The trust domain that this server belongs to"
    )]
    pub trust_domain: String,
    /// Whether `$NAME` in the file is replaced from the environment.
    #[arg(long = "expandEnv", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "Expand environment variables in SPIRE config file")]
    pub expand_env: bool,
    /// The socket for operators.
    #[arg(
        long = "socketPath",
        value_name = "string",
        default_value = "",
        help = "Path to bind the SPIRE Server API socket to"
    )]
    pub socket_path: String,
}

impl Flags for RunFlags {}

/// `run`.
pub(crate) struct Run<R>(pub(crate) R);

impl<R: Runtime> Command for Run<R> {
    fn synopsis(&self) -> &'static str {
        "Runs the server"
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new("run").with::<RunFlags>()
    }

    fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let set = self.flags();
        match set.parse(args).and_then(|matches| typed(&matches)) {
            Ok(flags) => match self.0.run(flags) {
                Ok(()) => 0,
                Err(error) => {
                    env.complain(&error);
                    1
                }
            },
            Err(error) => {
                refuse(&set, &error, env);
                1
            }
        }
    }
}

/// `validate`.
pub(crate) struct Validate<R>(pub(crate) R);

impl<R: Runtime> Command for Validate<R> {
    fn synopsis(&self) -> &'static str {
        "Validates a SPIRE server configuration file"
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new("validate").with::<RunFlags>()
    }

    fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let set = self.flags();
        let read = set.parse(args).and_then(|matches| typed(&matches));
        let result = match read {
            Ok(flags) => self.0.validate(flags),
            Err(error) => {
                refuse(&set, &error, env);
                Err(error.to_string())
            }
        };
        match result {
            Ok(()) => env
                .print("SPIRE server configuration file is valid.")
                .map_or(1, |()| 0),
            Err(why) => {
                env.complain(&format!(
                    "SPIRE server configuration file is invalid: {why}"
                ));
                1
            }
        }
    }
}
