//! The commands of either kind at the server and agent of either kind: they must print the same.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use steeple_tests::{Agent, AgentPlan, Case, Output, Place, Programs, Server, ServerPlan, run};

use crate::both_ways::{NO_STOCK, stock_programs};

pub(crate) fn cases() -> Vec<Case> {
    let stock = Programs::stock().is_some();
    vec![
        Case::new("commands_at_our_server", |place| {
            at_server(place, &Programs::ours()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("commands_at_stock_server", |place| {
            at_server(place, &stock_programs()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("commands_at_our_agent", |place| {
            at_agent(place, &Programs::ours()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("commands_at_stock_agent", |place| {
            at_agent(place, &stock_programs()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("commands_without_a_server", without_a_server).needs(stock, NO_STOCK),
    ]
}

/// All that differs, so that one run shows everything.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, words: &[&str], stock: Output, ours: Output) {
        let (stock, ours) = (normal(stock), normal(ours));
        let same = stock == ours
            || (is_own_refusal(&stock) && stock.code == ours.code && stock.stdout == ours.stdout);
        if !same {
            self.0
                .push(format!("{words:?}: {}", difference(&stock, &ours)));
        }
    }

    fn none(self) -> Result<()> {
        let count = self.0.len();
        ensure!(
            count == 0,
            "{count} commands differ:\n{}",
            self.0.join("\n")
        );
        Ok(())
    }
}

/// The lines that only one of them has.
fn difference(stock: &Output, ours: &Output) -> String {
    let mut found = format!("exit codes {:?} and {:?}", stock.code, ours.code);
    for (stock, ours) in [(&stock.stdout, &ours.stdout), (&stock.stderr, &ours.stderr)] {
        for line in stock
            .lines()
            .filter(|line| !ours.lines().any(|other| other == *line))
        {
            found.push_str(&format!("\n  stock: {line:?}"));
        }
        for line in ours
            .lines()
            .filter(|line| !stock.lines().any(|other| other == *line))
        {
            found.push_str(&format!("\n  ours:  {line:?}"));
        }
    }
    found
}

fn at_server(place: &Place, programs: &Programs) -> Result<()> {
    let (stock, ours) = (stock_programs()?, Programs::ours()?);
    let server = ServerPlan::new(place, "server")?.start(programs)?;
    let mut found = Differences::default();
    let agents = [
        attest(place, "first", &server)?,
        attest(place, "second", &server)?,
    ];
    // Everything that changes something, once with each program: the second starts from the same.
    let mut outputs = Vec::new();
    for (programs, (_, agent)) in [&stock, &ours].into_iter().zip(&agents) {
        outputs.push(change(&server, programs, agent)?);
    }
    let (second, first) = (
        outputs.pop().unwrap_or_default(),
        outputs.pop().unwrap_or_default(),
    );
    for ((words, stock), (_, ours)) in first.into_iter().zip(second) {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        found.compare(&words, stock, ours);
    }
    server.entry("/b", "unix:uid:1", &["-dns", "b.example.org", "-hint", "b"])?;
    server.entry(
        "/a",
        "unix:uid:2",
        &["-selector", "unix:gid:3", "-x509SVIDTTL", "60"],
    )?;
    let (_agent, id) = attest(place, "third", &server)?;
    for words in reads(&id) {
        let stock = server.plan.cli(&stock, &words)?;
        found.compare(&words, stock, server.plan.cli(&ours, &words)?);
    }
    found.none()
}

/// What only looks; refused requests among them.
fn reads(agent: &str) -> Vec<Vec<&str>> {
    let mut all: Vec<Vec<&str>> = [
        "healthcheck",
        "healthcheck -verbose",
        "healthcheck -shallow",
        "bundle show",
        "bundle show -format pem",
        "bundle show -format spiffe",
        "bundle show -format bogus",
        "entry show",
        "entry show -spiffeID spiffe://example.org/a",
        "entry show -spiffeID spiffe://example.org/none",
        "entry show -parentID spiffe://example.org/node",
        "entry show -selector unix:uid:1",
        "entry show -selector unix:uid:2 -matchSelectorsOn exact",
        "entry show -selector unix:uid:2 -selector unix:gid:3 -matchSelectorsOn exact",
        "entry show -selector unix:uid:2 -selector unix:gid:3 -matchSelectorsOn any",
        "entry show -selector unix:uid:2 -selector unix:gid:3 -matchSelectorsOn subset",
        "entry show -selector unix:uid:2 -matchSelectorsOn bogus",
        "entry show -hint b",
        "entry show -downstream",
        "entry show -entryID none",
        "entry show -selector bogus",
        "entry show -spiffeID bogus",
        "entry count",
        "entry count -selector unix:uid:1",
        "agent list",
        "agent list -attestationType join_token",
        "agent list -attestationType x509pop",
        "agent list -canReattest true",
        "agent list -banned true",
        "agent count",
        "agent count -banned false",
        "agent show -spiffeID spiffe://example.org/none",
        "agent show -spiffeID bogus",
        "agent show",
        "agent ban",
        "agent evict",
        "agent ban -spiffeID spiffe://example.org/none",
        "agent evict -spiffeID spiffe://example.org/none",
        "entry create",
        "entry create -spiffeID spiffe://example.org/x",
        "entry create -spiffeID spiffe://example.org/x -parentID spiffe://example.org/node",
        "entry create -spiffeID bogus -parentID spiffe://example.org/node -selector a:b",
        "entry create -spiffeID spiffe://example.org -parentID spiffe://example.org/node -selector a:b",
        "entry create -spiffeID spiffe://other.org/x -parentID spiffe://example.org/node -selector a:b",
        "entry create -spiffeID spiffe://example.org/x -parentID spiffe://example.org/node -selector a",
        "entry create -spiffeID spiffe://example.org/b -parentID spiffe://example.org/node -selector unix:uid:1",
        "entry create -spiffeID spiffe://example.org/x -parentID spiffe://example.org/node -selector a:b -federatesWith other.org",
        "entry create -spiffeID spiffe://example.org/x -parentID spiffe://example.org/node -selector a:b -x509SVIDTTL -1",
        "entry update",
        "entry update -entryID none -spiffeID spiffe://example.org/x -parentID spiffe://example.org/node -selector a:b",
        "entry delete",
        "entry delete -entryID none",
        "entry delete -file /none",
        "token generate -ttl 0",
        "token generate -spiffeID bogus",
        "entry show -output bogus",
        "entry show -bogus",
        "entry show -downstream=maybe",
    ]
    .iter()
    .map(|line| line.split(' ').collect())
    .collect();
    all.push(vec!["agent", "show", "-spiffeID", agent]);
    let json: Vec<Vec<&str>> = all
        .iter()
        .map(|words| [words.as_slice(), &["-output", "json"]].concat())
        .collect();
    all.into_iter().chain(json).collect()
}

/// Runs commands that change something and leaves the server as it was, but for the agent.
fn change(server: &Server, programs: &Programs, agent: &str) -> Result<Vec<(Vec<String>, Output)>> {
    let mut outputs = Vec::new();
    let mut run = |words: &[&str]| -> Result<Output> {
        let output = server.plan.cli(programs, words)?;
        outputs.push((
            words.iter().map(|word| (*word).to_owned()).collect(),
            output.clone(),
        ));
        Ok(output)
    };
    let base: Vec<&str> =
        "-spiffeID spiffe://example.org/made -parentID spiffe://example.org/node \
                           -selector unix:uid:9"
            .split(' ')
            .collect();
    let every: Vec<&str> = "-selector unix:gid:9 -dns b.example.org -dns a.example.org -hint h \
                            -x509SVIDTTL 600 -jwtSVIDTTL 60 -admin -downstream -entryExpiry \
                            4102444800 -disableX509SVIDPrefetch -jwtSVIDIncludeJTI"
        .split_whitespace()
        .collect();
    run(&["token", "generate"])?;
    run(&["token", "generate", "-ttl", "60", "-output", "json"])?;
    run(&[&["entry", "create", "-entryID", "mine"], &base[..]].concat())?;
    run(&[&["entry", "create"], &base[..]].concat())?; // similar
    run(&[&["entry", "create", "-output", "json"], &base[..]].concat())?;
    run(&["entry", "show", "-entryID", "mine"])?;
    run(&[&["entry", "update", "-entryID", "mine"], &base[..], &every].concat())?;
    run(&["entry", "show", "-entryID", "mine", "-output", "json"])?;
    run(&["entry", "delete", "-entryID", "mine"])?;
    run(&["entry", "delete", "-entryID", "mine", "-output", "json"])?;
    run(&[
        &["entry", "create", "-entryID", "all", "-output", "json"],
        &base[..],
        &every,
    ]
    .concat())?;
    run(&["entry", "delete", "-entryID", "all", "-output", "json"])?;
    run(&["agent", "show", "-spiffeID", agent])?;
    run(&["agent", "ban", "-spiffeID", agent])?;
    run(&["agent", "show", "-spiffeID", agent, "-output", "json"])?;
    run(&["agent", "evict", "-spiffeID", agent])?;
    run(&["agent", "show", "-spiffeID", agent])?;
    Ok(outputs)
}

fn at_agent(place: &Place, programs: &Programs) -> Result<()> {
    let (stock, ours) = (stock_programs()?, Programs::ours()?);
    let server = ServerPlan::new(place, "server")?.start(programs)?;
    server.entry("/one", &Agent::own_selector(), &["-hint", "h"])?;
    server.entry("/two", &Agent::own_selector(), &[])?;
    let agent = AgentPlan::new(place, "agent", &server)?.attest(programs, &server)?;
    agent.wait_svids(&[&server.id("/one"), &server.id("/two")])?;
    let fetched = agent.cli(&["api", "fetch", "jwt", "-audience", "a", "-output", "json"])?;
    let fetched: Value = serde_json::from_str(&fetched.success()?)?;
    let token = fetched[0]["svids"][0]["svid"]
        .as_str()
        .context("no token")?
        .to_owned();
    let dir = place.open_dir("fetched")?.to_string_lossy().into_owned();

    let lines = [
        "healthcheck",
        "healthcheck -verbose",
        "api fetch",
        "api fetch -output json",
        "api fetch x509",
        "api fetch x509 -silent",
        "api fetch x509 -output json",
        "api fetch x509 -timeout 10s",
        "api fetch x509 -timeout bogus",
        "api fetch x509 -write /none",
        "api fetch jwt",
        "api fetch jwt -audience a",
        "api fetch jwt -audience a,b -output json -spiffeID spiffe://example.org/none",
        "api fetch jwt -audience a -spiffeID spiffe://example.org/one",
        "api fetch jwt -audience a -spiffeID bogus",
        "api validate jwt",
        "api validate jwt -audience a",
        "api validate jwt -audience a -svid bogus",
        "api fetch x509 -bogus",
    ];
    let mut all: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    all.push(vec!["api", "fetch", "x509", "-write", &dir]);
    all.push(vec![
        "api",
        "validate",
        "jwt",
        "-audience",
        "a",
        "-svid",
        &token,
    ]);
    all.push(vec![
        "api",
        "validate",
        "jwt",
        "-audience",
        "b",
        "-svid",
        &token,
    ]);
    let mut found = Differences::default();
    for words in all {
        let stock = agent.plan.cli(&stock, &words)?;
        found.compare(&words, stock, agent.plan.cli(&ours, &words)?);
    }
    found.none()
}

/// Help, unknown words, and nobody there.
fn without_a_server(place: &Place) -> Result<()> {
    let (stock, ours) = (stock_programs()?, Programs::ours()?);
    let mut found = Differences::default();
    let nobody = place.path("nobody.sock").to_string_lossy().into_owned();
    let at_nobody = |words: &[&'static str]| -> Vec<String> {
        words
            .iter()
            .copied()
            .chain(["-socketPath", &nobody])
            .map(str::to_owned)
            .collect()
    };
    let plain =
        |words: &str| -> Vec<String> { words.split_whitespace().map(str::to_owned).collect() };
    let server = [
        plain("entry create -h"),
        plain("entry update -h"),
        plain("entry show -h"),
        plain("entry delete -h"),
        plain("entry count -h"),
        plain("agent list -h"),
        plain("agent show -h"),
        plain("token generate -h"),
        plain("bundle show -h"),
        plain("healthcheck -h"),
        plain("run -h"),
        plain("validate -h"),
        plain("run -config /none"),
        plain("validate -config /none"),
        at_nobody(&["healthcheck"]),
        at_nobody(&["entry", "show"]),
        at_nobody(&["entry", "show", "-output", "json"]),
        at_nobody(&["token", "generate"]),
    ];
    let agent = [
        plain("api fetch x509 -h"),
        plain("api fetch jwt -h"),
        plain("api validate jwt -h"),
        plain("api watch -h"),
        plain("healthcheck -h"),
        plain("run -h"),
        plain("validate -h"),
        plain("run -config /none"),
        at_nobody(&["healthcheck"]),
        at_nobody(&["api", "fetch"]),
        at_nobody(&["api", "fetch", "jwt", "-audience", "a"]),
    ];
    type Pick = fn(&Programs) -> std::path::PathBuf;
    let both: [(Pick, &[Vec<String>]); 2] =
        [(Programs::server, &server), (Programs::agent, &agent)];
    for (program, lines) in both {
        for words in lines {
            let go = |programs| run(Command::new(program(programs)).args(words));
            let (stock, ours) = (go(&stock)?, go(&ours)?);
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            found.compare(&words, stock, ours);
        }
    }
    // Stock lists what there is by asking each command for its usage, all of which it prints.
    let parents = [
        "",
        "entry",
        "entry bogus",
        "bogus",
        "agent",
        "token",
        "bundle",
        "bogus entry",
    ];
    for words in parents.map(plain) {
        let [stock, ours] = [&stock, &ours].map(|programs| {
            Ok::<_, anyhow::Error>(run(Command::new(programs.server()).args(&words))?.code)
        });
        let (stock, ours) = (stock?, ours?);
        ensure!(
            stock == ours,
            "{words:?} ends with {ours:?}, that of stock with {stock:?}"
        );
    }
    found.none()
}

/// Attests an agent and says which ID it got.
fn attest(place: &Place, name: &str, server: &Server) -> Result<(Agent, String)> {
    let token = server.token()?;
    let plan = AgentPlan::new(place, name, server)?;
    let agent = plan.start(&server.programs, &["-joinToken", &token])?;
    Ok((
        agent,
        server.id(&format!("/spire/agent/join_token/{token}")),
    ))
}

/// A refusal that names something of the machine: there the words are the program's own, and ours
/// say what to do. What a server says is not among them.
fn is_own_refusal(output: &Output) -> bool {
    let marks = [
        "no such file",
        "connection error",
        "could not find config file",
        "open /",
    ];
    output.code != Some(0) && marks.iter().any(|mark| output.stderr.contains(mark))
}

/// The output without what differs from run to run: UUIDs, times and how long it took.
fn normal(output: Output) -> Output {
    let text =
        |text: &str| text.lines().map(normal_line).collect::<Vec<_>>().join("\n") + end(text);
    let mut stderr = text(&output.stderr);
    if stderr.contains("Usage of ") {
        // After the usage, some of stock's commands say once more what was wrong, or nothing.
        let mut lines: Vec<_> = stderr.trim_end().lines().collect();
        let again = lines.first().copied();
        lines.pop_if(|last| *last == "flag: help requested" || Some(*last) == again);
        stderr = lines.join("\n");
    }
    Output {
        code: output.code,
        stdout: text(&output.stdout),
        stderr,
    }
}

fn end(text: &str) -> &str {
    if text.ends_with('\n') { "\n" } else { "" }
}

fn normal_line(line: &str) -> String {
    if let Some((before, _)) = line
        .split_once(" after ")
        .filter(|_| line.starts_with("Received"))
    {
        return before.to_owned();
    }
    for label in ["Expiration time", "Serial number"] {
        if line.starts_with(label) {
            return label.to_owned();
        }
    }
    if line.starts_with("Claims") {
        return line.replace(' ', "");
    }
    let keys = [
        "created_at",
        "expires_at",
        "x509svid_expires_at",
        "x509svid_serial_number",
    ];
    keys.iter()
        .fold(without_uuids(line), |line, key| without_value(&line, key))
}

/// `"key":"value"` becomes `"key":""`, wherever it is.
fn without_value(line: &str, key: &str) -> String {
    let start = format!("\"{key}\":\"");
    let mut parts = line.split(start.as_str());
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once('"').map_or("", |(_, rest)| rest);
        plain.push_str(&format!("{start}\"{rest}"));
    }
    plain
}

fn without_uuids(line: &str) -> String {
    let mut rest = line;
    let mut plain = String::new();
    while let Some(at) = rest.find('-') {
        let start = at.saturating_sub(8);
        match rest.get(start..start + 36).filter(|word| is_uuid(word)) {
            Some(_) => {
                plain.push_str(&rest[..start]);
                plain.push_str("<uuid>");
                rest = &rest[start + 36..];
            }
            None => {
                plain.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    plain + rest
}

fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}
