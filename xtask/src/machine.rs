//! The programs that tests call. What is missing is installed where that is possible; the clients
//! of other languages get their own packages from the tests that use them.

use std::process::{Command, Stdio};

use crate::command::run;

/// A program, how to see that it is there, and the Debian package it comes in.
struct Tool {
    probe: &'static [&'static str],
    package: &'static str,
    needed_for: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        probe: &["cc", "--version"],
        package: "gcc",
        needed_for: "building",
    },
    Tool {
        probe: &["go", "version"],
        package: "golang-go",
        needed_for: "the Go client",
    },
    Tool {
        probe: &["python3", "-c", "import ensurepip, venv"],
        package: "python3-venv",
        needed_for: "the Python client",
    },
    Tool {
        probe: &["openssl", "version"],
        package: "openssl",
        needed_for: "the views of certificates",
    },
    Tool {
        probe: &["softhsm2-util", "--version"],
        package: "softhsm2",
        needed_for: "keys in a PKCS#11 token",
    },
    Tool {
        probe: &["pkcs11-tool", "--help"],
        package: "opensc",
        needed_for: "keys in a PKCS#11 token",
    },
    Tool {
        probe: &["ip", "-V"],
        package: "iproute2",
        needed_for: "cases with a network of their own",
    },
    Tool {
        probe: &["unshare", "--version"],
        package: "util-linux",
        needed_for: "cases with a network of their own",
    },
    Tool {
        probe: &["curl", "--version"],
        package: "curl",
        needed_for: "the pages of the OIDC discovery provider",
    },
    Tool {
        probe: &["pebble", "-help"],
        package: "pebble",
        needed_for: "certificates by ACME",
    },
];

/// Installs what is missing, and returns a line for each thing that still is.
pub(crate) fn furnish() -> Vec<String> {
    let missing = || TOOLS.iter().filter(|tool| !present(tool));
    let packages: Vec<_> = missing().map(|tool| tool.package).collect();
    if !packages.is_empty() && is_root() {
        println!("installing {}", packages.join(", "));
        if let Err(error) = install(&packages) {
            println!("{error:#}");
        }
    }
    let line = |tool: &Tool| {
        let Tool {
            probe,
            package,
            needed_for,
        } = tool;
        format!(
            "{needed_for}: `{}` does not work; install {package}",
            probe.join(" ")
        )
    };
    missing().map(line).collect()
}

fn present(tool: &Tool) -> bool {
    let [program, arguments @ ..] = tool.probe else {
        return true;
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Only root can install packages.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().args(["update", "-qq"]))?;
    run(apt()
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages))
}
