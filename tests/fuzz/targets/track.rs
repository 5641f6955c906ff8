//! Zones and lines of any corners, and frames of any masks at any times: refused with a line, or watched
//! with one id for each segment, counts that add up, and events in their order.

#![no_main]

use std::{collections::HashMap, time::Duration};

use arbitrary::Arbitrary;
use fastsam::{Mask, MaskSize, Run, Segment, prompt::Canvas};
use frame::{FrameRect, InputSize, Letterbox, Size};
use libfuzzer_sys::fuzz_target;
use track::{
    Anchor, Change, Event, Inside, Line, Monitor, Observation, Polygon, Settings, Tracker,
    Tripwire, Unit, Watch, Zone,
};

#[derive(Arbitrary, Debug)]
struct Case {
    is_share: bool,
    zones: Vec<Vec<Corner>>,
    lines: Vec<[Corner; 2]>,
    share: Option<f32>,
    inertia_ms: u16,
    frames: Vec<Seen>,
}

/// Any numbers are hardly ever a polygon's.
#[derive(Arbitrary, Debug)]
enum Corner {
    Any([f32; 2]),
    OnGrid([u8; 2]),
}

#[derive(Arbitrary, Debug)]
struct Seen {
    after_ms: i16,
    is_small: bool,
    is_network: bool,
    /// x, y, width, height, score.
    boxes: Vec<[u8; 5]>,
}

fuzz_target!(|case: Case| {
    let unit = if case.is_share {
        Unit::Share
    } else {
        Unit::Pixels
    };
    let mut watch = Watch::default();
    for corners in case.zones {
        let corners = corners.iter().map(|corner| corner.position(unit)).collect();
        match Polygon::new(corners, unit) {
            Ok(polygon) => watch.zones.push(Zone {
                inside: case
                    .share
                    .map_or(Inside::Point(Anchor::BottomCentre), Inside::Share),
                inertia: Duration::from_millis(case.inertia_ms.into()),
                loiter: Some(Duration::from_secs(1)),
                ..Zone::new(polygon)
            }),
            Err(error) => assert_is_line(&error.to_string()),
        }
    }
    for [from, to] in case.lines {
        match Line::new(from.position(unit), to.position(unit), unit) {
            Ok(line) => watch.lines.push(Tripwire {
                line,
                anchor: Anchor::Centre,
            }),
            Err(error) => assert_is_line(&error.to_string()),
        }
    }
    let mut tracker = Tracker::new(Settings::default(), 1);
    let Ok(mut monitor) = Monitor::new(watch) else {
        return;
    };
    let (mut events, mut at) = (Vec::new(), 0);
    for (sequence, seen) in case.frames.iter().enumerate() {
        at = (at + i64::from(seen.after_ms)).max(0);
        let size = if seen.is_small {
            Size::new(64, 48)
        } else {
            Size::new(200, 100)
        };
        let canvas = Canvas {
            letterbox: Letterbox::fit(size, InputSize::DEFAULT),
            mask_size: if seen.is_network {
                MaskSize::Network
            } else {
                MaskSize::Frame
            },
        };
        let segments: Vec<Segment> = seen
            .boxes
            .iter()
            .filter_map(|&bounds| rectangle(canvas.size(), bounds))
            .collect();
        let observation = Observation {
            at: Duration::from_millis(at as u64),
            sequence: sequence as u64,
            canvas,
            segments: &segments,
        };
        let mut ids: Vec<u64> = tracker
            .update(&observation)
            .iter()
            .map(|track| track.id)
            .collect();
        assert_eq!(ids.len(), segments.len());
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), segments.len(), "one object in two segments");
        assert!(ids.iter().all(|&id| (1..tracker.next_id()).contains(&id)));
        monitor.update(&observation, &tracker, &mut events);
        assert!(
            monitor
                .counts()
                .iter()
                .all(|&count| count <= monitor.count_all())
        );
    }
    assert_is_story(&events);
});

impl Corner {
    fn position(&self, unit: Unit) -> [f32; 2] {
        match (self, unit) {
            (Self::Any(position), _) => *position,
            (Self::OnGrid(position), Unit::Pixels) => position.map(f32::from),
            (Self::OnGrid(position), Unit::Share) => position.map(|at| f32::from(at) / 255.0),
        }
    }
}

fn assert_is_line(message: &str) {
    assert!(
        !message.is_empty() && !message.contains(['\n', '\r']),
        "{message}"
    );
}

/// For each object, `appeared` first and once, `left` last and once, entries and exits in turn.
fn assert_is_story(events: &[Event]) {
    let mut objects: HashMap<u64, (bool, HashMap<usize, bool>)> = HashMap::new();
    for event in events {
        if event.change == Change::Appeared {
            assert!(objects.insert(event.id, Default::default()).is_none());
            continue;
        }
        let (has_left, zones) = objects.get_mut(&event.id).expect("an object that appeared");
        assert!(!*has_left);
        match event.change {
            Change::Left => *has_left = true,
            Change::Entered { zone } => assert_ne!(zones.insert(zone, true), Some(true)),
            Change::Exited { zone } => assert_eq!(zones.insert(zone, false), Some(true)),
            Change::Loitering { zone } => assert_eq!(zones.get(&zone), Some(&true)),
            _ => {}
        }
    }
}

fn rectangle(size: Size, [x, y, width, height, score]: [u8; 5]) -> Option<Segment> {
    let columns = u32::from(x).min(size.width)..(u32::from(x) + u32::from(width)).min(size.width);
    let rows = u32::from(y).min(size.height)..(u32::from(y) + u32::from(height)).min(size.height);
    let runs = rows.map(|row| Run {
        y: row as u16,
        start: columns.start as u16,
        end: columns.end as u16,
    });
    let mask = Mask::from_runs(size, runs.collect()).filter(|mask| !mask.is_empty())?;
    Some(Segment {
        score: f32::from(score) / 255.0,
        class: 0,
        bbox: mask.bounding_box(),
        detection_bbox: FrameRect::default(),
        area: mask.area(),
        mask,
    })
}
