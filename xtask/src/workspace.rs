//! Where things are, and who depends on whom.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The workspace's crates by the folder they live in.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

/// One dependency of a crate of ours, as its Cargo.toml says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Edge {
    /// The folder of the crate that depends.
    pub(crate) from: String,
    /// The folder of the crate of ours it depends on, or the name of a foreign one.
    pub(crate) to: String,
    /// Whether `to` is foreign.
    pub(crate) foreign: bool,
    /// Whether only tests, benches or examples need it.
    pub(crate) dev: bool,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .context("cargo metadata failed")?;
        Ok(Self { metadata })
    }

    /// The project's root.
    pub(crate) fn root(&self) -> PathBuf {
        self.metadata.workspace_root.clone().into()
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> PathBuf {
        self.metadata.target_directory.clone().into()
    }

    /// Every folder with a crate.
    pub(crate) fn rooms(&self) -> Vec<String> {
        self.metadata
            .packages
            .iter()
            .map(|package| self.room(package))
            .collect()
    }

    /// Every dependency of every crate.
    pub(crate) fn edges(&self) -> Vec<Edge> {
        self.metadata
            .packages
            .iter()
            .flat_map(|package| self.edges_of(package))
            .collect()
    }

    fn edges_of(&self, package: &Package) -> Vec<Edge> {
        let from = self.room(package);
        let edge = |dependency: &cargo_metadata::Dependency| {
            let ours = self
                .metadata
                .packages
                .iter()
                .find(|other| *other.name == dependency.name && dependency.path.is_some());
            Edge {
                from: from.clone(),
                to: ours.map_or_else(|| dependency.name.clone(), |ours| self.room(ours)),
                foreign: ours.is_none(),
                dev: dependency.kind == DependencyKind::Development,
            }
        };
        package.dependencies.iter().map(edge).collect()
    }

    fn room(&self, package: &Package) -> String {
        let folder = package
            .manifest_path
            .parent()
            .unwrap_or(&package.manifest_path);
        let room = folder
            .strip_prefix(&self.metadata.workspace_root)
            .unwrap_or(folder);
        room.to_string()
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
