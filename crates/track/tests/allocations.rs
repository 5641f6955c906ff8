//! Once their buffers have grown, neither the tracker nor the monitor asks for memory.

mod support;

use support::{crowd, frame};
use track::{Line, Monitor, Polygon, Settings, Tracker, Tripwire, Unit, Watch, Zone};

#[test]
fn a_steady_stream_of_frames_allocates_nothing() {
    let scene = crowd(60, 90, 3);
    let left = Polygon::new(
        vec![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]],
        Unit::Share,
    )
    .unwrap();
    let mut tracker = Tracker::new(Settings::default(), 1);
    let mut monitor = Monitor::new(Watch {
        zones: vec![Zone::new(left)],
        lines: vec![Tripwire {
            line: Line::new([640.0, 0.0], [640.0, 720.0], Unit::Pixels).unwrap(),
            anchor: Default::default(),
        }],
        ..Watch::default()
    })
    .unwrap();
    let (mut events, mut n, mut happened) = (Vec::new(), 0, 0);
    let mut round = || {
        let allocated = allocation_counter::measure(|| {
            for segments in scene.iter().chain(scene.iter().rev()) {
                n += 1;
                let observation = frame(n, segments);
                events.clear();
                tracker.update(&observation);
                monitor.update(&observation, &tracker, &mut events);
                happened += events.len();
            }
        });
        allocated.count_total
    };
    assert!(round() > 0, "the counter counts");
    // Objects that end give their buffers to those that begin, whose masks may be larger: some rounds pass
    // until every buffer is large enough.
    for _ in 0..20 {
        round();
    }
    assert_eq!(round(), 0);
    assert_eq!(round(), 0);
    assert!(
        happened > 100,
        "{happened} events are too few to say anything"
    );
}
