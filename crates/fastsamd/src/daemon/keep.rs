//! Copies of frames or of the network's inputs, kept until their segments are known, for whoever wants pictures.
//!
//! Invariants: no more than [`MOST_PICTURES`] are kept, in buffers that are used again; of cameras whose pictures
//! nobody wants nothing is copied.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use frame::NetworkInput;

/// Pictures that are kept, at most: as many as frames are usually under way.
const MOST_PICTURES: usize = 8;

/// Where pictures wait.
pub(crate) struct Keep<T = NetworkInput> {
    /// Bit `i`: whether pictures of camera `i` are wanted. There are at most 16 cameras.
    wanted: AtomicU32,
    pictures: Mutex<Pictures<T>>,
}

struct Pictures<T> {
    /// In the order in which they came.
    kept: Vec<Kept<T>>,
    /// Buffers to be filled again.
    free: Vec<T>,
}

struct Kept<T> {
    camera: usize,
    sequence: u64,
    picture: T,
}

impl<T> Default for Keep<T> {
    fn default() -> Self {
        Self {
            wanted: AtomicU32::default(),
            pictures: Mutex::new(Pictures {
                kept: Vec::new(),
                free: Vec::new(),
            }),
        }
    }
}

impl<T: Clone> Keep<T> {
    fn pictures(&self) -> MutexGuard<'_, Pictures<T>> {
        // Each change is whole in itself.
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether pictures of a camera are to be kept from now on.
    pub(crate) fn want(&self, camera: usize, wanted: bool) {
        let bit = 1 << camera;
        if wanted {
            self.wanted.fetch_or(bit, Ordering::AcqRel);
        } else if self.wanted.fetch_and(!bit, Ordering::AcqRel) & bit != 0 {
            self.pictures().drop_until(camera, u64::MAX);
        }
    }

    /// Whether pictures of a camera are to be kept.
    pub(crate) fn wants(&self, camera: usize) -> bool {
        self.wanted.load(Ordering::Acquire) & 1 << camera != 0
    }

    /// Keeps a copy of a frame's picture, if such are wanted; in the place of the oldest, if need be.
    pub(crate) fn offer(&self, camera: usize, sequence: u64, picture: &T) {
        if !self.wants(camera) {
            return;
        }
        let mut pictures = self.pictures();
        let used = if pictures.kept.len() == MOST_PICTURES {
            Some(pictures.kept.remove(0).picture)
        } else {
            pictures.free.pop()
        };
        let copy = match used {
            Some(mut used) => {
                used.clone_from(picture);
                used
            }
            None => picture.clone(),
        };
        pictures.kept.push(Kept {
            camera,
            sequence,
            picture: copy,
        });
    }

    /// Takes a frame's picture out, and drops those of frames before it, which were lost.
    pub(crate) fn take(&self, camera: usize, sequence: u64) -> Option<T> {
        self.pictures().take(camera, sequence)
    }

    /// Takes a picture's buffer back.
    pub(crate) fn give_back(&self, picture: T) {
        self.pictures().keep_free(picture);
    }
}

impl<T> Pictures<T> {
    /// Takes a frame's picture out, and drops those of frames before it, which were lost.
    fn take(&mut self, camera: usize, sequence: u64) -> Option<T> {
        let is_it = |kept: &Kept<T>| kept.camera == camera && kept.sequence == sequence;
        let found = self.kept.iter().position(is_it);
        let found = found.map(|place| self.kept.remove(place).picture);
        self.drop_until(camera, sequence);
        found
    }

    fn drop_until(&mut self, camera: usize, sequence: u64) {
        let is_past = |kept: &mut Kept<T>| kept.camera == camera && kept.sequence <= sequence;
        let past: Vec<Kept<T>> = self.kept.extract_if(.., is_past).collect();
        for kept in past {
            self.keep_free(kept.picture);
        }
    }

    fn keep_free(&mut self, picture: T) {
        if self.free.len() < MOST_PICTURES {
            self.free.push(picture);
        }
    }
}

#[cfg(test)]
mod tests {
    use frame::InputSize;

    use super::*;

    fn kept(keep: &Keep) -> Vec<u64> {
        keep.pictures()
            .kept
            .iter()
            .map(|kept| kept.sequence)
            .collect()
    }

    #[test]
    fn pictures_are_kept_while_they_are_wanted() {
        let keep: Keep = Keep::default();
        let mut input = NetworkInput::new(InputSize::DEFAULT);
        input.bytes_mut().fill(7);
        keep.offer(1, 1, &input);
        assert!(kept(&keep).is_empty());
        keep.want(1, true);
        keep.offer(0, 2, &input);
        for sequence in 3..20 {
            keep.offer(1, sequence, &input);
        }
        // The newest.
        assert_eq!(kept(&keep), (12..20).collect::<Vec<_>>());
        assert!(keep.take(1, 14).is_some_and(|found| found == input));
        assert_eq!(kept(&keep), (15..20).collect::<Vec<_>>());
        assert!(keep.take(0, 16).is_none());
        keep.want(1, false);
        assert!(kept(&keep).is_empty());
        assert!(keep.pictures().free.len() <= MOST_PICTURES);
    }
}
