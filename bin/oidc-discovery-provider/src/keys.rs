//! The keys that are served, and the board on which they are posted.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use steeple_spiffe::{
    JwtAuthority,
    jwk::{Jwk, JwkSet},
    key::PublicKeyKind,
};
use tokio::{sync::watch, time::Instant};

const KEY_USE: &str = "sig";

/// One set of keys as it is served.
#[derive(Debug)]
pub(crate) struct KeySet {
    authorities: Vec<JwtAuthority>,
    /// The JWKS document; none when there is no key in it.
    pub(crate) document: Option<Bytes>,
    /// Since when the keys are these.
    pub(crate) modified: Timestamp,
}

impl KeySet {
    fn new(authorities: Vec<JwtAuthority>, set_key_use: bool, modified: Timestamp) -> Self {
        let keys: Vec<Jwk> = authorities
            .iter()
            .filter_map(|authority| served(authority, set_key_use))
            .collect();
        let document = (!keys.is_empty()).then(|| crate::pages::json(&JwkSet { keys }));
        Self {
            authorities,
            document,
            modified,
        }
    }
}

/// The key as it is served; one that cannot be is told and left out.
fn served(authority: &JwtAuthority, set_key_use: bool) -> Option<Jwk> {
    let kid = authority.key_id.as_str();
    let jwk = Jwk::from_public_key(&authority.public_key)
        .map_err(|error| tracing::warn!(kid, %error, "Malformed public key in bundle"))
        .ok()?;
    let alg = algorithm(&authority.public_key).unwrap_or_else(|| {
        let error = "no algorithm of the discovery document is for keys of this kind";
        tracing::error!(kid, error, "Failed to get public key algorithm");
        ""
    });
    Some(Jwk {
        kid: kid.to_owned(),
        alg: alg.to_owned(),
        usage: if set_key_use { KEY_USE } else { "" }.to_owned(),
        ..jwk
    })
}

fn algorithm(public_key: &[u8]) -> Option<&'static str> {
    match PublicKeyKind::of(public_key).ok()? {
        PublicKeyKind::Rsa(bits) if bits >= 2048 => Some("RS256"),
        PublicKeyKind::EcP256 => Some("ES256"),
        PublicKeyKind::EcP384 => Some("ES384"),
        _ => None,
    }
}

/// What is known about the keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Posted {
    /// The keys; none before the first answer.
    pub(crate) keys: Option<Arc<KeySet>>,
    /// When the source last answered well.
    pub(crate) polled: Option<Instant>,
}

/// Where the keys are posted: by one, to be read by many.
#[derive(Debug)]
pub(crate) struct Board {
    set_key_use: bool,
    posted: watch::Sender<Posted>,
}

/// Reads the board.
pub(crate) type Keys = watch::Receiver<Posted>;

impl Board {
    /// An empty board.
    pub(crate) fn new(set_key_use: bool) -> (Self, Keys) {
        let (posted, keys) = watch::channel(Posted::default());
        let board = Self {
            set_key_use,
            posted,
        };
        (board, keys)
    }

    /// Posts what the source answered. Keys that are posted already stay as they are, so that
    /// their time of change does.
    pub(crate) fn post(&self, authorities: Vec<JwtAuthority>, now: Timestamp) {
        self.posted.send_modify(|posted| {
            posted.polled = Some(Instant::now());
            let same = |keys: &Arc<KeySet>| keys.authorities == authorities;
            if !posted.keys.as_ref().is_some_and(same) {
                let keys = KeySet::new(authorities, self.set_key_use, now);
                posted.keys = Some(Arc::new(keys));
            }
        });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use steeple_spiffe::key::{KeyType, PrivateKey};

    use super::*;

    pub(crate) fn authority(key_id: &str, key_type: KeyType) -> JwtAuthority {
        JwtAuthority {
            key_id: key_id.to_owned(),
            public_key: PrivateKey::generate(key_type)
                .unwrap()
                .public_key_der()
                .to_vec(),
            expires_at: 0,
            tainted: false,
        }
    }

    fn document(keys: &Keys) -> String {
        let posted = keys.borrow().clone();
        let document = posted.keys.unwrap().document.clone().unwrap();
        String::from_utf8(document.to_vec()).unwrap()
    }

    #[test]
    fn keys_carry_their_algorithm_in_the_usual_order() {
        let (board, keys) = Board::new(false);
        let types = [KeyType::Rsa2048, KeyType::EcP256, KeyType::EcP384];
        let authorities = types.map(|key_type| authority(key_type.name(), key_type));
        board.post(authorities.to_vec(), Timestamp::UNIX_EPOCH);
        let document = document(&keys);
        let begin = "{\n  \"keys\": [\n    {\n      \"kty\": \"RSA\",\n      \"kid\": \"rsa-2048\",\n      \
                     \"alg\": \"RS256\",\n      \"n\": \"";
        assert!(document.starts_with(begin), "{document}");
        assert!(document.contains("\"crv\": \"P-256\",\n      \"alg\": \"ES256\",\n      \"x\": "));
        assert!(document.contains("\"alg\": \"ES384\""));
        assert!(!document.contains("\"use\"") && document.ends_with("\n    }\n  ]\n}"));
    }

    #[test]
    fn use_comes_first_where_it_is_wanted() {
        let (board, keys) = Board::new(true);
        board.post(vec![authority("a", KeyType::EcP256)], Timestamp::UNIX_EPOCH);
        assert!(document(&keys).contains("    {\n      \"use\": \"sig\",\n      \"kty\""));
    }

    #[test]
    fn a_broken_key_is_left_out_and_an_odd_one_has_no_algorithm() {
        let (board, keys) = Board::new(false);
        let mut broken = authority("broken", KeyType::EcP256);
        broken.public_key.truncate(20);
        let mut odd = authority("odd", KeyType::EcP256);
        // An Ed25519 key: the example of RFC 8410.
        odd.public_key = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00\
            \x19\xbf\x44\x09\x69\x84\xcd\xfe\x85\x41\xba\xc1\x67\xdc\x3b\x96\
            \xc8\x50\x86\xaa\x30\xb6\xb6\xcb\x0c\x5c\x38\xad\x70\x31\x66\xe1"
            .to_vec();
        board.post(vec![broken, odd], Timestamp::UNIX_EPOCH);
        let document = document(&keys);
        assert!(document.contains("\"odd\"") && !document.contains("\"broken\""));
        assert!(!document.contains("\"alg\""), "{document}");
    }

    #[tokio::test(start_paused = true)]
    async fn unchanged_keys_keep_their_time() {
        let (board, keys) = Board::new(false);
        let authorities = vec![authority("a", KeyType::EcP256)];
        let later = |seconds| Timestamp::from_second(seconds).unwrap();
        let state = || {
            let posted = keys.borrow().clone();
            (
                posted.keys.unwrap().modified,
                posted.polled.unwrap().elapsed(),
            )
        };
        board.post(authorities.clone(), later(10));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(state(), (later(10), Duration::from_secs(5)));
        board.post(authorities, later(20));
        assert_eq!(
            state(),
            (later(10), Duration::ZERO),
            "polled, but not changed"
        );
        board.post(Vec::new(), later(30));
        assert_eq!(state().0, later(30));
        assert!(keys.borrow().keys.as_ref().unwrap().document.is_none());
    }
}
