//! The two slots that each kind of authority lives in, and when the next one is due.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use steeple_proto::store::Status;

const DAY: Duration = Duration::from_secs(24 * 3600);
const PREPARATION_CAP: Duration = Duration::from_secs(30 * DAY.as_secs());
const ACTIVATION_CAP: Duration = Duration::from_secs(7 * DAY.as_secs());

/// Which of the two slots; its letter is in the key manager's key ids and in the journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SlotId {
    A,
    B,
}

impl SlotId {
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }

    pub(crate) fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "A" => Some(Self::A),
            "B" => Some(Self::B),
            _ => None,
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// An authority in a slot.
#[derive(Clone, Debug)]
pub(crate) struct Held<A> {
    pub(crate) slot: SlotId,
    pub(crate) authority_id: String,
    pub(crate) issued_at: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) authority: A,
}

impl<A> Held<A> {
    /// Whether it is time to prepare the next: the last half of the lifetime, 30 days at most.
    pub(crate) fn should_prepare_next(&self, now: Timestamp) -> bool {
        now > self.threshold(2, PREPARATION_CAP)
    }

    /// Whether it is time to activate the next: the last sixth of the lifetime, 7 days at most.
    pub(crate) fn should_activate_next(&self, now: Timestamp) -> bool {
        now > self.threshold(6, ACTIVATION_CAP)
    }

    fn threshold(&self, divisor: i32, cap: Duration) -> Timestamp {
        let lifetime = self.not_after.duration_since(self.issued_at);
        let cap = SignedDuration::try_from(cap).unwrap_or(SignedDuration::MAX);
        self.not_after
            .saturating_sub(cap.min(lifetime / divisor))
            .unwrap_or(self.not_after)
    }
}

/// An authority as the journal has it.
pub(crate) type Restored<A> = (Status, Held<A>);

/// Current and next authority of one kind.
#[derive(Debug)]
pub(crate) struct Slots<A> {
    /// The slot that the next authority goes into when both are empty.
    first: SlotId,
    pub(crate) current: Option<Held<A>>,
    pub(crate) next: Option<Held<A>>,
    /// The one that was current before, for who asks.
    pub(crate) old: Option<(String, Timestamp)>,
}

impl<A> Slots<A> {
    /// Puts loaded authorities, newest first, into slots: the active one is current. Without one
    /// the newest other becomes current, as SPIRE does.
    pub(crate) fn restore(newest_first: Vec<Restored<A>>) -> Self {
        let mut slots = Self {
            first: SlotId::A,
            current: None,
            next: None,
            old: None,
        };
        let mut other = None;
        for (status, held) in newest_first {
            if status == Status::Active && slots.current.is_none() {
                slots.current = Some(held);
            } else if other.is_none() {
                other = Some((status, held));
            }
        }
        match (&slots.current, other) {
            (None, Some((_, held))) => slots.current = Some(held),
            (Some(current), Some((Status::Prepared, held))) if held.slot != current.slot => {
                slots.next = Some(held);
            }
            (_, Some((_, held))) => slots.old = Some((held.authority_id, held.not_after)),
            (_, None) => {}
        }
        slots
    }

    /// The slot for the authority that is prepared next.
    pub(crate) fn free(&self) -> SlotId {
        self.current
            .as_ref()
            .map_or(self.first, |current| current.slot.other())
    }

    /// Takes in a prepared authority: as current when there is none, else as next.
    pub(crate) fn put(&mut self, held: Held<A>) {
        let place = if self.current.is_none() {
            &mut self.current
        } else {
            &mut self.next
        };
        *place = Some(held);
    }

    /// Makes next current. Returns the ID of the one that became old.
    pub(crate) fn swap(&mut self) -> Option<String> {
        let next = self.next.take()?;
        let old = self.current.replace(next)?;
        self.old = Some((old.authority_id.clone(), old.not_after));
        Some(old.authority_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(slot: SlotId, id: &str, from: i64, to: i64) -> Held<()> {
        Held {
            slot,
            authority_id: id.to_owned(),
            issued_at: Timestamp::from_second(from).unwrap(),
            not_after: Timestamp::from_second(to).unwrap(),
            authority: (),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn next_is_prepared_at_half_and_activated_at_five_sixths() {
        let day = held(SlotId::A, "a", 0, 86_400);
        assert!(!day.should_prepare_next(at(43_200)));
        assert!(day.should_prepare_next(at(43_201)));
        assert!(!day.should_activate_next(at(72_000)));
        assert!(day.should_activate_next(at(72_001)));
    }

    #[test]
    fn thresholds_are_capped_for_long_lives() {
        let days = 86_400;
        let year = held(SlotId::A, "a", 0, 365 * days);
        assert!(!year.should_prepare_next(at(335 * days)));
        assert!(year.should_prepare_next(at(335 * days + 1)));
        assert!(!year.should_activate_next(at(358 * days)));
        assert!(year.should_activate_next(at(358 * days + 1)));
    }

    #[test]
    fn authorities_alternate_between_the_slots() {
        let mut slots = Slots::restore(vec![]);
        assert_eq!(slots.free(), SlotId::A);
        slots.put(held(SlotId::A, "one", 0, 10));
        assert_eq!(slots.free(), SlotId::B);
        slots.put(held(SlotId::B, "two", 5, 15));
        assert_eq!(slots.swap().as_deref(), Some("one"));
        assert_eq!(slots.current.as_ref().unwrap().authority_id, "two");
        assert!(slots.next.is_none());
        assert_eq!(slots.free(), SlotId::A);
        assert_eq!(slots.swap(), None, "nothing to activate");
    }

    #[test]
    fn restore_puts_active_first_and_prepared_next() {
        let slots = Slots::restore(vec![
            (Status::Prepared, held(SlotId::B, "next", 5, 15)),
            (Status::Active, held(SlotId::A, "now", 0, 10)),
        ]);
        assert_eq!(slots.current.unwrap().authority_id, "now");
        assert_eq!(slots.next.unwrap().authority_id, "next");
    }

    #[test]
    fn restore_without_an_active_one_takes_the_newest() {
        let slots = Slots::restore(vec![
            (Status::Prepared, held(SlotId::B, "newer", 5, 15)),
            (Status::Old, held(SlotId::A, "older", 0, 10)),
        ]);
        assert_eq!(slots.current.unwrap().authority_id, "newer");
        assert!(slots.next.is_none());
    }

    #[test]
    fn an_old_one_is_not_used_again() {
        let slots = Slots::restore(vec![
            (Status::Active, held(SlotId::B, "now", 5, 15)),
            (Status::Old, held(SlotId::A, "before", 0, 10)),
        ]);
        assert_eq!(slots.current.as_ref().unwrap().authority_id, "now");
        assert!(slots.next.is_none());
        assert_eq!(slots.old.unwrap().0, "before");
    }
}
