//! The one table of methods: who may call each, what slows it down, and whether it is there yet.
//!
//! A method without a row is refused, and the test below fails for one that the `.proto` files
//! declare.

use std::{collections::HashMap, sync::LazyLock};

/// Who may call a method; any one that holds lets the caller in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Callers {
    /// Everyone, without a credential.
    pub any: bool,
    /// Whoever may open the private Unix socket.
    pub local: bool,
    /// An ID in `admin_ids`, or one whose entry says admin.
    pub admin: bool,
    /// An agent that has attested, with its current SVID.
    pub agent: bool,
    /// An ID whose entry says downstream.
    pub downstream: bool,
}

/// Which bucket of tokens a method draws from. Methods with the same bucket share it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Bucket {
    /// Attestation: 1 a second.
    Attestation,
    /// X.509 signing: 500 a second.
    X509Signing,
    /// JWT signing: 500 a second.
    JwtSigning,
    /// WIT signing: 500 a second.
    WitSigning,
    /// Publishing of keys: 500 a second.
    Publishing,
    /// Status of agents: 10 a second.
    Status,
}

/// One method's row.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// The full path, `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub callers: Callers,
    /// What slows it down.
    pub bucket: Option<Bucket>,
    /// Whether it exists on the private Unix socket only.
    pub local_only: bool,
    /// Whether there is a handler. Without one it is refused by name, after authorization.
    pub built: bool,
}

impl Method {
    /// The service as logs name it, such as `agent.v1.Agent`.
    pub fn service(&self) -> &'static str {
        let service = self.split().0;
        service.strip_prefix("spire.api.server.").unwrap_or(service)
    }

    /// The service's full name.
    pub fn full_service(&self) -> &'static str {
        self.split().0
    }

    /// The bare name of the method.
    pub fn name(&self) -> &'static str {
        self.split().1
    }

    fn split(&self) -> (&'static str, &'static str) {
        self.path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((self.path, ""))
    }

    const fn limited(mut self, bucket: Bucket) -> Self {
        self.bucket = Some(bucket);
        self
    }

    const fn socket_only(mut self) -> Self {
        self.local_only = true;
        self
    }

    const fn not_yet(mut self) -> Self {
        self.built = false;
        self
    }
}

/// The row of a path.
pub fn find(path: &str) -> Option<&'static Method> {
    static BY_PATH: LazyLock<HashMap<&str, &Method>> =
        LazyLock::new(|| METHODS.iter().map(|method| (method.path, method)).collect());
    BY_PATH.get(path).copied()
}

const fn row(path: &'static str, callers: Callers) -> Method {
    Method {
        path,
        callers,
        bucket: None,
        local_only: false,
        built: true,
    }
}

const NONE: Callers = Callers {
    any: false,
    local: false,
    admin: false,
    agent: false,
    downstream: false,
};
const ANY: Callers = Callers { any: true, ..NONE };
const LOCAL: Callers = Callers {
    local: true,
    ..NONE
};
const OPERATOR: Callers = Callers {
    local: true,
    admin: true,
    ..NONE
};
const AGENT: Callers = Callers {
    agent: true,
    ..NONE
};
const DOWNSTREAM: Callers = Callers {
    downstream: true,
    ..NONE
};
const OPERATOR_OR_AGENT: Callers = Callers {
    agent: true,
    ..OPERATOR
};

/// Every method of the server.
#[rustfmt::skip]
pub const METHODS: &[Method] = &[
    row("/spire.api.server.agent.v1.Agent/AttestAgent", ANY).limited(Bucket::Attestation),
    row("/spire.api.server.agent.v1.Agent/BanAgent", OPERATOR),
    row("/spire.api.server.agent.v1.Agent/CountAgents", OPERATOR),
    row("/spire.api.server.agent.v1.Agent/CreateJoinToken", OPERATOR),
    row("/spire.api.server.agent.v1.Agent/DeleteAgent", OPERATOR),
    row("/spire.api.server.agent.v1.Agent/GetAgent", OPERATOR),
    row("/spire.api.server.agent.v1.Agent/ListAgents", OPERATOR),
    row("/spire.api.server.agent.v1.Agent/PostStatus", AGENT).limited(Bucket::Status),
    row("/spire.api.server.agent.v1.Agent/RenewAgent", AGENT).limited(Bucket::X509Signing),
    row("/spire.api.server.bundle.v1.Bundle/AppendBundle", OPERATOR),
    row("/spire.api.server.bundle.v1.Bundle/BatchCreateFederatedBundle", OPERATOR),
    row("/spire.api.server.bundle.v1.Bundle/BatchDeleteFederatedBundle", OPERATOR),
    row("/spire.api.server.bundle.v1.Bundle/BatchSetFederatedBundle", OPERATOR),
    row("/spire.api.server.bundle.v1.Bundle/BatchUpdateFederatedBundle", OPERATOR).not_yet(),
    row("/spire.api.server.bundle.v1.Bundle/CountBundles", OPERATOR),
    row("/spire.api.server.bundle.v1.Bundle/GetBundle", ANY),
    row("/spire.api.server.bundle.v1.Bundle/GetFederatedBundle", OPERATOR_OR_AGENT),
    row("/spire.api.server.bundle.v1.Bundle/ListFederatedBundles", OPERATOR),
    row("/spire.api.server.bundle.v1.Bundle/PublishJWTAuthority", DOWNSTREAM).limited(Bucket::Publishing).not_yet(),
    row("/spire.api.server.bundle.v1.Bundle/PublishWITAuthority", DOWNSTREAM).limited(Bucket::Publishing).not_yet(),
    row("/spire.api.server.debug.v1.Debug/GetInfo", LOCAL).socket_only().not_yet(),
    row("/spire.api.server.entry.v1.Entry/BatchCreateEntry", OPERATOR),
    row("/spire.api.server.entry.v1.Entry/BatchDeleteEntry", OPERATOR),
    row("/spire.api.server.entry.v1.Entry/BatchUpdateEntry", OPERATOR),
    row("/spire.api.server.entry.v1.Entry/CountEntries", OPERATOR),
    row("/spire.api.server.entry.v1.Entry/GetAuthorizedEntries", AGENT),
    row("/spire.api.server.entry.v1.Entry/GetEntry", OPERATOR),
    row("/spire.api.server.entry.v1.Entry/ListEntries", OPERATOR),
    row("/spire.api.server.entry.v1.Entry/SyncAuthorizedEntries", AGENT),
    row("/spire.api.server.localauthority.v1.LocalAuthority/ActivateJWTAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/ActivateWITAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/ActivateX509Authority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/GetJWTAuthorityState", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/GetWITAuthorityState", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/GetX509AuthorityState", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/PrepareJWTAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/PrepareWITAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/PrepareX509Authority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/RevokeJWTAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/RevokeWITAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/RevokeX509Authority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/RevokeX509UpstreamAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/TaintJWTAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/TaintWITAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/TaintX509Authority", OPERATOR).not_yet(),
    row("/spire.api.server.localauthority.v1.LocalAuthority/TaintX509UpstreamAuthority", OPERATOR).not_yet(),
    row("/spire.api.server.logger.v1.Logger/GetLogger", LOCAL).socket_only().not_yet(),
    row("/spire.api.server.logger.v1.Logger/ResetLogLevel", LOCAL).socket_only().not_yet(),
    row("/spire.api.server.logger.v1.Logger/SetLogLevel", LOCAL).socket_only().not_yet(),
    row("/spire.api.server.svid.v1.SVID/BatchNewWITSVID", AGENT).limited(Bucket::WitSigning).not_yet(),
    row("/spire.api.server.svid.v1.SVID/BatchNewX509SVID", AGENT).limited(Bucket::X509Signing),
    row("/spire.api.server.svid.v1.SVID/MintJWTSVID", OPERATOR),
    row("/spire.api.server.svid.v1.SVID/MintWITSVID", OPERATOR).not_yet(),
    row("/spire.api.server.svid.v1.SVID/MintX509SVID", OPERATOR),
    row("/spire.api.server.svid.v1.SVID/NewDownstreamX509CA", DOWNSTREAM).limited(Bucket::X509Signing).not_yet(),
    row("/spire.api.server.svid.v1.SVID/NewJWTSVID", AGENT).limited(Bucket::JwtSigning),
    row("/spire.api.server.trustdomain.v1.TrustDomain/BatchCreateFederationRelationship", OPERATOR).not_yet(),
    row("/spire.api.server.trustdomain.v1.TrustDomain/BatchDeleteFederationRelationship", OPERATOR).not_yet(),
    row("/spire.api.server.trustdomain.v1.TrustDomain/BatchUpdateFederationRelationship", OPERATOR).not_yet(),
    row("/spire.api.server.trustdomain.v1.TrustDomain/GetFederationRelationship", OPERATOR).not_yet(),
    row("/spire.api.server.trustdomain.v1.TrustDomain/ListFederationRelationships", OPERATOR).not_yet(),
    row("/spire.api.server.trustdomain.v1.TrustDomain/RefreshBundle", OPERATOR).not_yet(),
    row("/steeple.hints.v1.Hints/Watch", AGENT),
    row("/grpc.health.v1.Health/Check", LOCAL).socket_only(),
    row("/grpc.health.v1.Health/List", LOCAL).socket_only().not_yet(),
    row("/grpc.health.v1.Health/Watch", LOCAL).socket_only().not_yet(),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_declared_method_has_one_row_and_every_row_a_method() {
        let files = FileDescriptorSet::decode(steeple_proto::DESCRIPTORS)
            .unwrap()
            .file;
        let mut declared = BTreeSet::new();
        let ours = |package: &str| {
            package.starts_with("spire.api.server.") || package.starts_with("steeple.hints.")
        };
        for file in files.iter().filter(|file| ours(file.package())) {
            for service in &file.service {
                for method in &service.method {
                    let (package, service) = (file.package(), service.name());
                    declared.insert(format!("/{package}.{service}/{}", method.name()));
                }
            }
        }
        assert!(declared.len() > 50, "the descriptors were read");
        let health =
            ["Check", "List", "Watch"].map(|name| format!("/grpc.health.v1.Health/{name}"));
        declared.extend(health);
        let rows: BTreeSet<String> = METHODS
            .iter()
            .map(|method| method.path.to_owned())
            .collect();
        assert_eq!(rows, declared);
        assert_eq!(rows.len(), METHODS.len(), "a path has two rows");
    }

    #[test]
    fn nobody_is_let_in_by_accident() {
        for method in METHODS {
            assert_ne!(
                method.callers, NONE,
                "{} can be called by nobody",
                method.path
            );
            let open = method.callers.any;
            let known = ["AttestAgent", "GetBundle"].contains(&method.name());
            assert_eq!(open, known, "{}", method.path);
            assert!(
                !(method.local_only && method.callers.admin),
                "{}",
                method.path
            );
        }
    }

    #[test]
    fn names_as_logs_have_them() {
        let method = find("/spire.api.server.agent.v1.Agent/AttestAgent").unwrap();
        assert_eq!(
            (method.service(), method.name()),
            ("agent.v1.Agent", "AttestAgent")
        );
        let health = find("/grpc.health.v1.Health/Check").unwrap();
        assert_eq!(health.full_service(), "grpc.health.v1.Health");
        assert!(find("/spire.api.server.agent.v1.Agent/Nothing").is_none());
    }
}
