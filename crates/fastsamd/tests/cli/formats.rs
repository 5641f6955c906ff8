//! What `segment` writes for other programs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    assert_fails,
    outputs::{Place, assert_succeeds},
    support::{Finished, fastsamd},
};

/// A picture with a frame (a hole) and a block, drawn so that the mock finds both.
fn with_a_hole() -> Vec<u8> {
    let picture = image::RgbImage::from_fn(320, 200, |x, y| {
        let inside =
            |left, top, right, bottom| (left..right).contains(&x) && (top..bottom).contains(&y);
        if inside(40, 40, 160, 160) && !inside(80, 80, 120, 120) {
            image::Rgb([220, 60, 40])
        } else if inside(220, 60, 280, 140) {
            image::Rgb([40, 60, 220])
        } else {
            image::Rgb([20, 40, 20])
        }
    });
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// What these tests need is the mock's regions, and not what a network makes of the picture.
fn segment(place: &Place, inputs: &[&str], out: &str, options: &[&str]) -> Finished {
    place.segment(inputs, out, &[options, &["--backend", "mock"]].concat())
}

fn place() -> Place {
    let place = Place::with(&[]);
    place.write("a.png", &with_a_hole());
    place
}

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&place.read(name)).unwrap()
}

/// The area of the pixels whose centres closed lines enclose an odd number of times.
fn area(lines: &[Vec<[f64; 2]>]) -> u64 {
    let mut count = 0;
    for y in 0..200 {
        let centre = f64::from(y) + 0.5;
        let mut crossings = Vec::new();
        for line in lines {
            for (a, b) in line.iter().zip(line.iter().cycle().skip(1)) {
                if (a[1] <= centre) != (b[1] <= centre) {
                    crossings.push(a[0] + (centre - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
                }
            }
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            count += (0..320)
                .filter(|&x| (pair[0]..pair[1]).contains(&(f64::from(x) + 0.5)))
                .count() as u64;
        }
    }
    count
}

fn pairs(numbers: &[f64]) -> Vec<[f64; 2]> {
    numbers.as_chunks().0.to_vec()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_f64().unwrap())
        .collect()
}

/// What the message says the areas are, of which one has a hole.
fn areas(place: &Place) -> Vec<u64> {
    assert_succeeds(&segment(
        place,
        &["a.png"],
        "json",
        &["--mask-format", "polygon"],
    ));
    let message = json(place, "json/a.json");
    let segments = message["segments"].as_array().unwrap();
    let mut holes = 0;
    let areas: Vec<u64> = segments
        .iter()
        .map(|segment| {
            let rings: Vec<_> = segment["segmentation"]
                .as_array()
                .unwrap()
                .iter()
                .map(|ring| pairs(&numbers(ring)))
                .collect();
            holes += usize::from(rings.len() > 1);
            let expected = segment["area"].as_u64().unwrap();
            assert_eq!(area(&rings), expected);
            expected
        })
        .collect();
    assert!(holes > 0, "no segment has a hole");
    areas
}

#[test]
fn polygons_of_every_format_have_the_masks_pixels() {
    let place = place();
    let areas = areas(&place);

    assert_succeeds(&segment(&place, &["a.png"], "yolo", &["--format", "yolo"]));
    let text = String::from_utf8(place.read("yolo/a.txt")).unwrap();
    let found: Vec<u64> = text
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            assert_eq!(words.next(), Some("0"));
            let shares: Vec<f64> = words.map(|word| word.parse().unwrap()).collect();
            assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
            let corners: Vec<_> = pairs(&shares)
                .iter()
                .map(|[x, y]| [(x * 320.0).round(), (y * 200.0).round()])
                .collect();
            area(&[corners])
        })
        .collect();
    assert_eq!(found, areas);

    assert_succeeds(&segment(
        &place,
        &["a.png"],
        "labelme",
        &["--format", "labelme"],
    ));
    let file = json(&place, "labelme/a.json");
    assert_eq!(
        (&file["imageHeight"], &file["imageWidth"]),
        (&200.into(), &320.into())
    );
    assert!(file["imagePath"].as_str().unwrap().ends_with("/a.png"));
    assert!(file["imageData"].is_null());
    let shapes = file["shapes"].as_array().unwrap();
    let found: u64 = shapes
        .iter()
        .map(|shape| {
            assert_eq!(
                (&shape["shape_type"], &shape["label"]),
                (&"polygon".into(), &"object".into())
            );
            let points = shape["points"].as_array().unwrap();
            area(&[points
                .iter()
                .map(|point| numbers(point).try_into().unwrap())
                .collect()])
        })
        .sum();
    assert_eq!(found, areas.iter().sum::<u64>());

    let options = ["--format", "coco", "--mask-format", "polygon"];
    assert_succeeds(&segment(&place, &["a.png"], "coco", &options));
    let file = json(&place, "coco/coco.json");
    let annotations = file["annotations"].as_array().unwrap();
    let found: Vec<u64> = annotations
        .iter()
        .map(|annotation| {
            let parts = annotation["segmentation"].as_array().unwrap();
            // As pycocotools does: each is filled, and then all are united.
            parts
                .iter()
                .map(|part| area(&[pairs(&numbers(part))]))
                .sum()
        })
        .collect();
    assert_eq!(found, areas);
}

#[test]
fn a_coco_file_holds_all_pictures() {
    let place = Place::with(&["below/b.png"]);
    place.write("a.png", &with_a_hole());
    let finished = segment(
        &place,
        &["a.png", "below/b.png"],
        "out",
        &["--format", "coco"],
    );
    assert_succeeds(&finished);
    let mut names = place.names("out");
    names.sort();
    assert_eq!(names, ["a.overlay.png", "b.overlay.png", "coco.json"]);
    let file = json(&place, "out/coco.json");
    let images: BTreeMap<u64, &str> = file["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| {
            (
                image["id"].as_u64().unwrap(),
                image["file_name"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(images, BTreeMap::from([(1, "a.png"), (2, "below/b.png")]));
    assert_eq!(file["categories"][0]["id"], 1);
    for (number, annotation) in (1..).zip(file["annotations"].as_array().unwrap()) {
        assert_eq!(annotation["id"], number);
        assert!(images.contains_key(&annotation["image_id"].as_u64().unwrap()));
        assert_eq!(
            (&annotation["category_id"], &annotation["iscrowd"]),
            (&1.into(), &0.into())
        );
        assert!(annotation["segmentation"]["counts"].is_string());
    }
    // Again, and in the place of somebody else's.
    assert_succeeds(&segment(&place, &["a.png"], "out", &["--format", "coco"]));
    place.write("out/coco.json", b"{\"images\": []}");
    assert_fails(
        &segment(&place, &["a.png"], "out", &["--format", "coco"]),
        2,
        "coco.json: fastsamd did not write",
    );
    // And to standard output.
    let finished = fastsamd(&[
        "segment",
        &place.text("a.png"),
        "--format",
        "coco",
        "--backend",
        "mock",
    ]);
    let file: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(file["images"][0]["file_name"], "a.png");
}

#[test]
fn somebodys_labels_are_kept() {
    let place = place();
    assert_succeeds(&segment(&place, &["a.png"], "out", &["--format", "yolo"]));
    // The same once more is no loss.
    assert_succeeds(&segment(&place, &["a.png"], "out", &["--format", "yolo"]));
    place.write("out/a.txt", b"0 0 0 1 0 1 1\n");
    let finished = segment(&place, &["a.png"], "out", &["--format", "yolo"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(
        finished.stderr.contains("can't say who wrote them"),
        "{finished:?}"
    );
    assert_eq!(place.read("out/a.txt"), b"0 0 0 1 0 1 1\n");
    assert_succeeds(&segment(
        &place,
        &["a.png"],
        "out",
        &["--format", "yolo", "--force"],
    ));
    assert_ne!(place.read("out/a.txt"), b"0 0 0 1 0 1 1\n");
}

#[test]
fn masks_and_cut_outs_are_pictures() {
    let place = place();
    let options = [
        "--masks",
        "--cutouts",
        "--no-labels",
        "--no-boxes",
        "--alpha",
        "0",
    ];
    assert_succeeds(&segment(&place, &["a.png"], "out", &options));
    let message = json(&place, "out/a.json");
    let segments = message["segments"].as_array().unwrap();
    let map = image::open(place.path("out/a.masks.png"))
        .unwrap()
        .into_luma8();
    assert_eq!(map.dimensions(), (320, 200));
    for (number, segment) in (1..).zip(segments) {
        let area = segment["area"].as_u64().unwrap();
        let seen = map.pixels().filter(|pixel| pixel.0[0] == number).count() as u64;
        assert!(0 < seen && seen <= area, "{number}: {seen} of {area}");
        let cut = image::open(place.path(&format!("out/a.cutout-{}.png", number - 1)))
            .unwrap()
            .into_rgba8();
        let [x, y, width, height] =
            [0, 1, 2, 3].map(|i| segment["bbox"][i].as_u64().unwrap() as u32);
        assert_eq!(cut.dimensions(), (width, height));
        assert_eq!(
            cut.pixels().filter(|pixel| pixel.0[3] == 255).count() as u64,
            area
        );
        let original = image::open(place.path("a.png")).unwrap().into_rgb8();
        for (px, py, pixel) in cut.enumerate_pixels().filter(|(.., pixel)| pixel.0[3] > 0) {
            assert_eq!(pixel.0[..3], original.get_pixel(x + px, y + py).0);
        }
    }
    // They are not taken for pictures in the next run.
    place.write("out/b.png", &with_a_hole());
    let finished = segment(&place, &["out"], "again", &[]);
    assert_succeeds(&finished);
    assert!(finished.stderr.contains("1 picture, "), "{finished:?}");
    assert!(
        finished.stderr.contains("pictures that fastsamd drew"),
        "{finished:?}"
    );
}

#[test]
fn options_that_do_not_go_together_are_told() {
    let table: [(&[&str], &str); 5] = [
        (&["--format", "yolo"], "name a folder with --out"),
        (
            &["--format", "coco", "--mask-size", "network"],
            "--mask-size network goes with --format json",
        ),
        (
            &["--format", "labelme", "--mask-format", "none"],
            "consists of polygons",
        ),
        (
            &["--format", "coco", "--point", "1,1", "--union"],
            "--union goes with --format json",
        ),
        (&["--masks"], "--out <DIR>"),
    ];
    for (options, cause) in table {
        assert_fails(
            &fastsamd(&[&["segment", "x.png"], options].concat()),
            2,
            cause,
        );
    }
}
