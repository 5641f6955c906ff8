//! The samples' prompts against what the reference answers, for both settings and both mask sizes.

#![allow(clippy::unwrap_used)]

mod support;

use fastsam::{
    MaskSize, Segmenter, Segments, Settings,
    prompt::{Canvas, Label, PointPrompt, PromptError, Select, by_box, by_points},
};
use frame::{FramePoint, FrameRect};
use serde_json::Value;
use support::sample::Sample;

/// A file of the sample.
fn json(sample: &Sample, file: &str) -> Value {
    serde_json::from_reader(std::fs::File::open(sample.folder.join(file)).unwrap()).unwrap()
}

fn numbers(list: &Value) -> Vec<f32> {
    let list = list.as_array().unwrap().iter();
    list.map(|number| number.as_f64().unwrap() as f32).collect()
}

/// The chosen places, ascending; the reference answers so.
fn answer(prompt: &Value, segments: &Segments, canvas: &Canvas) -> Result<Vec<usize>, PromptError> {
    let segments = segments.as_slice();
    let mut chosen = Vec::new();
    if prompt["type"] == "points" {
        let labels = numbers(&prompt["labels"]);
        let points = prompt["points"].as_array().unwrap().iter().zip(labels);
        let points: Vec<_> = points
            .map(|(point, label)| PointPrompt {
                position: FramePoint {
                    x: numbers(point)[0],
                    y: numbers(point)[1],
                },
                label: if label == 0.0 {
                    Label::Background
                } else {
                    Label::Foreground
                },
            })
            .collect();
        chosen = by_points(segments, canvas, &points, Select::All)?;
    } else {
        for rect in prompt["boxes"].as_array().unwrap() {
            let [x1, y1, x2, y2] = numbers(rect).try_into().unwrap();
            let found = by_box(segments, canvas, FrameRect { x1, y1, x2, y2 }, 0.0)?;
            chosen.extend(found.segment);
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

#[test]
fn the_same_masks_are_chosen_but_for_the_references_faults() {
    let mut compared = 0;
    for sample in ["hd_mixed", "vga_mixed", "odd_pad"] {
        for (setting, confidence, iou) in
            [("ultra_default", 0.25, 0.7), ("fastsam_readme", 0.4, 0.9)]
        {
            let sample = Sample::open(sample);
            let prompts = json(&sample, "prompts.json");
            let expected = json(&sample, &format!("exp_ultra_{setting}_retina.json"));
            let settings = Settings {
                confidence,
                iou,
                ..Settings::default()
            };
            // The reference's own answers on network-size masks ignore the padding (its fault), so
            // ours are held against those on the frame's.
            for mask_size in [MaskSize::Frame, MaskSize::Network] {
                let settings = Settings {
                    mask_size,
                    ..settings
                };
                let mut segments = Segments::new();
                Segmenter::new(&sample.layout)
                    .segment(&sample.tensors, &sample.letterbox, &settings, &mut segments)
                    .unwrap();
                let canvas = Canvas {
                    letterbox: sample.letterbox,
                    mask_size,
                };
                let pairs = prompts.as_array().unwrap().iter();
                for (prompt, expected) in pairs.zip(expected["prompt_answers"].as_array().unwrap())
                {
                    let expected: Vec<usize> = serde_json::from_value(expected.clone()).unwrap();
                    let answer = answer(prompt, &segments, &canvas);
                    match prompt["note"].as_str() {
                        // The reference moves the point into the frame and says nothing.
                        Some("outside the frame") => {
                            assert!(matches!(answer, Err(PromptError::PointOutside { .. })));
                        }
                        // The reference answers with mask 0 where no mask is under the box.
                        _ if prompt["type"] == "boxes" && answer == Ok(vec![]) => {
                            assert_eq!(expected, [0], "{prompt}");
                        }
                        _ => {
                            assert_eq!(answer.unwrap(), expected, "{prompt}, {mask_size:?}");
                            compared += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(compared > 200, "only {compared} prompts were compared");
}
