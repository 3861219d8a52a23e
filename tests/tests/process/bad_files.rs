//! Broken files, busy ports and wrong settings: one clear error, a non-zero exit, no damage.

use std::{fs, net::TcpListener, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use steeple_tests::{
    Agent, AgentPlan, Case, LIMIT, Place, Process, Programs, ServerPlan, Terminal, run,
};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("server_refuses_a_broken_database", server_database),
        Case::new("server_refuses_broken_keys", server_keys),
        Case::new(
            "server_refuses_a_broken_upstream_authority",
            server_upstream,
        ),
        Case::new("server_refuses_a_busy_port", server_busy_port),
        Case::new("server_reports_every_mistake", server_mistakes),
        Case::new("agent_refuses_broken_files", agent_files),
        Case::new("agent_reports_every_mistake", agent_mistakes),
        Case::new("agent_refuses_a_missing_bundle", agent_bundle),
        Case::new("programs_refuse_bad_flags", bad_flags),
    ]
}

/// The program ends by itself, not well, and says these things; it does not panic.
fn refuses(mut process: Process, says: &[&str]) -> Result<()> {
    let status = process.wait_exit(LIMIT)?;
    let output = process.lines().join("\n");
    check_refusal(status.code(), &output, says)
}

fn check_refusal(code: Option<i32>, output: &str, says: &[&str]) -> Result<()> {
    ensure!(code == Some(1), "it ended with {code:?}:\n{output}");
    for needle in says {
        ensure!(
            output.contains(needle),
            "it does not say {needle:?}:\n{output}"
        );
    }
    ensure!(!output.contains("panicked at"), "it panicked:\n{output}");
    Ok(())
}

/// Breaks the file in these ways, one after the other; the server refuses to start each time and
/// leaves the file as it is. With the good file it starts again.
fn check_breaks(
    plan: &ServerPlan,
    programs: &Programs,
    path: &Path,
    breaks: &[Break],
) -> Result<()> {
    let good = fs::read(path)?;
    let name = path.to_string_lossy();
    for (what, change) in breaks {
        let bad = change(&good);
        fs::write(path, &bad)?;
        refuses(plan.launch(programs)?, &[&name]).with_context(|| format!("{what} {name}"))?;
        ensure!(fs::read(path)? == bad, "{what} {name} was changed");
    }
    fs::write(path, good)?;
    Ok(())
}

/// A way to break a file, and what it is called.
type Break = (&'static str, fn(&[u8]) -> Vec<u8>);

fn garbage(good: &[u8]) -> Vec<u8> {
    b"this is no file of ours\n"
        .iter()
        .copied()
        .cycle()
        .take(good.len().max(100))
        .collect()
}

fn cut(good: &[u8]) -> Vec<u8> {
    good[..good.len() / 2].to_vec()
}

fn empty(_: &[u8]) -> Vec<u8> {
    Vec::new()
}

/// A header that says SQLite, over pages that are none.
fn rotten(good: &[u8]) -> Vec<u8> {
    let mut bad = good.to_vec();
    for byte in bad.iter_mut().skip(100) {
        *byte ^= 0x5a;
    }
    bad
}

fn server_database(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    server.entry("/kept", "unix:uid:1", &[])?;
    let (plan, _) = server.stop()?;
    // All of it is in the one file now, since the last connection was closed in good order.
    let breaks: [Break; 3] = [("a garbage", garbage), ("a cut", cut), ("a rotten", rotten)];
    check_breaks(&plan, &programs, &plan.database(), &breaks)?;
    let server = plan.start(&programs).context("with the good file again")?;
    ensure!(
        server.must(&["entry", "show"])?.contains("/kept"),
        "the entry is gone"
    );
    Ok(())
}

fn server_keys(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    let bundle = server.bundle()?;
    let (plan, _) = server.stop()?;
    let breaks: [Break; 3] = [("a garbage", garbage), ("a cut", cut), ("an empty", empty)];
    check_breaks(&plan, &programs, &plan.keys(), &breaks)?;
    let server = plan.start(&programs).context("with the good file again")?;
    ensure!(server.bundle()? == bundle, "the bundle has changed");
    Ok(())
}

/// The root's key on disk: absent, garbage, another certificate's.
fn server_upstream(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let root = rcgen::generate_simple_self_signed(Vec::new())?;
    let other = rcgen::KeyPair::generate()?.serialize_pem();
    place.write("root.pem", root.cert.pem())?;
    let key = place.path("root.key");
    let mut plan = ServerPlan::new(place, "server")?;
    plan.plugins = format!(
        "    UpstreamAuthority \"disk\" {{\n        plugin_data {{\n            \
         cert_file_path = \"{}\"\n            key_file_path = \"{}\"\n        }}\n    }}\n",
        place.path("root.pem").display(),
        key.display()
    );
    let name = key.to_string_lossy();
    refuses(plan.launch(&programs)?, &[&name]).context("an absent key")?;
    fs::write(&key, garbage(b""))?;
    refuses(plan.launch(&programs)?, &[&name]).context("a garbage key")?;
    fs::write(&key, other)?;
    refuses(plan.launch(&programs)?, &["UpstreamAuthority"]).context("another key")?;
    Ok(())
}

fn server_busy_port(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let plan = ServerPlan::new(place, "server")?;
    let holder = TcpListener::bind(("127.0.0.1", plan.port))?;
    let address = format!("127.0.0.1:{}", plan.port);
    refuses(plan.launch(&programs)?, &[&address, "in use"]).context("while it is busy")?;
    drop(holder);

    // A server that is started twice by mistake: the first goes on, its socket included.
    let server = plan.start(&programs).context("when it is free")?;
    refuses(server.plan.launch(&programs)?, &[]).context("a second one")?;
    server
        .entry("/after", "unix:uid:1", &[])
        .context("at the first one")?;
    ensure!(
        server.must(&["healthcheck"])? == "Server is healthy.\n",
        "it is not healthy"
    );
    Ok(())
}

/// Every mistake with its line, by `validate` and by `run`; nothing is created.
fn server_mistakes(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let data = place.path("data");
    let data_dir = data.display();
    let settings = format!(
        r#"server {{
    trust_domian = "example.org"
    trust_domain = "Example Org"
    data_dir = "{data_dir}"
    bind_port = "eighty"
    ca_key_type = "dsa"
    ca_ttl = "soon"
    federation {{
        bundle_endpoint {{}}
    }}
}}
plugins {{
    KeyManager "memory" {{
        plugin_data {{}}
    }}
}}
"#
    );
    let says = [
        "server.conf:2:",
        "trust_domian",
        "\"trust_domain\"?",
        "server.conf:3:",
        "Example Org",
        "server.conf:5:",
        "eighty",
        "server.conf:6:",
        "dsa",
        "server.conf:7:",
        "soon",
        "server.conf:9:",
        "not supported yet",
    ];
    let config = place.write("server.conf", settings)?;
    check_config(&programs.server(), &config, &says).context("settings")?;
    let plugins = format!(
        r#"server {{
    trust_domain = "example.org"
    data_dir = "{data_dir}"
}}
plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
        }}
    }}
    KeyManager "disk" {{
        plugin_data {{
            keys_pth = "x"
        }}
    }}
    UpstreamAuthority "bogus" {{
        plugin_data {{}}
    }}
}}
"#
    );
    let says = ["connection_string", "keys_pth", "keys_path", "bogus"];
    let config = place.write("server.conf", plugins)?;
    check_config(&programs.server(), &config, &says).context("plugins")?;
    ensure!(!data.exists(), "the data folder was made");
    Ok(())
}

fn agent_mistakes(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let data = place.path("data");
    let data_dir = data.display();
    let settings = format!(
        r#"agent {{
    data_dir = "{data_dir}"
    server_adress = "localhost"
    server_port = "http"
    trust_domain = "spiffe://"
    insecure_bootstrap = "true"
    log_level = "LOUD"
}}
plugins {{
    KeyManager "memory" {{
        plugin_data {{}}
    }}
}}
"#
    );
    let says = [
        "agent.conf:3:",
        "server_adress",
        "\"server_address\"?",
        "agent.conf:4:",
        "http",
        "agent.conf:5:",
        "trust_domain",
        "agent.conf:6:",
        "insecure_bootstrap",
        "LOUD",
    ];
    let config = place.write("agent.conf", settings)?;
    check_config(&programs.agent(), &config, &says).context("settings")?;
    let plugins = format!(
        r#"agent {{
    data_dir = "{data_dir}"
    server_address = "localhost"
    server_port = 8081
    trust_domain = "example.org"
    insecure_bootstrap = true
}}
plugins {{
    NodeAttestor "join_token" {{
        plugin_data {{}}
    }}
    KeyManager "disk" {{
        plugin_data {{}}
    }}
    WorkloadAttestor "unix" {{
        plugin_data {{
            discover_workload_pth = true
        }}
    }}
    WorkloadAttestor "bogus" {{
        plugin_data {{}}
    }}
}}
"#
    );
    let says = [
        "directory",
        "discover_workload_pth",
        "discover_workload_path",
        "bogus",
    ];
    let config = place.write("agent.conf", plugins)?;
    check_config(&programs.agent(), &config, &says).context("plugins")?;
    ensure!(!data.exists(), "the data folder was made");
    Ok(())
}

fn check_config(program: &Path, config: &Path, says: &[&str]) -> Result<()> {
    for word in ["validate", "run"] {
        let output = run(Command::new(program).arg(word).arg("-config").arg(config))?;
        let text = output.stdout + &output.stderr;
        check_refusal(output.code, &text, says).with_context(|| word.to_owned())?;
    }
    Ok(())
}

/// The agent's identity and keys are never thrown away because they cannot be read.
fn agent_files(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    server.entry("/kept", &Agent::own_selector(), &[])?;
    let ids = [&*server.id("/kept")];
    let agent = AgentPlan::new(place, "agent", &server)?.attest(&programs, &server)?;
    agent.wait_svids(&ids)?;
    let (plan, _) = agent.stop()?;
    let breaks: [Break; 3] = [("a garbage", garbage), ("a cut", cut), ("an empty", empty)];
    for name in ["agent-data.json", "keys.json"] {
        let path = plan.dir.join("data").join(name);
        let good = fs::read(&path)?;
        for (what, change) in breaks {
            let bad = change(&good);
            fs::write(&path, &bad)?;
            refuses(plan.launch(&programs, &[])?, &[name])
                .with_context(|| format!("{what} {name}"))?;
            ensure!(fs::read(&path)? == bad, "{what} {name} was changed");
        }
        fs::write(&path, good)?;
    }
    let agent = plan
        .start(&programs, &[])
        .context("with the good files again")?;
    agent.wait_svids(&ids)?;
    Ok(())
}

/// The agent says what is wrong with its bundle, and goes on when that has been mended.
fn agent_bundle(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    let plan = AgentPlan::new(place, "agent", &server)?;
    let bundle = plan.dir.join("bundle.pem");
    let good = fs::read(&bundle)?;
    fs::remove_file(&bundle)?;
    let token = server.token()?;
    let agent = plan.launch(&programs, &["-joinToken", &token])?;
    let line = agent.wait_line(0, "bundle.pem")?;
    ensure!(line.contains("o such file"), "{line}");
    let mark = agent.mark();
    fs::write(&bundle, "garbage")?;
    let line = agent.wait_line(mark, "bundle.pem")?;
    ensure!(line.contains("no PEM block"), "{line}");
    fs::write(&bundle, good)?;
    agent.wait_line(mark, "Node attestation was successful")?;
    Ok(())
}

fn bad_flags(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let lines = [
        ("run -bogus", "flag provided but not defined: -bogus"),
        ("run -config", "flag needs an argument: -config"),
        (
            "run -expandEnv=maybe",
            "invalid boolean value \"maybe\" for -expandEnv",
        ),
        (
            "run -serverPort many",
            "invalid value \"many\" for flag -serverPort",
        ),
        ("run -config /none", "could not find config file /none"),
        ("validate -config /none", "could not find config file /none"),
    ];
    for program in [programs.server(), programs.agent()] {
        for (line, says) in lines {
            let log = place.path("flags.log");
            let mut command = Command::new(&program);
            command.args(line.split(' ')).current_dir(place.dir());
            let process = Process::start(line, command, &log, Terminal::No)?;
            refuses(process, &[says]).with_context(|| format!("{} {line}", program.display()))?;
        }
    }
    Ok(())
}
