//! Zones, lines and events on scenes whose truth is known.

#![expect(clippy::unwrap_used, reason = "this is a test")]

mod support;

use std::time::Duration;

use fastsam::Segment;
use frame::Size;
use support::{Random, SIZE, ellipse, frame, painted, rectangle};
use track::{
    Anchor, Change, Direction, Event, Inside, Line, Monitor, Observation, Polygon, Settings,
    Tracker, Tripwire, Unit, Watch, Zone,
};

/// A tracker and a monitor that see the same frames, 30 a second.
struct Eye {
    tracker: Tracker,
    monitor: Monitor,
    frames: u64,
    events: Vec<Event>,
}

impl Eye {
    fn new(watch: Watch) -> Self {
        Self {
            tracker: Tracker::new(Settings::default(), 1),
            monitor: Monitor::new(watch).unwrap(),
            frames: 0,
            events: Vec::new(),
        }
    }

    fn see(&mut self, segments: &[Segment]) {
        let observation = frame(self.frames, segments);
        self.frames += 1;
        self.tracker.update(&observation);
        self.monitor
            .update(&observation, &self.tracker, &mut self.events);
    }

    /// What happened, without the objects' names.
    fn changes(&self) -> Vec<Change> {
        self.events.iter().map(|event| event.change).collect()
    }
}

fn pixels(corners: &[[f32; 2]]) -> Polygon {
    Polygon::new(corners.to_vec(), Unit::Pixels).unwrap()
}

fn rectangular(x: f32, y: f32, width: f32, height: f32) -> Polygon {
    pixels(&[
        [x, y],
        [x + width, y],
        [x + width, y + height],
        [x, y + height],
    ])
}

fn watching(zone: Zone) -> Watch {
    Watch {
        zones: vec![zone],
        ..Watch::default()
    }
}

/// What a zone says of one thing that is seen for two seconds.
fn counted(zone: Zone, segment: Segment) -> u32 {
    let mut eye = Eye::new(watching(zone));
    let segments = [segment];
    for _ in 0..60 {
        eye.see(&segments);
    }
    eye.monitor.counts()[0]
}

#[test]
fn a_zone_holds_masks_and_not_boxes() {
    let zone = || Zone {
        inside: Inside::Share(0.01),
        ..Zone::new(rectangular(300.0, 100.0, 80.0, 80.0))
    };
    // An L around the zone: its box covers all of it, its mask none.
    let bounds = [200, 90, 200, 200];
    let l_shape = painted(SIZE, bounds, |x, y| x < 290 || y >= 200).unwrap();
    assert_eq!(counted(zone(), l_shape), 0);
    assert_eq!(counted(zone(), rectangle(bounds).unwrap()), 1);
    // One pixel, in the corner of the zone, and the one beside it.
    assert_eq!(counted(zone(), rectangle([300, 100, 1, 1]).unwrap()), 1);
    assert_eq!(counted(zone(), rectangle([299, 100, 1, 1]).unwrap()), 0);
    assert_eq!(counted(zone(), rectangle([600, 400, 80, 80]).unwrap()), 0);
}

#[test]
fn a_share_of_the_mask_a_point_and_limits_of_area() {
    let zone = || Zone::new(rectangular(0.0, 0.0, 640.0, 720.0));
    let across = |inside: i32| rectangle([640 - inside, 300, 100, 40]).unwrap();
    assert_eq!(counted(zone(), across(50)), 1);
    assert_eq!(counted(zone(), across(49)), 0);
    let by_point = |anchor| Zone {
        inside: Inside::Point(anchor),
        ..Zone::new(rectangular(0.0, 360.0, 1280.0, 360.0))
    };
    let standing = || rectangle([600, 200, 40, 170]).unwrap();
    assert_eq!(counted(by_point(Anchor::BottomCentre), standing()), 1);
    assert_eq!(counted(by_point(Anchor::Centre), standing()), 0);
    assert_eq!(counted(by_point(Anchor::TopCentre), standing()), 0);
    let limited = |min_area, max_area| Zone {
        min_area,
        max_area,
        ..zone()
    };
    assert_eq!(counted(limited(4000, 4000), across(100)), 1);
    assert_eq!(counted(limited(4001, 9000), across(100)), 0);
    assert_eq!(counted(limited(0, 3999), across(100)), 0);
}

#[test]
fn from_appearing_to_leaving() {
    let zone = Zone {
        loiter: Some(Duration::from_secs(1)),
        ..Zone::new(rectangular(400.0, 0.0, 300.0, 720.0))
    };
    let mut eye = Eye::new(Watch {
        lines: vec![Tripwire {
            line: Line::new([900.0, 720.0], [900.0, 0.0], Unit::Pixels).unwrap(),
            anchor: Anchor::Centre,
        }],
        ..watching(zone)
    });
    // Walks in from the left, stands for four seconds in the zone, and walks out to the right.
    let walk = (0..60).map(|n| 100 + n * 6);
    let stand = std::iter::repeat_n(460, 120);
    let go = (0..140).map(|n| 460 + n * 6);
    for x in walk.chain(stand).chain(go) {
        eye.see(rectangle([x, 300, 60, 90]).as_slice());
    }
    for _ in 0..200 {
        eye.see(&[]);
    }
    let expected = [
        Change::Appeared,
        Change::Entered { zone: 0 },
        Change::Loitering { zone: 0 },
        Change::Still,
        Change::Moving,
        Change::Exited { zone: 0 },
        Change::Crossed {
            line: 0,
            direction: Direction::LeftToRight,
        },
        Change::Left,
    ];
    assert_eq!(eye.changes(), expected);
    assert!(eye.events.iter().all(|event| event.id == eye.events[0].id));
    assert!(eye.events.is_sorted_by_key(|event| event.at));
    assert!(eye.events.iter().all(|event| event.since <= event.at));
    let [entered, left] = [eye.events[1], eye.events[7]];
    // Half of 60 pixels reach the zone with the box at 370, in frame 45; inertia is half a second.
    assert_eq!(entered.since, frame(45, &[]).at);
    assert_eq!(entered.at, frame(60, &[]).at);
    assert_eq!(entered.before.unwrap().sequence, 44);
    assert_eq!(entered.after.unwrap().sequence, 60);
    assert_eq!(left.after, None);
    assert_eq!(left.since, left.before.unwrap().at);
    assert_eq!(eye.monitor.count_all(), 0);
}

#[test]
fn a_line_is_crossed_between_its_ends_and_once() {
    let mut eye = Eye::new(Watch {
        lines: vec![Tripwire {
            line: Line::new([640.0, 100.0], [640.0, 400.0], Unit::Pixels).unwrap(),
            anchor: Anchor::BottomCentre,
        }],
        ..Watch::default()
    });
    let crossed = |eye: &Eye| -> Vec<Direction> {
        let directions = eye.events.iter().filter_map(|event| match event.change {
            Change::Crossed { direction, .. } => Some(direction),
            _ => None,
        });
        directions.collect()
    };
    // Below its end, then back across it, then trembling upon it.
    for n in 0..100 {
        eye.see(rectangle([440 + n * 4, 450, 40, 60]).as_slice());
    }
    assert_eq!(crossed(&eye), []);
    for n in 0..60 {
        eye.see(rectangle([836, 450 - n * 4, 40, 60]).as_slice());
    }
    for n in 0..100 {
        eye.see(rectangle([836 - n * 2, 214, 40, 60]).as_slice());
    }
    for n in 0..200 {
        eye.see(rectangle([620 + n % 2, 214, 40, 60]).as_slice());
    }
    for n in 0..100 {
        eye.see(rectangle([620 - n * 2, 214, 40, 60]).as_slice());
    }
    // From right to left as one sees it; seen from the line's first point down to its second, it goes
    // from the left to the right.
    assert_eq!(crossed(&eye), [Direction::LeftToRight]);
}

#[test]
fn what_lies_in_an_ignored_area_is_not_there() {
    let mut eye = Eye::new(Watch {
        ignored: vec![rectangular(0.0, 0.0, 640.0, 720.0)],
        ..watching(Zone::new(rectangular(0.0, 0.0, 1280.0, 720.0)))
    });
    for _ in 0..60 {
        let two = [rectangle([100, 100, 80, 80]), rectangle([900, 100, 80, 80])];
        eye.see(&two.map(Option::unwrap));
    }
    assert_eq!(eye.monitor.counts(), [1]);
    assert_eq!(
        eye.changes(),
        [Change::Appeared, Change::Entered { zone: 0 }]
    );
}

#[test]
fn a_zone_in_shares_holds_the_same_on_a_frame_of_another_size() {
    let half = Polygon::new(
        vec![[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]],
        Unit::Share,
    )
    .unwrap();
    let mut eye = Eye::new(watching(Zone::new(half)));
    for (round, size) in [SIZE, Size::new(320, 180)].into_iter().enumerate() {
        let x = size.width as i32 * 3 / 4;
        let segments = [painted(size, [x, 20, 30, 30], |_, _| true).unwrap()];
        for n in 0..60 {
            let observation = Observation {
                canvas: support::canvas(size),
                ..frame(round as u64 * 60 + n, &segments)
            };
            eye.tracker.update(&observation);
            eye.monitor
                .update(&observation, &eye.tracker, &mut eye.events);
        }
        assert_eq!(eye.monitor.counts(), [1]);
    }
    let once = [Change::Appeared, Change::Entered { zone: 0 }];
    let gone = [Change::Exited { zone: 0 }, Change::Left];
    assert_eq!(eye.changes(), [&once[..], &gone, &once].concat());
}

/// Things go to and fro over the border of a zone for ten thousand frames, a third of the detections are
/// missing, and masks tremble.
#[test]
fn one_entry_for_each_entry_of_the_truth() {
    let mut eye = Eye::new(watching(Zone::new(rectangular(640.0, 0.0, 640.0, 720.0))));
    let mut random = Random(7);
    let (mut entries, mut exits) = (0, 0);
    let mut was_inside = [false; 8];
    let mut segments = Vec::new();
    for n in 0..10_000_u32 {
        segments.clear();
        for (lane, was_inside) in was_inside.iter_mut().enumerate() {
            let phase = f64::from(n) / 30.0 * (0.35 + 0.03 * lane as f64) + lane as f64;
            let x = 640.0 + 300.0 * phase.sin();
            let is_inside = x > 640.0;
            if n > 0 && is_inside != *was_inside {
                *(if is_inside { &mut entries } else { &mut exits }) += 1;
            }
            entries += u32::from(n == 0 && is_inside);
            *was_inside = is_inside;
            let y = 10 + 88 * lane as i32;
            let trembling = (random.next() % 3) as i32;
            if random.share() < 0.67 {
                segments.extend(ellipse([x as i32 - 30, y, 60 + trembling, 60]));
            }
        }
        eye.see(&segments);
    }
    let happened = |wanted: Change| {
        eye.events
            .iter()
            .filter(|event| event.change == wanted)
            .count()
    };
    assert_eq!(happened(Change::Appeared), 8);
    assert_eq!(happened(Change::Left), 0);
    assert!(
        entries > 100,
        "{entries} entries are too few to say anything"
    );
    // The last crossing may be too recent to be believed.
    let near =
        |found: usize, truth: u32| (truth as i64 - 1..=truth as i64).contains(&(found as i64));
    let entered = happened(Change::Entered { zone: 0 });
    let exited = happened(Change::Exited { zone: 0 });
    assert!(near(entered, entries), "{entered} of {entries}");
    assert!(near(exited, exits), "{exited} of {exits}");
}

#[test]
fn a_zone_that_nothing_can_be_in_is_refused() {
    let polygon = || Polygon::new(vec![[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], Unit::Share).unwrap();
    let refused = |zone: Zone| {
        let zones = vec![Zone::new(polygon()), zone];
        let watch = Watch {
            zones,
            ..Watch::default()
        };
        Monitor::new(watch).err().map(|error| error.to_string())
    };
    assert_eq!(refused(Zone::new(polygon())), None);
    for share in [0.0, -0.5, 1.01, f32::NAN, f32::INFINITY] {
        let inside = Inside::Share(share);
        let error = refused(Zone {
            inside,
            ..Zone::new(polygon())
        });
        assert!(
            error.is_some_and(|error| error.starts_with("zone 2 asks for")),
            "{share}"
        );
    }
    let error = refused(Zone {
        min_area: 2,
        max_area: 1,
        ..Zone::new(polygon())
    });
    assert_eq!(
        error.as_deref(),
        Some("zone 2 takes objects of 2 to 1 pixels: the least is above the most")
    );
}

#[test]
fn zones_and_lines_may_change_under_way() {
    let left = || Zone::new(rectangular(0.0, 0.0, 400.0, 720.0));
    let right = || Zone::new(rectangular(400.0, 0.0, 800.0, 720.0));
    let mut eye = Eye::new(watching(left()));
    let thing = rectangle([200, 300, 60, 90]).unwrap();
    let watch = |zones| Watch {
        zones,
        ..Watch::default()
    };
    let see = |eye: &mut Eye| {
        eye.events.clear();
        (0..45).for_each(|_| eye.see(std::slice::from_ref(&thing)));
        let changes = eye.changes();
        let of_zones = changes
            .into_iter()
            .filter(|change| matches!(change, Change::Entered { .. } | Change::Exited { .. }));
        of_zones.collect::<Vec<_>>()
    };
    assert_eq!(see(&mut eye), [Change::Entered { zone: 0 }]);

    // The old one comes second now: the object is still in it, and nothing happens.
    eye.monitor
        .replace(watch(vec![right(), left()]), &[None, Some(0)], &[])
        .unwrap();
    assert_eq!(eye.monitor.counts(), [0, 1]);
    assert_eq!(see(&mut eye), []);
    // Moved away from under the object, the same zone is left; a new one there is entered.
    eye.monitor
        .replace(watch(vec![right(), left()]), &[Some(1), None], &[])
        .unwrap();
    assert_eq!(
        see(&mut eye),
        [Change::Exited { zone: 0 }, Change::Entered { zone: 1 }]
    );
    // What can't be leaves everything as it is.
    let nothing = Zone {
        min_area: 2,
        max_area: 1,
        ..left()
    };
    eye.monitor
        .replace(watch(vec![nothing]), &[None], &[])
        .unwrap_err();
    assert_eq!(eye.monitor.counts(), [0, 1]);
}
