//! What a configuration may say, and how what it may not is reported.

use std::path::PathBuf;

use ::camera::v4l2::{Encoding, Level as CameraLevel, PowerLine};
use tensors::Classes;

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::from_yaml(text, Path::new("c.yaml")).map_err(|error| error.to_string())
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(name)
}

#[test]
fn the_commented_file_says_the_defaults() {
    let text = std::fs::read_to_string(shipped("fastsamd.yaml")).unwrap();
    assert_eq!(parse(&text).unwrap(), Config::default());
}

#[test]
fn the_commented_file_shows_every_key() {
    let text = std::fs::read_to_string(shipped("fastsamd.yaml")).unwrap();
    let shown: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let known = serde_json::to_value(Config::default()).unwrap();
    assert_eq!(keys(&shown), keys(&known));
}

/// All keys of a tree, with their paths, in order.
fn keys(value: &serde_json::Value) -> Vec<String> {
    let children: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        serde_json::Value::Array(list) => list.iter().map(|v| ("-".to_owned(), v)).collect(),
        _ => Vec::new(),
    };
    let mut all: Vec<String> = children
        .into_iter()
        .flat_map(|(key, child)| {
            let below = keys(child)
                .into_iter()
                .map(|path| format!("{key}.{path}"))
                .collect();
            [vec![key.clone()], below].concat()
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_shipped_file_loads() {
    let folder = std::fs::read_dir(shipped(".")).unwrap();
    let mut count = 0;
    for entry in folder {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            Config::from_yaml(&text, &path).unwrap();
            count += 1;
        }
    }
    assert!(count >= 2);
}

#[test]
fn nothing_said_means_all_defaults() {
    for text in ["", "\n", "# only a comment\n", "---\n", "{}", "null"] {
        assert_eq!(parse(text).as_ref(), Ok(&Config::default()), "{text:?}");
    }
}

#[test]
fn kinds_are_chosen_by_name_or_with_settings() {
    let backend = |text: &str| parse(&format!("accelerator: {{backend: {text}}}"));
    for (text, expected) in [
        ("mock", Backend::Mock(Mock::default())),
        ("{mock: {}}", Backend::Mock(Mock::default())),
        ("onnx", Backend::default()),
        ("{onnx: {}}", Backend::default()),
        ("hailo", Backend::Hailo(Hailo::default())),
    ] {
        assert_eq!(
            backend(text).unwrap().accelerator.backend,
            expected,
            "{text}"
        );
    }
    assert_eq!(
        backend("{mock: {fps: 65}}").unwrap().accelerator.backend,
        Backend::Mock(Mock {
            fps: 65.0,
            ..Mock::default()
        })
    );
    assert_eq!(
        backend("{replay: {recording: .}}")
            .unwrap()
            .accelerator
            .backend,
        Backend::Replay(Replay {
            recording: ".".into(),
            fps: 48.0
        })
    );
    let cameras =
        parse("cameras: [{name: a, source: synthetic}, {name: b, source: {images: {path: .}}}]");
    let cameras = cameras.unwrap().cameras;
    assert_eq!(cameras[0].source, Source::default());
    assert_eq!(
        cameras[1].source,
        Source::Images(Images {
            path: ".".into(),
            fps: 1.0,
            repeat: true
        })
    );
}

#[test]
fn the_mocks_input_has_a_size() {
    let input = |text: &str| {
        let config = parse(&format!(
            "accelerator: {{backend: {{mock: {{input: {text}}}}}}}"
        ))?;
        match config.accelerator.backend {
            Backend::Mock(mock) => Ok(mock.input),
            other => Err(other.name().to_owned()),
        }
    };
    for (text, width, height) in [
        ("640", 640, 640),
        ("320", 320, 320),
        ("[640, 384]", 640, 384),
        ("[1280, 1280]", 1280, 1280),
    ] {
        let size = input(text).unwrap();
        assert_eq!((size.width(), size.height()), (width, height), "{text}");
        // What is printed is read again.
        let mock = Mock {
            input: size,
            ..Mock::default()
        };
        let printed = serde_json::to_value(&mock).unwrap();
        let again = input(&printed["input"].to_string());
        assert_eq!(again, Ok(size), "{printed}");
    }
    let bounds = "multiples of 32, from 32 to 1280";
    for (text, expected) in [
        ("333", bounds),
        ("0", bounds),
        ("-32", bounds),
        ("1312", bounds),
        ("18446744073709551615", bounds),
        ("[640, 400]", "640x400"),
        ("[640]", "a side, such as 640, or [width, height]"),
        ("[640, 640, 3]", "a side, such as 640, or [width, height]"),
        ("large", "a side, such as 640, or [width, height]"),
        ("null", "a side, such as 640, or [width, height]"),
    ] {
        let error = input(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn cameras_are_configured_in_their_own_words() {
    let source = |text: &str| {
        let config = parse(&format!("cameras: [{{name: a, source: {text}}}]"))?;
        Ok::<_, String>(config.cameras[0].source.clone())
    };
    assert_eq!(source("v4l2").unwrap(), Source::V4l2(V4l2::default()));
    assert_eq!(source("rpicam").unwrap(), Source::Rpicam(Rpicam::default()));
    let text = "{v4l2: {format: mjpeg, exposure: 120, gain: auto, power_line: 50hz}}";
    let Source::V4l2(v4l2) = source(text).unwrap() else {
        panic!("another source")
    };
    assert_eq!(v4l2.format, Some(Encoding::Mjpeg));
    assert_eq!(v4l2.exposure, Some(CameraLevel::Value(120)));
    assert_eq!(v4l2.gain, Some(CameraLevel::Auto));
    assert_eq!(v4l2.power_line, Some(PowerLine::Hz50));
    for encoding in Encoding::ALL {
        let name = serde_json::to_value(encoding).unwrap();
        let text = format!("{{v4l2: {{format: {}}}}}", name.as_str().unwrap());
        let expected = V4l2 {
            format: Some(encoding),
            ..V4l2::default()
        };
        assert_eq!(source(&text).unwrap(), Source::V4l2(expected));
    }
    for (text, word) in [
        ("ffmpeg", "ffmpeg needs an input"),
        ("{ffmpeg: {input: a.mp4, width: 641}}", "641 is odd"),
        ("{v4l2: {width: 4}}", "4 is out of range"),
        (
            "{v4l2: {format: h264}}",
            "unknown value 'h264', expected one of: nv12, i420, yuyv, rgb, bgr, grey, mjpeg",
        ),
        (
            "{v4l2: {exposure: often}}",
            "expected auto or a whole number",
        ),
        (
            "{v4l2: {power_line: 50}}",
            "expected one of: off, 50hz, 60hz, auto",
        ),
        ("{rpicam: {fps: 0}}", "0 is out of range"),
    ] {
        let error = source(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn an_address_keeps_its_password_to_itself() {
    let text = "cameras: [{name: a, source: {ffmpeg: {input: 'rtsp://u:hunter2@h/s?k=hunter2'}}}]";
    let config = parse(text).unwrap();
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let Source::Ffmpeg(ffmpeg) = &config.cameras[0].source else {
        panic!("another source")
    };
    assert_eq!(ffmpeg.input.expose(), "rtsp://u:hunter2@h/s?k=hunter2");
}

#[test]
fn a_password_is_read_as_it_is_written() {
    let with = |password: &str| {
        let config = parse(&format!("mqtt:\n  username: u\n  password: {password}\n"))?;
        let password = config.mqtt.password;
        Ok::<_, String>(password.map(|password| password.expose().to_owned()))
    };
    for plain in [
        "0123",
        "1e5",
        "yes",
        "true",
        "1.50",
        "0x1f",
        "a#b",
        "gr\u{fc}n",
        "p@ss/w?rd%",
    ] {
        assert_eq!(with(plain).unwrap().as_deref(), Some(plain), "{plain}");
    }
    for text in ["#abc", "abc #1", "null", "~", " a "] {
        let quoted = with(&format!("'{text}'")).unwrap();
        assert_eq!(quoted.as_deref(), Some(text), "{text}");
    }
    for text in ["#abc", "abc #1"] {
        let error = with(text).unwrap_err();
        assert!(error.contains("put the password in quotes"), "{error}");
    }
    let windows = "\u{feff}mqtt:\r\n  username: u\r\n  password: secret\r\n";
    let password = parse(windows).unwrap().mqtt.password.unwrap();
    assert_eq!(password.expose(), "secret");
}

#[test]
fn a_camera_may_have_a_login_beside_its_address() {
    let text = "cameras: [{source: {ffmpeg: {input: 'rtsp://cam/1', username: u, \
                password: 'p@ss/w#rd'}}}]";
    let config = parse(text).unwrap();
    let Source::Ffmpeg(ffmpeg) = &config.cameras[0].source else {
        panic!("another source")
    };
    let login = ffmpeg.login().unwrap();
    assert_eq!((&*login.username, &*login.password), ("u", "p@ss/w#rd"));
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("w#rd"), "{shown}");
}

#[test]
fn twice_the_batch_is_under_way() {
    for (batch, in_flight) in [(1, 4), (2, 4), (8, 16), (16, 32)] {
        let config = parse(&format!("accelerator: {{batch_size: {batch}}}")).unwrap();
        assert_eq!(config.accelerator.frames_in_flight(), in_flight);
    }
    let config = parse("accelerator: {batch_size: 8, in_flight: 8}").unwrap();
    assert_eq!(config.accelerator.frames_in_flight(), 8);
}

#[test]
fn a_sha256_is_read_and_written() {
    let digits = "00ff".repeat(16);
    let text = format!("accelerator: {{backend: {{hailo: {{sha256: '{digits}'}}}}}}");
    let Backend::Hailo(hailo) = parse(&text).unwrap().accelerator.backend else {
        panic!("another backend")
    };
    assert_eq!(hailo.sha256.unwrap().0[..2], [0, 255]);
    assert_eq!(serde_json::to_value(hailo).unwrap()["sha256"], digits);
}

#[test]
fn clean_up_steps_are_read_from_the_command_line() {
    let usual = Cleanup {
        close: 3,
        open: 3,
        min_island: 64,
        max_hole: 64,
    };
    let table = [
        (Cleanup::USUAL, Ok(usual)),
        (
            "open=5",
            Ok(Cleanup {
                open: 5,
                ..Cleanup::default()
            }),
        ),
        ("open=4", Err("odd number")),
        ("opne=5", Err("did you mean 'open'?")),
        ("max_hole=-1", Err("expected a whole number")),
        ("close", Err("expected STEP=PIXELS")),
        ("", Err("expected STEP=PIXELS")),
    ];
    for (text, expected) in table {
        match (text.parse::<Cleanup>(), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
            (found, expected) => panic!("{text}: expected {expected:?}, found {found:?}"),
        }
    }
}

#[test]
fn files_that_are_no_configuration_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let table = [
        (folder.path().join("missing.yaml"), "No such file"),
        (folder.path().to_owned(), "directory"),
        (
            file("latin1.yaml", b"node: caf\xe9"),
            "not UTF-8 text: byte 9",
        ),
        (
            file("huge.yaml", &vec![b'#'; 2 << 20]),
            "larger than 1048576 bytes",
        ),
        ("/dev/zero".into(), "larger than 1048576 bytes"),
    ];
    for (path, expected) in table {
        let error = Config::load(&path).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{}: ", path.display())),
            "{error}"
        );
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn the_password_comes_from_its_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("password");
    std::fs::write(&secret, "hunter2\nnot this\n").unwrap();
    let path = folder.path().join("config.yaml");
    let text = format!("mqtt: {{username: u, password_file: {}}}", secret.display());
    std::fs::write(&path, text).unwrap();

    let config = Config::load(&path).unwrap();
    assert_eq!(config.mqtt.password.as_ref().unwrap().expose(), "hunter2");
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");

    std::fs::write(&secret, "\n").unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("expected the password in the first line"),
        "{error}"
    );
}

#[test]
fn a_credential_is_the_password_of_a_name_without_one() {
    let credentials = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        let mut mqtt = parse(text).unwrap().mqtt;
        mqtt.read_password(Some(credentials.path())).unwrap();
        mqtt.password.map(|password| password.expose().to_owned())
    };
    assert_eq!(read("mqtt: {username: u}"), None);

    std::fs::write(credentials.path().join("mqtt-password"), "sesame\n").unwrap();
    assert_eq!(read("mqtt: {username: u}").as_deref(), Some("sesame"));
    assert_eq!(
        read("mqtt: {username: u, password: own}").as_deref(),
        Some("own")
    );
    assert_eq!(read("mqtt: {host: broker}"), None);
}

#[test]
fn the_environment_overrides_the_file() {
    let mut config = parse("mqtt: {username: u, password: file}\nlog: {level: warn}").unwrap();
    let environment = |name: &str| match name {
        "FASTSAMD_MQTT_PASSWORD" => Some("environment".to_owned()),
        "FASTSAMD_LOG" => Some("DEBUG".to_owned()),
        _ => None,
    };
    config.apply_environment(environment).unwrap();
    assert_eq!(
        config.mqtt.password.as_ref().unwrap().expose(),
        "environment"
    );
    assert_eq!(config.log.level, Level::Debug);

    let error = config
        .apply_environment(|name| (name == "FASTSAMD_LOG").then(|| "loud".to_owned()))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable FASTSAMD_LOG: expected error, warn, info, debug or trace"
    );
}

#[test]
fn the_schema_describes_every_key_of_the_default() {
    let schema = schemars::schema_for!(Config).to_value();
    let described = schema["properties"]["segmentation"]["description"]
        .as_str()
        .unwrap();
    assert!(described.contains("segments"), "{described}");
    let backend = &schema["$defs"]["Backend"]["oneOf"];
    assert!(
        backend
            .to_string()
            .contains(r#"{"enum":["mock","hailo","onnx"],"type":"string"}"#),
        "{backend}"
    );
    // As a person would write it.
    let iou = &schema["$defs"]["Segmentation"]["properties"]["iou"]["default"];
    assert_eq!(iou.to_string(), "0.7");
}

#[test]
fn the_default_segmentation_is_the_post_processors_own() {
    assert_eq!(
        Segmentation::default().settings(&Classes::one()),
        Ok(fastsam::Settings::default())
    );
}

#[test]
fn an_empty_library_is_refused() {
    for backend in ["onnx: {model: a.onnx, library: ''}", "hailo: {library: ''}"] {
        let error = parse(&format!("accelerator: {{backend: {{{backend}}}}}")).unwrap_err();
        assert!(error.contains("an empty path"), "{error}");
    }
}

#[test]
fn a_page_for_everybody_needs_a_token() {
    let web = |text: &str| parse(&format!("web: {text}")).map(|config| config.web);
    assert_eq!(web("{}").unwrap(), Some(Web::default()));
    assert_eq!(web("null").unwrap(), None);
    assert!(web("{listen: '0.0.0.0:8080', token: x}").is_ok());
    assert!(web("{listen: '[::1]:0'}").is_ok());
    for (text, reason) in [
        ("{listen: '0.0.0.0:8080'}", "set 'token' or 'token_file'"),
        ("{listen: '192.168.1.7:80'}", "everybody who can reach"),
        ("{listen: 8080}", "8080"),
        ("{listen: localhost}", "expected one with a port"),
        ("{token: x, token_file: Cargo.toml}", "both set"),
    ] {
        let error = web(text).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let shown = parse("web: {token: 'let me in'}").unwrap().public();
    assert!(!shown.to_string().contains("let me in"));
}
