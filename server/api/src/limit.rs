//! Rate limits: one bucket of tokens a caller's address. Who comes too fast waits; only who asks
//! for more at once than the bucket ever holds is refused.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tonic::Status;

use crate::methods::Bucket;

/// After how long a generation of buckets is put aside; what is not used in the next one goes.
const GENERATION: Duration = Duration::from_secs(60);

/// Which of the switchable limits hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LimitsEnabled {
    /// Attestation.
    pub attestation: bool,
    /// Signing.
    pub signing: bool,
}

/// All buckets of the server.
#[derive(Debug)]
pub(crate) struct Limits {
    enabled: LimitsEnabled,
    buckets: Mutex<Buckets>,
}

type Key = (Bucket, IpAddr);

#[derive(Debug)]
struct Buckets {
    current: HashMap<Key, Tokens>,
    previous: HashMap<Key, Tokens>,
    since: Instant,
}

/// What is left in a bucket; below zero, callers are waiting for it.
#[derive(Clone, Copy, Debug)]
struct Tokens {
    left: f64,
    at: Instant,
}

impl Limits {
    pub(crate) fn new(enabled: LimitsEnabled) -> Self {
        let buckets = Buckets {
            current: HashMap::new(),
            previous: HashMap::new(),
            since: Instant::now(),
        };
        Self {
            enabled,
            buckets: Mutex::new(buckets),
        }
    }

    /// Takes `count` tokens of the caller's bucket, waiting until they are there.
    ///
    /// # Errors
    /// ResourceExhausted when the bucket never holds as many, or when `deadline` comes first.
    pub(crate) async fn take(
        &self,
        bucket: Bucket,
        addr: IpAddr,
        count: usize,
        deadline: Option<Instant>,
    ) -> Result<(), Status> {
        if !self.holds(bucket) {
            return Ok(());
        }
        let burst = burst(bucket);
        if count > burst as usize {
            return Err(Status::resource_exhausted(format!(
                "rate ({count}) exceeds burst size ({burst})"
            )));
        }
        let wait = self
            .reserve((bucket, addr), count as f64, deadline)
            .ok_or_else(|| {
                Status::resource_exhausted(format!(
                    "rate: Wait(n={count}) would exceed context deadline"
                ))
            })?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn holds(&self, bucket: Bucket) -> bool {
        match bucket {
            Bucket::Attestation => self.enabled.attestation,
            Bucket::X509Signing | Bucket::JwtSigning | Bucket::WitSigning => self.enabled.signing,
            Bucket::Publishing | Bucket::Status => true,
        }
    }

    /// Books the tokens and says how long to wait for them; nothing is booked when that would be
    /// beyond the deadline.
    fn reserve(&self, key: Key, count: f64, deadline: Option<Instant>) -> Option<Duration> {
        let rate = f64::from(burst(key.0));
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = buckets.get(key, rate, now);
        let refilled = now.duration_since(tokens.at).as_secs_f64() * rate;
        let left = (tokens.left + refilled).min(rate) - count;
        let wait = Duration::from_secs_f64((-left / rate).max(0.0));
        if deadline.is_some_and(|deadline| now + wait > deadline) {
            return None;
        }
        *tokens = Tokens { left, at: now };
        Some(wait)
    }
}

impl Buckets {
    fn get(&mut self, key: Key, rate: f64, now: Instant) -> &mut Tokens {
        if now.duration_since(self.since) >= GENERATION {
            self.previous = std::mem::take(&mut self.current);
            self.since = now;
        }
        let kept = self.previous.remove(&key);
        let full = Tokens {
            left: rate,
            at: now,
        };
        self.current
            .entry(key)
            .or_insert_with(|| kept.unwrap_or(full))
    }
}

/// Tokens a second, and the most that a bucket holds.
fn burst(bucket: Bucket) -> u32 {
    match bucket {
        Bucket::Attestation => 1,
        Bucket::Status => 10,
        Bucket::X509Signing | Bucket::JwtSigning | Bucket::WitSigning | Bucket::Publishing => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: LimitsEnabled = LimitsEnabled {
        attestation: true,
        signing: true,
    };
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    async fn seconds(limits: &Limits, bucket: Bucket, addr: IpAddr, count: usize) -> f64 {
        let start = Instant::now();
        limits.take(bucket, addr, count, None).await.unwrap();
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_too_fast_waits_and_others_do_not() {
        let limits = Limits::new(ALL);
        assert_eq!(seconds(&limits, Bucket::Attestation, HERE, 1).await, 0.0);
        let second = seconds(&limits, Bucket::Attestation, HERE, 1).await;
        assert!((0.99..1.01).contains(&second), "{second}");
        assert_eq!(seconds(&limits, Bucket::Attestation, THERE, 1).await, 0.0);
        assert_eq!(seconds(&limits, Bucket::X509Signing, HERE, 500).await, 0.0);
        let next = seconds(&limits, Bucket::X509Signing, HERE, 250).await;
        assert!((0.49..0.51).contains(&next), "{next}");
        assert_eq!(
            seconds(&limits, Bucket::JwtSigning, HERE, 1).await,
            0.0,
            "another bucket"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_bucket_holds_is_refused() {
        let limits = Limits::new(ALL);
        let status = limits
            .take(Bucket::X509Signing, HERE, 501, None)
            .await
            .unwrap_err();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert_eq!(status.message(), "rate (501) exceeds burst size (500)");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_deadline_is_not_begun() {
        let limits = Limits::new(ALL);
        limits
            .take(Bucket::Attestation, HERE, 1, None)
            .await
            .unwrap();
        let soon = Some(Instant::now() + Duration::from_millis(100));
        let start = Instant::now();
        assert!(
            limits
                .take(Bucket::Attestation, HERE, 1, soon)
                .await
                .is_err()
        );
        assert!(start.elapsed().is_zero());
        let waited = seconds(&limits, Bucket::Attestation, HERE, 1).await;
        assert!(waited < 1.01, "the refused call took nothing: {waited}");
    }

    #[tokio::test(start_paused = true)]
    async fn switched_off_is_off_where_it_can_be() {
        let limits = Limits::new(LimitsEnabled {
            attestation: false,
            signing: false,
        });
        for _ in 0..5 {
            assert_eq!(seconds(&limits, Bucket::Attestation, HERE, 1).await, 0.0);
        }
        assert_eq!(seconds(&limits, Bucket::JwtSigning, HERE, 900).await, 0.0);
        assert_eq!(seconds(&limits, Bucket::Status, HERE, 10).await, 0.0);
        assert!(seconds(&limits, Bucket::Status, HERE, 1).await > 0.09);
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_that_nobody_uses_are_dropped() {
        let limits = Limits::new(ALL);
        limits.take(Bucket::Status, HERE, 1, None).await.unwrap();
        for _ in 0..2 {
            tokio::time::advance(GENERATION).await;
            limits.take(Bucket::Status, THERE, 1, None).await.unwrap();
        }
        let buckets = limits.buckets.lock().unwrap();
        assert_eq!(buckets.current.len() + buckets.previous.len(), 1);
    }
}
