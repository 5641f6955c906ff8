//! Copies of the network's inputs, kept until their segments are known, for whoever wants pictures.
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
#[derive(Default)]
pub(crate) struct Keep {
    /// Bit `i`: whether pictures of camera `i` are wanted. There are at most 16 cameras.
    wanted: AtomicU32,
    pictures: Mutex<Pictures>,
}

#[derive(Default)]
struct Pictures {
    /// In the order in which they came.
    kept: Vec<Kept>,
    /// Buffers to be filled again.
    free: Vec<NetworkInput>,
}

struct Kept {
    camera: usize,
    sequence: u64,
    input: NetworkInput,
}

impl Keep {
    fn pictures(&self) -> MutexGuard<'_, Pictures> {
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

    /// Keeps a copy of a frame's input, if such are wanted; in the place of the oldest, if need be.
    pub(crate) fn offer(&self, camera: usize, sequence: u64, input: &NetworkInput) {
        if !self.wants(camera) {
            return;
        }
        let mut pictures = self.pictures();
        let mut buffer = if pictures.kept.len() == MOST_PICTURES {
            pictures.kept.remove(0).input
        } else {
            let new = || NetworkInput::new(input.size());
            pictures.free.pop().unwrap_or_else(new)
        };
        buffer.clone_from(input);
        pictures.kept.push(Kept {
            camera,
            sequence,
            input: buffer,
        });
    }

    /// Takes a frame's picture out, and drops those of frames before it, which were lost.
    pub(crate) fn take(&self, camera: usize, sequence: u64) -> Option<NetworkInput> {
        self.pictures().take(camera, sequence)
    }

    /// Takes a picture's buffer back.
    pub(crate) fn give_back(&self, input: NetworkInput) {
        self.pictures().keep_free(input);
    }
}

impl Pictures {
    /// Takes a frame's picture out, and drops those of frames before it, which were lost.
    fn take(&mut self, camera: usize, sequence: u64) -> Option<NetworkInput> {
        let is_it = |kept: &Kept| kept.camera == camera && kept.sequence == sequence;
        let found = self.kept.iter().position(is_it);
        let found = found.map(|place| self.kept.remove(place).input);
        self.drop_until(camera, sequence);
        found
    }

    fn drop_until(&mut self, camera: usize, sequence: u64) {
        let is_past = |kept: &mut Kept| kept.camera == camera && kept.sequence <= sequence;
        let past: Vec<Kept> = self.kept.extract_if(.., is_past).collect();
        for kept in past {
            self.keep_free(kept.input);
        }
    }

    fn keep_free(&mut self, input: NetworkInput) {
        if self.free.len() < MOST_PICTURES {
            self.free.push(input);
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
        let keep = Keep::default();
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
