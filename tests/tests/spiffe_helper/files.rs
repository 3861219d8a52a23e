//! What is in the files, fetched once.

use std::fs;

use anyhow::{Context, Result, ensure};
use steeple_spiffe::pem::certificates_from_pem;
use steeple_tests::{Case, Place, find_line, run};

use crate::world::{Trio, World, helper, mode, names, once, stock};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("helper_fetches_once", fetches_once),
        Case::new("helper_fetches_jwt_once", fetches_jwt_once),
        Case::new("helper_chooses_by_hint", chooses_by_hint),
        Case::new("helper_waits_for_its_registration", waits_for_registration),
        Case::new("helper_writes_what_stock_writes", writes_what_stock_writes).needs(
            stock().is_some(),
            "set STEEPLE_STOCK_SPIRE to a folder that has spiffe-helper, too",
        ),
    ]
}

fn lines(stderr: &str) -> Vec<String> {
    stderr.lines().map(str::to_owned).collect()
}

fn fetches_once(place: &Place) -> Result<()> {
    let world = World::new(place, &["-dns", "workload.local"])?;
    let folder = place.open_dir("certs")?;
    let config = world.config(&folder) + "cert_file_mode = 0444\nkey_file_mode = 0400\n";
    // Twice: what is there is replaced, write-protected or not.
    for _ in 0..2 {
        let output = once(&helper()?, place, &config)?;
        ensure!(
            output.code == Some(0) && output.stdout.is_empty(),
            "{output:?}"
        );
        let log = lines(&output.stderr);
        for message in [
            "Daemon mode disabled",
            "Successfully fetched x509 certificates",
            "Exiting",
        ] {
            let line = find_line(&log, message, &[("system", "spiffe-helper")]);
            line.with_context(|| format!("{message} in {log:?}"))?;
        }
        let trio = Trio::read(&folder)?.context("nobody else writes")?;
        let leaf = trio.check()?;
        ensure!(leaf.uris == [world.server.id("/workload")]);
        ensure!(leaf.dns_names == ["workload.local"]);
        ensure!(
            trio.bundle == world.server.bundle()?,
            "the bundle is the server's"
        );
        ensure!(mode(&folder.join("svid.pem"))? == 0o444);
        ensure!(mode(&folder.join("bundle.pem"))? == 0o444);
        ensure!(mode(&folder.join("key.pem"))? == 0o400);
    }
    let plain = place.open_dir("plain")?;
    let config = world.config(&plain) + "file_layout = \"plain\"\n";
    once(&helper()?, place, &config)?.success()?;
    Trio::read(&plain)?.context("nobody else writes")?.check()?;
    ensure!(names(&plain)? == ["bundle.pem", "key.pem", "svid.pem"]);
    Ok(())
}

fn fetches_jwt_once(place: &Place) -> Result<()> {
    let world = World::new(place, &[])?;
    let folder = place.open_dir("certs")?;
    let config = format!(
        "agent_address = \"{}\"\ncert_dir = \"{}\"\njwt_bundle_file_name = \"jwks.{{trust_domain}}.json\"\n\
         jwt_bundle_format = \"jwks\"\n\
         jwt_svids = [{{ jwt_audience = \"one\", jwt_extra_audiences = [\"two\"], jwt_svid_file_name = \"token\" }}]\n",
        world.agent.plan.socket().display(),
        folder.display()
    );
    once(&helper()?, place, &config)?.success()?;
    let token = fs::read_to_string(folder.join("token"))?;
    ensure!(!token.ends_with('\n') && mode(&folder.join("token"))? == 0o600);
    for audience in ["one", "two"] {
        let words = [
            "api",
            "validate",
            "jwt",
            "-audience",
            audience,
            "-svid",
            &token,
        ];
        let answer = world.agent.cli(&words)?.success()?;
        ensure!(answer.contains("SVID is valid"), "{audience}: {answer}");
    }
    let jwks: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("jwks.example.org.json"))?)?;
    ensure!(jwks["keys"][0]["kid"].is_string(), "{jwks}");
    Ok(())
}

fn chooses_by_hint(place: &Place) -> Result<()> {
    let world = World::new(place, &["-hint", "first"])?;
    let selector = steeple_tests::Agent::own_selector();
    world
        .server
        .entry("/other", &selector, &["-hint", "second"])?;
    let ids = [world.server.id("/workload"), world.server.id("/other")];
    world.agent.wait_svids(&[&ids[0], &ids[1]])?;
    let folder = place.open_dir("certs")?;
    for (hint, id) in [("first", &ids[0]), ("second", &ids[1])] {
        let config = format!("{}hint = {hint:?}\n", world.config(&folder));
        once(&helper()?, place, &config)?.success()?;
        let trio = Trio::read(&folder)?.context("nobody else writes")?;
        ensure!(trio.check()?.uris == [id.as_str()]);
    }
    let before = Trio::read(&folder)?;
    let config = world.config(&folder) + "hint = \"third\"\n";
    let words = once(&helper()?, place, &config)?.failure(1)?;
    ensure!(
        words.contains("failed to find the hinted x509 SVID"),
        "{words}"
    );
    ensure!(Trio::read(&folder)? == before, "what is there stays");
    Ok(())
}

fn waits_for_registration(place: &Place) -> Result<()> {
    let world = World::new(place, &["-hint", "first"])?;
    let config = world.config(&place.open_dir("certs")?);
    let shown = world.server.json(&["entry", "show"])?;
    for entry in shown["entries"].as_array().context("entries")? {
        let id = entry["id"].as_str().context("id")?;
        if entry["spiffe_id"]["path"] == "/workload" {
            world.server.must(&["entry", "delete", "-entryID", id])?;
        }
    }
    world.agent.wait_svids(&[])?;
    let impatient = config.clone() + "one_shot_timeout = \"100ms\"\n";
    let words = once(&helper()?, place, &impatient)?.failure(1)?;
    ensure!(
        words.contains("no answer within 100ms (one_shot_timeout)"),
        "{words}"
    );
    ensure!(words.contains("PermissionDenied"), "{words}");
    ensure!(
        names(&place.path("certs"))?.is_empty(),
        "nothing is written"
    );

    let path = place.write("patient.conf", config)?;
    let mut command = std::process::Command::new(helper()?);
    command.arg("-config").arg(path).arg("-daemon-mode=false");
    let log = place.path("patient.log");
    let mut patient =
        steeple_tests::Process::start("spiffe-helper", command, &log, steeple_tests::Terminal::No)?;
    patient.wait_line(0, "Daemon mode disabled")?;
    world
        .server
        .entry("/workload", &steeple_tests::Agent::own_selector(), &[])?;
    let status = patient.wait_exit(steeple_tests::LIMIT)?;
    ensure!(status.success(), "{status}");
    Trio::read(&place.path("certs"))?
        .context("nobody else writes")?
        .check()?;
    Ok(())
}

fn writes_what_stock_writes(place: &Place) -> Result<()> {
    let world = World::new(place, &[])?;
    let stock = stock().context("the stock program is there")?;
    let (ours_dir, stock_dir) = (place.open_dir("ours")?, place.open_dir("stock")?);
    let more = "jwt_bundle_file_name = \"jwt.json\"\nadd_intermediates_to_bundle = true\n\
                jwt_svids = [{ jwt_audience = \"a\", jwt_svid_file_name = \"token\" }]\n";
    let config = |folder| {
        let text = world.config(folder) + more;
        text.replace("unix://", "") // the stock program puts its own before it
    };
    once(&helper()?, place, &config(&ours_dir))?.success()?;
    once(&stock, place, &config(&stock_dir))?.success()?;
    for name in ["svid.pem", "key.pem", "bundle.pem", "jwt.json"] {
        let (ours, stock) = (ours_dir.join(name), stock_dir.join(name));
        ensure!(fs::read(&ours)? == fs::read(&stock)?, "{name} differs");
        ensure!(mode(&ours)? == mode(&stock)?, "{name}: mode");
    }
    ensure!(mode(&ours_dir.join("token"))? == mode(&stock_dir.join("token"))?);
    let bundle = fs::read(ours_dir.join("bundle.pem"))?;
    ensure!(!certificates_from_pem(&bundle)?.is_empty());
    // And the other way about: each takes over what the other left.
    once(&stock, place, &config(&ours_dir))?.success()?;
    once(&helper()?, place, &config(&stock_dir))?.success()?;
    for folder in [&ours_dir, &stock_dir] {
        Trio::read(folder)?.context("nobody else writes")?.check()?;
    }
    let version = run(std::process::Command::new(helper()?).arg("-version"))?.success()?;
    ensure!(version.starts_with("0.11."), "{version}");
    Ok(())
}
