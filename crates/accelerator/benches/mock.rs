//! What the mock's network costs per frame: it has to keep a Hailo-8's pace on one core.

use std::hint::black_box;

use accelerator::mock::Network;
use criterion::{Criterion, criterion_group, criterion_main};
use frame::InputSize;
use tensors::Tensors;

const INPUT: InputSize = InputSize::DEFAULT;
const SIDE: usize = INPUT.width() as usize;

/// Discs of many colours on a gradient with texture.
fn scene(discs: usize) -> Vec<u8> {
    let mut input: Vec<u8> = (0..SIDE * SIDE * 3)
        .map(|i| {
            let (x, y, channel) = (i / 3 % SIDE, i / 3 / SIDE, i % 3);
            (60 + (x + y * channel) / 16 + (x * 7 + y * 13) % 9) as u8
        })
        .collect();
    let per_row = discs.isqrt().max(1);
    let pitch = SIDE / (per_row + 1);
    for i in 0..discs {
        let (cx, cy) = (
            pitch * (i % per_row + 1),
            pitch * (i / per_row + 1).min(SIDE / pitch - 1),
        );
        let radius = pitch * 2 / 5;
        for y in cy - radius..cy + radius {
            for x in cx - radius..cx + radius {
                if x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) < radius * radius {
                    let colour = [i * 97 % 200 + 40, i * 61 % 200 + 40, i * 29 % 200 + 40];
                    for (value, channel) in input[(y * SIDE + x) * 3..][..3].iter_mut().zip(colour)
                    {
                        *value = (channel + (x * 5 + y * 3) % 11) as u8;
                    }
                }
            }
        }
    }
    input
}

fn infer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("infer");
    for discs in [0, 16, 64, 225] {
        let input = scene(discs);
        let mut network = Network::new(INPUT);
        let mut tensors = Tensors::for_layout(&Network::layout(INPUT));
        group.bench_function(format!("{discs} discs"), |bencher| {
            bencher.iter(|| network.infer(black_box(&input), &mut tensors));
        });
    }
}

criterion_group!(benches, infer);
criterion_main!(benches);
