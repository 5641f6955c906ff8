//! What is done with masks only where it is asked for: components and clean-up, of a hundred masks.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fastsam::Connectivity;
use fastsam::cleanup::{Cleaner, Cleanup};
use fastsam::component::Labeler;
use frame::Size;
use support::{scene::Mix, stages::Stages};

fn runs(criterion: &mut Criterion) {
    let masks = Stages::new(Size::new(1280, 720), Mix::Published, 100).masks;
    let mut group = criterion.benchmark_group("100 masks");

    let mut labeler = Labeler::new();
    group.bench_function("components", |bencher| {
        bencher.iter(|| {
            for mask in &masks {
                black_box(labeler.label(black_box(mask), Connectivity::Eight));
            }
        });
    });

    let mut cleaner = Cleaner::new();
    let cleanup = Cleanup {
        close: 3,
        open: 3,
        min_island: 64,
        max_hole: 64,
    };
    group.bench_function("clean-up", |bencher| {
        bencher.iter_batched_ref(
            || masks.clone(),
            |masks| {
                for mask in masks {
                    cleaner.apply(&cleanup, mask);
                }
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, runs);
criterion_main!(benches);
