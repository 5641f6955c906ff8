//! What follows from row runs, at true sizes: a hundred masks of about 150 x 150 pixels in a
//! 1280 x 720 frame, with wavy outlines, every third one with a hole.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fastsam::cleanup::{Cleaner, Cleanup};
use fastsam::component::Labeler;
use fastsam::contour::Tracer;
use fastsam::encode::{polygon::Simplifier, rle};
use fastsam::{Connectivity, Contours, Mask};
use frame::Size;

const FRAME: Size = Size::new(1280, 720);

fn masks() -> Vec<Mask> {
    (0..100)
        .filter_map(|i| {
            let i = f64::from(i);
            let (cx, cy) = (100.0 + (i * 397.0) % 1080.0, 100.0 + (i * 211.0) % 520.0);
            let radius = 60.0 + (i * 7.0) % 30.0;
            let hole = if i % 3.0 == 0.0 { radius / 4.0 } else { 0.0 };
            let inside = |x: f64, y: f64| {
                let (dx, dy) = (x - cx, y - cy);
                if dx.abs().max(dy.abs()) > 110.0 {
                    return false;
                }
                let (angle, distance) = (dy.atan2(dx), dx.hypot(dy));
                let wave = 1.0 + 0.15 * (3.0 * angle + i).sin() + 0.04 * (17.0 * angle).sin();
                (hole..radius * wave).contains(&distance)
            };
            let pixels = (0..FRAME.height).flat_map(|y| (0..FRAME.width).map(move |x| (x, y)));
            let bitmap: Vec<u8> = pixels
                .map(|(x, y)| u8::from(inside(f64::from(x), f64::from(y))))
                .collect();
            Mask::from_bitmap(FRAME, &bitmap)
        })
        .collect()
}

fn runs(criterion: &mut Criterion) {
    let masks = masks();
    let mut group = criterion.benchmark_group("100 masks");

    let mut tracer = Tracer::new();
    let mut contours = Contours::default();
    group.bench_function("contours", |bencher| {
        bencher.iter(|| {
            for mask in &masks {
                tracer.trace(black_box(mask), &mut contours);
            }
        });
    });

    let mut labeler = Labeler::new();
    group.bench_function("components", |bencher| {
        bencher.iter(|| {
            for mask in &masks {
                black_box(labeler.label(black_box(mask), Connectivity::Eight));
            }
        });
    });

    let (mut encoder, mut counts) = (rle::Encoder::new(), Vec::new());
    group.bench_function("rle", |bencher| {
        bencher.iter(|| {
            for mask in &masks {
                counts.clear();
                encoder.encode(black_box(mask), &mut counts);
            }
        });
    });

    let traced: Vec<Contours> = masks
        .iter()
        .map(|mask| {
            tracer.trace(mask, &mut contours);
            contours.clone()
        })
        .collect();
    let mut simplifier = Simplifier::new();
    group.bench_function("polygons", |bencher| {
        bencher.iter(|| {
            for contours in &traced {
                simplifier.rings(black_box(contours), 1.0, |ring| {
                    black_box(ring);
                });
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
