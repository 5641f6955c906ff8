use super::*;

/// The keys that Home Assistant 2026.11 accepts beside those that every platform has.
const KEYS: [(&str, &[&str]); 9] = [
    (
        "sensor",
        &[
            "state_topic",
            "value_template",
            "device_class",
            "state_class",
            "unit_of_measurement",
            "suggested_display_precision",
            "expire_after",
            "json_attributes_topic",
            "json_attributes_template",
        ],
    ),
    (
        "binary_sensor",
        &[
            "state_topic",
            "value_template",
            "device_class",
            "payload_on",
            "payload_off",
        ],
    ),
    ("switch", &["state_topic", "command_topic"]),
    (
        "number",
        &[
            "state_topic",
            "command_topic",
            "min",
            "max",
            "step",
            "mode",
            "unit_of_measurement",
        ],
    ),
    (
        "select",
        &[
            "state_topic",
            "command_topic",
            "options",
            "value_template",
            "command_template",
        ],
    ),
    (
        "text",
        &["state_topic", "command_topic", "max", "value_template"],
    ),
    (
        "button",
        &["command_topic", "payload_press", "device_class"],
    ),
    ("image", &["image_topic", "content_type"]),
    ("event", &["state_topic", "event_types", "value_template"]),
];
const COMMON: [&str; 7] = [
    "platform",
    "unique_id",
    "name",
    "availability",
    "availability_mode",
    "entity_category",
    "icon",
];

fn setting(name: &str, kind: SettingKind) -> Setting {
    Setting {
        name: name.to_owned(),
        label: "A setting".into(),
        kind,
        value: String::new(),
        is_set: false,
    }
}

fn devices() -> [Device; 2] {
    let topics = Topics::new("fastsam", "garden").unwrap();
    let settings = [
        setting("detection", SettingKind::Switch),
        setting(
            "confidence",
            SettingKind::Number {
                min: 0.0,
                max: 1.0,
                step: 0.01,
                unit: None,
            },
        ),
        setting(
            "masks",
            SettingKind::Choice {
                options: vec!["all".into(), "5".into()],
                also: None,
            },
        ),
        setting(
            "mask_format",
            SettingKind::Choice {
                options: vec!["rle".into(), "none".into()],
                also: None,
            },
        ),
    ];
    let facts = NodeFacts {
        id: "fastsam_garden",
        name: "garden",
        version: "1.2.3",
        backend: "hailo",
        topics: &topics,
        temperatures: &["cpu-thermal".to_owned(), "it's {{ 7 }}".to_owned()],
        settings: &settings,
        can_restart: true,
        has_doctor: true,
    };
    let of_camera = [
        setting("yard/enabled", SettingKind::Switch),
        setting("yard/prompt", SettingKind::Text { max_length: 1000 }),
    ];
    let cameras = CameraFacts {
        id: "fastsam_garden_cam0",
        name: "yard",
        zones: vec![Item {
            id: "porch",
            name: "terrace",
        }],
        prompts: vec![Item {
            id: "cup",
            name: "cup",
        }],
        settings: &of_camera,
        has_snapshot: true,
        summary_expires_s: 60,
    };
    [node(&facts).unwrap(), camera(&facts, &cameras).unwrap()]
}

#[test]
fn every_key_is_one_that_home_assistant_knows() {
    let mut platforms = std::collections::BTreeSet::new();
    let mut ids = std::collections::BTreeSet::new();
    for device in devices() {
        let message = device.message(&BTreeMap::new());
        let root: Vec<_> = message.as_object().unwrap().keys().collect();
        assert_eq!(root, ["components", "device", "origin", "qos"]);
        for component in message["components"].as_object().unwrap().values() {
            let platform = component["platform"].as_str().unwrap();
            let (_, known) = KEYS.iter().find(|(name, _)| *name == platform).unwrap();
            for key in component.as_object().unwrap().keys() {
                let is_known = COMMON.contains(&key.as_str()) || known.contains(&key.as_str());
                assert!(is_known, "{platform}: {key}");
            }
            platforms.insert(platform.to_owned());
            assert!(
                ids.insert(component["unique_id"].clone().to_string()),
                "{component}"
            );
            if platform == "sensor" {
                // A sensor can't be a setting.
                assert_ne!(component["entity_category"], "config");
            }
        }
    }
    assert_eq!(platforms.len(), KEYS.len());
}

#[test]
fn names_show_and_ids_last() {
    let [node, camera] = devices();
    let message = camera.message(&BTreeMap::new());
    let zone = &message["components"]["zone_porch_occupied"];
    assert_eq!(zone["unique_id"], "fastsam_garden_cam0_zone_porch_occupied");
    assert_eq!(zone["name"], "terrace occupied");
    assert_eq!(
        zone["state_topic"],
        "fastsam/garden/yard/zones/terrace/occupied"
    );
    assert_eq!(message["device"]["via_device"], "fastsam_garden");
    assert_eq!(message["device"]["name"], "garden yard");
    let enabled = &message["components"]["enabled"];
    assert_eq!(enabled["command_topic"], "fastsam/garden/yard/enabled/set");
    // Whoever is off can be turned on again.
    assert_eq!(enabled["availability"].as_array().unwrap().len(), 1);
    let message = node.message(&BTreeMap::new());
    let sensor = &message["components"]["temperature_it_s____7___"];
    let expected = "{{ (value_json.temperatures_c | default({})).get('its  7 ') }}";
    assert_eq!(sensor["value_template"], expected);
    assert!(
        message["components"]["online"]
            .get("availability")
            .is_none()
    );
}

#[test]
fn what_is_gone_is_named_with_its_platform_alone() {
    let [_, camera] = devices();
    let gone = BTreeMap::from([
        ("zone_gate_count".to_owned(), "sensor".to_owned()),
        ("count".to_owned(), "sensor".to_owned()),
    ]);
    let message = camera.message(&gone);
    let components = &message["components"];
    assert_eq!(components["zone_gate_count"], json!({"platform": "sensor"}));
    // It is back.
    assert_ne!(components["count"], json!({"platform": "sensor"}));
    assert!(!camera.platforms().contains_key("zone_gate_count"));
}

#[test]
fn a_message_tells_whose_it_is() {
    let [node, camera] = devices();
    let own = Topics::new("fastsam", "garden").unwrap();
    let other = Topics::new("fastsam", "gard").unwrap();
    for device in [node, camera] {
        let mut message = device.message(&BTreeMap::new());
        assert!(is_of(&message, &own) && !is_of(&message, &other));
        message["origin"]["name"] = json!("another");
        assert!(!is_of(&message, &own));
    }
}

/// Home Assistant's select shows `none` as unknown, whatever its options are.
#[test]
fn an_option_named_none_is_shown_by_another_word() {
    let [node, _] = devices();
    let message = node.message(&BTreeMap::new());
    let select = &message["components"]["mask_format"];
    assert_eq!(select["options"], serde_json::json!(["rle", "nothing"]));
    assert_eq!(
        select["value_template"],
        "{{ 'nothing' if value == 'none' else value if value in ['rle', 'none'] else none }}"
    );
    assert_eq!(
        select["command_template"],
        "{{ 'none' if value == 'nothing' else value }}"
    );
    let masks = &message["components"]["masks"];
    assert_eq!(masks["options"], serde_json::json!(["all", "5"]));
    assert!(masks["command_template"].is_null());
}
