//! Ids on scenes whose truth is known.

mod support;

use fastsam::Segment;
use frame::Size;
use support::{Random, SIZE, ellipse, frame, painted, rectangle};
use track::{Observation, Settings, State, Track, Tracker};

/// A tracker that sees 30 frames a second.
struct Eye {
    tracker: Tracker,
    frames: u64,
}

impl Eye {
    fn new() -> Self {
        Self {
            tracker: Tracker::new(Settings::default(), 1),
            frames: 0,
        }
    }

    fn see(&mut self, segments: &[Segment]) -> Vec<Track> {
        let observation = frame(self.frames, segments);
        self.frames += 1;
        self.tracker.update(&observation).to_vec()
    }

    fn ids(&mut self, segments: &[Segment]) -> Vec<u64> {
        self.see(segments).iter().map(|track| track.id).collect()
    }
}

#[test]
fn an_object_keeps_its_id_and_tells_its_age_and_velocity() {
    let mut eye = Eye::new();
    let mut last = None;
    for n in 0..60 {
        let segments = [rectangle([100 + 4 * n, 300 - 2 * n, 80, 60]).unwrap()];
        let [track] = eye.see(&segments)[..] else {
            panic!("one segment, one answer")
        };
        assert_eq!(track.id, 1);
        last = Some(track);
    }
    let track = last.unwrap();
    assert_eq!(track.state, State::Tracked);
    assert_eq!(track.age, frame(59, &[]).at);
    let [dx, dy] = track.velocity;
    assert!(
        (dx - 120.0).abs() < 2.0 && (dy + 60.0).abs() < 2.0,
        "{dx} {dy}"
    );
    assert_eq!(eye.tracker.next_id(), 2);
}

#[test]
fn what_is_hidden_for_three_seconds_keeps_its_id() {
    let mut eye = Eye::new();
    for n in 0..180 {
        // A pillar from 400 to 860, 2 pixels a frame: hidden for three seconds and more.
        let whole = [n * 4, 300, 80, 60];
        let seen = painted(SIZE, whole, |x, _| !(300..660).contains(&x));
        let ids = eye.ids(seen.as_slice());
        assert!(ids.iter().all(|&id| id == 1), "frame {n}: {ids:?}");
        assert_eq!(eye.tracker.lost().count(), usize::from(seen.is_none()));
    }
}

#[test]
fn what_is_gone_for_long_ends_once_and_its_id_with_it() {
    let mut eye = Eye::new();
    let thing = [rectangle([600, 300, 80, 60]).unwrap()];
    eye.see(&thing);
    let mut ended = Vec::new();
    for _ in 0..200 {
        eye.see(&[]);
        ended.extend_from_slice(eye.tracker.ended());
    }
    assert_eq!(ended, [1]);
    assert_eq!(eye.ids(&thing), [2]);
}

#[test]
fn another_size_or_a_reset_ends_everything_and_uses_no_id_again() {
    let mut eye = Eye::new();
    let thing = [rectangle([600, 300, 80, 60]).unwrap()];
    assert_eq!(eye.ids(&thing), [1]);
    eye.tracker.reset();
    assert_eq!(eye.ids(&thing), [2]);
    assert_eq!(eye.tracker.ended(), [1]);
    let small = [painted(Size::new(640, 360), [300, 150, 40, 30], |_, _| true).unwrap()];
    let observation = Observation {
        canvas: support::canvas(Size::new(640, 360)),
        ..frame(9, &small)
    };
    assert_eq!(eye.tracker.update(&observation)[0].id, 3);
    assert_eq!(eye.tracker.ended(), [2]);
    assert_eq!(eye.tracker.next_id(), 4);
}

#[test]
fn nested_things_do_not_swap_though_a_third_of_the_detections_is_missing() {
    let mut eye = Eye::new();
    let mut random = Random(5);
    let mut ids = [None; 3];
    for n in 0..600 {
        let x = 500 + (f64::from(n) / 40.0).sin().mul_add(100.0, 0.0) as i32;
        // A table, a plate on it, and a cup on the plate: each four fifths of the one below.
        let nest = [
            rectangle([x, 200, 200, 200]),
            rectangle([x + 10, 210, 180, 180]),
            rectangle([x + 20, 220, 160, 160]),
        ];
        let mut seen = Vec::new();
        let mut names = Vec::new();
        for (name, segment) in nest.into_iter().enumerate() {
            if n < 3 || random.share() < 0.67 {
                seen.extend(segment);
                names.push(name);
            }
        }
        for (&name, id) in names.iter().zip(eye.ids(&seen)) {
            assert_eq!(*ids[name].get_or_insert(id), id, "frame {n}, thing {name}");
        }
    }
    assert_eq!(eye.tracker.next_id(), 4);
}

#[test]
fn parts_are_no_new_objects() {
    let mut eye = Eye::new();
    for n in 0..120 {
        let bounds = [200 + 2 * n, 300, 120, 80];
        // In every fifth frame it falls into two parts, at another place each time.
        let cut = bounds[0] + 30 + n % 40;
        let parts = if n % 5 == 4 {
            [
                painted(SIZE, bounds, |x, _| x < cut),
                painted(SIZE, bounds, |x, _| x >= cut + 3),
            ]
        } else {
            [rectangle(bounds), None]
        };
        let seen: Vec<Segment> = parts.into_iter().flatten().collect();
        let tracks = eye.see(&seen);
        let believed: Vec<u64> = tracks
            .iter()
            .filter(|track| track.state == State::Tracked)
            .map(|track| track.id)
            .collect();
        assert_eq!(believed, [1], "frame {n}");
    }
}

#[test]
fn a_merged_pair_falls_apart_into_what_it_was() {
    let mut eye = Eye::new();
    let at = |n: i32| ([300 + 3 * n, 300, 90, 70], [700 - 3 * n, 330, 60, 60]);
    let mut first = Vec::new();
    for n in 0..140 {
        let (a, b) = at(n);
        let is_merged = (55..70).contains(&n);
        let seen: Vec<Segment> = if is_merged {
            let inside = |[x, y, width, height]: [i32; 4], column, row| {
                (x..x + width).contains(&column) && (y..y + height).contains(&row)
            };
            painted(SIZE, [0, 0, 1280, 720], |x, y| {
                inside(a, x, y) || inside(b, x, y)
            })
            .into_iter()
            .collect()
        } else {
            [ellipse(a), rectangle(b)].into_iter().flatten().collect()
        };
        let ids = eye.ids(&seen);
        if n == 0 {
            first.clone_from(&ids);
        }
        if !is_merged {
            assert_eq!(ids, first, "frame {n}");
        }
    }
}

#[test]
fn a_bumped_camera_and_a_panning_one_keep_all_ids() {
    let mut eye = Eye::new();
    let mut random = Random(2);
    let things: Vec<[i32; 4]> = (0..24)
        .map(|i| {
            let side = |random: &mut Random| random.between(30.0, 90.0) as i32;
            [
                40 + i % 6 * 200,
                40 + i / 6 * 170,
                side(&mut random),
                side(&mut random),
            ]
        })
        .collect();
    for n in 0..150 {
        let bump = if n < 50 { [0, 0] } else { [70, -55] };
        let pan = (n - 90).clamp(0, 40) * -7;
        let moved =
            |[x, y, width, height]: [i32; 4]| [x + bump[0] + pan, y + bump[1], width, height];
        // What is cut by the frame's border is left out: it would be another shape.
        let names: Vec<usize> = (0..things.len())
            .filter(|&name| {
                let [x, y, width, height] = moved(things[name]);
                x >= 0 && y >= 0 && x + width <= 1280 && y + height <= 720
            })
            .collect();
        let seen: Vec<Segment> = names
            .iter()
            .filter_map(|&name| rectangle(moved(things[name])))
            .collect();
        let ids = eye.ids(&seen);
        for (&name, &id) in names.iter().zip(&ids) {
            assert_eq!(id, name as u64 + 1, "frame {n}");
        }
    }
}

#[test]
fn any_frames_are_answered_with_one_id_for_each_segment() {
    let mut random = Random(11);
    for _ in 0..200 {
        let mut tracker = Tracker::new(Settings::default(), 100);
        let mut known = 100;
        for n in 0..20 {
            let count = random.next() % 12;
            let segments: Vec<Segment> = (0..count)
                .filter_map(|_| {
                    let side = |random: &mut Random| 1 + (random.next() % 900) as i32;
                    let corner = |random: &mut Random| (random.next() % 1280) as i32 - 20;
                    let bounds = [
                        corner(&mut random),
                        corner(&mut random),
                        side(&mut random),
                        side(&mut random),
                    ];
                    rectangle(bounds)
                })
                .collect();
            let ids: Vec<u64> = tracker
                .update(&frame(n, &segments))
                .iter()
                .map(|track| track.id)
                .collect();
            assert_eq!(ids.len(), segments.len());
            let mut sorted = ids.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), ids.len(), "one object in two segments");
            assert!(ids.iter().all(|&id| (100..tracker.next_id()).contains(&id)));
            assert!(tracker.next_id() >= known);
            known = tracker.next_id();
        }
    }
}
