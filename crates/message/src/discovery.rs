//! What Home Assistant is told of a node and its cameras: device discovery, one message a device.
//!
//! <https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload>, as of Home Assistant 2026.11. It refuses
//! a whole message for one unknown key at its root, and passes over unknown keys of components in silence, so keys
//! are written with care. What a component is known by, its key and its `unique_id`, is made of ids that outlive
//! names: the caller keeps them.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value, json};

use crate::{EventKind, Setting, SettingKind, Topic, TopicError, Topics, discovery_topic};

/// Characters of a state that Home Assistant takes, at most.
pub const MAX_STATE: usize = 255;

/// What Home Assistant shows for the option `none`.
const NOTHING: &str = "nothing";

/// The name by which a message tells whose it is.
pub const ORIGIN: &str = "fastsamd";

/// What a node is.
#[derive(Clone, Debug)]
pub struct NodeFacts<'a> {
    /// Its device's id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Version of fastsamd.
    pub version: &'a str,
    /// What runs the network: `mock`, `hailo`.
    pub backend: &'a str,
    /// Its topics.
    pub topics: &'a Topics,
    /// Sensors of temperature, as `status` names them.
    pub temperatures: &'a [String],
    /// Its settings.
    pub settings: &'a [Setting],
    /// Whether it can be started anew by request.
    pub can_restart: bool,
    /// Whether it can examine itself by request.
    pub has_doctor: bool,
}

/// What a camera is.
#[derive(Clone, Debug)]
pub struct CameraFacts<'a> {
    /// Its device's id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its zones, each with its id.
    pub zones: Vec<Item<'a>>,
    /// Its standing prompts, each with its id.
    pub prompts: Vec<Item<'a>>,
    /// Its settings.
    pub settings: &'a [Setting],
    /// Whether it publishes snapshots.
    pub has_snapshot: bool,
    /// Seconds after which a summary is too old to be of now.
    pub summary_expires_s: u64,
}

/// Something that has a name, and an id that outlives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A device's message, in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    root: Map<String, Value>,
    components: Map<String, Value>,
}

impl Device {
    /// Each component's key and platform.
    pub fn platforms(&self) -> BTreeMap<String, String> {
        let platform = |component: &Value| component["platform"].as_str().map(str::to_owned);
        self.components
            .iter()
            .filter_map(|(key, component)| Some((key.clone(), platform(component)?)))
            .collect()
    }

    /// The message. `gone` are keys and platforms of components that there were: named without anything else, they
    /// are removed. Left out, they would stay.
    pub fn message(&self, gone: &BTreeMap<String, String>) -> Value {
        let mut components = self.components.clone();
        for (key, platform) in gone {
            components
                .entry(key)
                .or_insert_with(|| json!({ "platform": platform }));
        }
        let mut root = self.root.clone();
        root.insert("components".to_owned(), components.into());
        root.into()
    }

    fn new(id: &str, version: &str, mut device: Value) -> Self {
        device["identifiers"] = json!([id]);
        device["manufacturer"] = json!(ORIGIN);
        device["sw_version"] = json!(version);
        let origin = json!({ "name": ORIGIN, "sw_version": version });
        let root = json!({ "device": device, "origin": origin, "qos": 1 });
        Self {
            root: root.as_object().cloned().unwrap_or_default(),
            components: Map::new(),
        }
    }

    /// Adds a component. `availability` is absent for what is known while the node is away, too.
    fn add(&mut self, id: &str, key: &str, availability: Option<&Value>, mut component: Value) {
        component["unique_id"] = json!(format!("{id}_{key}"));
        if let Some(availability) = availability {
            component["availability"] = availability.clone();
            component["availability_mode"] = json!("all");
        }
        self.components.insert(key.to_owned(), component);
    }
}

/// Whether a message on a discovery topic is of the node with these topics.
pub fn is_of(message: &Value, topics: &Topics) -> bool {
    let below = topics.all();
    let below = below.trim_end_matches('#');
    let names_it = |component: &Value| {
        let topic = |key: &str| component[key].as_str();
        ["state_topic", "command_topic", "image_topic"]
            .into_iter()
            .filter_map(topic)
            .any(|topic| topic.starts_with(below))
    };
    let components = message["components"].as_object();
    message["origin"]["name"] == ORIGIN
        && components.is_some_and(|components| components.values().any(names_it))
}

/// The topic of that name, if it is one on which a device may be told.
pub fn topic_of(topic: &str) -> Option<Topic> {
    let (rest, last) = topic.rsplit_once('/')?;
    let (rest, device) = rest.rsplit_once('/')?;
    let (prefix, kind) = rest.rsplit_once('/')?;
    (kind == "device" && last == "config")
        .then(|| discovery_topic(prefix, device).ok())
        .flatten()
}

/// The node itself.
///
/// # Errors
/// A setting whose name can't be part of a topic.
pub fn node(facts: &NodeFacts<'_>) -> Result<Device, TopicError> {
    let NodeFacts { id, topics, .. } = *facts;
    let mut device = Device::new(
        id,
        facts.version,
        json!({ "name": facts.name, "model": "fastsamd", "model_id": facts.backend }),
    );
    let here = json!([{ "topic": topics.availability().as_str() }]);
    device.add(
        id,
        "online",
        None,
        connectivity("Connection", &topics.availability()),
    );
    device.add(
        id,
        "accelerator",
        Some(&here),
        connectivity("Accelerator", &topics.accelerator_state()),
    );
    let status = topics.status();
    let of_status = |name: &str, template: &str| {
        json!({
            "platform": "sensor", "name": name, "state_topic": status.as_str(),
            "value_template": template, "state_class": "measurement", "entity_category": "diagnostic",
        })
    };
    for sensor in facts.temperatures {
        // Names come from the kernel's drivers: none may end the template's text.
        let plain: String = sensor
            .chars()
            .filter(|c| !"'\"\\{}%".contains(*c))
            .collect();
        let template =
            format!("{{{{ (value_json.temperatures_c | default({{}})).get('{plain}') }}}}");
        let mut component = of_status(&format!("Temperature {plain}"), &template);
        component["device_class"] = json!("temperature");
        component["unit_of_measurement"] = json!("°C");
        device.add(
            id,
            &format!("temperature_{}", slug(sensor)),
            Some(&here),
            component,
        );
    }
    let mut memory = of_status("Memory", "{{ value_json.rss_bytes | default(none) }}");
    memory["device_class"] = json!("data_size");
    memory["unit_of_measurement"] = json!("B");
    memory["suggested_display_precision"] = json!(0);
    device.add(id, "memory", Some(&here), memory);
    let throttled = json!({
        "platform": "binary_sensor", "name": "Throttled", "device_class": "problem",
        "entity_category": "diagnostic", "state_topic": status.as_str(),
        "value_template": "{{ 'ON' if value_json.throttled | default(false) else 'OFF' }}",
    });
    device.add(id, "throttled", Some(&here), throttled);
    for setting in facts.settings {
        let topics = topics.setting(&setting.name)?;
        let component = of_setting(setting, &topics.set, &topics.state);
        device.add(id, &setting.name, Some(&here), component);
    }
    let button = |name: &str, what: &str| {
        let request = topics.request(what)?;
        Ok::<_, TopicError>(json!({
            "platform": "button", "name": name, "command_topic": request.as_str(),
            "payload_press": "{}", "entity_category": "config",
        }))
    };
    if facts.can_restart {
        let mut restart = button("Restart", "restart")?;
        restart["device_class"] = json!("restart");
        device.add(id, "restart", Some(&here), restart);
    }
    if facts.has_doctor {
        device.add(id, "examine", Some(&here), button("Examine", "doctor")?);
        let answer = topics.response("doctor")?;
        let findings = json!({
            "platform": "sensor", "name": "Findings", "entity_category": "diagnostic",
            "state_topic": answer.as_str(),
            "value_template": "{{ (value_json.data | default({})).get('summary', value_json.status) }}",
            "json_attributes_topic": answer.as_str(),
            "json_attributes_template": "{{ value_json.data | default({}) | tojson }}",
        });
        device.add(id, "findings", Some(&here), findings);
    }
    Ok(device)
}

/// One of the node's cameras.
///
/// # Errors
/// A name that can't be part of a topic.
pub fn camera(node: &NodeFacts<'_>, facts: &CameraFacts<'_>) -> Result<Device, TopicError> {
    let id = facts.id;
    let topics = node.topics.camera(facts.name)?;
    let mut device = Device::new(
        id,
        node.version,
        json!({
            "name": format!("{} {}", node.name, facts.name),
            "model": "Camera", "via_device": node.id,
        }),
    );
    let here = json!([{ "topic": node.topics.availability().as_str() }]);
    // Numbers of a camera that is off, or while nothing is detected, are those of another time.
    let detection = node.topics.setting("detection")?.state;
    let seeing = json!([
        { "topic": node.topics.availability().as_str() },
        { "topic": topics.state().as_str() },
        { "topic": detection.as_str(), "payload_available": "ON", "payload_not_available": "OFF" },
    ]);
    device.add(
        id,
        "online",
        Some(&here),
        connectivity("Connection", &topics.state()),
    );
    device.add(
        id,
        "count",
        Some(&seeing),
        number_of_objects("Objects", &topics.count()),
    );
    for (key, name, field, unit, class) in [
        ("fps", "Frame rate", "value_json.fps", "fps", None),
        (
            "latency",
            "Latency",
            "(value_json.latency_ms | default({})).get('total')",
            "ms",
            Some("duration"),
        ),
    ] {
        let mut component = json!({
            "platform": "sensor", "name": name, "state_topic": topics.summary().as_str(),
            "value_template": format!("{{{{ {field} }}}}"), "unit_of_measurement": unit,
            "state_class": "measurement", "suggested_display_precision": 1,
            "entity_category": "diagnostic", "expire_after": facts.summary_expires_s,
        });
        if let Some(class) = class {
            component["device_class"] = json!(class);
        }
        device.add(id, key, Some(&seeing), component);
    }
    for Item { id: zone, name } in &facts.zones {
        let count = number_of_objects(&format!("Objects in {name}"), &topics.zone_count(name)?);
        device.add(id, &format!("zone_{zone}_count"), Some(&seeing), count);
        let occupied = json!({
            "platform": "binary_sensor", "name": format!("{name} occupied"),
            "device_class": "occupancy", "state_topic": topics.zone_occupied(name)?.as_str(),
        });
        device.add(
            id,
            &format!("zone_{zone}_occupied"),
            Some(&seeing),
            occupied,
        );
    }
    for Item { id: prompt, name } in &facts.prompts {
        let count = number_of_objects(&format!("Found by {name}"), &topics.prompt_count(name)?);
        device.add(id, &format!("prompt_{prompt}_count"), Some(&seeing), count);
    }
    let event = json!({
        "platform": "event", "name": "Event", "state_topic": topics.events().as_str(),
        "event_types": EventKind::ALL.map(EventKind::name),
        "value_template": "{{ {'event_type': value_json.event, 'number': value_json.number, \
            'object': value_json.id | default(none), 'zone': value_json.zone | default(none), \
            'line': value_json.line | default(none), 'direction': value_json.direction | default(none), \
            'text': (value_json.text | default({})).get('text'), 'at': value_json.at} | tojson }}",
    });
    device.add(id, "event", Some(&here), event);
    for setting in facts.settings {
        let name = setting.name.rsplit('/').next().unwrap_or_default();
        let of_setting_topics = topics.setting(name)?;
        let component = of_setting(setting, &of_setting_topics.set, &of_setting_topics.state);
        device.add(id, name, Some(&here), component);
    }
    if facts.has_snapshot {
        let snapshot = json!({
            "platform": "image", "name": "Snapshot", "image_topic": topics.snapshot().as_str(),
            "content_type": "image/jpeg",
        });
        device.add(id, "snapshot", Some(&here), snapshot);
    }
    Ok(device)
}

fn connectivity(name: &str, topic: &Topic) -> Value {
    json!({
        "platform": "binary_sensor", "name": name, "device_class": "connectivity",
        "entity_category": "diagnostic", "state_topic": topic.as_str(),
        "payload_on": "online", "payload_off": "offline",
    })
}

fn number_of_objects(name: &str, topic: &Topic) -> Value {
    json!({
        "platform": "sensor", "name": name, "state_topic": topic.as_str(),
        "state_class": "measurement", "icon": "mdi:shape-outline",
    })
}

fn of_setting(setting: &Setting, set: &Topic, state: &Topic) -> Value {
    let mut component = json!({
        "name": setting.label, "entity_category": "config",
        "state_topic": state.as_str(), "command_topic": set.as_str(),
    });
    match &setting.kind {
        SettingKind::Switch => component["platform"] = json!("switch"),
        SettingKind::Number {
            min,
            max,
            step,
            unit,
        } => {
            component["platform"] = json!("number");
            component["min"] = json!(min);
            component["max"] = json!(max);
            component["step"] = json!(step);
            let is_share = *step < 1.0;
            component["mode"] = json!(if is_share { "slider" } else { "box" });
            if let Some(unit) = unit {
                component["unit_of_measurement"] = json!(unit);
            }
        }
        SettingKind::Choice { options, .. } => of_choice(options, &mut component),
        SettingKind::Text { max_length } => {
            component["platform"] = json!("text");
            component["max"] = json!(max_length.min(&MAX_STATE));
            component["value_template"] = json!(format!("{{{{ value[:{MAX_STATE}] }}}}"));
        }
    }
    component
}

/// A `none` among the options is shown as [`NOTHING`]: Home Assistant takes the word itself for a state that it does
/// not know.
fn of_choice(options: &[Cow<'_, str>], component: &mut Value) {
    component["platform"] = json!("select");
    let is_none = |option: &Cow<'_, str>| option == "none";
    let shown = options.iter().map(|option| match option.as_ref() {
        "none" => NOTHING,
        other => other,
    });
    component["options"] = json!(shown.collect::<Vec<_>>());
    // What is none of the options is unknown there, without a warning for each message.
    let known: Vec<String> = options.iter().map(|option| format!("'{option}'")).collect();
    let known = format!("value if value in [{}] else none", known.join(", "));
    component["value_template"] = if options.iter().any(is_none) {
        component["command_template"] = json!(format!(
            "{{{{ 'none' if value == '{NOTHING}' else value }}}}"
        ));
        json!(format!(
            "{{{{ '{NOTHING}' if value == 'none' else {known} }}}}"
        ))
    } else {
        json!(format!("{{{{ {known} }}}}"))
    };
}

/// A name as part of a key.
fn slug(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests;
