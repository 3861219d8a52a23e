//! The command line: Go's `flag` package, one command.

use std::path::PathBuf;

use steeple_goflag::{BOOL, FlagError, FlagSet, Flags, boolean, typed};

/// What may stand on the command line. Operands are not looked at.
#[derive(clap::Args, Clone, Debug, PartialEq)]
pub(crate) struct CommandLine {
    /// The configuration file.
    #[arg(
        long = "config",
        value_name = "string",
        default_value = "helper.conf",
        help = "<configFile> Configuration file path"
    )]
    pub(crate) config: PathBuf,
    /// Overrides the file's `daemon_mode`, but only when it is there.
    #[arg(long = "daemon-mode", value_name = BOOL, value_parser = boolean, action = clap::ArgAction::Set,
          help = "Toggle running as a daemon to rotate X.509/JWT or just fetch and exit (default true)")]
    pub(crate) daemon_mode: Option<bool>,
    /// Prints the version.
    #[arg(long = "version", value_name = BOOL, default_value = "false", value_parser = boolean, action = clap::ArgAction::Set, help = "print version")]
    pub(crate) version: bool,
}

impl Flags for CommandLine {}

fn set() -> FlagSet {
    FlagSet::new("spiffe-helper").with::<CommandLine>()
}

/// Reads the words after the program's name.
pub(crate) fn read(words: &[String]) -> Result<CommandLine, FlagError> {
    typed(&set().parse(words)?)
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
    fn daemon_mode_overrides_only_when_written() {
        assert_eq!(parsed(&[]).unwrap().daemon_mode, None);
        assert_eq!(parsed(&[]).unwrap().config, PathBuf::from("helper.conf"));
        assert_eq!(parsed(&["-daemon-mode"]).unwrap().daemon_mode, Some(true));
        let off = parsed(&["-daemon-mode=false", "--config", "a.conf"]).unwrap();
        assert_eq!(off.daemon_mode, Some(false));
        assert_eq!(off.config, PathBuf::from("a.conf"));
        let operand = parsed(&["-daemon-mode", "false", "-config", "a.conf"]).unwrap();
        assert_eq!(
            operand.daemon_mode,
            Some(true),
            "a word of its own is an operand"
        );
        assert_eq!(operand.config, PathBuf::from("helper.conf"));
    }

    #[test]
    fn help_and_mistakes_are_told_apart() {
        assert_eq!(parsed(&["-h"]), Err(FlagError::Help));
        assert_eq!(parsed(&["--help"]), Err(FlagError::Help));
        let error = parsed(&["-confg", "x"]).unwrap_err().to_string();
        assert_eq!(error, "flag provided but not defined: -confg");
    }

    #[test]
    fn usage_looks_like_gos() {
        let expected = "Usage of ./spiffe-helper:\n  -config string\n    \t<configFile> Configuration file path \
            (default \"helper.conf\")\n  -daemon-mode\n    \tToggle running as a daemon to rotate X.509/JWT or just \
            fetch and exit (default true)\n  -version\n    \tprint version\n";
        assert_eq!(usage("./spiffe-helper"), expected);
    }
}
