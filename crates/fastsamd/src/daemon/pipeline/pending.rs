//! What is under way on the accelerator: the frames whose answers are still to come.
//!
//! The submitting thread adds an entry before the input goes to the chip and withdraws it when
//! the chip refused; the collecting thread claims it by ticket. Answers come in order, so an older
//! entry still waiting when a newer ticket is answered has been lost.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use accelerator::Ticket;

/// Entries by ticket, oldest first.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    entries: Mutex<VecDeque<(Ticket, T)>>,
}

/// An answered entry, and how many older ones were lost before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim<T> {
    /// The entry, unless its ticket is unknown.
    pub(crate) entry: Option<T>,
    /// Older entries that will never be answered.
    pub(crate) lost: u64,
}

impl<T> Pending<T> {
    /// An empty list with room for so many entries.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Mutex::new(VecDeque::with_capacity(capacity)),
        }
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<(Ticket, T)>> {
        // Nothing that holds this lock can panic half-way through a change.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the newest entry.
    pub(crate) fn add(&self, ticket: Ticket, entry: T) {
        self.entries().push_back((ticket, entry));
    }

    /// Takes back an entry whose input was not accepted.
    pub(crate) fn withdraw(&self, ticket: Ticket) {
        self.entries().retain(|(waiting, _)| *waiting != ticket);
    }

    /// Takes the entry that was answered, and drops those before it.
    pub(crate) fn claim(&self, ticket: Ticket) -> Claim<T> {
        let mut entries = self.entries();
        let mut lost = 0;
        while let Some((oldest, _)) = entries.front() {
            if *oldest > ticket {
                break;
            }
            let answered = *oldest == ticket;
            let entry = entries.pop_front().map(|(_, entry)| entry);
            if answered {
                return Claim { entry, lost };
            }
            lost += 1;
        }
        Claim { entry: None, lost }
    }

    /// Gives up on all entries and says how many there were.
    pub(crate) fn abandon(&self) -> u64 {
        let mut entries = self.entries();
        let lost = entries.len() as u64;
        entries.clear();
        lost
    }

    /// How many answers are still to come.
    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether every answer has come or been given up.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_in_order_lose_nothing() {
        let pending = Pending::with_capacity(4);
        pending.add(1, 'a');
        pending.add(2, 'b');
        assert_eq!(
            pending.claim(1),
            Claim {
                entry: Some('a'),
                lost: 0
            }
        );
        assert_eq!(
            pending.claim(2),
            Claim {
                entry: Some('b'),
                lost: 0
            }
        );
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn a_newer_answer_gives_up_the_older_entries() {
        let pending = Pending::with_capacity(4);
        for ticket in 1..=4 {
            pending.add(ticket, ticket);
        }
        assert_eq!(
            pending.claim(3),
            Claim {
                entry: Some(3),
                lost: 2
            }
        );
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn an_unknown_ticket_claims_nothing() {
        let pending = Pending::with_capacity(4);
        pending.add(5, 'a');
        assert_eq!(
            pending.claim(4),
            Claim {
                entry: None,
                lost: 0
            }
        );
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn a_withdrawn_entry_is_not_lost() {
        let pending = Pending::with_capacity(4);
        pending.add(1, 'a');
        pending.add(2, 'b');
        pending.withdraw(1);
        assert_eq!(
            pending.claim(2),
            Claim {
                entry: Some('b'),
                lost: 0
            }
        );
        pending.add(3, 'c');
        assert_eq!(pending.abandon(), 1);
    }
}
