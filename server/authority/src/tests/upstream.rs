//! CAs signed from above.

use std::sync::Mutex;

use async_trait::async_trait;
use steeple_plugin_sdk::{
    PluginError,
    upstreamauthority::{MintedCa, UpstreamAuthority},
};
use steeple_spiffe::{
    X509Authority,
    csr::VerifiedCsr,
    keyid,
    x509::{CertificateDraft, CertificateInfo, NameBuilder, Serial, extension, verify_member},
};
use tokio::sync::watch;

use super::*;

/// A root and an intermediate, both in memory, and ways to go wrong.
struct Upstream {
    root: (PrivateKey, Vec<u8>),
    middle: (PrivateKey, Vec<u8>),
    roots: watch::Sender<Vec<X509Authority>>,
    fault: Mutex<Fault>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Down,
    NotACa,
    OtherKey,
    ForeignRoot,
}

fn sign(
    issuer: (&PrivateKey, &[u8]),
    subject: &[u8],
    public_key: &[u8],
    ca: bool,
    uri: Option<&str>,
) -> Vec<u8> {
    let issuer_info = CertificateInfo::parse(issuer.1).ok();
    let mut extensions = vec![
        extension::ca_key_usage().unwrap(),
        extension::basic_constraints(ca).unwrap(),
        extension::subject_key_id(&keyid::subject_key_id(public_key).unwrap()).unwrap(),
        extension::authority_key_id(&keyid::subject_key_id(issuer.0.public_key_der()).unwrap())
            .unwrap(),
    ];
    extensions.extend(uri.map(|uri| extension::subject_alt_name::<&str, _>(&[], &[uri]).unwrap()));
    let draft = CertificateDraft {
        serial: Serial::from_be_bytes(&[1]),
        issuer: issuer_info.map_or_else(|| subject.to_vec(), |info| info.subject),
        subject: subject.to_vec(),
        not_before: start() - HOUR,
        not_after: start() + 1000 * HOUR,
        public_key: public_key.to_vec(),
        extensions,
    };
    let unsigned = draft.prepare(issuer.0.x509_scheme()).unwrap();
    let signature = issuer
        .0
        .sign(unsigned.scheme(), unsigned.message())
        .unwrap();
    unsigned.finish(&signature).unwrap()
}

impl Upstream {
    fn new() -> Self {
        let name = |cn: &str| NameBuilder {
            common_name: cn.to_owned(),
            ..NameBuilder::us("Site")
        };
        let root = PrivateKey::generate(KeyType::Rsa2048).unwrap();
        let subject = name("root").to_der().unwrap();
        let root_der = sign((&root, &[]), &subject, root.public_key_der(), true, None);
        let middle = PrivateKey::generate(KeyType::EcP384).unwrap();
        let subject = name("middle").to_der().unwrap();
        let middle_der = sign(
            (&root, &root_der),
            &subject,
            middle.public_key_der(),
            true,
            None,
        );
        let roots = watch::channel(vec![X509Authority {
            der: root_der.clone(),
            tainted: false,
        }])
        .0;
        Self {
            root: (root, root_der),
            middle: (middle, middle_der),
            roots,
            fault: Mutex::new(Fault::None),
        }
    }
}

#[async_trait]
impl UpstreamAuthority for Upstream {
    async fn mint_x509_ca(&self, csr: &[u8], _: Option<Duration>) -> Result<MintedCa, PluginError> {
        let fault = *self.fault.lock().unwrap();
        if fault == Fault::Down {
            return Err(PluginError::Unavailable("no route to host".to_owned()));
        }
        let csr = VerifiedCsr::parse(csr).unwrap();
        let other = PrivateKey::generate(KeyType::EcP256).unwrap();
        let key = match fault {
            Fault::OtherKey => other.public_key_der(),
            _ => csr.public_key(),
        };
        let middle = (&self.middle.0, self.middle.1.as_slice());
        let ca = sign(
            middle,
            csr.subject(),
            key,
            fault != Fault::NotACa,
            Some(&csr.uris()[0]),
        );
        let roots = match fault {
            Fault::ForeignRoot => {
                let foreign = Self::new();
                watch::channel(vec![X509Authority {
                    der: foreign.root.1,
                    tainted: false,
                }])
                .1
            }
            _ => self.roots.subscribe(),
        };
        Ok(MintedCa {
            chain: vec![ca, self.middle.1.clone()],
            roots,
        })
    }
}

async fn start_under(
    world: &World,
    upstream: &Arc<Upstream>,
) -> Result<(Arc<Authority>, Rotation), AuthorityError> {
    let upstream: Arc<dyn UpstreamAuthority> = Arc::<Upstream>::clone(upstream);
    let parts = Parts {
        upstream: Some(upstream),
        ..world.parts()
    };
    Authority::start(world.config.clone(), parts).await
}

#[tokio::test(start_paused = true)]
async fn chain_leads_up_to_the_root_and_the_root_is_in_the_bundle() {
    let (world, upstream) = (World::new(), Arc::new(Upstream::new()));
    let (authority, _rotation) = start_under(&world, &upstream).await.unwrap();
    let issued = issue(&authority).await;
    assert_eq!(issued.chain.len(), 3, "leaf, our CA, the intermediate");
    assert_eq!(issued.chain[2], upstream.middle.1);
    let bundle = world.bundle().await;
    assert_eq!(bundle.x509_authorities.len(), 1);
    assert_eq!(bundle.x509_authorities[0].der, upstream.root.1);
    verify_member(&issued.chain, &bundle, start()).unwrap();
    let above = keyid::authority_id(upstream.middle.0.public_key_der()).unwrap();
    let state = authority.state().borrow().clone();
    assert_eq!(
        state.x509.active.as_ref().unwrap().upstream_authority_id,
        above
    );
    let ca = CertificateInfo::parse(&issued.chain[1]).unwrap();
    let subject = NameBuilder::from_der(&ca.subject).unwrap();
    assert!(!subject.serial_number.is_empty());
    assert_eq!(
        (ca.uris, subject.organization),
        (
            vec!["spiffe://example.org".to_owned()],
            vec!["SPIFFE".to_owned()]
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_ca_from_above() {
    let (world, upstream) = (World::new(), Arc::new(Upstream::new()));
    let (authority, rotation) = start_under(&world, &upstream).await.unwrap();
    let first = active(&authority);
    drop((authority, rotation));
    *upstream.fault.lock().unwrap() = Fault::Down;
    let (authority, _rotation) = start_under(&world, &upstream).await.unwrap();
    assert_eq!(active(&authority), first);
    let issued = issue(&authority).await;
    verify_member(&issued.chain, &*world.bundle().await, start()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unusable_answer_is_refused_before_anybody_trusts_it() {
    let (world, upstream) = (World::new(), Arc::new(Upstream::new()));
    for (fault, reason) in [
        (Fault::Down, "no route to host"),
        (Fault::NotACa, "cA constraint is not set"),
        (Fault::OtherKey, "for another key"),
        (
            Fault::ForeignRoot,
            "does not verify: certificate signed by unknown authority",
        ),
    ] {
        *upstream.fault.lock().unwrap() = fault;
        let error = start_under(&world, &upstream)
            .await
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(
            world.store.fetch_bundle(&trust_domain()).await.unwrap(),
            None
        );
    }
}

#[tokio::test(start_paused = true)]
async fn new_roots_go_into_the_bundle() {
    let (world, upstream) = (World::new(), Arc::new(Upstream::new()));
    let (_authority, rotation) = start_under(&world, &upstream).await.unwrap();
    let stopping = tokio_util::sync::CancellationToken::new();
    let telling = async {
        let new = X509Authority {
            der: Upstream::new().root.1,
            tainted: false,
        };
        upstream.roots.send_modify(|roots| roots.push(new));
        while world.bundle().await.x509_authorities.len() < 2 {
            tokio::task::yield_now().await;
        }
        stopping.cancel();
    };
    let (ran, ()) = tokio::join!(rotation.run(stopping.clone()), telling);
    ran.unwrap();
}
