use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;

use super::*;
use crate::{
    Bundle, JwtAuthority, TrustDomain,
    key::{KeyType, PrivateKey},
};

/// One token an algorithm and the keys they verify with, made by Go's go-jose.
const GO: &str = include_str!("go-tokens.json");

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn audience() -> Vec<String> {
    vec!["aud".to_owned()]
}

struct Signer {
    key: PrivateKey,
    authorities: Vec<JwtAuthority>,
}

impl Signer {
    fn new(key_type: KeyType) -> Self {
        let key = PrivateKey::generate(key_type).unwrap();
        let authority = JwtAuthority {
            key_id: "kid".to_owned(),
            public_key: key.public_key_der().to_vec(),
            expires_at: 0,
            tainted: false,
        };
        Self {
            key,
            authorities: vec![authority],
        }
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::for_key(self.key.key_type().unwrap())
    }

    fn sign(&self, claims: &Claims) -> String {
        let unsigned = UnsignedToken::new(self.algorithm(), "kid", claims);
        let signature = self
            .key
            .sign(self.key.x509_scheme(), unsigned.message())
            .unwrap();
        unsigned.finish(&signature).unwrap()
    }

    /// A token of raw header and claims.
    fn sign_raw(&self, header: &str, claims: &str) -> String {
        let message = [header, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let signature = self
            .key
            .sign(self.key.x509_scheme(), message.as_bytes())
            .unwrap();
        let signature = self.algorithm().token_signature(&signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn verify(&self, token: &str) -> Result<JwtSvid, JwtError> {
        verify(
            token,
            |_| Some(&self.authorities),
            &audience(),
            now(),
            LEEWAY,
        )
    }
}

fn claims() -> Claims {
    let end = now() + Duration::from_secs(300);
    Claims::issue("spiffe://example.org/a", &audience(), now(), end)
}

#[test]
fn tokens_of_every_algorithm_made_by_go_verify() {
    let file: Value = serde_json::from_str(GO).unwrap();
    let domain = TrustDomain::parse("example.org").unwrap();
    let bundle = Bundle::from_spiffe_json(domain, &file["bundle"].to_string()).unwrap();
    let tokens = file["tokens"].as_object().unwrap();
    assert_eq!(tokens.len(), 9);
    for (algorithm, token) in tokens {
        let token = token.as_str().unwrap();
        let header = parse_unverified(token).unwrap().header;
        assert_eq!(header.algorithm.name(), algorithm);
        let issued_at = parse_unverified(token).unwrap().claims.issued_at.unwrap();
        let keys = |_: &TrustDomain| Some(bundle.jwt_authorities.as_slice());
        let svid = verify(token, keys, &audience(), issued_at, LEEWAY).unwrap();
        assert_eq!(svid.id.as_str(), "spiffe://example.org/go");
    }
}

#[test]
fn our_tokens_verify_for_every_key_type() {
    for key_type in [KeyType::EcP256, KeyType::EcP384, KeyType::Rsa2048] {
        let signer = Signer::new(key_type);
        // Many, since an ECDSA number is shorter than the curve now and then.
        for _ in 0..if key_type == KeyType::Rsa2048 { 1 } else { 300 } {
            signer.verify(&signer.sign(&claims())).unwrap();
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let signer = Signer::new(KeyType::EcP256);
    let token = signer.sign(&claims());
    signer.verify(&token).unwrap();
    for at in 0..token.len() {
        let mut broken = token.clone().into_bytes();
        broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
        let broken = String::from_utf8(broken).unwrap();
        if broken != token {
            assert!(signer.verify(&broken).is_err(), "byte {at}");
        }
    }
}

#[test]
fn a_key_verifies_its_own_algorithm_only() {
    let signer = Signer::new(KeyType::EcP256);
    let token = signer.sign(&claims());
    let rest = token.split_once('.').unwrap().1;
    for name in ["ES384", "RS256", "PS256"] {
        let header = format!("{{\"alg\":\"{name}\",\"kid\":\"kid\"}}");
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(
            signer.verify(&forged),
            Err(JwtError::Signature("kid".to_owned()))
        );
    }
    for name in ["none", "HS256", "EdDSA", ""] {
        let header = format!("{{\"alg\":\"{name}\",\"kid\":\"kid\"}}");
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(
            signer.verify(&forged),
            Err(JwtError::Algorithm(name.to_owned()))
        );
    }
    let other = Signer::new(KeyType::EcP256);
    assert_eq!(
        other.verify(&token),
        Err(JwtError::Signature("kid".to_owned()))
    );
}

#[test]
fn times_have_a_minute_of_leeway() {
    let signer = Signer::new(KeyType::EcP256);
    let token = signer.sign(&claims());
    let at = |seconds: i64| {
        let now = Timestamp::from_second(now().as_second() + seconds).unwrap();
        verify(
            &token,
            |_| Some(&signer.authorities),
            &audience(),
            now,
            LEEWAY,
        )
        .map(drop)
    };
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(360), Ok(()));
    assert_eq!(at(361), Err(JwtError::Expired));
    assert_eq!(JwtError::Expired.to_string(), "token has expired");
    assert_eq!(at(-60), Ok(()));
    assert_eq!(at(-61), Err(JwtError::IssuedInFuture));
    let header = r#"{"alg":"ES256","kid":"kid"}"#;
    let later = now().as_second() + 61;
    let claims =
        format!(r#"{{"sub":"spiffe://example.org/a","aud":"aud","exp":9e9,"nbf":{later}}}"#);
    assert_eq!(
        signer.verify(&signer.sign_raw(header, &claims)),
        Err(JwtError::NotYetValid)
    );
}

#[test]
fn audience_may_be_text_or_list() {
    let signer = Signer::new(KeyType::EcP256);
    let header = r#"{"alg":"ES256","kid":"kid","typ":"JOSE"}"#;
    let verdict = |aud: &str| {
        let claims = format!(r#"{{"sub":"spiffe://example.org/a",{aud}"exp":9999999999.5}}"#);
        signer.verify(&signer.sign_raw(header, &claims)).map(drop)
    };
    assert_eq!(verdict(r#""aud":"aud","#), Ok(()));
    assert_eq!(verdict(r#""aud":["x","aud"],"#), Ok(()));
    let refused = verdict(r#""aud":["x","y"],"#).unwrap_err().to_string();
    assert_eq!(
        refused,
        r#"expected audience in ["aud"] (audience=["x" "y"])"#
    );
    assert_eq!(
        verdict("").unwrap_err().to_string(),
        r#"expected audience in ["aud"] (audience=[])"#
    );
    assert!(matches!(
        verdict(r#""aud":["x",1],"#),
        Err(JwtError::Malformed(_))
    ));
    assert!(matches!(
        verdict(r#""aud":null,"#),
        Err(JwtError::Malformed(_))
    ));
}

#[test]
fn claims_and_headers_that_are_missing_or_wrong_are_named() {
    let signer = Signer::new(KeyType::EcP256);
    let good = r#"{"alg":"ES256","kid":"kid","typ":"JWT"}"#;
    let whole = r#"{"sub":"spiffe://example.org/a","aud":"aud","exp":9999999999}"#;
    let verdict =
        |header: &str, claims: &str| signer.verify(&signer.sign_raw(header, claims)).map(drop);
    assert_eq!(verdict(good, whole), Ok(()));
    assert_eq!(verdict(r#"{"alg":"ES256"}"#, whole), Err(JwtError::NoKeyId));
    assert_eq!(
        verdict(r#"{"alg":"ES256","kid":"kid","typ":"wit+jwt"}"#, whole),
        Err(JwtError::Type)
    );
    assert_eq!(
        verdict(
            r#"{"alg":"ES256","kid":"kid","crit":["b64"],"b64":false}"#,
            whole
        ),
        Err(JwtError::Critical)
    );
    assert!(matches!(
        verdict(r#"{"alg":"ES256","kid":1}"#, whole),
        Err(JwtError::Malformed(_))
    ));
    assert!(matches!(
        verdict(r#"{"alg":"ES256","kid":"other"}"#, whole),
        Err(JwtError::UnknownKey { .. })
    ));
    assert_eq!(
        verdict(good, r#"{"aud":"aud","exp":1}"#),
        Err(JwtError::NoSubject)
    );
    assert_eq!(
        verdict(good, r#"{"sub":"spiffe://example.org/a"}"#),
        Err(JwtError::NoExpiry)
    );
    assert!(matches!(
        verdict(good, r#"{"sub":"me","exp":1}"#),
        Err(JwtError::Subject(_))
    ));
    assert!(matches!(
        verdict(good, r#"{"sub":1}"#),
        Err(JwtError::Malformed(_))
    ));
    assert!(matches!(
        verdict(good, r#"{"sub":"a","exp":"1"}"#),
        Err(JwtError::Malformed(_))
    ));
    assert!(matches!(verdict(good, "[]"), Err(JwtError::Malformed(_))));
    let token = signer.sign(&claims());
    let unknown = verify(&token, |_| None, &audience(), now(), LEEWAY).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        r#"no keys found for trust domain "example.org""#
    );
}

#[test]
fn other_shapes_are_no_token() {
    let signer = Signer::new(KeyType::EcP256);
    let token = signer.sign(&claims());
    for shape in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        &format!("{token}="),
        &format!("{token}.x"),
    ] {
        let refused = parse_unverified(shape).map(drop);
        assert!(
            matches!(refused, Err(JwtError::Malformed(_))),
            "{shape:?}: {refused:?}"
        );
    }
}
