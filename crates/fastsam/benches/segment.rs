//! From tensors to segments and their encodings, on painted answers of a network's true size: each
//! stage, and `segment`, all of them but the encodings. Those repeat one scene, whose tensors and branches
//! the processor soon knows; `segment in turns` takes another each time, as frames are.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use frame::Size;
use support::{scene::Mix, stages::Stages};

/// The last one's padding is odd: two knots per prototype.
const SIZES: [(&str, Size); 3] = [
    ("720p", Size::new(1280, 720)),
    ("1080p", Size::new(1920, 1080)),
    ("1640x1232", Size::new(1640, 1232)),
];
/// Scenes that are taken in turns: together larger than the caches of second level, as the frames of a camera are
/// never there when they are needed.
const OTHERS: u64 = 16;
const OBJECTS: [usize; 4] = [10, 32, 100, 300];

fn stages(criterion: &mut Criterion) {
    for (size_name, size) in SIZES {
        for (type_name, mix) in Mix::ALL {
            for objects in OBJECTS {
                let mut scene = Stages::new(size, mix, objects);
                let name = format!("{size_name} {type_name} {objects}");
                let mut group = criterion.benchmark_group(name);
                group.warm_up_time(Duration::from_millis(200));
                group.measurement_time(Duration::from_millis(800));
                for (stage_name, stage) in Stages::ALL {
                    group.bench_function(BenchmarkId::from_parameter(stage_name), |bencher| {
                        bencher.iter(|| stage(black_box(&mut scene)));
                    });
                }
                let mut scenes = Stages::with_others(size, mix, objects, OTHERS);
                group.bench_function("segment in turns", |bencher| {
                    bencher.iter(|| black_box(&mut scenes).segment_next());
                });
            }
        }
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
