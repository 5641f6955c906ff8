//! Frames of a film, as files in a folder: objects keep their ids.

use serde_json::{Value, json};

use crate::fastsamd;

#[test]
fn a_folder_of_frames_keeps_the_ids_of_its_objects() {
    let folder = tempfile::tempdir().unwrap();
    for (number, x) in [20, 32, 44, 56].into_iter().enumerate() {
        let mut picture = image::RgbImage::from_pixel(320, 240, image::Rgb([40, 90, 60]));
        for (px, py, pixel) in picture.enumerate_pixels_mut() {
            // One moves to the right, one stands.
            if (x..x + 80).contains(&px) && (30..100).contains(&py) {
                *pixel = image::Rgb([220, 40, 40]);
            } else if (200..270).contains(&px) && (140..220).contains(&py) {
                *pixel = image::Rgb([40, 60, 220]);
            }
        }
        let path = folder.path().join(format!("{number}.png"));
        picture.save(path).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let frames = |arguments: &[&str]| -> Vec<Value> {
        let finished = fastsamd(&[&["segment", path, "--backend", "mock"], arguments].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let lines = finished.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let id_at = |frame: &Value, left: u64, top: u64| {
        let segments = frame["segments"].as_array().unwrap();
        let is_there = |segment: &&Value| {
            let corner = |i: usize| segment["bbox"][i].as_u64().unwrap();
            corner(0).abs_diff(left) < 6 && corner(1).abs_diff(top) < 6
        };
        let segment = segments.iter().find(is_there).unwrap();
        (segment["id"].as_u64().unwrap(), segment["track"].clone())
    };
    let film = frames(&["--track", "--fps", "10"]);
    let moving: Vec<_> = [20, 32, 44, 56]
        .into_iter()
        .zip(&film)
        .map(|(x, frame)| id_at(frame, x, 30))
        .collect();
    assert!(
        moving.iter().all(|(id, _)| *id == moving[0].0),
        "{moving:?}"
    );
    assert_eq!(moving[3].1["age_ms"], 300);
    let velocity = moving[3].1["velocity"][0].as_f64().unwrap();
    assert!((80.0..160.0).contains(&velocity), "{velocity}");
    let standing = id_at(&film[3], 200, 140);
    assert_eq!(id_at(&film[0], 200, 140).0, standing.0);
    assert_ne!(standing.0, moving[0].0);

    // Pictures have nothing to do with each other.
    let pictures = frames(&[]);
    let segment = &pictures[3]["segments"][0];
    assert_eq!((&segment["id"], segment.get("track")), (&json!(0), None));
}
