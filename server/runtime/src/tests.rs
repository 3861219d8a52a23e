//! Whole servers in this process.

use std::{fs, path::Path, sync::Arc, time::Duration};

use jiff::SignedDuration;
use steeple_grpc::{ServerPolicy, Target, connect, unix_channel};
use steeple_lifecycle::{Clock, Tasks};
use steeple_proto::server::{
    agent::{CreateJoinTokenRequest, agent_client::AgentClient},
    bundle::{GetBundleRequest, bundle_client::BundleClient},
};
use steeple_spiffe::TrustDomain;
use steeple_store_sql::SqlBuilder;

use crate::{
    Parts, RunningServer, ServerError,
    config::{self, ServerConfig, ServerFlags},
    start, validate,
};

fn write_config(folder: &Path, port: u16) -> ServerFlags {
    let at = |name: &str| folder.join(name).display().to_string();
    let text = format!(
        r#"server {{
            trust_domain = "td"
            bind_address = "127.0.0.1"
            socket_path = "{}"
            data_dir = "{}"
        }}
        plugins {{
            DataStore "sql" {{ plugin_data {{ database_type = "sqlite3" connection_string = "{}" }} }}
            KeyManager "disk" {{ plugin_data {{ keys_path = "{}" }} }}
        }}"#,
        at("api.sock"),
        at("data"),
        at("data/db"),
        at("data/keys.json"),
    );
    let path = folder.join("server.conf");
    fs::write(&path, text).unwrap();
    ServerFlags {
        config: Some(path),
        server_port: Some(port.into()),
        ..ServerFlags::default()
    }
}

fn parts() -> Parts {
    Parts {
        builtins: steeple_builtin::builtins(),
        stores: vec![Arc::new(SqlBuilder)],
        clock: Clock::system(),
    }
}

/// A configuration with a port that was free a moment ago.
fn configure(folder: &Path) -> ServerConfig {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config::load(&write_config(folder, free.local_addr().unwrap().port())).unwrap()
}

async fn stop(tasks: &Tasks) {
    tasks.stop();
    tasks.wait(Duration::from_secs(10)).await.unwrap();
}

async fn bundle_over_tls(running: &RunningServer) -> steeple_proto::types::Bundle {
    let target = Target {
        host: running.tcp.ip().to_string(),
        port: running.tcp.port(),
        trust_domain: TrustDomain::parse("td").unwrap(),
        policy: ServerPolicy::Insecure,
        identity: None,
        clock: Clock::system(),
    };
    let mut client = BundleClient::new(connect(target).await.unwrap());
    client
        .get_bundle(GetBundleRequest::default())
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_answers_on_both_endpoints_and_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let config = configure(folder.path());
    let tasks = Tasks::new();
    let running = start(config.clone(), parts(), &tasks).await.unwrap();
    let before = bundle_over_tls(&running).await;
    assert_eq!(before.trust_domain, "td");
    let mut operator = AgentClient::new(unix_channel(&running.socket).await.unwrap());
    let request = CreateJoinTokenRequest {
        ttl: 60,
        ..CreateJoinTokenRequest::default()
    };
    let token = operator
        .create_join_token(request)
        .await
        .unwrap()
        .into_inner();
    assert!(token.expires_at > (Clock::system().now() + SignedDuration::from_secs(30)).as_second());
    stop(&tasks).await;
    assert!(!running.socket.exists());

    let tasks = Tasks::new();
    let again = start(config, parts(), &tasks).await.unwrap();
    assert_eq!(bundle_over_tls(&again).await, before);
    stop(&tasks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_does_the_first_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let config = configure(folder.path());
    let tasks = Tasks::new();
    let running = start(config.clone(), parts(), &tasks).await.unwrap();
    let keys = fs::read(folder.path().join("data/keys.json")).unwrap();

    let others = Tasks::new();
    let refused = start(config, parts(), &others).await.unwrap_err();
    assert!(matches!(refused, ServerError::Tcp(_)), "{refused}");
    assert!(
        refused.story().contains(&running.tcp.port().to_string()),
        "{}",
        refused.story()
    );
    stop(&others).await;

    let other_port = configure(folder.path());
    let refused = start(other_port, parts(), &others).await.unwrap_err();
    assert!(matches!(refused, ServerError::Unix(_)), "{refused}");
    assert_eq!(
        fs::read(folder.path().join("data/keys.json")).unwrap(),
        keys
    );
    assert_eq!(bundle_over_tls(&running).await.x509_authorities.len(), 1);
    stop(&tasks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = configure(folder.path());
    fs::create_dir(folder.path().join("data")).unwrap();
    let keys = folder.path().join("data/keys.json");
    fs::write(&keys, "{\"keys\":").unwrap();
    let refused = start(config.clone(), parts(), &Tasks::new())
        .await
        .unwrap_err();
    assert!(refused.story().contains("keys.json"), "{}", refused.story());
    assert_eq!(fs::read(&keys).unwrap(), b"{\"keys\":");
    fs::remove_file(&keys).unwrap();

    fs::remove_file(folder.path().join("data/db")).unwrap();
    fs::write(folder.path().join("data/db"), "no database").unwrap();
    let refused = start(config, parts(), &Tasks::new()).await.unwrap_err();
    assert!(matches!(refused, ServerError::Store(_)), "{refused}");
    assert_eq!(
        fs::read(folder.path().join("data/db")).unwrap(),
        b"no database"
    );
}

#[test]
fn validating_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    validate(&write_config(folder.path(), 1), &parts()).unwrap();
    assert!(!folder.path().join("data").exists());

    let path = folder.path().join("server.conf");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("\"disk\"", "\"dusk\"");
    fs::write(&path, text).unwrap();
    let flags = ServerFlags {
        config: Some(path),
        ..ServerFlags::default()
    };
    let refused = validate(&flags, &parts()).unwrap_err();
    assert!(refused.story().contains("dusk"), "{}", refused.story());
}

#[test]
fn mistakes_of_settings_and_of_plugins_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.conf");
    let text = "server {\n trust_domain = \"example.org\"\n bind_prot = 1\n}\n\
        plugins {\n DataStore \"sql\" { plugin_data { database_type = \"sqlite3\" } }\n \
        KeyManager \"dsk\" { plugin_data { } }\n}\n";
    std::fs::write(&path, text).unwrap();
    let flags = ServerFlags {
        config: Some(path),
        ..ServerFlags::default()
    };
    let told = validate(&flags, &parts()).unwrap_err().to_string();
    let told = told.split('\n').collect::<Vec<_>>();
    assert_eq!(told[0], "unknown configuration detected");
    for wanted in ["bind_prot", "data_dir", "\"dsk\"", "connection_string"] {
        assert!(
            told.iter().any(|line| line.contains(wanted)),
            "{wanted}: {told:#?}"
        );
    }
}
