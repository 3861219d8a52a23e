//! Which certificate a connection gets.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::listeners::tls::ACME;

type ByName = BTreeMap<String, Arc<CertifiedKey>>;

/// The certificates by name, and the proofs that the service may ask for.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    served: ArcSwap<ByName>,
    proofs: ArcSwap<ByName>,
}

impl Resolver {
    /// Serves a name with this certificate from now on.
    pub(super) fn serve(&self, domain: &str, key: Arc<CertifiedKey>) {
        put(&self.served, domain, Some(key));
    }

    /// Proves a name to the service until the guard goes.
    pub(super) fn prove(self: &Arc<Self>, domain: &str, key: CertifiedKey) -> Proof {
        put(&self.proofs, domain, Some(Arc::new(key)));
        Proof {
            resolver: Arc::clone(self),
            domain: domain.to_owned(),
        }
    }

    /// Who asks for the proof asks for nothing else.
    fn choose<'p>(
        &self,
        name: Option<&str>,
        protocols: impl Iterator<Item = &'p [u8]>,
    ) -> Option<Arc<CertifiedKey>> {
        let name = name?.to_ascii_lowercase();
        let for_proof = protocols.eq([ACME]);
        let by_name = if for_proof {
            &self.proofs
        } else {
            &self.served
        };
        by_name.load().get(&name).cloned()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.alpn().into_iter().flatten())
    }
}

fn put(by_name: &ArcSwap<ByName>, domain: &str, key: Option<Arc<CertifiedKey>>) {
    by_name.rcu(|now| {
        let mut next = ByName::clone(now);
        match &key {
            Some(key) => next.insert(domain.to_owned(), Arc::clone(key)),
            None => next.remove(domain),
        };
        next
    });
}

/// Takes the proof back when it goes.
#[derive(Debug)]
#[must_use = "the proof is there only while this lives"]
pub(super) struct Proof {
    resolver: Arc<Resolver>,
    domain: String,
}

impl Drop for Proof {
    fn drop(&mut self) {
        put(&self.resolver.proofs, &self.domain, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listeners::acme::certificate::proof;

    #[test]
    fn the_proof_is_for_the_service_alone_and_for_a_while() {
        let resolver = Arc::new(Resolver::default());
        let served = Arc::new(proof("a.test", &[1; 32]).unwrap());
        resolver.serve("a.test", Arc::clone(&served));
        let guard = resolver.prove("a.test", proof("a.test", &[2; 32]).unwrap());
        let choose = |name, protocols: &[&[u8]]| resolver.choose(name, protocols.iter().copied());
        let usual: [&[u8]; 2] = [b"h2", b"http/1.1"];
        let is_served = |key: Option<Arc<CertifiedKey>>| Arc::ptr_eq(&key.unwrap(), &served);
        assert!(is_served(choose(Some("a.test"), &usual)));
        assert!(is_served(choose(Some("A.test"), &[])));
        assert!(is_served(choose(Some("a.test"), &[b"h2", ACME])));
        assert!(!is_served(choose(Some("a.test"), &[ACME])));
        assert!(choose(Some("b.test"), &usual).is_none());
        assert!(choose(None, &usual).is_none());
        drop(guard);
        assert!(choose(Some("a.test"), &[ACME]).is_none());
    }
}
