//! Session tokens of the metadata protocol, without a store: a token carries when it ends, and a
//! signature that only this process can make. There is nothing to bound, sweep or evict.

use aws_lc_rs::{
    error::Unspecified,
    hmac::{self, HMAC_SHA256, Key},
    rand,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

/// Bytes of a token: when it ends, randomness, signature. As text it has 100 characters.
const TIME: usize = 8;
const NONCE: usize = 35;
const SIGNED: usize = TIME + NONCE;

/// Makes tokens and knows its own.
pub(super) struct Tokens(Key);

impl Tokens {
    /// Tokens that end with the process.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn new() -> Result<Self, Unspecified> {
        let mut secret = [0; 32];
        rand::fill(&mut secret)?;
        Ok(Self(Key::new(HMAC_SHA256, &secret)))
    }

    /// A token that is good until `end`.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn make(&self, end: Timestamp) -> Result<String, Unspecified> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce)?;
        let mut token = end.as_second().to_be_bytes().to_vec();
        token.extend(nonce);
        let signature = hmac::sign(&self.0, &token);
        token.extend(signature.as_ref());
        Ok(STANDARD.encode(token))
    }

    /// How many seconds a token is still good for; none if it is not ours or over.
    pub(super) fn left(&self, token: &str, now: Timestamp) -> Option<i64> {
        let token = STANDARD.decode(token).ok()?;
        let (signed, signature) = token.split_at_checked(SIGNED)?;
        hmac::verify(&self.0, signed, signature).ok()?;
        let end = i64::from_be_bytes(signed.get(..TIME)?.try_into().ok()?);
        let left = end - now.as_second();
        (left > 0).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_end_and_only_where_it_was_made() {
        let (tokens, others) = (Tokens::new().unwrap(), Tokens::new().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let token = tokens.make(at(100)).unwrap();
        assert_eq!(token.len(), 100);
        assert_ne!(token, tokens.make(at(100)).unwrap());
        assert_eq!(tokens.left(&token, at(40)), Some(60));
        assert_eq!(tokens.left(&token, at(100)), None);
        assert_eq!(others.left(&token, at(40)), None);
        let (first, rest) = token.split_at(1);
        let changed = if first == "A" { "B" } else { "A" };
        for bad in ["", "x", &format!("{changed}{rest}")] {
            assert_eq!(tokens.left(bad, at(40)), None);
        }
    }
}
