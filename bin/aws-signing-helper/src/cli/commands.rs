//! The commands.

use super::flags::{self, Flag};

/// One command.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What the list of commands says.
    pub(crate) short: &'static str,
    /// What its own help says first.
    pub(crate) long: &'static str,
    pub(crate) flags: &'static [&'static [Flag<'static>]],
    pub(crate) exclusive: &'static [[&'static str; 2]],
}

/// What the program says of itself.
pub(crate) const ABOUT: &str = "\
A tool that utilizes certificates and their associated private keys to
sign requests to AWS IAM Roles Anywhere's CreateSession API and retrieve temporary
AWS security credentials. This tool exposes multiple commands to make credential
retrieval and rotation more convenient.";

/// All commands, in the order in which help lists them.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "completion",
        short: "Generate the autocompletion script for the specified shell",
        long: "Print a completion script for bash, fish, powershell or zsh, for that shell to source.",
        flags: &[flags::COMPLETION],
        exclusive: &[],
    },
    Command {
        name: "credential-process",
        short: "Retrieve AWS credentials in the appropriate format for external credential processes",
        long: "Print AWS credentials once, in the form that credential_process in an AWS config file expects.",
        flags: &[flags::CREDENTIALS, flags::PROCESS],
        exclusive: flags::CREDENTIALS_EXCLUSIVE,
    },
    Command {
        name: "help",
        short: "Help about any command",
        long: "Show what a command does: aws_signing_helper help COMMAND",
        flags: &[],
        exclusive: &[],
    },
    Command {
        name: "read-certificate-data",
        short: "Diagnostic command to read certificate data",
        long: "Show the certificate that would be sent: key type, serial number, algorithms.",
        flags: &[flags::READ_CERTIFICATE],
        exclusive: flags::READ_CERTIFICATE_EXCLUSIVE,
    },
    Command {
        name: "serve",
        short: "Serve AWS credentials through a local endpoint",
        long: "Serve AWS credentials on 127.0.0.1 as EC2's instance metadata service (IMDSv2) does.",
        flags: &[flags::CREDENTIALS, flags::SERVE],
        exclusive: flags::CREDENTIALS_EXCLUSIVE,
    },
    Command {
        name: "sign-string",
        short: "Signs a fixed string using the passed-in private key (or reference to private key)",
        long: "Sign a fixed string with the private key, to see that the key can be used.",
        flags: &[flags::SIGN_STRING],
        exclusive: flags::SIGN_STRING_EXCLUSIVE,
    },
    Command {
        name: "update",
        short: "Updates a profile in the AWS credentials file with new AWS credentials",
        long: "Write AWS credentials into a profile of the shared credentials file, again and again before they end.",
        flags: &[flags::CREDENTIALS, flags::UPDATE],
        exclusive: flags::CREDENTIALS_EXCLUSIVE,
    },
    Command {
        name: "version",
        short: "Prints the version number of the credential helper",
        long: "Print the version.",
        flags: &[],
        exclusive: &[],
    },
];

impl Command {
    /// The command with this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| command.name == name)
    }

    /// Its flags by name.
    pub(crate) fn sorted_flags(&self) -> Vec<&'static Flag<'static>> {
        let mut flags: Vec<_> = self.flags.iter().flat_map(|group| group.iter()).collect();
        flags.sort_by_key(|flag| flag.name);
        flags
    }
}
