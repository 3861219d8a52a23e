//! The three sources give the same keys.

use anyhow::{Result, ensure};
use serde_json::Value;
use steeple_tests::{Agent, AgentPlan, Case, Place, Programs, ServerPlan};

use crate::{
    fetch::{self, LACKING, possible},
    provider,
};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("oidc_three_sources", three_sources).needs(possible(), LACKING)]
}

fn three_sources(place: &Place) -> Result<()> {
    let ours = Programs::ours()?;
    let plan = ServerPlan::new(place, "server")?.setting("ca_key_type = \"rsa-2048\"");
    let server = plan.start(&ours)?;
    let agent = AgentPlan::new(place, "agent", &server)?.attest(&ours, &server)?;
    server.entry("/oidc", &Agent::own_selector(), &[])?;
    agent.wait_svids(&[&server.id("/oidc")])?;
    let bundle = server.must(&["bundle", "show", "-format", "spiffe"])?;
    let file = place.write("bundle.json", &bundle)?;

    let (api, workload) = (server.plan.socket(), agent.plan.socket());
    let sources = [
        (
            "server_api",
            format!("address = \"unix://{}\"", api.display()),
        ),
        (
            "workload_api",
            format!(
                "socket_path = \"{}\"\ntrust_domain = \"example.org\"",
                workload.display()
            ),
        ),
        ("file", format!("path = \"{}\"", file.display())),
    ];
    let mut bodies = Vec::new();
    for (name, source) in sources {
        let socket = place.path(&format!("{name}.sock"));
        let config = format!(
            "domains = [\"oidc.test\"]\nset_key_use = true\nlisten_socket_path = \"{}\"\n\
             {name} {{\n{source}\npoll_interval = \"1s\"\n}}\n",
            socket.display()
        );
        let provider = provider::start(place, name, &config)?;
        bodies.push(fetch::keys(&socket)?.body);
        ensure!(provider.terminate()?.code() == Some(0), "{name}: exit code");
    }
    ensure!(
        bodies[0] == bodies[1] && bodies[1] == bodies[2],
        "{bodies:?}"
    );
    let served: Value = serde_json::from_str(&bodies[0])?;
    let bundle: Value = serde_json::from_str(&bundle)?;
    let keys = bundle["keys"].as_array().into_iter().flatten();
    let wanted: Vec<_> = keys.filter(|key| key["use"] == "jwt-svid").collect();
    let [wanted] = wanted.as_slice() else {
        anyhow::bail!("{bundle}")
    };
    let key = &served["keys"][0];
    for member in ["kid", "kty", "n", "e"] {
        ensure!(key[member] == wanted[member], "{member}: {key} {wanted}");
    }
    ensure!(key["alg"] == "RS256" && key["use"] == "sig", "{key}");
    Ok(())
}
