use std::{fs, path::Path, time::Duration};

use jiff::Timestamp;
use steeple_hcl::{Report, Source, parse};
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::{
    config::CoreConfig,
    conformance,
    upstreamauthority::{MintedCa, UpstreamAuthority, held::HeldAuthority},
};
use steeple_spiffe::{
    TrustDomain,
    csr::CsrDraft,
    key::{KeyType, PrivateKey},
    pem::{certificates_to_pem, private_key_to_pem},
    x509::{CertificateDraft, CertificateInfo, NameBuilder, Serial, extension},
};

use super::{configure, files::Paths};

type Disk = HeldAuthority<Paths>;

const HOUR: Duration = Duration::from_secs(3600);

struct Ca {
    key: PrivateKey,
    der: Vec<u8>,
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn core() -> CoreConfig {
    CoreConfig {
        trust_domain: TrustDomain::parse("example.org").unwrap(),
        clock: Clock::following_tokio(now()),
    }
}

/// A CA that lives for `life` from now on; self-signed without a parent.
fn ca(name: &str, key_type: KeyType, parent: Option<&Ca>, life: Duration) -> Ca {
    let key = PrivateKey::generate(key_type).unwrap();
    let subject = NameBuilder {
        common_name: name.to_owned(),
        ..NameBuilder::us("Site")
    };
    let subject = subject.to_der().unwrap();
    let signer = parent.map_or(&key, |parent| &parent.key);
    let issuer = parent.map(|parent| CertificateInfo::parse(&parent.der).unwrap().subject);
    let draft = CertificateDraft {
        serial: Serial::from_be_bytes(&[7]),
        issuer: issuer.unwrap_or_else(|| subject.clone()),
        subject,
        not_before: now() - HOUR,
        not_after: now() + life,
        public_key: key.public_key_der().to_vec(),
        extensions: vec![
            extension::ca_key_usage().unwrap(),
            extension::basic_constraints(true).unwrap(),
            extension::subject_key_id(name.as_bytes()).unwrap(),
        ],
    };
    let unsigned = draft.prepare(signer.x509_scheme()).unwrap();
    let signature = signer.sign(unsigned.scheme(), unsigned.message()).unwrap();
    let der = unsigned.finish(&signature).unwrap();
    Ca { key, der }
}

fn write(folder: &Path, key: &PrivateKey, chain: &[&[u8]], bundle: Option<&[&[u8]]>) -> Paths {
    let paths = Paths {
        certificate: folder.join("ca.crt"),
        key: folder.join("ca.key"),
        bundle: bundle.map(|_| folder.join("bundle.crt")),
    };
    fs::write(&paths.certificate, certificates_to_pem(chain)).unwrap();
    fs::write(&paths.key, private_key_to_pem(key.pkcs8_der()).as_bytes()).unwrap();
    if let (Some(path), Some(bundle)) = (&paths.bundle, bundle) {
        fs::write(path, certificates_to_pem(bundle)).unwrap();
    }
    paths
}

fn csr(key: &PrivateKey) -> Vec<u8> {
    let draft = CsrDraft {
        subject: NameBuilder {
            serial_number: "42".to_owned(),
            ..NameBuilder::us("SPIFFE")
        }
        .to_der()
        .unwrap(),
        uris: vec!["spiffe://example.org".to_owned()],
        dns_names: vec![],
        public_key: key.public_key_der().to_vec(),
    };
    let unsigned = draft.prepare(key.x509_scheme()).unwrap();
    let signature = key.sign(unsigned.scheme(), unsigned.message()).unwrap();
    unsigned.finish(&signature).unwrap()
}

async fn mint(disk: &Disk, ttl: Option<Duration>) -> MintedCa {
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    disk.mint_x509_ca(&csr(&key), ttl).await.unwrap()
}

fn first(minted: &MintedCa) -> CertificateInfo {
    CertificateInfo::parse(&minted.chain[0]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn conforms_with_each_kind_of_root() {
    let folder = tempfile::tempdir().unwrap();
    for key_type in [KeyType::Rsa2048, KeyType::EcP384] {
        let root = ca("root", key_type, None, 100 * HOUR);
        let paths = write(folder.path(), &root.key, &[&root.der], None);
        let core = core();
        let disk = Disk::open(core.clone(), paths).await.unwrap();
        conformance::upstream_authority(&disk, &core.trust_domain, now()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_intermediate_is_in_the_chain_and_the_root_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = ca("root", KeyType::Rsa2048, None, 100 * HOUR);
    let middle = ca("middle", KeyType::EcP256, Some(&root), 50 * HOUR);
    let chain = [middle.der.as_slice(), &root.der];
    let paths = write(folder.path(), &middle.key, &chain, Some(&[&root.der]));
    let core = core();
    let disk = Disk::open(core.clone(), paths).await.unwrap();
    conformance::upstream_authority(&disk, &core.trust_domain, now()).await;
    let minted = mint(&disk, None).await;
    assert_eq!(minted.chain.len(), 2);
    assert_eq!(minted.chain[1], middle.der);
    assert_eq!(
        first(&minted).authority_key_id.as_deref(),
        Some(&b"middle"[..])
    );
}

#[tokio::test(start_paused = true)]
async fn lifetime_is_as_wished_else_an_hour_and_ends_with_the_upstream() {
    let folder = tempfile::tempdir().unwrap();
    let root = ca("root", KeyType::EcP256, None, 10 * HOUR);
    let paths = write(folder.path(), &root.key, &[&root.der], None);
    let disk = Disk::open(core(), paths).await.unwrap();
    for (wish, granted) in [
        (Some(2 * HOUR), 2),
        (None, 1),
        (Some(Duration::ZERO), 1),
        (Some(99 * HOUR), 10),
    ] {
        let minted = first(&mint(&disk, wish).await);
        assert_eq!(minted.not_after, now() + granted * HOUR, "{wish:?}");
        assert_eq!(minted.not_before, now() - Duration::from_secs(10));
    }
}

#[tokio::test(start_paused = true)]
async fn subject_and_names_come_from_the_csr() {
    let folder = tempfile::tempdir().unwrap();
    let root = ca("root", KeyType::EcP256, None, 10 * HOUR);
    let paths = write(folder.path(), &root.key, &[&root.der], None);
    let disk = Disk::open(core(), paths).await.unwrap();
    let minted = first(&mint(&disk, None).await);
    let subject = NameBuilder::from_der(&minted.subject).unwrap();
    assert_eq!(
        (subject.serial_number.as_str(), subject.organization),
        ("42", vec!["SPIFFE".to_owned()])
    );
    assert_eq!(minted.uris, ["spiffe://example.org"]);
}

#[tokio::test(start_paused = true)]
async fn new_files_are_taken_and_broken_ones_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let one = ca("one", KeyType::EcP256, None, 10 * HOUR);
    let paths = write(folder.path(), &one.key, &[&one.der], None);
    let disk = Disk::open(core(), paths.clone()).await.unwrap();
    let mut roots = mint(&disk, None).await.roots;
    roots.borrow_and_update();

    let two = ca("two", KeyType::EcP256, None, 10 * HOUR);
    write(folder.path(), &two.key, &[&two.der], None);
    assert_eq!(
        first(&mint(&disk, None).await).authority_key_id.as_deref(),
        Some(&b"two"[..])
    );
    assert!(
        roots.has_changed().unwrap(),
        "who listens hears of the new root"
    );
    assert_eq!(roots.borrow_and_update()[0].der, two.der);

    fs::write(&paths.key, "garbage").unwrap();
    assert_eq!(
        first(&mint(&disk, None).await).authority_key_id.as_deref(),
        Some(&b"two"[..])
    );
    fs::remove_file(&paths.certificate).unwrap();
    assert_eq!(
        first(&mint(&disk, None).await).authority_key_id.as_deref(),
        Some(&b"two"[..])
    );
}

#[tokio::test(start_paused = true)]
async fn files_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = ca("root", KeyType::EcP256, None, 10 * HOUR);
    let other = ca("other", KeyType::EcP256, None, 10 * HOUR);
    let middle = ca("middle", KeyType::EcP256, Some(&root), 10 * HOUR);
    let expired = ca("expired", KeyType::EcP256, None, Duration::ZERO);
    let refusal = async |paths: Paths| {
        Disk::open(core(), paths)
            .await
            .map(drop)
            .unwrap_err()
            .to_string()
    };

    let paths = write(
        folder.path(),
        &middle.key,
        &[&middle.der],
        Some(&[&root.der]),
    );
    Disk::open(core(), paths).await.unwrap();

    let paths = write(folder.path(), &other.key, &[&root.der], None);
    assert!(refusal(paths).await.contains("do not match"));
    let paths = write(folder.path(), &middle.key, &[&middle.der, &root.der], None);
    assert!(
        refusal(paths)
            .await
            .contains("only self-signed CAs are supported")
    );
    let paths = write(
        folder.path(),
        &middle.key,
        &[&middle.der],
        Some(&[&other.der]),
    );
    assert!(
        refusal(paths)
            .await
            .contains("cannot be validated with the provided bundle")
    );
    let paths = write(folder.path(), &expired.key, &[&expired.der], None);
    tokio::time::advance(Duration::from_secs(1)).await;
    let late = CoreConfig {
        clock: Clock::following_tokio(now() + HOUR),
        ..core()
    };
    let error = Disk::open(late, paths)
        .await
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(error.contains("expired"), "{error}");
    let mut paths = write(folder.path(), &root.key, &[&root.der], None);
    paths.key = folder.path().join("no-such-file");
    assert!(refusal(paths).await.contains("no-such-file"));
}

#[test]
fn both_paths_must_be_given() {
    let read = |text: &str| {
        let source = Source {
            name: "test".to_owned(),
            text: text.to_owned(),
        };
        let document = parse(&source).unwrap();
        let report = Report::new();
        let section = document.section(&report);
        let configured = configure(&core(), &section).is_some();
        section.finish();
        (configured, report.is_empty())
    };
    assert_eq!(
        read("cert_file_path = \"a\"\nkey_file_path = \"b\"\nbundle_file_path = \"c\""),
        (true, true)
    );
    assert_eq!(read("cert_file_path = \"a\""), (false, false));
    assert_eq!(
        read("cert_file_path = \"\"\nkey_file_path = \"b\""),
        (false, false)
    );
}
