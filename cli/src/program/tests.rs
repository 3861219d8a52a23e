use super::*;
use crate::{goflag::FlagSet, testing::capture};

struct Echo(&'static str);

impl Command for Echo {
    fn synopsis(&self) -> &'static str {
        "Prints what it was given"
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new(self.0)
    }

    fn run(&self, args: &[String], env: &mut Env) -> u8 {
        env.print(&format!("{}: {args:?}", self.0))
            .map_or(9, |()| 0)
    }
}

fn program() -> Program {
    Program::new("spire-sample", "1.2.3")
        .with("run", Echo("run"))
        .with("entry show", Echo("entry show"))
        .with("entry create", Echo("entry create"))
        .with("api fetch", Echo("fetch x509"))
        .with("api fetch jwt", Echo("fetch jwt"))
}

/// Exit code, standard output and standard error.
fn run(line: &str) -> (u8, String, String) {
    let args: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
    capture(|env| program().run(&args, env))
}

#[test]
fn words_find_the_longest_command() {
    assert_eq!(run("entry show -x").1, "entry show: [\"-x\"]\n");
    assert_eq!(run("api fetch").1, "fetch x509: []\n");
    assert_eq!(run("api fetch jwt extra").1, "fetch jwt: [\"extra\"]\n");
    assert_eq!(run("run sh -c true").1, "run: [\"sh\", \"-c\", \"true\"]\n");
}

#[test]
fn exit_codes_are_spires() {
    for (line, code) in [
        ("run", 0),
        ("", 127),
        ("nonsense", 127),
        ("nonsense -h", 127),
        ("entry", 1),
        ("entry nonsense", 1),
        ("entry -h", 0),
        ("-h", 0),
        ("--help", 0),
        ("entry show -help", 0),
        ("-version", 0),
        ("--version", 0),
        ("-v", 0),
        ("-x entry show", 1),
        ("-x", 127),
    ] {
        assert_eq!(run(line).0, code, "{line}");
    }
}

#[test]
fn the_version_goes_to_standard_error() {
    assert_eq!(run("--version"), (0, String::new(), "1.2.3\n".into()));
}

#[test]
fn help_lists_commands_aligned() {
    let expected = "Usage: spire-sample [--version] [--help] <command> [<args>]\n\n\
        Available commands are:\n    api      \n    entry    \n    run      Prints what it was given\n\n";
    assert_eq!(run("").2, expected);
    let expected = "This command is accessed by using one of the subcommands below.\n\n\
        Subcommands:\n    create    Prints what it was given\n    show      Prints what it was given\n";
    assert_eq!(run("entry").2, expected);
}

#[test]
fn completion_is_generated_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = run(&format!("completion {shell}"));
        assert_eq!(code, 0);
        assert!(script.contains("spire-sample"), "{shell}");
    }
    assert_eq!(run("completion").0, 1);
}
