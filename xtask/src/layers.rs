//! Who may see whom. The table is the house's plan; every edge that is not in it is refused.
//!
//! A pattern is a folder, or a folder and `/*` for every crate directly in it. A row says what the
//! crates that match its pattern may depend on; the first row that matches a crate counts.

use anyhow::{Result, bail};

use crate::workspace::{Edge, Workspace};

/// One row of the plan.
struct Row {
    room: &'static str,
    sees: &'static [&'static str],
}

const fn row(room: &'static str, sees: &'static [&'static str]) -> Row {
    Row { room, sees }
}

/// The plan, from the outside in.
const PLAN: &[Row] = &[
    // Programs name everything that is chosen by name: stores, platforms, commands.
    row(
        "bin/*",
        &[
            "server/runtime",
            "agent/runtime",
            "server/store",
            "server/store/sql",
            "plugins/*",
            "cli",
            "lib/*",
        ],
    ),
    row("cli", &["lib/*"]),
    row(
        "server/runtime",
        &[
            "server/api",
            "server/registry",
            "server/authority",
            "server/store",
            "plugins/host",
            "plugins/sdk",
            "lib/*",
        ],
    ),
    row(
        "agent/runtime",
        &[
            "agent/api",
            "agent/cache",
            "agent/attest",
            "plugins/host",
            "plugins/sdk",
            "lib/*",
        ],
    ),
    row(
        "server/api",
        &[
            "server/registry",
            "server/authority",
            "server/store",
            "plugins/sdk",
            "lib/*",
        ],
    ),
    row(
        "agent/api",
        &["agent/cache", "agent/attest", "plugins/sdk", "lib/*"],
    ),
    // Registry and authority do not see each other, nor do cache and attest.
    row("server/registry", &["server/store", "plugins/sdk", "lib/*"]),
    row(
        "server/authority",
        &["server/store", "plugins/sdk", "lib/*"],
    ),
    row("agent/cache", &["plugins/sdk", "lib/*"]),
    row("agent/attest", &["plugins/sdk", "lib/*"]),
    row("server/store", &["lib/*"]),
    row("server/store/sql", &["server/store", "lib/*"]),
    row("plugins/sdk", &["lib/*"]),
    // A platform sees no other platform, and not the host.
    row("plugins/*", &["plugins/sdk", "lib/*"]),
    // What every room stands on stands on nothing.
    row("lib/spiffe", &[]),
    row("lib/hcl", &[]),
    row("lib/proto", &[]),
    row("lib/lifecycle", &[]),
    row("lib/telemetry", &[]),
    row("lib/goflag", &["lib/hcl"]),
    row(
        "lib/config",
        &["lib/hcl", "lib/lifecycle", "lib/spiffe", "lib/telemetry"],
    ),
    row("lib/grpc", &["lib/lifecycle", "lib/proto", "lib/spiffe"]),
    row(
        "lib/workload",
        &["lib/grpc", "lib/lifecycle", "lib/proto", "lib/spiffe"],
    ),
    // Judges look at the programs from outside, as a user does.
    row("tests", &["lib/*"]),
    row("benches", &["lib/*"]),
    row("xtask", &[]),
];

/// What tests may use besides: the real store and the real plugins, so that nothing is mocked.
const TESTS_SEE: &[Row] = &[
    row(
        "server/*",
        &[
            "server/store/sql",
            "plugins/builtin",
            "plugins/sdk",
            "lib/*",
        ],
    ),
    row("agent/*", &["plugins/builtin", "plugins/sdk", "lib/*"]),
    row("plugins/*", &["plugins/sdk", "lib/*"]),
    row(
        "benches",
        &[
            "server/registry",
            "server/store",
            "server/authority",
            "agent/cache",
        ],
    ),
];

/// Crates without input and output, and what would bring it in.
const PURE: &[&str] = &["lib/spiffe", "lib/hcl"];
const IMPURE: &[&str] = &["tokio", "tokio-util", "hyper", "tonic", "nix", "rusqlite"];

/// Checks the whole workspace.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let edges = workspace.edges();
    let mut refused = unplanned(&workspace.rooms());
    refused.extend(edges.iter().filter_map(refusal));
    if !refused.is_empty() {
        bail!(
            "layers: {} refused\n  {}",
            refused.len(),
            refused.join("\n  ")
        );
    }
    let ours = edges.iter().filter(|edge| !edge.foreign).count();
    println!(
        "layers: {} crates, {ours} edges, all as planned",
        workspace.rooms().len()
    );
    Ok(())
}

fn unplanned(rooms: &[String]) -> Vec<String> {
    let planned = |room: &&String| find(PLAN, room).is_none();
    let text = |room| format!("{room} has no row in the plan (xtask/src/layers.rs)");
    rooms.iter().filter(planned).map(text).collect()
}

/// Why an edge is not allowed, if it is not.
fn refusal(edge: &Edge) -> Option<String> {
    let Edge { from, to, .. } = edge;
    if edge.foreign {
        let pure = PURE.contains(&from.as_str()) && !edge.dev;
        let impure = IMPURE.contains(&to.as_str());
        return (pure && impure).then(|| format!("{from} -> {to}: {from} must stay free of I/O"));
    }
    let sees = |rows| find(rows, from).is_some_and(|row| any(row.sees, to));
    let allowed = sees(PLAN) || (edge.dev && sees(TESTS_SEE));
    let kind = if edge.dev { " (in tests)" } else { "" };
    (!allowed).then(|| format!("{from} -> {to}{kind}"))
}

fn find<'a>(rows: &'a [Row], room: &str) -> Option<&'a Row> {
    rows.iter().find(|row| matches(row.room, room))
}

fn any(patterns: &[&str], room: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, room))
}

fn matches(pattern: &str, room: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some(folder) => room
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|name| !name.contains('/')),
        None => pattern == room,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str) -> Edge {
        Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            foreign: false,
            dev: false,
        }
    }

    fn dev(from: &str, to: &str) -> Edge {
        Edge {
            dev: true,
            ..edge(from, to)
        }
    }

    fn foreign(from: &str, to: &str) -> Edge {
        Edge {
            foreign: true,
            ..edge(from, to)
        }
    }

    #[test]
    fn a_folder_with_a_star_means_the_crates_directly_in_it() {
        assert!(matches("lib/*", "lib/hcl"));
        assert!(!matches("lib/*", "lib"));
        assert!(!matches("server/*", "server/store/sql"));
        assert!(!matches("lib/*", "library/hcl"));
        assert!(matches("cli", "cli"));
    }

    #[test]
    fn the_way_in_is_open() {
        for (from, to) in [
            ("bin/spire-server", "server/runtime"),
            ("bin/spire-server", "server/store/sql"),
            ("server/runtime", "server/api"),
            ("server/api", "server/registry"),
            ("server/registry", "server/store"),
            ("server/store/sql", "server/store"),
            ("plugins/builtin", "plugins/sdk"),
            ("cli", "lib/grpc"),
            ("lib/grpc", "lib/spiffe"),
        ] {
            assert_eq!(refusal(&edge(from, to)), None);
        }
    }

    #[test]
    fn the_way_back_and_across_is_shut() {
        for (from, to) in [
            ("server/registry", "server/authority"),
            ("server/authority", "server/registry"),
            ("server/store", "server/registry"),
            ("server/runtime", "server/store/sql"),
            ("server/runtime", "agent/runtime"),
            ("agent/cache", "agent/attest"),
            ("agent/runtime", "server/store"),
            ("cli", "server/api"),
            ("plugins/builtin", "plugins/host"),
            ("plugins/aws", "plugins/builtin"),
            ("plugins/sdk", "plugins/builtin"),
            ("lib/spiffe", "lib/hcl"),
            ("lib/grpc", "plugins/sdk"),
            ("tests", "server/runtime"),
            ("server/runtime", "plugins/builtin"),
        ] {
            assert_eq!(refusal(&edge(from, to)), Some(format!("{from} -> {to}")));
        }
    }

    #[test]
    fn tests_may_use_the_real_things_and_no_more() {
        assert_eq!(refusal(&dev("server/registry", "server/store/sql")), None);
        assert_eq!(refusal(&dev("server/authority", "plugins/builtin")), None);
        assert!(refusal(&edge("server/registry", "server/store/sql")).is_some());
        assert!(refusal(&dev("server/registry", "server/authority")).is_some());
        assert!(refusal(&dev("agent/cache", "server/store/sql")).is_some());
    }

    #[test]
    fn pure_crates_take_in_nothing_that_does_io() {
        assert_eq!(refusal(&foreign("lib/hcl", "thiserror")), None);
        assert_eq!(refusal(&foreign("lib/grpc", "tokio")), None);
        assert_eq!(
            refusal(&Edge {
                dev: true,
                ..foreign("lib/hcl", "tokio")
            }),
            None
        );
        assert!(refusal(&foreign("lib/hcl", "tokio")).is_some());
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(unplanned(&["lib/hcl".to_owned()]), Vec::<String>::new());
        let refused = unplanned(&["lib/helpers".to_owned()]);
        assert!(
            refused[0].starts_with("lib/helpers has no row"),
            "{refused:?}"
        );
    }
}
