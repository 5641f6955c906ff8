//! In steady state nothing is allocated, neither by the mock's network nor by a simulated chip.

use std::time::Duration;

use accelerator::{
    Accelerator, AcceleratorError, Pace,
    mock::{self, Network},
    replay,
};
use allocation_counter::measure;
use frame::{InputSize, Size};
use recording::Recording;
use tensors::Tensors;

const INPUT: InputSize = InputSize::DEFAULT;
const LONG: Duration = Duration::from_secs(30);

/// A picture with `n` squares; the more, the larger the network's buffers grow.
fn squares(n: usize) -> Vec<u8> {
    let side = INPUT.width() as usize;
    let mut input = vec![90; INPUT.bytes()];
    for i in 0..n {
        let (left, top) = (i % 12 * 50 + 10, i / 12 * 50 + 10);
        for y in top..top + 30 {
            for x in left..left + 30 {
                input[(y * side + x) * 3 + i % 3] = 220;
            }
        }
    }
    input
}

#[test]
fn the_network_reuses_its_buffers() {
    let mut network = Network::new(INPUT);
    let mut tensors = Tensors::for_layout(&Network::layout(INPUT));
    let inputs = [squares(3), squares(100), squares(0)];
    for input in &inputs {
        network.infer(input, &mut tensors);
    }
    let counted = measure(|| {
        for input in &inputs {
            network.infer(input, &mut tensors);
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// Allocations of the two halves in the quietest of several stretches of frames. A channel allocates
/// once when its thread has to wait for the first time, which may come in any stretch; what is
/// allocated for each frame shows in all of them.
fn count(accelerator: Box<dyn Accelerator>) -> Result<u64, AcceleratorError> {
    let mut tensors = Tensors::for_layout(accelerator.layout());
    let (mut submit, mut collect) = accelerator.split();
    let input = squares(5);
    let mut stretch = || {
        (0..20).try_for_each(|ticket| {
            submit.submit(ticket, &input, LONG)?;
            collect.collect(&mut tensors, LONG).map(drop)
        })
    };
    stretch()?;
    let mut quietest = u64::MAX;
    for _ in 0..4 {
        let mut answered = Ok(());
        let counted = measure(|| answered = stretch());
        answered?;
        quietest = quietest.min(counted.count_total);
    }
    Ok(quietest)
}

#[test]
fn the_halves_of_a_simulated_chip_reuse_their_buffers() {
    let mock = mock::open(INPUT, Pace::unlimited()).unwrap();
    assert_eq!(count(mock).unwrap(), 0);

    let folder = tempfile::tempdir().unwrap();
    let layout = Network::layout(INPUT);
    let tensors = Tensors::for_layout(&layout);
    Recording::save(folder.path(), Size::new(640, 640), &layout, &tensors).unwrap();
    let recordings = Recording::open_all(folder.path()).unwrap();
    let replay = replay::open("silence", recordings, Pace::unlimited()).unwrap();
    assert_eq!(count(replay).unwrap(), 0);
}
