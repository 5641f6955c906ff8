//! One line of the log, and the forms it is written in.
//!
//! As text, with the time and the level in front. For journald, which has its own time, with the priority
//! in front that sd-daemon(3) describes. As JSON, one object a line.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

/// An event: what is said, and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
    /// How many lines of its kind it stands for, and in what time they came.
    pub(super) again: Option<(u64, Duration)>,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text { colour: bool },
    Journal,
    Json,
}

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut line = Self {
            level: *event.metadata().level(),
            message: String::new(),
            fields: Vec::new(),
            again: None,
        };
        event.record(&mut line);
        line
    }

    /// What is said with what belongs to it, without time and level.
    pub(super) fn plain(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            let _ = write!(text, " {name}={value}");
        }
        text
    }

    /// The line as it is written at this time, with its line break.
    pub(super) fn written(&self, form: Form, at: OffsetDateTime) -> String {
        let time = at.format(&Rfc3339).unwrap_or_default();
        let text = match form {
            Form::Json => return self.json(&time),
            Form::Journal => format!("<{}>{}", self.priority(), self.with_sum()),
            Form::Text { colour: true } => format!(
                "\x1b[2m{time}\x1b[0m \x1b[{}m{:>5}\x1b[0m {}",
                self.colour(),
                self.level,
                self.with_sum()
            ),
            Form::Text { colour: false } => {
                format!("{time} {:>5} {}", self.level, self.with_sum())
            }
        };
        text + "\n"
    }

    fn with_sum(&self) -> String {
        // What others wrote may be quoted in it, with line breaks that would forge a line.
        let mut text = self.plain().replace(char::is_control, " ");
        if let Some((times, over)) = self.again {
            let minutes = over.as_secs().div_ceil(60);
            let _ = write!(text, " (again {times} times in {minutes} min)");
        }
        text
    }

    fn json(&self, time: &str) -> String {
        let mut object = Map::new();
        object.insert("time".into(), time.into());
        object.insert("level".into(), self.level.as_str().to_lowercase().into());
        object.insert("message".into(), self.message.as_str().into());
        for (name, value) in &self.fields {
            object.insert((*name).into(), value.clone());
        }
        if let Some((times, over)) = self.again {
            object.insert("again".into(), times.into());
            object.insert("in_s".into(), over.as_secs().into());
        }
        format!("{}\n", Value::Object(object))
    }

    /// syslog(3)'s.
    fn priority(&self) -> u8 {
        match self.level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        }
    }

    /// The terminal's: red, yellow, green, blue.
    fn colour(&self) -> u8 {
        match self.level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            _ => 34,
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.fields.push((field.name(), text.into()));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.into();
        } else {
            self.fields.push((field.name(), value.into()));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push((field.name(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.push((field.name(), value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.push((field.name(), value.into()));
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn line() -> Line {
        Line {
            level: Level::WARN,
            message: "no\nanswer \x1b[2J".into(),
            fields: vec![("camera", "door".into()), ("retry_in_s", 3.into())],
            again: Some((180, Duration::from_secs(3600))),
        }
    }

    #[test]
    fn a_line_stays_one_line_in_every_form() {
        let at = datetime!(2026-11-28 10:00:00.5 UTC);
        let said = "no answer  [2J camera=\"door\" retry_in_s=3 (again 180 times in 60 min)\n";
        let text = line().written(Form::Text { colour: false }, at);
        assert_eq!(text, format!("2026-11-28T10:00:00.5Z  WARN {said}"));
        assert_eq!(line().written(Form::Journal, at), format!("<4>{said}"));
        let coloured = line().written(Form::Text { colour: true }, at);
        assert!(
            coloured.contains("\x1b[33m WARN\x1b[0m no answer  [2J"),
            "{coloured:?}"
        );

        let json = line().written(Form::Json, at);
        assert_eq!(json.lines().count(), 1);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["level"], "warn");
        assert_eq!(json["message"], "no\nanswer \x1b[2J");
        assert_eq!(json["camera"], "door");
        assert_eq!(json["retry_in_s"], 3);
        assert_eq!(json["again"], 180);
    }
}
