//! The keys' life: one owner, one step, run every ten seconds and at any other time without harm.

use std::{sync::Arc, time::Duration};

use steeple_proto::store::Status;
use steeple_spiffe::X509Authority;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::{
    Authority, AuthorityError, AuthorityState, Parts,
    active::{JwtKey, X509Ca},
    journal::Journal,
    load::Loader,
    slot::Slots,
    state,
    upstream::Roots,
};

const ROTATE_EVERY: Duration = Duration::from_secs(10);
const CHECK_SERVER_SVID_EVERY: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3600);
const PRUNE_BUNDLE_EVERY: Duration = Duration::from_secs(6 * HOUR.as_secs());
const PRUNE_JOURNALS_EVERY: Duration = Duration::from_secs(8 * HOUR.as_secs());
/// Authorities stay in the bundle this long after their end.
const BUNDLE_SAFETY: Duration = Duration::from_secs(24 * HOUR.as_secs());
/// Journals stay this long after the end of their newest authority.
const JOURNAL_SAFETY: Duration = Duration::from_secs(14 * 24 * HOUR.as_secs());

/// Owns the authorities' slots and the journal. Exactly one task runs it.
pub struct Rotation {
    authority: Arc<Authority>,
    parts: Parts,
    journal: Journal,
    x509: Slots<Arc<X509Ca>>,
    jwt: Slots<Arc<JwtKey>>,
    roots: Roots,
    failed: u64,
}

impl std::fmt::Debug for Rotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rotation")
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Rotation {
    /// Restores what the journal and the key manager still hold together.
    pub(crate) async fn load(
        authority: Arc<Authority>,
        parts: Parts,
    ) -> Result<Self, AuthorityError> {
        let keys = parts.key_manager.keys().await;
        let keys = keys.map_err(AuthorityError::key_manager("list its keys".to_owned()))?;
        let journal = Journal::find(Arc::clone(&parts.journals), &keys).await?;
        if !journal.is_known() {
            warn_of_lost_keys(&parts).await?;
        }
        let bundle = parts
            .bundles
            .fetch_bundle(&authority.config().trust_domain)
            .await;
        let bundle = bundle.map_err(AuthorityError::store("fetch the trust bundle"))?;
        tracing::info!(
            subsystem_name = "ca_manager",
            x509_cas = journal.entries.x509_c_as.len(),
            jwt_keys = journal.entries.jwt_keys.len(),
            wit_keys = journal.entries.wit_keys.len(),
            "Journal loaded"
        );
        let loader = Loader {
            manager: &parts.key_manager,
            keys: &keys,
            bundle: bundle.as_deref(),
            has_upstream: parts.upstream.is_some(),
            now: authority.now(),
        };
        let x509 = Slots::restore(loader.x509_cas(&journal.entries.x509_c_as)?);
        let jwt = Slots::restore(loader.jwt_keys(&journal.entries.jwt_keys));
        if parts.upstream.is_some() {
            tracing::warn!(
                subsystem_name = "ca_manager",
                "UpstreamAuthority plugin does not support JWT-SVIDs. Workloads managed by this \
                 server may have trouble communicating with workloads outside this cluster when \
                 using JWT-SVIDs."
            );
        }
        let (roots, failed) = (Roots::default(), 0);
        let mut rotation = Self {
            authority,
            parts,
            journal,
            x509,
            jwt,
            roots,
            failed,
        };
        // What is still valid signs at once; whether its successor is due comes after.
        rotation.activate_x509();
        rotation.activate_jwt();
        Ok(rotation)
    }

    /// One step: writes what is unsaved, prepares what is missing or due, activates what is due.
    /// What was prepared or activated stays so when a later part fails.
    ///
    /// # Errors
    /// When no X.509 CA could be prepared and none is active. All else is logged and tried again
    /// with the next step.
    pub async fn rotate(&mut self) -> Result<(), AuthorityError> {
        let outcome = self.step().await;
        self.failed = if outcome.is_ok() { 0 } else { self.failed + 1 };
        self.publish();
        match outcome {
            Err(error) if self.x509.current.is_none() => Err(error),
            _ => Ok(()),
        }
    }

    async fn step(&mut self) -> Result<(), AuthorityError> {
        // A key that the journal in the database still points to must not be replaced.
        logged(self.journal.save().await, "Unable to save the CA journal")?;
        let x509 = logged(self.rotate_x509().await, "Unable to rotate X509 CA");
        if self.x509.current.is_none() {
            return x509;
        }
        let jwt = logged(self.rotate_jwt().await, "Unable to rotate JWT key");
        x509.and(jwt).and(logged(
            self.journal.save().await,
            "Unable to save the CA journal",
        ))
    }

    async fn rotate_x509(&mut self) -> Result<(), AuthorityError> {
        let now = self.authority.now();
        if self.x509.current.is_none() {
            self.prepare_x509().await?;
            self.activate_x509();
        }
        let Some(current) = &self.x509.current else {
            return Ok(());
        };
        let activate = current.should_activate_next(now);
        if self.x509.next.is_none() && current.should_prepare_next(now) {
            self.prepare_x509().await?;
        }
        if activate && let Some(old) = self.x509.swap() {
            self.journal.mark_x509(&old, Status::Old);
            self.activate_x509();
        }
        Ok(())
    }

    async fn prepare_x509(&mut self) -> Result<(), AuthorityError> {
        let slot = self.x509.free();
        let roots = &mut self.roots;
        let held = self
            .authority
            .prepare_x509(&self.parts, slot, Some(roots))
            .await?;
        self.journal.add_x509(&held);
        self.x509.put(held);
        Ok(())
    }

    fn activate_x509(&mut self) {
        let Some(current) = &self.x509.current else {
            return;
        };
        tracing::info!(
            subsystem_name = "ca_manager",
            slot = current.slot.letter(),
            issued_at = %current.issued_at,
            expiration = %current.not_after,
            local_authority_id = current.authority_id,
            upstream_authority_id = current.authority.upstream_authority_id(),
            "X509 CA activated"
        );
        self.journal
            .mark_x509(&current.authority_id, Status::Active);
        self.authority.activate_x509(Arc::clone(&current.authority));
    }

    async fn rotate_jwt(&mut self) -> Result<(), AuthorityError> {
        if self.authority.config().jwt_disabled {
            return Ok(());
        }
        let now = self.authority.now();
        if self.jwt.current.is_none() {
            self.prepare_jwt().await?;
            self.activate_jwt();
        }
        let Some(current) = &self.jwt.current else {
            return Ok(());
        };
        let activate = current.should_activate_next(now);
        if self.jwt.next.is_none() && current.should_prepare_next(now) {
            self.prepare_jwt().await?;
        }
        if activate && let Some(old) = self.jwt.swap() {
            self.journal.mark_jwt(&old, Status::Old);
            self.activate_jwt();
        }
        Ok(())
    }

    async fn prepare_jwt(&mut self) -> Result<(), AuthorityError> {
        let held = self
            .authority
            .prepare_jwt(&self.parts, self.jwt.free())
            .await?;
        self.journal.add_jwt(&held);
        self.jwt.put(held);
        Ok(())
    }

    fn activate_jwt(&mut self) {
        let Some(current) = &self.jwt.current else {
            return;
        };
        tracing::info!(
            subsystem_name = "ca_manager",
            slot = current.slot.letter(),
            issued_at = %current.issued_at,
            expiration = %current.not_after,
            local_authority_id = current.authority_id,
            "JWT key activated"
        );
        self.journal.mark_jwt(&current.authority_id, Status::Active);
        self.authority.activate_jwt(Arc::clone(&current.authority));
    }

    fn publish(&self) {
        let state = AuthorityState {
            x509: state::x509(&self.x509),
            jwt: state::jwt(&self.jwt),
            failed_rotations: self.failed,
        };
        self.authority.state.send_if_modified(|published| {
            let changed = **published != state;
            if changed {
                *published = Arc::new(state);
            }
            changed
        });
    }

    /// Replaces the server's SVID when it is missing or past its half life.
    ///
    /// # Errors
    /// When it cannot be issued; the old one stays.
    pub async fn rotate_server_svid(&mut self) -> Result<(), AuthorityError> {
        let now = self.authority.now();
        let due = {
            let shown = self.authority.server_svid.borrow();
            shown.as_ref().is_none_or(|svid| now > svid.half_life())
        };
        if due {
            let svid = self.authority.issue_server_svid().await?;
            self.authority.server_svid.send_replace(Some(svid));
        }
        Ok(())
    }

    /// Removes authorities from the bundle that ended more than a day ago.
    ///
    /// # Errors
    /// When nothing would be left, or the database fails.
    pub async fn prune_bundle(&mut self) -> Result<(), AuthorityError> {
        let now = self.authority.now();
        let before = now.saturating_sub(BUNDLE_SAFETY).unwrap_or(now);
        let pruned = self
            .parts
            .bundles
            .prune_bundle(&self.authority.config().trust_domain, before)
            .await;
        if pruned.map_err(AuthorityError::store("prune the trust bundle"))? {
            tracing::debug!(
                subsystem_name = "ca_manager",
                "Expired certificates were successfully pruned from bundle"
            );
        }
        Ok(())
    }

    /// Removes journals of servers that are gone: their newest authority ended two weeks ago.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_journals(&mut self) -> Result<(), AuthorityError> {
        let now = self.authority.now();
        let before = now.saturating_sub(JOURNAL_SAFETY).unwrap_or(now);
        let pruned = self.parts.journals.prune_journals(before).await;
        pruned
            .map(drop)
            .map_err(AuthorityError::store("prune CA journals"))
    }

    /// Runs every step at its time until `stopping` is cancelled. A step that fails is logged and
    /// tried again.
    ///
    /// # Errors
    /// None so far: nothing here is worth ending the server for.
    pub async fn run(mut self, stopping: CancellationToken) -> Result<(), AuthorityError> {
        let mut rotate = every(ROTATE_EVERY);
        let mut server_svid = every(CHECK_SERVER_SVID_EVERY);
        let mut bundle = every(PRUNE_BUNDLE_EVERY);
        let mut journals = every(PRUNE_JOURNALS_EVERY);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                _ = rotate.tick() => drop(self.rotate().await),
                _ = server_svid.tick() => drop(logged(
                    self.rotate_server_svid().await,
                    "Could not rotate server SVID",
                )),
                _ = bundle.tick() => drop(logged(
                    self.prune_bundle().await,
                    "Could not prune CA certificates",
                )),
                _ = journals.tick() => drop(logged(
                    self.prune_journals().await,
                    "Could not prune CA journals",
                )),
                roots = self.roots.changed() => self.take_roots(roots).await,
            }
        }
    }

    async fn take_roots(&mut self, roots: Vec<X509Authority>) {
        drop(logged(
            self.authority.publish_roots(&self.parts, roots).await,
            "Failed to store X.509 roots received by the upstream authority plugin",
        ));
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn logged<T>(outcome: Result<T, AuthorityError>, what: &str) -> Result<T, AuthorityError> {
    if let Err(error) = &outcome {
        tracing::error!(subsystem_name = "ca_manager", error = %error, "{what}");
    }
    outcome
}

/// No journal fits our keys. With an empty database that is the first start; else the keys are
/// gone, or this server is new beside others.
async fn warn_of_lost_keys(parts: &Parts) -> Result<(), AuthorityError> {
    let journals = parts.journals.list_journals().await;
    let journals = journals.map_err(AuthorityError::store("list CA journals"))?;
    if journals.is_empty() {
        tracing::info!(
            subsystem_name = "ca_manager",
            "There is not a CA journal record that matches any of the local X509 authority IDs"
        );
        return Ok(());
    }
    tracing::warn!(
        subsystem_name = "ca_manager",
        ca_journals = journals.len(),
        "None of the CA journal records in the database belongs to the keys of this server: its \
         keys are new or have been lost. A new CA and JWT key are made and added to the trust \
         bundle. What the old ones signed stays valid until it expires. If the keys were lost by \
         mistake, stop the server, restore the key manager's keys and start it again"
    );
    Ok(())
}
