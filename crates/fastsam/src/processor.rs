//! The processor's vector instructions: stages are compiled for several sets of them, and run with
//! the best one that is there.
//!
//! Such a stage is generic over [`fearless_simd::Simd`] and inlined, with all that it calls, into
//! [`fearless_simd::dispatch`], which compiles it for SSE2, SSE4.2, AVX2 and AVX-512 on x86-64 and for
//! NEON on AArch64. What is not inlined is not compiled for the set, and slow: so such stages loop
//! instead of handing closures to iterators and `array::map`, and closures of theirs are marked.
//!
//! Every set does the same arithmetic in the same order, and none fuses multiplication and addition:
//! results are the same to the last bit.

use fearless_simd::Level;

/// The best set there is; in tests the one that [`on_each`] says.
pub(crate) fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = tests::CHOSEN.get() {
        return level;
    }
    Level::new()
}

#[cfg(test)]
pub(crate) use tests::on_each;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fmt::Debug;

    use super::*;

    thread_local! {
        pub(super) static CHOSEN: Cell<Option<Level>> = const { Cell::new(None) };
    }

    /// What `work` gives, which has to be the same with each set that this processor has.
    pub(crate) fn on_each<T: PartialEq + Debug>(mut work: impl FnMut() -> T) -> T {
        let best = Level::new();
        #[cfg(target_arch = "x86_64")]
        let lesser = [
            best.as_sse2().map(Level::Sse2),
            best.as_sse4_2().map(Level::Sse4_2),
            best.as_avx2().map(Level::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let lesser: [Option<Level>; 0] = [];
        CHOSEN.set(Some(best));
        let answer = work();
        for level in lesser.into_iter().flatten() {
            CHOSEN.set(Some(level));
            assert_eq!(work(), answer, "with {level:?}, and with {best:?}");
        }
        CHOSEN.set(None);
        answer
    }
}
