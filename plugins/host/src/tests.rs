//! Blocks in, plans and reports out.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use steeple_config::PluginConfig;
use steeple_hcl::{Kind, Report};
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::{
    PluginError,
    builtin::{BuiltIns, Configured, Descriptor},
    bundlepublisher::BundlePublisher,
    config::{CoreConfig, PluginData},
    keymanager::{KeyInfo, KeyManager, KeyType, SignatureScheme},
    workloadattestor::WorkloadAttestor,
};
use steeple_spiffe::{Bundle, Selector};

use crate::{AgentNodeAttestation, AgentPlan, ServerPlan, data_store};

struct NoKeys;

#[async_trait]
impl KeyManager for NoKeys {
    async fn generate(&self, _: &str, _: KeyType) -> Result<KeyInfo, PluginError> {
        Err(PluginError::Unimplemented("no keys".to_owned()))
    }

    async fn keys(&self) -> Result<Vec<KeyInfo>, PluginError> {
        Ok(Vec::new())
    }

    async fn sign(&self, _: &str, _: SignatureScheme, _: &[u8]) -> Result<Vec<u8>, PluginError> {
        Err(PluginError::Unimplemented("no keys".to_owned()))
    }
}

struct Nobody;

#[async_trait]
impl WorkloadAttestor for Nobody {
    fn kind(&self) -> &str {
        "unix"
    }

    async fn attest(&self, _: u32) -> Result<Vec<Selector>, PluginError> {
        Ok(Vec::new())
    }
}

struct Anywhere;

#[async_trait]
impl BundlePublisher for Anywhere {
    async fn publish(&self, _: &Bundle) -> Result<(), PluginError> {
        Ok(())
    }
}

fn anywhere(_: &CoreConfig, _: &PluginData<'_>) -> Option<Configured<dyn BundlePublisher>> {
    Some(Configured::ready(Arc::new(Anywhere)))
}

fn memory(_: &CoreConfig, _: &PluginData<'_>) -> Option<Configured<dyn KeyManager>> {
    Some(Configured::ready(Arc::new(NoKeys)))
}

fn disk(_: &CoreConfig, data: &PluginData<'_>) -> Option<Configured<dyn KeyManager>> {
    data.missing("keys_path");
    None
}

fn broken(_: &CoreConfig, _: &PluginData<'_>) -> Option<Configured<dyn KeyManager>> {
    let error = PluginError::Internal("cannot read keys.json".to_owned());
    Some(Configured::new(async { Err(error) }))
}

fn unix(_: &CoreConfig, _: &PluginData<'_>) -> Option<Configured<dyn WorkloadAttestor>> {
    Some(Configured::ready(Arc::new(Nobody)))
}

fn builtins() -> BuiltIns {
    let managers: Vec<Descriptor<dyn KeyManager>> = vec![
        Descriptor {
            name: "memory",
            configure: memory,
        },
        Descriptor {
            name: "disk",
            configure: disk,
        },
        Descriptor {
            name: "broken",
            configure: broken,
        },
    ];
    BuiltIns {
        server_key_managers: managers.clone(),
        agent_key_managers: managers,
        bundle_publishers: ["aws_s3", "k8s_configmap"]
            .map(|name| Descriptor {
                name,
                configure: anywhere,
            })
            .into(),
        workload_attestors: vec![Descriptor {
            name: "unix",
            configure: unix,
        }],
        ..BuiltIns::default()
    }
}

fn core() -> CoreConfig {
    CoreConfig {
        trust_domain: "example.org".parse().unwrap(),
        clock: Clock::system(),
    }
}

fn block(kind: &str, name: &str) -> PluginConfig {
    PluginConfig {
        kind: kind.to_owned(),
        name: name.to_owned(),
        enabled: true,
        cmd: None,
        args: Vec::new(),
        checksum: None,
        data: steeple_hcl::empty(&format!("plugins.{kind} {name:?}")),
        data_file: None,
    }
}

fn server(blocks: &[PluginConfig]) -> (Option<ServerPlan>, Vec<String>) {
    let report = Report::new();
    let core = core();
    let plan = ServerPlan::new(&builtins(), &["sql"], blocks, &core, &report);
    assert_eq!(plan.is_some(), report.is_empty());
    (
        plan,
        report.problems().iter().map(ToString::to_string).collect(),
    )
}

fn agent(blocks: &[PluginConfig]) -> (Option<AgentPlan>, Vec<String>) {
    let report = Report::new();
    let core = core();
    let plan = AgentPlan::new(&builtins(), blocks, &core, &report);
    assert_eq!(plan.is_some(), report.is_empty());
    (
        plan,
        report.problems().iter().map(ToString::to_string).collect(),
    )
}

fn least() -> Vec<PluginConfig> {
    vec![block("DataStore", "sql"), block("KeyManager", "memory")]
}

#[tokio::test]
async fn a_server_needs_a_store_and_a_key_manager() {
    let (plan, _) = server(&least());
    let plugins = plan.unwrap().start().await.unwrap();
    assert!(!plugins.join_token && plugins.node_attestors.is_empty());
    assert!(plugins.key_manager.keys().await.unwrap().is_empty());
    assert_eq!(data_store(&least()).unwrap().name, "sql");

    let (_, problems) = server(&[]);
    let constraint =
        "plugin type \"KeyManager\" constraint not satisfied: expected exactly 1 but got 0";
    assert!(
        problems.iter().any(|problem| problem.ends_with(constraint)),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[tokio::test]
async fn an_agent_needs_one_of_each_kind() {
    let blocks = [
        block("NodeAttestor", "join_token"),
        block("KeyManager", "memory"),
        block("WorkloadAttestor", "unix"),
    ];
    let (plan, _) = agent(&blocks);
    let plugins = plan.unwrap().start().await.unwrap();
    assert!(matches!(
        plugins.node_attestation,
        AgentNodeAttestation::JoinToken
    ));
    assert_eq!(plugins.workload_attestors.len(), 1);

    let (_, problems) = agent(&blocks[1..2]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("expected at least 1 but got 0"))
    );
}

#[tokio::test]
async fn a_server_publishes_its_bundle_to_any_number_of_places() {
    let published = [
        block("BundlePublisher", "k8s_configmap"),
        block("BundlePublisher", "aws_s3"),
    ];
    let (plan, problems) = server(&[least(), published.to_vec()].concat());
    assert!(problems.is_empty(), "{problems:?}");
    let plugins = plan.unwrap().start().await.unwrap();
    let publishers = plugins.bundle_publishers.iter();
    let names: Vec<_> = publishers.map(|named| named.name.as_str()).collect();
    assert_eq!(names, ["k8s_configmap", "aws_s3"]);

    let missing = block("BundlePublisher", "gcp_cloudstorage");
    let (_, problems) = server(&[least(), vec![missing]].concat());
    assert!(
        problems[0]
            .contains("\"gcp_cloudstorage\" for type \"BundlePublisher\" is not supported yet"),
        "{problems:?}"
    );
}

#[test]
fn a_disabled_plugin_is_not_there() {
    let mut off = block("KeyManager", "no such thing");
    off.enabled = false;
    let (plan, problems) = server(&[least(), vec![off]].concat());
    assert!(plan.is_some(), "{problems:?}");

    let mut off = block("NoSuchType", "x");
    off.enabled = false;
    let (_, problems) = server(&[least(), vec![off]].concat());
    assert!(
        problems[0].contains("unsupported plugin type \"NoSuchType\""),
        "{problems:?}"
    );
}

#[test]
fn every_mistake_is_told_at_once_and_says_what_there_is() {
    let mut external = block("NodeAttestor", "mine");
    external.cmd = Some(PathBuf::from("/opt/mine"));
    let (_, problems) = server(&[
        block("DataStore", "sql"),
        block("KeyManager", "dsk"),
        block("KeyManager", "dsk"),
        block("UpstreamAuthority", "aws_pca"),
        block("Keymanager", "disk"),
        external,
    ]);
    let text = problems.join("\n");
    for part in [
        "no built-in plugin \"dsk\" for type \"KeyManager\"; built in: memory, disk, broken",
        "did you mean \"disk\"?",
        "plugin \"KeyManager\"/\"dsk\" declared more than once",
        "the built-in plugin \"aws_pca\" for type \"UpstreamAuthority\" is not supported yet",
        "unsupported plugin type \"Keymanager\"",
        "did you mean \"KeyManager\"?",
        "external plugins are not supported yet: cannot run /opt/mine",
        "expected exactly 1 but got 2",
    ] {
        assert!(text.contains(part), "{part} is missing from:\n{text}");
    }
}

#[test]
fn a_plugins_own_mistakes_are_in_the_report() {
    let report = Report::new();
    let core = core();
    let blocks = [block("DataStore", "sql"), block("KeyManager", "disk")];
    assert!(ServerPlan::new(&builtins(), &["sql"], &blocks, &core, &report).is_none());
    assert_eq!(report.problems()[0].kind, Kind::Missing);
}

#[tokio::test]
async fn a_plugin_that_cannot_start_is_named() {
    let (plan, _) = server(&[block("DataStore", "sql"), block("KeyManager", "broken")]);
    let Err(error) = plan.unwrap().start().await else {
        panic!("started")
    };
    let text = error.to_string();
    assert_eq!(
        text,
        "failed to configure plugin \"broken\": cannot read keys.json"
    );
    assert_eq!(error.plugin(), "KeyManager \"broken\"");
}
