//! An AsyncAPI description of all topics: <https://www.asyncapi.com/docs/reference/specification/v3.0.0>.
//!
//! Topics and schemas are taken from the code that publishes them, so the description can't name others. `docs/asyncapi.json`
//! is what is written here; a test holds it to that.

use configuration::{Crossing, StandingPrompt, Zone};
use message::{Event, Info, Masks, Setting, Status, Summary, Topic, Topics, prompt};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::daemon::REQUESTS;

/// Names that stand for what users choose; each becomes a parameter.
const NAMES: [(&str, &str); 6] = [
    (
        "PREFIX",
        "mqtt.prefix of the configuration, fastsam unless it says otherwise",
    ),
    ("NODE", "the node's name"),
    ("CAMERA", "the camera's name"),
    ("ZONE", "the zone's name"),
    ("PROMPT", "the standing prompt's name"),
    ("SETTING", "the setting's name"),
];

/// How a topic is published.
struct Published {
    /// What it is called here.
    name: &'static str,
    topic: Topic,
    qos: u8,
    retained: bool,
    content_type: &'static str,
    payload: Value,
    summary: &'static str,
}

/// The description.
///
/// # Errors
/// None but of names that topics can't have.
pub(super) fn description() -> anyhow::Result<Value> {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let topics = Topics::new("PREFIX", "NODE")?;
    let mut document = Document::default();
    for published in published(&topics, &mut generator)? {
        document.publish(published);
    }
    for what in REQUESTS {
        let [asked, answered] = [topics.request(what)?, topics.response(what)?];
        document.serve(what, &asked, &answered, request(what, &mut generator));
    }
    let setting = topics.setting("SETTING")?;
    document.receive(
        "set",
        &setting.set,
        text("a value as plain text, as 'kind' of the setting says"),
    );
    let definitions = generator.take_definitions(true);
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "fastsamd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a node of fastsamd publishes over MQTT, and what it is asked. docs/messages.md and docs/mqtt.md say it in words.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": document.channels,
        "operations": document.operations,
        "components": {"schemas": definitions},
    }))
}

#[derive(Default)]
struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
}

impl Document {
    fn channel(&mut self, name: &str, topic: &Topic, message: Value) -> Value {
        let mut address = topic.as_str().to_owned();
        let mut parameters = Map::new();
        for (name, meaning) in NAMES {
            let level = |level| level == name;
            if address.split('/').any(level) {
                let parameter = name.to_lowercase();
                address = address.replace(name, &format!("{{{parameter}}}"));
                parameters.insert(parameter, json!({"description": meaning}));
            }
        }
        let channel =
            json!({"address": address, "parameters": parameters, "messages": {name: message}});
        self.channels.insert(name.to_owned(), channel);
        json!({"$ref": format!("#/channels/{name}")})
    }

    fn publish(&mut self, published: Published) {
        let Published {
            name,
            topic,
            qos,
            retained,
            content_type,
            payload,
            summary,
        } = published;
        let message = json!({"name": name, "summary": summary, "contentType": content_type, "payload": payload});
        let channel = self.channel(name, &topic, message);
        let bindings = json!({"mqtt": {"qos": qos, "retain": retained, "bindingVersion": "0.2.0"}});
        let operation =
            json!({"action": "send", "channel": channel, "summary": summary, "bindings": bindings});
        self.operations.insert(format!("publish-{name}"), operation);
    }

    fn receive(&mut self, name: &str, topic: &Topic, payload: Value) {
        let content_type = if payload["type"] == "string" {
            "text/plain"
        } else {
            "application/json"
        };
        let message = json!({"name": name, "contentType": content_type, "payload": payload});
        let channel = self.channel(name, topic, message);
        let bindings = json!({"mqtt": {"qos": 1, "retain": false, "bindingVersion": "0.2.0"}});
        let operation = json!({"action": "receive", "channel": channel, "bindings": bindings});
        self.operations.insert(format!("take-{name}"), operation);
    }

    fn serve(&mut self, what: &str, asked: &Topic, answered: &Topic, payload: Value) {
        let (request, response) = (format!("request-{what}"), format!("response-{what}"));
        self.receive(&request, asked, payload);
        let answer = json!({
            "type": "object",
            "required": ["transaction", "status"],
            "properties": {
                "transaction": {"description": "as it was in the request, null where there was none"},
                "status": {"enum": ["ok", "error"]},
                "data": {"description": "what was asked for; only with ok"},
                "error": {"type": "string", "description": "why there is nothing; only with error"},
            },
        });
        let message = json!({"name": response, "payload": answer});
        let channel = self.channel(&response, answered, message);
        let reply = json!({
            "channel": channel,
            "address": {
                "location": "$message.header#/replyTo",
                "description": "MQTT 5's response topic, where the request names one; otherwise the channel's address",
            },
        });
        self.operations[&format!("take-{request}")]["reply"] = reply;
    }
}

/// All that a node publishes of itself.
fn published(topics: &Topics, generator: &mut SchemaGenerator) -> anyhow::Result<Vec<Published>> {
    let camera = topics.camera("CAMERA")?;
    let json = "application/json";
    let masks = of::<Masks>(generator);
    let online = json!({"enum": ["online", "offline"], "type": "string"});
    let count = || json!({"type": "string", "pattern": "^[0-9]+$", "description": "a number in decimal digits"});
    let bytes = || json!({"type": "string", "format": "binary"});
    let published = |name, topic, (qos, retained), content_type, payload, summary| Published {
        name,
        topic,
        qos,
        retained,
        content_type,
        payload,
        summary,
    };
    Ok(vec![
        published(
            "availability",
            topics.availability(),
            (1, true),
            "text/plain",
            online.clone(),
            "Whether the node is there; also its last will",
        ),
        published(
            "info",
            topics.info(),
            (1, true),
            json,
            of::<Info>(generator),
            "What the node is",
        ),
        published(
            "status",
            topics.status(),
            (0, true),
            json,
            of::<Status>(generator),
            "How the node is",
        ),
        published(
            "accelerator-state",
            topics.accelerator_state(),
            (1, true),
            "text/plain",
            online.clone(),
            "Whether the accelerator works",
        ),
        published(
            "camera-state",
            camera.state(),
            (1, true),
            "text/plain",
            online,
            "Whether the camera works",
        ),
        published(
            "masks",
            camera.masks(),
            (0, false),
            json,
            masks,
            "All segments of a frame",
        ),
        published(
            "masks-binary",
            camera.masks_binary(),
            (0, false),
            "application/vnd.fastsam.masks",
            bytes(),
            "The same in the binary form, which docs/mqtt.md describes",
        ),
        published(
            "labelmap",
            camera.labelmap(),
            (0, false),
            "image/png",
            bytes(),
            "A frame's segments as a picture that numbers them",
        ),
        published(
            "snapshot",
            camera.snapshot(),
            (0, true),
            "image/jpeg",
            bytes(),
            "A frame with its segments drawn",
        ),
        published(
            "summary",
            camera.summary(),
            (0, true),
            json,
            of::<Summary>(generator),
            "Counts, rate and latency",
        ),
        published(
            "events",
            camera.events(),
            (1, false),
            json,
            of::<Event>(generator),
            "What happens to objects",
        ),
        published(
            "count",
            camera.count(),
            (0, true),
            "text/plain",
            count(),
            "How many objects there are",
        ),
        published(
            "zone-count",
            camera.zone_count("ZONE")?,
            (0, true),
            "text/plain",
            count(),
            "How many objects are in a zone",
        ),
        published(
            "zone-occupied",
            camera.zone_occupied("ZONE")?,
            (0, true),
            "text/plain",
            json!({"type": "string", "enum": ["ON", "OFF"]}),
            "Whether any are",
        ),
        published(
            "prompt",
            camera.prompt("PROMPT")?,
            (0, false),
            json,
            answer(generator),
            "A standing prompt's answer for a frame",
        ),
        published(
            "prompt-count",
            camera.prompt_count("PROMPT")?,
            (0, true),
            "text/plain",
            count(),
            "How many objects a standing prompt has found",
        ),
        published(
            "setting-state",
            topics.setting("SETTING")?.state,
            (1, true),
            "text/plain",
            text("the value in force"),
            "A setting",
        ),
    ])
}

/// What a kind of request asks.
fn request(what: &str, generator: &mut SchemaGenerator) -> Value {
    let camera = json!({"type": "string", "description": "may be left out where there is one"});
    let action = |actions: &[&str]| json!({"enum": actions});
    let list = ["set", "list", "remove"];
    let (fields, with) = match what {
        "prompt" => (
            json!({"camera": camera, "frame": {"type": "integer", "description": "the frame that is meant; otherwise the next"}}),
            vec![of::<prompt::Prompt>(generator)],
        ),
        "prompts" => (
            json!({"action": action(&list)}),
            vec![of::<StandingPrompt>(generator)],
        ),
        "zones" => (
            json!({"action": action(&list), "camera": camera}),
            vec![of::<Zone>(generator)],
        ),
        "lines" => (
            json!({"action": action(&list), "camera": camera}),
            vec![of::<Crossing>(generator)],
        ),
        "settings" => (
            json!({"action": action(&["set", "list"]), "name": {"type": "string"}, "value": {"type": ["string", "number", "boolean"]}}),
            vec![of::<Setting>(generator)],
        ),
        _ => (json!({}), Vec::new()),
    };
    let mut properties =
        json!({"transaction": {"description": "anything; it comes back with the answer"}});
    for (name, schema) in fields.as_object().into_iter().flatten() {
        properties[name] = schema.clone();
    }
    let mut request = json!({"type": "object", "properties": properties});
    // What is set has its own schema beside these fields, which it does not know.
    if let Some(set) = with.first() {
        let beside = match what {
            "settings" => "data.settings of the answer lists",
            _ => "the other fields are those of",
        };
        request["description"] =
            format!("{beside} {}", set["$ref"].as_str().unwrap_or_default()).into();
        request["x-fields"] = set.clone();
    }
    request
}

/// A standing prompt's answer: masks, and which part of the prompt chose which.
fn answer(generator: &mut SchemaGenerator) -> Value {
    let choice = of::<prompt::Choice>(generator);
    let standing = of::<prompt::Standing>(generator);
    json!({"allOf": [
        of::<Masks>(generator),
        {"type": "object", "required": ["prompt"], "properties": {"prompt": {"allOf": [
            choice,
            {"type": "object", "properties": {"name": {"type": "string"}, "status": standing}},
        ]}}},
    ]})
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_in_the_documents_is_what_the_code_says() {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/asyncapi.json");
        let kept = std::fs::read_to_string(place).unwrap();
        let kept: Value = serde_json::from_str(&kept).unwrap();
        assert!(
            kept == description().unwrap(),
            "fastsamd schema asyncapi > docs/asyncapi.json"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn look(value: &Value, document: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(to)) = map.get("$ref") {
                        assert!(document.pointer(&to[1..]).is_some(), "{to}");
                    }
                    map.values().for_each(|value| look(value, document));
                }
                Value::Array(list) => list.iter().for_each(|value| look(value, document)),
                _ => {}
            }
        }
        let document = description().unwrap();
        look(&document, &document);
        let addresses = document["channels"].as_object().unwrap().values();
        let addresses: Vec<_> = addresses
            .map(|channel| channel["address"].as_str().unwrap())
            .collect();
        assert!(
            addresses.contains(&"{prefix}/{node}/{camera}/zones/{zone}/count"),
            "{addresses:?}"
        );
        assert!(addresses.contains(&"{prefix}/{node}/request/prompt"));
    }
}
