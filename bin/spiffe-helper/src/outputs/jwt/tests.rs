use steeple_spiffe::{
    JwtAuthority, SpiffeId,
    jwt::{Algorithm, Claims, JwtSvid as Verified, UnsignedToken},
    key::{KeyType, PrivateKey},
};

use super::*;

const DOMAIN: &str = "example.test";

struct Signer {
    key: PrivateKey,
}

impl Signer {
    fn new() -> Self {
        Self {
            key: PrivateKey::generate(KeyType::EcP256).unwrap(),
        }
    }

    fn bundles(&self) -> BTreeMap<TrustDomain, Bundle> {
        let domain = TrustDomain::parse(DOMAIN).unwrap();
        let authority = JwtAuthority {
            key_id: "kid".to_owned(),
            public_key: self.key.public_key_der().to_vec(),
            expires_at: 0,
            tainted: false,
        };
        let bundle = Bundle {
            jwt_authorities: vec![authority],
            ..Bundle::empty(domain.clone())
        };
        BTreeMap::from([(domain, bundle)])
    }

    fn token(&self, hint: &str, audience: &[&str], expires_at: &str) -> JwtSvid {
        let id = "spiffe://example.test/workload";
        let audience: Vec<String> = audience.iter().map(ToString::to_string).collect();
        let claims = Claims::issue(id, &audience, now(), time(expires_at));
        let unsigned = UnsignedToken::new(Algorithm::Es256, "kid", &claims);
        let scheme = self.key.x509_scheme();
        let signature = self.key.sign(scheme, unsigned.message()).unwrap();
        JwtSvid {
            id: SpiffeId::parse(id).unwrap(),
            token: unsigned.finish(&signature).unwrap(),
            hint: hint.to_owned(),
        }
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    time("2030-01-01T00:00:00Z")
}

const LATER: &str = "2030-01-01T00:05:00Z";

#[test]
fn a_token_is_chosen_by_hint_and_comes_with_its_end() {
    let signer = Signer::new();
    let bundles = signer.bundles();
    let sooner = "2030-01-01T00:01:00Z";
    let tokens = [
        signer.token("first", &["a", "b"], LATER),
        signer.token("other", &["a"], sooner),
    ];
    let chosen = |hint| token(&tokens, hint, "a", &bundles, now());
    assert_eq!(chosen("").unwrap(), (tokens[0].token.as_str(), time(LATER)));
    assert_eq!(
        chosen("other").unwrap(),
        (tokens[1].token.as_str(), time(sooner))
    );
    let error = chosen("absent").unwrap_err().to_string();
    assert!(
        error.starts_with("failed to find the hinted JWT SVID"),
        "{error}"
    );
}

#[test]
fn every_token_must_hold_not_only_the_chosen_one() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let bundles = signer.bundles();
    let good = signer.token("", &["a"], LATER);
    let check = |second: JwtSvid| {
        let tokens = [good.clone(), second];
        token(&tokens, "", "a", &bundles, now())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(check(signer.token("", &["a"], LATER)), Ok(()));
    for wrong in [
        stranger.token("", &["a"], LATER),
        signer.token("", &["b"], LATER),
        signer.token("", &["a"], "2029-01-01T00:00:00Z"),
    ] {
        let error = check(wrong).unwrap_err();
        assert!(
            error.starts_with("unable to parse or validate token of"),
            "{error}"
        );
    }
    // Only to say what was checked above: the positive control verifies to this.
    let verified: Verified = jwt::verify(
        &good.token,
        |domain| {
            bundles
                .get(domain)
                .map(|bundle| bundle.jwt_authorities.as_slice())
        },
        &["a".to_owned()],
        now(),
        jwt::LEEWAY,
    )
    .unwrap();
    assert_eq!(verified.id, good.id);
}

fn file(path: &str, format: JwtBundleFormat) -> JwtBundleFile {
    JwtBundleFile {
        path: path.into(),
        mode: 0o600,
        format,
    }
}

#[test]
fn bundles_are_upstreams_map_of_base64_or_plain_jwks() {
    let signer = Signer::new();
    let mut all = signer.bundles();
    let other = TrustDomain::parse("other.test").unwrap();
    all.insert(other.clone(), Bundle::empty(other));

    let written = bundles(&all, &file("jwt.json", JwtBundleFormat::Base64)).unwrap();
    let [(path, text)] = written.as_slice() else {
        panic!("{written:?}")
    };
    assert_eq!(path, &PathBuf::from("jwt.json"));
    assert!(text.starts_with(r#"{"example.test":""#), "{text}");
    let map: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
    let jwks = STANDARD.decode(&map["example.test"]).unwrap();
    let jwks = String::from_utf8(jwks).unwrap();
    assert!(
        jwks.starts_with(r#"{"keys":[{"kty":"EC","kid":"kid","crv":"P-256","x":""#),
        "{jwks}"
    );
    assert_eq!(
        STANDARD.decode(&map["other.test"]).unwrap(),
        br#"{"keys":[]}"#
    );

    let written = bundles(&all, &file("jwt.json", JwtBundleFormat::Jwks)).unwrap();
    let map: Value = serde_json::from_str(&written[0].1).unwrap();
    assert_eq!(map["example.test"]["keys"][0]["kid"], "kid");

    let each = file("{trust_domain}.jwks.json", JwtBundleFormat::Jwks);
    let written = bundles(&all, &each).unwrap();
    let names: Vec<_> = written
        .iter()
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_eq!(names, ["example.test.jwks.json", "other.test.jwks.json"]);
    let domain = TrustDomain::parse(DOMAIN).unwrap();
    let read = Bundle::from_jwks_json(domain, written[0].1.as_bytes()).unwrap();
    assert_eq!(read.jwt_authorities[0].key_id, "kid");
}
