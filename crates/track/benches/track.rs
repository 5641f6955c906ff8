//! Ids, zones and events for crowds at 720p, per frame, on one core. More things of the same sizes cover each other
//! more often, and pairs that overlap are what takes the time; `as crowded as 100` has things that are the smaller the
//! more there are, so that each overlaps as many others.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fastsam::Segment;
use support::{crowd_of, frame};
use track::{Monitor, Observation, Polygon, Settings, Tracker, Unit, Watch, Zone};

/// Two seconds, there and back, so that objects go on where they were.
fn frames(objects: usize, scale: f64) -> Vec<Vec<Segment>> {
    let mut frames = crowd_of(objects, 60, 1, scale);
    let back: Vec<_> = frames.iter().rev().cloned().collect();
    frames.extend(back);
    frames
}

fn zone(x: f32) -> Option<Zone> {
    let corners = vec![[x, 0.2], [x + 0.3, 0.1], [x + 0.4, 0.8], [x, 0.9]];
    Polygon::new(corners, Unit::Share).ok().map(Zone::new)
}

fn tracks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("track");
    for objects in [100, 300, 1000] {
        let frames = frames(objects, (100.0 / objects as f64).sqrt());
        let mut tracker = Tracker::new(Settings::default(), 1);
        let mut n = 0;
        let name = BenchmarkId::new("ids, as crowded as 100", objects);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let segments = &frames[n as usize % frames.len()];
                n += 1;
                black_box(tracker.update(&frame(n, segments)));
            });
        });
    }
    for objects in [30, 100, 300, 1000] {
        let frames = frames(objects, 1.0);
        let mut tracker = Tracker::new(Settings::default(), 1);
        let mut n = 0;
        group.bench_function(BenchmarkId::new("ids", objects), |bencher| {
            bencher.iter(|| {
                let segments = &frames[n as usize % frames.len()];
                n += 1;
                black_box(tracker.update(&frame(n, segments)));
            });
        });
        let watch = Watch {
            zones: [0.05, 0.5].into_iter().filter_map(zone).collect(),
            ..Watch::default()
        };
        let Ok(mut monitor) = Monitor::new(watch) else {
            unreachable!("zones of half a mask");
        };
        let mut events = Vec::new();
        let mut update = |observation: &Observation<'_>, tracker: &Tracker| {
            events.clear();
            monitor.update(observation, tracker, &mut events);
            black_box(&events);
        };
        group.bench_function(BenchmarkId::new("ids and two zones", objects), |bencher| {
            bencher.iter(|| {
                let segments = &frames[n as usize % frames.len()];
                n += 1;
                let observation = frame(n, segments);
                tracker.update(&observation);
                update(&observation, &tracker);
            });
        });
    }
}

criterion_group!(benches, tracks);
criterion_main!(benches);
