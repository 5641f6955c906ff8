//! Configuration texts: accepted or refused with one line that names the place.

#![no_main]

use std::path::Path;

use configuration::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Config::from_yaml(text, Path::new("config.yaml")) {
        let line = error.to_string();
        assert!(line.starts_with("config.yaml:"), "{line}");
        assert!(!line.contains(['\n', '\r']), "{line}");
    }
});
