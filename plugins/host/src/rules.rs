//! The kinds of plugins, how many of each are wanted, and the names that SPIRE knows.

/// How many plugins of a kind a configuration must name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cardinality {
    ExactlyOne,
    AtLeastOne,
    AtMostOne,
    Any,
}

impl Cardinality {
    /// What is wrong with `count`, if anything, in SPIRE's words.
    pub(crate) fn complaint(self, count: usize) -> Option<String> {
        match self {
            Self::ExactlyOne if count != 1 => Some(format!("expected exactly 1 but got {count}")),
            Self::AtLeastOne if count < 1 => Some(format!("expected at least 1 but got {count}")),
            Self::AtMostOne if count > 1 => Some(format!("expected at most 1 but got {count}")),
            _ => None,
        }
    }
}

/// A kind of plugins on one side.
#[derive(Debug)]
pub(crate) struct KindRule {
    /// The name in the configuration.
    pub(crate) name: &'static str,
    /// How many are wanted.
    pub(crate) cardinality: Cardinality,
    /// The names that are built into SPIRE, so that one we lack is told from one mistyped.
    pub(crate) of_spire: &'static [&'static str],
}

/// The join token: server and agent handle it themselves, and nothing may take its place.
pub(crate) const JOIN_TOKEN: &str = "join_token";

pub(crate) const DATA_STORE: &str = "DataStore";
pub(crate) const KEY_MANAGER: &str = "KeyManager";
pub(crate) const NODE_ATTESTOR: &str = "NodeAttestor";
pub(crate) const UPSTREAM_AUTHORITY: &str = "UpstreamAuthority";
pub(crate) const BUNDLE_PUBLISHER: &str = "BundlePublisher";
pub(crate) const WORKLOAD_ATTESTOR: &str = "WorkloadAttestor";

const NODE_ATTESTORS: &[&str] = &[
    JOIN_TOKEN,
    "aws_iid",
    "azure_imds",
    "azure_msi",
    "gcp_iit",
    "http_challenge",
    "k8s_psat",
    "sshpop",
    "tpm_devid",
    "x509pop",
];

/// The server's kinds.
pub(crate) const SERVER: &[KindRule] = &[
    KindRule {
        name: DATA_STORE,
        cardinality: Cardinality::ExactlyOne,
        of_spire: &["sql"],
    },
    KindRule {
        name: KEY_MANAGER,
        cardinality: Cardinality::ExactlyOne,
        of_spire: &[
            "disk",
            "memory",
            "aws_kms",
            "azure_key_vault",
            "gcp_kms",
            "hashicorp_vault",
        ],
    },
    KindRule {
        name: NODE_ATTESTOR,
        cardinality: Cardinality::Any,
        of_spire: NODE_ATTESTORS,
    },
    KindRule {
        name: UPSTREAM_AUTHORITY,
        cardinality: Cardinality::AtMostOne,
        of_spire: &[
            "disk",
            "spire",
            "vault",
            "aws_pca",
            "awssecret",
            "gcp_cas",
            "cert-manager",
            "ejbca",
        ],
    },
    KindRule {
        name: BUNDLE_PUBLISHER,
        cardinality: Cardinality::Any,
        of_spire: &[
            "aws_s3",
            "gcp_cloudstorage",
            "azure_blob",
            "aws_rolesanywhere_trustanchor",
            "k8s_configmap",
        ],
    },
    KindRule {
        name: "CredentialComposer",
        cardinality: Cardinality::Any,
        of_spire: &["uniqueid"],
    },
    KindRule {
        name: "Notifier",
        cardinality: Cardinality::Any,
        of_spire: &["gcs_bundle", "k8sbundle"],
    },
];

/// The agent's kinds.
pub(crate) const AGENT: &[KindRule] = &[
    KindRule {
        name: KEY_MANAGER,
        cardinality: Cardinality::ExactlyOne,
        of_spire: &["disk", "memory"],
    },
    KindRule {
        name: NODE_ATTESTOR,
        cardinality: Cardinality::ExactlyOne,
        of_spire: NODE_ATTESTORS,
    },
    KindRule {
        name: WORKLOAD_ATTESTOR,
        cardinality: Cardinality::AtLeastOne,
        of_spire: &["unix", "docker", "k8s", "systemd", "slurm", "windows"],
    },
    KindRule {
        name: "SVIDStore",
        cardinality: Cardinality::Any,
        of_spire: &["aws_secretsmanager", "gcp_secretmanager"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_judged_in_spires_words() {
        let one = Cardinality::ExactlyOne;
        assert_eq!(one.complaint(1), None);
        assert_eq!(one.complaint(0).unwrap(), "expected exactly 1 but got 0");
        assert_eq!(one.complaint(2).unwrap(), "expected exactly 1 but got 2");
        let some = Cardinality::AtLeastOne;
        assert_eq!(some.complaint(2), None);
        assert_eq!(some.complaint(0).unwrap(), "expected at least 1 but got 0");
        let few = Cardinality::AtMostOne;
        assert_eq!(few.complaint(0), None);
        assert_eq!(few.complaint(2).unwrap(), "expected at most 1 but got 2");
        assert_eq!(Cardinality::Any.complaint(7), None);
    }
}
