use std::time::Duration;

use frame::{Frame, InputSize, Letterbox, Size};

use super::*;

/// Settings whose scenes every property is held against.
fn cases() -> Vec<SceneSettings> {
    let default = SceneSettings::default();
    vec![
        default,
        SceneSettings { seed: 7, ..default },
        SceneSettings {
            objects: 12,
            seed: u64::MAX,
            size: Size::new(960, 540),
            ..default
        },
        SceneSettings {
            objects: 3,
            seed: 99,
            size: Size::new(321, 241),
            fps: 7.5,
        },
    ]
}

fn rendered(scene: &Scene, sequence: u64) -> Frame {
    let mut frame = Frame::empty();
    scene.render(sequence, &mut frame);
    frame
}

/// The colour word whose colour, brightened or darkened as textures do, is nearest; `None` for
/// background.
fn color_word(pixel: &[u8]) -> Option<&'static str> {
    let pixel = [0, 1, 2].map(|channel| f64::from(pixel[channel]));
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let distance = |color: [f64; 3]| {
        let brightness = (dot(pixel, color) / dot(color, color)).clamp(0.88, 1.12);
        let difference = [0, 1, 2].map(|channel| color[channel] * brightness - pixel[channel]);
        dot(difference, difference)
    };
    let browns = (0..=8).map(|i| {
        let t = f64::from(i) / 8.0;
        (None, [112.0 - 46.0 * t, 102.0 - 42.0 * t, 90.0 - 34.0 * t])
    });
    let words = PALETTE.map(|(word, color)| (Some(word), color.map(f64::from)));
    words
        .into_iter()
        .chain(browns)
        .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)))
        .and_then(|(word, _)| word)
}

#[test]
fn masks_are_exactly_the_pixels_painted() {
    for settings in cases() {
        let scene = Scene::new(settings).unwrap();
        for sequence in [0, 77] {
            let frame = rendered(&scene, sequence);
            assert!(frame.validate().is_ok());
            let mut expected = vec![None; settings.size.pixels()];
            for object in scene.ground_truth(sequence) {
                for (pixel, inside) in expected.iter_mut().zip(object.mask.to_bitmap()) {
                    if inside != 0 {
                        assert_eq!(*pixel, None, "masks overlap");
                        *pixel = Some(object.color_name);
                    }
                }
            }
            for (i, (pixel, expected)) in frame.data.chunks_exact(3).zip(expected).enumerate() {
                assert_eq!(
                    color_word(pixel),
                    expected,
                    "{settings:?} {sequence}: pixel {i} {pixel:?}"
                );
            }
        }
    }
}

#[test]
fn a_frame_depends_on_nothing_but_settings_and_sequence() {
    for settings in cases() {
        let scene = Scene::new(settings).unwrap();
        let mut reused = Frame::empty();
        for sequence in [0, 1, 5000, 3] {
            scene.render(sequence, &mut reused);
        }
        let again = Scene::new(settings).unwrap();
        assert!(rendered(&again, 3).data == reused.data);
        assert_eq!(again.ground_truth(3), scene.ground_truth(3));
        assert!(rendered(&again, 4).data != reused.data);
        let other = Scene::new(SceneSettings {
            seed: settings.seed ^ 1,
            ..settings
        });
        assert!(rendered(&other.unwrap(), 3).data != reused.data);
    }
}

/// Subscribers may recompute the truth on another machine: the same pixels must come out there.
/// Changing the scene changes this number; that is fine, but belongs in the changelog.
#[test]
fn the_default_scene_is_the_same_on_every_machine() {
    let scene = Scene::new(SceneSettings::default()).unwrap();
    // FNV-1a.
    let hash = rendered(&scene, 1000)
        .data
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    assert_eq!(hash, 0x8F85_C8C8_30FE_A64E, "{hash:#018X}");
}

#[test]
fn objects_are_seen_overlap_and_leave_the_frame_at_times() {
    for seed in 0..6 {
        let settings = SceneSettings {
            seed,
            ..SceneSettings::default()
        };
        let scene = Scene::new(settings).unwrap();
        let (mut large_enough, mut covered, mut at_border) = (0, 0, 0);
        let frames = 120;
        for sequence in (0..frames).map(|i| i * 25) {
            let objects = scene.ground_truth(sequence);
            large_enough += objects.iter().filter(|o| o.mask.area() > 400).count();
            for object in &objects {
                let mut whole = 0;
                let actor = &scene.actors[object.id];
                let pose = scene.pose(actor, sequence);
                let size = settings.size;
                actor
                    .outline
                    .for_each_run(&pose, size, |run| whole += run.length());
                assert!(object.mask.area() <= whole);
                covered += usize::from(object.mask.area() < whole);
                let bbox = object.mask.bounding_box();
                let right = bbox.x + bbox.width;
                at_border += usize::from(bbox.x == 0 || right == size.width);
            }
        }
        let all = frames as usize * settings.objects;
        assert!(
            large_enough * 100 >= all * 97,
            "seed {seed}: {large_enough} of {all}"
        );
        assert!(covered * 10 >= all, "seed {seed}: {covered} of {all}");
        assert!(at_border > 0, "seed {seed}");
    }
}

#[test]
fn colours_are_distinct_and_kinds_vary() {
    for (objects, colors) in [(0, 0), (1, 1), (8, 8), (12, 12), (40, 12)] {
        let settings = SceneSettings {
            objects,
            ..SceneSettings::default()
        };
        let scene = Scene::new(settings).unwrap();
        let mut words: Vec<_> = scene.actors.iter().map(|a| a.color_name).collect();
        assert!(objects == 0 || words.contains(&"red"));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), colors);
        let kinds: std::collections::HashSet<_> = scene.actors.iter().map(|a| a.kind).collect();
        assert_eq!(kinds.len(), objects.min(Kind::ALL.len()));
    }
}

#[test]
fn motion_is_smooth() {
    for settings in cases() {
        let scene = Scene::new(settings).unwrap();
        // Pixels per frame at 640 columns and 30 frames per second, scaled to this scene.
        let scale = f64::from(settings.size.width) / 640.0 * 30.0 / settings.fps;
        for actor in &scene.actors {
            let centres: Vec<_> = (0..400)
                .map(|sequence| {
                    scene
                        .pose(actor, sequence)
                        .centre
                        .map(|step| f64::from(step) / f64::from(motion::STEPS))
                })
                .collect();
            let step = |a: &[f64; 2], b: &[f64; 2]| [b[0] - a[0], b[1] - a[1]];
            for window in centres.windows(3) {
                let (first, second) = (step(&window[0], &window[1]), step(&window[1], &window[2]));
                for (first, second) in first.into_iter().zip(second) {
                    assert!(first.abs() < 4.0 * scale, "{first}");
                    // Positions are rounded to a sixteenth of a pixel.
                    let change = (second - first).abs();
                    assert!(change < 0.125 + 0.1 * scale * scale, "{first}, {second}");
                }
            }
            assert!(centres.iter().any(|c| c != &centres[0]));
        }
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let default = SceneSettings::default();
    let cases = [
        (
            "size is 15x480",
            SceneSettings {
                size: Size::new(15, 480),
                ..default
            },
        ),
        (
            "size is 640x5000",
            SceneSettings {
                size: Size::new(640, 5000),
                ..default
            },
        ),
        (
            "objects is 201",
            SceneSettings {
                objects: 201,
                ..default
            },
        ),
        (
            "fps is -1",
            SceneSettings {
                fps: -1.0,
                ..default
            },
        ),
    ];
    for (start, settings) in cases {
        let error = Synthetic::new(settings).unwrap_err().to_string();
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn the_fullest_scenes_of_extreme_sizes_can_be_painted() {
    for (size, seen) in [(Size::new(4096, 128), 150), (Size::new(16, 16), 1)] {
        let settings = SceneSettings {
            size,
            objects: 200,
            ..SceneSettings::default()
        };
        let scene = Scene::new(settings).unwrap();
        assert!(rendered(&scene, u64::MAX).validate().is_ok());
        assert!(scene.ground_truth(1_000_000_007).len() >= seen, "{size}");
    }
}

/// How much light the texture of a surface takes away or adds must not look like an edge, at any
/// size at which the network sees it.
#[test]
fn textures_are_seen_and_smooth() {
    for settings in cases() {
        let scene = Scene::new(settings).unwrap();
        let gain = Letterbox::fit(settings.size, InputSize::DEFAULT).gains().0;
        let frame = rendered(&scene, 50);
        for object in scene.ground_truth(50) {
            let brightness = |x: u16, y: u16| {
                let at = usize::from(y) * frame.stride + 3 * usize::from(x);
                frame.data[at..at + 3]
                    .iter()
                    .map(|&c| f32::from(c))
                    .sum::<f32>()
            };
            let (mut least, mut most) = (f32::INFINITY, 0.0_f32);
            for run in object.mask.runs() {
                for x in run.start..run.end {
                    least = least.min(brightness(x, run.y));
                    most = most.max(brightness(x, run.y));
                }
                // Half the grain is averaged out over a few pixels of the network's input.
                let far = (4.0 / gain) as u16;
                for x in run.start..run.end.saturating_sub(far) {
                    let change = (brightness(x, run.y) - brightness(x + far, run.y)).abs();
                    assert!(change < 64.0, "{}: {change}", object.color_name);
                }
            }
            assert!(
                most > 1.05 * least,
                "{}: {least} to {most}",
                object.color_name
            );
            assert!(
                most < 1.25 * least + 6.0,
                "{}: {least} to {most}",
                object.color_name
            );
        }
    }
}

#[test]
fn the_source_plays_the_scene() {
    let settings = SceneSettings {
        fps: 0.0,
        ..SceneSettings::default()
    };
    let mut source = Synthetic::new(settings).unwrap();
    assert_eq!(source.describe(), "synthetic 640x480 (8 objects, seed 1)");
    let mut frame = Frame::empty();
    for sequence in 0..3 {
        let captured = source.capture(&mut frame, Duration::ZERO).unwrap();
        assert_eq!((captured, frame.sequence), (Captured::Frame, sequence));
        assert!(frame.data == rendered(source.scene(), sequence).data);
        let buffer = frame.data.as_ptr();
        source.scene().render(sequence, &mut frame);
        assert_eq!(frame.data.as_ptr(), buffer, "the buffer is reused");
    }
}

#[test]
fn a_tick_that_is_not_due_times_out() {
    let settings = SceneSettings {
        fps: 0.001,
        ..SceneSettings::default()
    };
    let mut source = Synthetic::new(settings).unwrap();
    let mut frame = Frame::empty();
    source.capture(&mut frame, Duration::ZERO).unwrap();
    let error = source
        .capture(&mut frame, Duration::from_millis(1))
        .unwrap_err();
    assert!(matches!(error, CameraError::Timeout(_)), "{error}");
}
