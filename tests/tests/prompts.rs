//! Prompts over MQTT: one-shot and standing, held against the synthetic scene's ground truth.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{fs, path::Path, time::Duration};

use camera::synthetic::{Scene, SceneSettings};
use fastsamd_tests::{Message, Node};
use serde_json::{Value, json};

fn scene() -> Scene {
    let settings = SceneSettings {
        fps: 20.0,
        ..SceneSettings::default()
    };
    Scene::new(settings).expect("the camera's scene")
}

/// The middle of the largest object that shows much of itself in a frame.
fn middle(scene: &Scene, sequence: u64) -> (u32, u32) {
    let objects = scene.ground_truth(sequence);
    let mask = &objects
        .iter()
        .max_by_key(|object| object.mask.area())
        .expect("an object")
        .mask;
    let runs = mask.runs();
    let widest = runs.iter().max_by_key(|run| run.length()).expect("a run");
    (
        u32::from(widest.start + widest.end) / 2,
        u32::from(widest.y),
    )
}

fn sequence(message: &Value) -> u64 {
    message["frame"]["sequence"].as_u64().expect("a sequence")
}

#[test]
fn a_prompt_is_answered_with_the_segments_of_the_next_frame() {
    let setup = Node::new();
    let subscriber = setup.subscribe();
    let daemon = setup.start("");
    let masks = subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    let (x, y) = middle(&scene(), sequence(&masks.json()));
    let answer = setup.ask(
        &subscriber,
        "prompt",
        &json!({"transaction": "a", "points": [[x, y]], "boxes": [[0, 0, 2, 2]], "min_iou": 0.5}),
    );
    assert_eq!(answer["status"], "ok", "{answer}");
    let segments = answer["data"]["segments"].as_array().expect("a list");
    assert_eq!(segments.len(), 1, "{answer}");
    let id = &segments[0]["id"];
    assert_eq!(answer["data"]["prompt"]["points"], json!([id]));
    assert_eq!(answer["data"]["prompt"]["boxes"][0]["segment"], Value::Null);
    assert!(segments[0]["segmentation"]["counts"].is_string());

    // A thousand boxes, and each refusal in its words.
    let many: Vec<_> = (0..1000)
        .map(|i| json!([i % 600, 0, i % 600 + 20, 400]))
        .collect();
    let answer = setup.ask(
        &subscriber,
        "prompt",
        &json!({"transaction": 7, "boxes": many}),
    );
    let boxes = answer["data"]["prompt"]["boxes"]
        .as_array()
        .expect("a list");
    assert_eq!(boxes.len(), 1000);
    for (request, cause) in [
        (json!({}), "an empty prompt"),
        (
            json!({"points": [[9000, 1]]}),
            "outside the frame of 640x480",
        ),
        (
            json!({"points": [[1, 1]], "camera": "attic"}),
            "no camera 'attic'",
        ),
        (
            json!({"points": [[1, 1]], "frame": 0}),
            "frame 0 has passed",
        ),
        (json!({"point": [[1, 1]]}), "unknown field"),
        (json!({"boxes": [[5, 5, 1, 1]]}), "is empty"),
        (json!({"text": "a red thing"}), "need a text model"),
    ] {
        let mut request = request;
        request["transaction"] = json!("refused");
        let answer = setup.ask(&subscriber, "prompt", &request);
        assert_eq!(answer["status"], "error", "{request}");
        let said = answer["error"].as_str().expect("a cause");
        assert!(said.contains(cause), "{request}: {said}");
    }
    // What is no JSON has no transaction.
    setup.send_text("prompt", "{");
    subscriber.wait_for("a refusal", |message| {
        message.topic.ends_with("response/prompt")
            && message.json()["error"]
                .to_string()
                .contains("no JSON object")
    });
    daemon.stop();
}

#[test]
fn every_request_of_a_burst_is_answered_beside_64_standing_prompts() {
    let setup = Node::new();
    let subscriber = setup.subscribe();
    let daemon = setup.start("");
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    // All answers to requests of a kind, with how they end: each transaction once.
    let answers = |what: &str, count: usize| {
        let topic = format!("response/{what}");
        let mut ok = 0;
        let mut missing: std::collections::BTreeSet<u64> = (0..count as u64).collect();
        while !missing.is_empty() {
            let answer =
                subscriber.wait_for("an answer", |message| message.topic.ends_with(&topic));
            let answer = answer.json();
            let transaction = answer["transaction"].as_u64().expect("a transaction");
            assert!(missing.remove(&transaction), "answered twice: {answer}");
            ok += usize::from(answer["status"] == "ok");
        }
        ok
    };
    for number in 0..64 {
        let x = 10 * number;
        setup.send(
            "prompts",
            &json!({"transaction": number, "action": "set", "name": format!("p{number}"),
                    "prompt": {"boxes": [[x, 0, x + 9, 480]]}}),
        );
    }
    assert_eq!(answers("prompts", 64), 64);

    // Each of them is answered for each frame.
    let first = subscriber.wait_for("an answer", |message| {
        message.topic.ends_with("prompts/p63")
    });
    let first = sequence(&first.json());
    let (mut frames, mut of_prompts) = (Vec::new(), 0);
    while frames.len() < 20 {
        let message = subscriber.next(Duration::from_secs(10)).expect("a message");
        if message.topic.ends_with("/masks") {
            frames.push(sequence(&message.json()));
        }
        let of_prompt = message.topic.contains("/prompts/p") && !message.topic.ends_with("count");
        if of_prompt && sequence(&message.json()) > first {
            of_prompts += 1;
        }
    }
    assert!(of_prompts >= 64 * 19, "{of_prompts} answers in 20 frames");

    for number in 0..40 {
        setup.send(
            "prompt",
            &json!({"transaction": number, "points": [[320, 240]]}),
        );
    }
    assert_eq!(answers("prompt", 40), 40);
    // Far more than may wait: an answer to each all the same, if only that it is to be asked later.
    for number in 0..400 {
        setup.send(
            "prompt",
            &json!({"transaction": number, "boxes": [[0, 0, 640, 480]]}),
        );
    }
    answers("prompt", 400);
    daemon.stop();
}

#[test]
fn an_answer_that_does_not_fit_is_an_error_that_says_so() {
    let setup = Node::new();
    let subscriber = setup.subscribe();
    let daemon = setup.start_with(&format!(
        "mqtt: {{port: {}, max_payload_bytes: 10000}}\ncameras: [{{name: cam, source: {{synthetic: {{fps: 20}}}}}}]\n",
        setup.port()
    ));
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    let boxes = vec![json!([0, 0, 640, 480]); 300];
    let answer = setup.ask(
        &subscriber,
        "prompt",
        &json!({"transaction": "a", "boxes": boxes}),
    );
    let said = answer["error"].as_str().expect("a cause");
    assert!(said.contains("the broker takes 10000"), "{said}");
    daemon.stop();
}

/// The answer of a standing prompt.
fn is_answer(message: &Message) -> bool {
    message.topic.ends_with("cam/prompts/it")
}

#[test]
fn a_standing_prompt_follows_its_object_and_outlives_a_restart() {
    let setup = Node::new();
    let subscriber = setup.subscribe();
    let daemon = setup.start("");
    let masks = subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    let (x, y) = middle(&scene(), sequence(&masks.json()));
    let set =
        json!({"transaction": 1, "action": "set", "name": "it", "prompt": {"points": [[x, y]]}});
    let answer = setup.ask(&subscriber, "prompts", &set);
    assert_eq!(answer["status"], "ok", "{answer}");
    assert_eq!(answer["data"]["kept"], true);

    // It moves on, and the answer with it: far more often than a pixel that stays would find it.
    let (mut found, mut first, mut last) = (0, None, Value::Null);
    for _ in 0..100 {
        let message = subscriber.wait_for("an answer", is_answer).json();
        if message["prompt"]["status"] == "found" {
            found += 1;
            last = message["segments"][0]["bbox"].clone();
            first.get_or_insert_with(|| last.clone());
        }
    }
    assert!(found > 60, "found in {found} of 100 frames");
    assert_ne!(first.expect("a box"), last, "the object moves");
    daemon.stop();

    // After a restart it stands again. Who subscribes now hears nothing of before.
    let subscriber = setup.subscribe();
    let daemon = setup.start("");
    subscriber.wait_for("an answer after the restart", is_answer);
    let list = setup.ask(
        &subscriber,
        "prompts",
        &json!({"transaction": 2, "action": "list"}),
    );
    assert_eq!(list["data"]["prompts"][0]["name"], "it");
    let remove = json!({"transaction": 3, "action": "remove", "name": "it"});
    assert_eq!(setup.ask(&subscriber, "prompts", &remove)["status"], "ok");
    assert_eq!(
        setup.ask(&subscriber, "prompts", &remove)["status"],
        "error"
    );
    // Frames come, answers no more.
    while subscriber
        .next(Duration::from_millis(200))
        .is_some_and(|m| is_answer(&m))
    {}
    for _ in 0..20 {
        let message = subscriber.next(Duration::from_secs(10)).expect("a message");
        assert!(!is_answer(&message), "{}", message.text());
    }
    daemon.stop();
}

#[test]
fn configured_prompts_say_when_nothing_matches() {
    let setup = Node::new();
    let subscriber = setup.subscribe();
    let daemon = setup.start(
        "prompts: [{name: it, follow: false, prompt: {boxes: [[0, 0, 640, 480]], min_iou: 0.99}}]\n",
    );
    let answer = subscriber.wait_for("an answer", is_answer).json();
    assert_eq!(answer["prompt"]["status"], "lost");
    assert_eq!(answer["prompt"]["name"], "it");
    assert_eq!(answer["segments"], json!([]));
    assert!(answer["prompt"]["boxes"][0]["iou"].is_number());
    daemon.stop();
}

/// The configuration of the tiny encoders, which know colours.
fn tiny_text() -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/clip/data");
    format!(
        "text: {{image_encoder: {0}/tiny-image.onnx, text_encoder: {0}/tiny-text.onnx, \
         threshold: 0.8, min_area: 100, refresh_s: 0.2}}\n",
        data.display()
    )
}

/// Objects of a colour that show much of themselves in a frame, and the intersection over union of
/// each with a box `[x, y, width, height]`.
fn overlaps(scene: &Scene, colour: &str, answer: &Value) -> Vec<f64> {
    let corners = |[x, y, width, height]: [f64; 4]| [x, y, x + width, y + height];
    let found = answer["segments"].as_array().expect("a list").iter();
    let found = found.map(|segment| {
        let bbox = serde_json::from_value(segment["bbox"].clone()).expect("a box");
        corners(bbox)
    });
    let found: Vec<[f64; 4]> = found.collect();
    let objects = scene.ground_truth(sequence(answer)).into_iter();
    objects
        .filter(|object| object.color_name == colour && object.mask.area() > 1000)
        .map(|object| {
            let b = object.mask.bounding_box();
            let own = corners([b.x, b.y, b.width, b.height].map(f64::from));
            found
                .iter()
                .map(|other| iou(own, *other))
                .fold(0.0, f64::max)
        })
        .collect()
}

fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1).max(0.0) * (y2 - y1).max(0.0);
    let common = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    common / (area(a) + area(b) - common)
}

#[test]
fn words_choose_what_they_say() {
    let setup = Node::new();
    let subscriber = setup.subscribe();
    let daemon = setup.start(&tiny_text());
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    let scene = scene();
    for (text, colour) in [("red object", "red"), ("the BLUE thing", "blue")] {
        // In some frames, others hide the object.
        let (data, overlaps) = (0..20)
            .find_map(|_| {
                let request = json!({"transaction": text, "text": text});
                let answer = setup.ask(&subscriber, "prompt", &request);
                assert_eq!(answer["status"], "ok", "{answer}");
                let overlaps = overlaps(&scene, colour, &answer["data"]);
                (!overlaps.is_empty()).then(|| (answer["data"].clone(), overlaps))
            })
            .expect("a frame that shows the object");
        assert!(
            overlaps.iter().all(|iou| *iou > 0.8),
            "{text}: {overlaps:?} {data}"
        );
        let choices = data["prompt"]["text"].as_array().expect("a list");
        assert_eq!(
            choices.len(),
            data["segments"].as_array().expect("a list").len()
        );
        assert!(
            choices
                .iter()
                .all(|choice| choice["similarity"].as_f64() >= Some(0.8))
        );
    }
    for (text, status, said) in [
        ("zebra", "ok", "\"segments\":[]"),
        ("красный предмет", "ok", "\"segments\":[]"),
        ("red\u{7}\u{1b}[31m", "ok", "\"text\":[{"),
        ("\u{1}", "error", "the text is empty"),
        (&"red ".repeat(200), "error", "expected at most 75"),
        (&"x".repeat(2000), "error", "at most 1000"),
    ] {
        let request = json!({"transaction": status, "text": text});
        let answer = setup.ask(&subscriber, "prompt", &request);
        assert_eq!(answer["status"], status, "{text}: {answer}");
        assert!(answer.to_string().contains(said), "{text}: {answer}");
    }
    daemon.stop();
}

#[test]
fn a_standing_text_finds_and_follows() {
    let setup = Node::new();
    let subscriber = setup.subscribe();
    let prompts = "prompts: [{name: it, prompt: {text: something green}}]\n";
    let daemon = setup.start(&format!("{}{prompts}", tiny_text()));
    // Lost until somebody has looked, then found with most frames; on a slow machine, whose frames
    // are far apart, with fewer.
    subscriber.wait_for("the green object", |message| {
        is_answer(message) && message.json()["prompt"]["status"] == "found"
    });
    let scene = scene();
    let (mut right, mut seen) = (0, 0);
    while seen < 60 {
        let answer = subscriber.wait_for("an answer", is_answer).json();
        let overlaps = overlaps(&scene, "green", &answer);
        if overlaps.is_empty() {
            continue;
        }
        seen += 1;
        right += usize::from(overlaps.iter().all(|iou| *iou > 0.7));
    }
    assert!(right > 30, "right in {right} of {seen} frames");
    daemon.stop();
    // What the text's embedding is, is kept.
    let kept = fs::read_to_string(setup.folder().join("text-embeddings.json"));
    assert!(kept.expect("a file").contains("something green"));

    // Without a model it can't stand.
    let subscriber = setup.subscribe();
    let daemon = setup.start("");
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    let set = json!({"transaction": 1, "action": "set", "name": "it", "prompt": {"text": "green"}});
    let answer = setup.ask(&subscriber, "prompts", &set);
    assert!(
        answer["error"].to_string().contains("need a text model"),
        "{answer}"
    );
    daemon.stop();
}
