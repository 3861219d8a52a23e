//! The configurations of server and agent, as files of theirs would say them.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use steeple_agent_runtime::config::{self as agent_config, AgentConfig, AgentFlags};
use steeple_hcl::{Document, Source, parse};
use steeple_server_runtime::config::{self as server_config, ServerConfig, ServerFlags};

use super::folder::Folder;

/// The server on `port` of the loopback interface; zero takes any that is free.
pub(crate) fn server(folder: &Folder, port: u16, agent_ttl: Option<&str>) -> Result<ServerConfig> {
    let data = folder.server_data();
    let mut server = json!({
        "bind_address": "127.0.0.1",
        "socket_path": text(&folder.server_socket())?,
        "trust_domain": folder.trust_domain.as_str(),
        "data_dir": text(&data)?,
    });
    if let Some(ttl) = agent_ttl {
        server["agent_ttl"] = json!(ttl);
    }
    let config = json!({
        "server": server,
        "plugins": {
            "DataStore": { "sql": { "plugin_data": {
                "database_type": "sqlite3",
                "connection_string": text(&data.join("datastore.sqlite3"))?,
            } } },
            "KeyManager": { "disk": { "plugin_data": {
                "keys_path": text(&data.join("keys.json"))?,
            } } },
            "NodeAttestor": { "join_token": { "plugin_data": {} } },
        },
    });
    let document = document("the server's configuration", &config)?;
    let mut config = server_config::check(&document, &ServerFlags::default())?;
    // In a file, zero would mean the default.
    config.bind.port = port;
    Ok(config)
}

/// The agent beside it; the token is for one that has no identity.
pub(crate) fn agent(
    folder: &Folder,
    server: SocketAddr,
    join_token: Option<&str>,
) -> Result<AgentConfig> {
    let data = folder.agent_data();
    let data = text(&data)?;
    let config = json!({
        "agent": {
            "data_dir": data,
            "server_address": server.ip().to_string(),
            "server_port": server.port(),
            "socket_path": text(&folder.agent_socket())?,
            "trust_domain": folder.trust_domain.as_str(),
            "trust_bundle_path": text(&folder.bundle())?,
        },
        "plugins": {
            "KeyManager": { "disk": { "plugin_data": { "directory": data } } },
            "NodeAttestor": { "join_token": { "plugin_data": {} } },
            "WorkloadAttestor": { "unix": { "plugin_data": { "discover_workload_path": true } } },
        },
    });
    let document = document("the agent's configuration", &config)?;
    let flags = AgentFlags {
        join_token: join_token.map(ToOwned::to_owned),
        ..AgentFlags::default()
    };
    Ok(agent_config::check(&document, &flags)?)
}

fn document(name: &str, config: &Value) -> Result<Document> {
    let source = Source {
        name: name.to_owned(),
        text: config.to_string(),
    };
    Ok(parse(&source)?)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| {
        format!(
            "{} is not UTF-8; choose another folder with --dir",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_configurations_are_sound() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("a \"b\" ${c}"), None).unwrap();
        let server = server(&folder, 8081, Some("10m")).unwrap();
        assert_eq!(server.data_dir, folder.server_data());
        assert_eq!(server.warnings, Vec::<String>::new());
        let agent = agent(&folder, ([127, 0, 0, 1], 8081).into(), Some("token")).unwrap();
        assert_eq!(agent.socket_path, folder.agent_socket());
        assert_eq!(agent.warnings, Vec::<String>::new());
    }
}
