//! Seed 002, "Grant AWS Access to GitHub Codespaces via SPIFFE/SPIRE": its configurations and its
//! commands as printed, from the server's start to the openssl listing. Only the two plugins that
//! need AWS are taken out, and an RSA root on disk stands in for the one in Secrets Manager.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use steeple_tests::{
    Case, LIMIT, Output, Place, Process, Programs, Room, Seed, Terminal, eventually, find_line,
    parse_line, run, strip_colours,
};

use crate::seed_002_svid;

const SERVER: &str = "/opt/spire";
const STATION: &str = "/opt/station";
/// The seed's workload runs as this uid.
const WORKLOAD: &str = "501";

pub(crate) fn cases() -> Vec<Case> {
    let seed = Seed::find("002").is_some();
    let openssl = run(Command::new("openssl").arg("version")).is_ok();
    vec![
        Case::new("seed_002", seed_002)
            .needs(
                seed,
                "seed 002 is not in the shared folder (STEEPLE_SHARED)",
            )
            .needs(openssl, "openssl is not installed")
            .needs(
                Room::possible(),
                "needs root and the right to make namespaces",
            )
            .hiding_tmp(),
    ]
}

/// What the steps share.
struct Story<'a> {
    seed: Seed,
    place: &'a Place,
    room: Room,
}

fn seed_002(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let (server, agent) = (programs.server(), programs.agent());
    let shown: [(&Path, &Path); 2] = [
        (&server, Path::new("/opt/spire/bin/spire-server")),
        (&agent, Path::new("/opt/station/bin/spire-agent")),
    ];
    let room = Room::open(place, &["spire.misaac.me"], &shown)?;
    let story = Story {
        seed: Seed::read("002")?,
        place,
        room,
    };
    story.make_root()?;
    story.write_configs()?;

    let server = story.start_server().context("starting the server")?;
    story.check_server(&server).context("the running server")?;
    let token = story.generate_token().context("generating a token")?;
    let agent = story.run_agent(&token).context("running the agent")?;
    story
        .check_token_is_used(&token)
        .context("using the token again")?;
    let entry = story.create_entry().context("creating the entry")?;
    story
        .check_agent_follows(&agent, &entry)
        .context("the agent's log after the entry")?;
    let printed = story.fetch().context("fetching the SVID")?;
    seed_002_svid::check_printed(&printed).context("what fetch prints")?;
    seed_002_svid::check_files(place, &story.openssl_text()?, story.openssl_listing()?)?;
    story
        .append_intermediate()
        .context("the bundle one-liner")?;
    Ok(())
}

impl Story<'_> {
    fn sh(&self, folder: &str, script: &str) -> Result<Output> {
        run(self.room.command(folder, "bash").args(["-c", script]))
    }

    /// S1: an RSA root like the one the seed's Terraform makes; the key in its PKCS#1 form.
    fn make_root(&self) -> Result<()> {
        self.place.open_dir("opt/spire/root")?;
        let script = "umask 077 && openssl req -x509 -newkey rsa:2048 -nodes -days 3650 \
             -subj '/C=US/O=Misaac Org/CN=misaac.me Root CA' -keyout any.pem -out root.pem \
             -addext keyUsage=critical,keyCertSign,cRLSign,keyEncipherment,digitalSignature \
             && openssl rsa -traditional -in any.pem -out root.key && rm any.pem";
        self.sh("/opt/spire/root", script)?.success()?;
        let key = fs::read_to_string(self.place.path("opt/spire/root/root.key"))?;
        ensure!(
            key.starts_with("-----BEGIN RSA PRIVATE KEY-----"),
            "the key is not PKCS#1"
        );
        Ok(())
    }

    /// S2 to S4, S8, S20: the two configuration files.
    fn write_configs(&self) -> Result<()> {
        let conf = self.seed.block("# server.conf.tftpl", "ca_subject")?;
        let disk = "UpstreamAuthority \"disk\" {\n        plugin_data {\n            \
             cert_file_path = \"/opt/spire/root/root.pem\"\n            \
             key_file_path = \"/opt/spire/root/root.key\"\n        }\n    }";
        let conf = replace_block(conf, "UpstreamAuthority \"awssecret\"", disk)?;
        let conf = replace_block(
            &conf,
            "BundlePublisher \"aws_rolesanywhere_trustanchor\"",
            "",
        )?;
        self.place
            .write("opt/spire/conf/server/server.conf", conf)?;
        let conf = self.seed.block("agent {", "spire.misaac.me")?;
        self.place
            .write("opt/station/conf/agent/agent.conf", conf)?;
        // The volumes that the seed mounts.
        self.place.open_dir("tmp/spire-server/private")?;
        Ok(())
    }

    /// S9: Amazon ECS puts the seed's command behind the image's entry point.
    fn start_server(&self) -> Result<Process> {
        let task = self
            .seed
            .block("resource \"aws_ecs_task_definition\"", "entryPoint")?;
        let (_, command) = task
            .split_once("# Command to run SPIRE server with our config")
            .context("no command in the seed")?;
        let words: Vec<_> = command
            .lines()
            .skip(2)
            .map_while(|line| {
                line.trim()
                    .trim_end_matches(',')
                    .strip_prefix('"')?
                    .strip_suffix('"')
            })
            .collect();
        ensure!(
            words.len() == 3 && words[0] == "sh",
            "unexpected command {words:?}"
        );
        let mut command = self.room.command(SERVER, "/opt/spire/bin/spire-server");
        command.arg("run").args(words);
        let server = Process::start(
            "server",
            command,
            &self.place.path("server.log"),
            Terminal::No,
        )?;
        server.wait_lines(0, "Starting Server APIs", 2)?;
        Ok(server)
    }

    /// S3, S7, S10, S11, S12.
    fn check_server(&self, server: &Process) -> Result<()> {
        for (kind, name) in [("KeyManager", "disk"), ("UpstreamAuthority", "disk")] {
            let fields = [
                ("plugin_type", kind),
                ("plugin_name", name),
                ("external", "false"),
            ];
            let line = find_line(&server.lines(), "Plugin loaded", &fields);
            ensure!(line.is_some(), "no line that {kind} {name} is loaded");
        }
        self.check_mode("tmp/spire-server/private/keys.json", 0o600)?;
        self.check_mode("tmp/spire-server/private/api.sock", 0o770)?;
        ensure!(
            self.place
                .path("opt/spire/.data/datastore.sqlite3")
                .is_file(),
            "no database"
        );
        for path in ["/live", "/ready"] {
            let script = format!(
                r"exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET {path} HTTP/1.0\r\n\r\n' >&3; cat <&3"
            );
            eventually("a healthy HTTP answer", LIMIT, || {
                let answer = self.sh("/", &script)?;
                Ok(answer
                    .stdout
                    .split_once("\r\n")
                    .is_some_and(|(s, _)| s.ends_with(" 200 OK"))
                    .then_some(()))
            })?;
        }
        self.sh(
            "/",
            "for i in 1 2 3; do exec 3<>/dev/tcp/127.0.0.1/8081; exec 3>&-; done",
        )?
        .success()?;
        let healthy = self.ecs("spire-server healthcheck\"")?;
        ensure!(
            healthy == "Server is healthy.\n",
            "healthcheck printed {healthy:?}"
        );
        Ok(())
    }

    /// Runs the command that the seed gives to `aws ecs execute-command` in the block with this
    /// text, and returns what it prints.
    fn ecs(&self, needle: &str) -> Result<String> {
        let block = self.seed.block("$ aws ecs execute-command", needle)?;
        let (_, command) = block.split_once("--command \"").context("no --command")?;
        let (command, _) = command.split_once("\"\n").context("no end of --command")?;
        let command = command.replace("\\\n", " ");
        self.sh(SERVER, &command)?.success().context(command)
    }

    /// S13.
    fn generate_token(&self) -> Result<String> {
        let printed = self.ecs("token generate")?;
        let token = printed
            .strip_prefix("Token: ")
            .and_then(|rest| rest.strip_suffix('\n'));
        let token = token.with_context(|| format!("printed {printed:?}"))?;
        ensure!(is_uuid(token), "{token:?} is no UUID");
        Ok(token.to_owned())
    }

    /// S21 to S28: on a terminal, since the seed shows one.
    fn run_agent(&self, token: &str) -> Result<Process> {
        let block = self
            .seed
            .block("$ ./bin/spire-agent run", "Node attestation")?;
        let words: Vec<_> = block
            .lines()
            .find_map(|line| line.strip_prefix("$ "))
            .context("no command")?
            .split(' ')
            .collect();
        ensure!(
            words[..3] == ["./bin/spire-agent", "run", "-joinToken"],
            "{words:?}"
        );
        let mut command = self.room.command(STATION, words[0]);
        command.args(["run", "-joinToken", token]);
        let log = self.place.path("agent.log");
        let agent = Process::start("agent", command, &log, Terminal::Yes)?;
        agent.wait_line(0, "Starting agent APIs")?;
        agent.wait_line(0, "Entry created")?;
        // The agent of the post was not a new one: it had keys. And SPIRE warns once today.
        let mut seed: Vec<_> = block
            .lines()
            .filter(|line| line.contains("[0000]") && !line.contains("Keys recovered"))
            .collect();
        seed.dedup();
        check_log(&agent.lines(), seed.into_iter(), &[(words[3], token)])?;
        self.check_mode("opt/station/.data/keys.json", 0o600)?;
        self.check_mode("opt/station/.data/agent-data.json", 0o600)?;
        self.check_mode("tmp/spire-agent/public/api.sock", 0o777)?;
        Ok(agent)
    }

    /// S14.
    fn check_token_is_used(&self, token: &str) -> Result<()> {
        let mut command = self.room.command(STATION, "./bin/spire-agent");
        command.args(["run", "-joinToken", token, "-dataDir", "./.second"]);
        command.args(["-socketPath", "/tmp/second/api.sock"]);
        let conf = self
            .seed
            .block("agent {", "spire.misaac.me")?
            .replace("./.data", "./.second");
        self.place.write("opt/station/second.conf", conf)?;
        command.args(["-config", "second.conf"]);
        let log = self.place.path("second.log");
        let agent = Process::start("second agent", command, &log, Terminal::No)?;
        agent.wait_line(0, "join token does not exist or has already been used")?;
        Ok(())
    }

    /// S15, in the label width of today's SPIRE.
    fn create_entry(&self) -> Result<String> {
        let printed = self.ecs("entry create")?;
        let rows: Vec<(&str, &str)> = printed
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| line.split_at_checked(26).unwrap_or((line, "")))
            .collect();
        let id = rows.first().map_or("", |(_, value)| value).to_owned();
        let label = |name: &str| format!("{name:<24}: ");
        let expected: Vec<_> = [
            ("Entry ID", id.as_str()),
            ("SPIFFE ID", "spiffe://misaac.me/myservice"),
            ("Parent ID", "spiffe://misaac.me/myagent"),
            ("Revision", "0"),
            ("X509-SVID TTL", "default"),
            ("JWT-SVID TTL", "default"),
            ("Selector", "unix:uid:501"),
            ("DNS name", "m.misaac.me"),
        ]
        .map(|(name, value)| (label(name), value.to_owned()))
        .into();
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        ensure!(rows == expected, "printed {printed:?}");
        ensure!(is_uuid(&id), "{id:?} is no UUID");
        ensure!(
            printed.ends_with("m.misaac.me\n\n"),
            "no blank line after the entry"
        );
        Ok(id)
    }

    /// S29.
    fn check_agent_follows(&self, agent: &Process, entry: &str) -> Result<()> {
        let block = self.seed.block("DEBU[0083]", "SVID updated")?;
        let (_, theirs) = block.split_once("entry=").context("no entry in the seed")?;
        let theirs = theirs.split(' ').next().unwrap_or_default();
        agent.wait_lines(0, entry, 3)?; // created, being signed, updated
        check_log(
            &agent.lines(),
            block.lines().filter(|line| !line.is_empty()),
            &[(theirs, entry)],
        )
    }

    /// S30: the seed's fetch, as the workload's uid.
    fn fetch(&self) -> Result<String> {
        let block = self
            .seed
            .block("$ bin/spire-agent api fetch", "Received 1 svid")?;
        let command = block
            .lines()
            .find_map(|line| line.strip_prefix("$ "))
            .context("no command")?;
        self.sh_as_workload(command)?.success()
    }

    fn sh_as_workload(&self, script: &str) -> Result<Output> {
        let mut command = self.room.command(STATION, "setpriv");
        command.args(["--reuid", WORKLOAD, "--regid", WORKLOAD, "--clear-groups"]);
        run(command.args(["bash", "-c", "umask 022; eval \"$0\"", script]))
    }

    fn openssl_listing(&self) -> Result<&str> {
        let block = self.seed.block("$ openssl x509 -in", "Certificate:")?;
        Ok(block.split_once('\n').map_or("", |(_, listing)| listing))
    }

    fn openssl_text(&self) -> Result<String> {
        let block = self.seed.block("$ openssl x509 -in", "Certificate:")?;
        let command = block
            .lines()
            .find_map(|line| line.strip_prefix("$ "))
            .context("no command")?;
        self.sh_as_workload(command)?.success()
    }

    /// S34: what a later step of the seed does to the files.
    fn append_intermediate(&self) -> Result<()> {
        let script = self.seed.block("echo -e", "/tmp/bundle.0.pem")?;
        self.sh_as_workload(script.trim())?.success()?;
        let bundle = fs::read_to_string(self.place.path("tmp/bundle.0.pem"))?;
        let count = bundle.matches("-----BEGIN CERTIFICATE-----").count();
        ensure!(count == 2, "the bundle has {count} certificates");
        Ok(())
    }

    fn check_mode(&self, path: &str, mode: u32) -> Result<()> {
        let metadata = fs::metadata(self.place.path(path)).with_context(|| path.to_owned())?;
        let found = metadata.permissions().mode() & 0o7777;
        ensure!(
            found == mode,
            "{path} has mode {found:o} instead of {mode:o}"
        );
        Ok(())
    }
}

/// The seed's log lines are there, in this order, laid out in the same way. What differs from run
/// to run is given in pairs; seconds and version are not compared.
fn check_log<'a>(
    lines: &[String],
    expected: impl Iterator<Item = &'a str>,
    pairs: &[(&str, &str)],
) -> Result<()> {
    let mut from = 0;
    for seed in expected {
        let seed = pairs
            .iter()
            .fold(seed.trim_end().to_owned(), |s, (a, b)| s.replace(a, b));
        let wanted = plain(&seed);
        match lines[from..].iter().position(|line| plain(line) == wanted) {
            // The seed's lines for one entry follow each other; those of two plugins may not.
            Some(at) => from += at + 1,
            None => {
                let alike = parse_line(&seed)
                    .map(|line| line.message)
                    .unwrap_or_default();
                let alike: Vec<_> = lines.iter().filter(|line| line.contains(&alike)).collect();
                bail!("no line {wanted:?} after line {from}; alike are {alike:#?}");
            }
        }
    }
    Ok(())
}

/// The line without colours, seconds and what names a single run.
fn plain(line: &str) -> String {
    let line = strip_colours(line);
    let line = match (line.find('['), line.find("] ")) {
        (Some(4), Some(end)) => format!("{}{}", &line[..4], &line[end..]),
        _ => line,
    };
    line.split(' ')
        .map(|word| match word.split_once('=') {
            Some(("version", _)) => "version=",
            // an entry of the seed's own agent, whose id nobody was told
            Some(("entry", id)) if is_uuid(id) && !line.contains("/myservice") => "entry=",
            _ => word,
        })
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end()
        .to_owned()
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// The configuration with the block that starts with `header` replaced.
fn replace_block(text: &str, header: &str, with: &str) -> Result<String> {
    let start = text
        .find(header)
        .with_context(|| format!("no {header} in the seed"))?;
    let mut depth = 0;
    for (at, c) in text[start..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => {
                return Ok(format!(
                    "{}{with}{}",
                    &text[..start],
                    &text[start + at + 1..]
                ));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    bail!("{header} does not end")
}
