//! The command line: Go's `flag` package, no operands.

use std::path::PathBuf;

use steeple_goflag::{BOOL, FlagError, FlagSet, Flags, boolean, typed};

/// What may stand on the command line.
#[derive(clap::Args, Clone, Debug, PartialEq)]
pub(crate) struct CommandLine {
    /// The configuration file.
    #[arg(
        long = "config",
        value_name = "string",
        default_value = "oidc-discovery-provider.conf",
        help = "configuration file"
    )]
    pub(crate) config: PathBuf,
    /// Whether `$NAME` in the file is replaced from the environment.
    #[arg(long = "expandEnv", value_name = BOOL, default_value = "false", value_parser = boolean, action = clap::ArgAction::Set, help = "expand environment variables in config file")]
    pub(crate) expand_env: bool,
    /// Prints the version.
    #[arg(long = "version", value_name = BOOL, default_value = "false", value_parser = boolean, action = clap::ArgAction::Set, help = "print version")]
    pub(crate) version: bool,
    /// Words that are no flags: there must be none.
    #[arg(skip)]
    pub(crate) operands: Vec<String>,
}

impl Flags for CommandLine {}

fn set() -> FlagSet {
    FlagSet::new("oidc-discovery-provider").with::<CommandLine>()
}

/// Reads the words after the program's name.
pub(crate) fn read(words: &[String]) -> Result<CommandLine, FlagError> {
    let mut line: CommandLine = typed(&set().parse(words)?)?;
    line.operands = set().operands(words)?;
    Ok(line)
}

/// The usage text of the program that was called by this name.
pub(crate) fn usage(called: &str) -> String {
    set().usage_of(called)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<CommandLine, FlagError> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        read(&words)
    }

    #[test]
    fn flags_take_one_dash_or_two() {
        let line = parsed(&["-config", "a.conf", "--expandEnv"]).unwrap();
        assert_eq!(line.config, PathBuf::from("a.conf"));
        assert!(line.expand_env && !line.version && line.operands.is_empty());
        assert!(!parsed(&["-expandEnv=false"]).unwrap().expand_env);
        assert_eq!(
            parsed(&[]).unwrap().config,
            PathBuf::from("oidc-discovery-provider.conf")
        );
        assert_eq!(parsed(&["-h"]).unwrap_err(), FlagError::Help);
    }

    #[test]
    fn operands_are_kept_for_the_refusal() {
        let line = parsed(&["-version", "more", "-config"]).unwrap();
        assert!(line.version);
        assert_eq!(line.operands, ["more", "-config"]);
    }

    #[test]
    fn usage_reads_as_with_go() {
        let usage = usage("./oidc");
        assert_eq!(
            usage,
            "Usage of ./oidc:\n  -config string\n    \tconfiguration file (default \
             \"oidc-discovery-provider.conf\")\n  -expandEnv\n    \texpand environment variables \
             in config file\n  -version\n    \tprint version\n"
        );
    }
}
