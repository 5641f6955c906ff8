//! Where ids begin, so that none is ever given twice.
//!
//! With a folder that outlives a restart, ids are reserved there before they are given: after a power cut the
//! next ones begin above all that may have been given. Without one they begin at the milliseconds since 2026,
//! which stay ahead as long as no more than a thousand objects a second are new and the clock doesn't go back.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use tracing::warn;

use crate::daemon::store::Store;

/// Ids that are reserved together, at least: writing to a card is slow.
const BLOCK: u64 = 10_000;

/// The name of the file.
const FILE: &str = "ids.json";

/// The second in which 2026 began.
const YEAR_2026: Duration = Duration::from_secs(1_767_225_600);

/// Reserves ids for all cameras.
pub(crate) struct Ids {
    store: Option<Store>,
    /// For each camera's name, the first id that is not reserved.
    reserved: BTreeMap<String, u64>,
    /// What ids begin at where nothing is known of those before.
    beginning: u64,
}

impl Ids {
    /// Reads what was reserved before.
    pub(crate) fn open(store: Option<Store>, now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH + YEAR_2026);
        let by_clock = since.unwrap_or_default().as_millis() as u64 + 1;
        let (reserved, beginning) = match store.as_ref().map(|store| store.read(FILE)) {
            Some(Ok(Some(reserved))) => (reserved, 1),
            Some(Ok(None)) => (BTreeMap::new(), 1),
            Some(Err(error)) => {
                warn!("ids begin anew, with the milliseconds since 2026: {error:#}");
                (BTreeMap::new(), by_clock)
            }
            None => (BTreeMap::new(), by_clock),
        };
        Self {
            store,
            reserved,
            beginning,
        }
    }

    /// The first id that a camera's objects may have.
    pub(crate) fn first(&mut self, camera: &str) -> u64 {
        let first = self.reserved.get(camera).copied();
        let first = first.unwrap_or(self.beginning);
        self.reserve(camera, first.saturating_add(BLOCK));
        first
    }

    /// Reserves more before a camera runs out of ids. `next`: the one that it gives next.
    pub(crate) fn keep_ahead(&mut self, camera: &str, next: u64) {
        let reserved = self.reserved.get(camera).copied().unwrap_or(0);
        // A frame has a few hundred new objects at most.
        if next.saturating_add(BLOCK / 4) > reserved {
            // Ever more at once, so that even endless noise is written down ever more rarely.
            let block = BLOCK.max(next / 8);
            self.reserve(camera, next.saturating_add(block));
        }
    }

    /// Gives back what was reserved and not given, at the end.
    pub(crate) fn give_back<'a>(&mut self, next: impl IntoIterator<Item = (&'a str, u64)>) {
        for (camera, next) in next {
            self.reserved.insert(camera.to_owned(), next);
        }
        self.write();
    }

    fn reserve(&mut self, camera: &str, until: u64) {
        match self.reserved.get_mut(camera) {
            Some(reserved) => *reserved = until,
            None => drop(self.reserved.insert(camera.to_owned(), until)),
        }
        self.write();
    }

    fn write(&mut self) {
        let written = self
            .store
            .as_ref()
            .map(|store| store.write(FILE, &self.reserved));
        if let Some(Err(error)) = written {
            warn!("ids may be given again after a restart: {error:#}");
            // It is said once; the next start begins anew, if the folder is still as it is now.
            self.store = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_given_twice_over_restarts_and_power_cuts() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Ids::open(Some(Store::at(folder.path())), SystemTime::now());
        let mut ids = open();
        assert_eq!((ids.first("door"), ids.first("yard")), (1, 1));
        ids.keep_ahead("door", 9_000);
        // The power fails.
        let mut ids = open();
        let first = ids.first("door");
        assert!(first >= 9_000, "{first}");
        assert_eq!(ids.first("yard"), 1 + BLOCK);
        // A restart as it should be.
        ids.give_back([("door", first + 5), ("yard", 30_000)]);
        let mut ids = open();
        assert_eq!((ids.first("door"), ids.first("yard")), (first + 5, 30_000));
    }

    #[test]
    fn without_a_folder_the_clock_tells_them_apart() {
        let at = |seconds| SystemTime::UNIX_EPOCH + YEAR_2026 + Duration::from_secs(seconds);
        let first = Ids::open(None, at(1)).first("door");
        assert_eq!(first, 1001);
        assert!(Ids::open(None, at(60)).first("door") > first + 50_000);
        // A clock that has not been set.
        assert_eq!(Ids::open(None, SystemTime::UNIX_EPOCH).first("door"), 1);
        // What can't be read is not taken for nothing.
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        let mut ids = Ids::open(Some(Store::at(folder.path())), at(1));
        assert_eq!(ids.first("door"), 1001);
    }
}
