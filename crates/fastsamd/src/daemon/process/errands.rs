//! What people may have the daemon do beside its work: examine itself, and start anew.

use std::{
    io::{Read as _, Seek as _},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::threads::Threads;

/// How long an examination may take.
const LONGEST: Duration = Duration::from_secs(60);

/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(100);

/// Bytes of its report, at most.
const MAX_REPORT: u64 = 256 * 1024;

/// Errands, each on a thread of its own.
#[derive(Clone)]
pub(crate) struct Errands {
    threads: Threads,
    /// The configuration that is in force, where it is in a file.
    config: Option<PathBuf>,
    is_examining: Arc<AtomicBool>,
}

impl Errands {
    pub(crate) fn new(threads: Threads, config: Option<PathBuf>) -> Self {
        Self {
            threads,
            config,
            is_examining: Arc::default(),
        }
    }

    /// Whether there is somebody who would start the daemon anew.
    pub(crate) fn can_restart(&self) -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    /// Whether there is a configuration to examine the machine for.
    pub(crate) fn has_doctor(&self) -> bool {
        self.config.is_some()
    }

    /// Ends the daemon so that the service manager starts it anew.
    pub(crate) fn restart(&self) -> Result<(), String> {
        if !self.can_restart() {
            return Err("no service manager would start the daemon anew".to_owned());
        }
        let asked = anyhow::anyhow!("a restart was asked for");
        self.threads.shutdown.fail(asked);
        Ok(())
    }

    /// Has `fastsamd doctor` examine the machine in a process of its own, and hands on what it found.
    pub(crate) fn examine(
        &self,
        done: impl FnOnce(Result<Value, String>) + Send + 'static,
    ) -> Result<(), String> {
        let Some(config) = self.config.clone() else {
            return Err("there is no configuration file to examine the machine for".to_owned());
        };
        if self.is_examining.swap(true, Ordering::AcqRel) {
            return Err("an examination is under way".to_owned());
        }
        let is_examining = Arc::clone(&self.is_examining);
        let shutdown = self.threads.shutdown.clone();
        let spawned = self.threads.spawn_unwatched("doctor", move || {
            let found = doctor(config, || shutdown.is_requested());
            is_examining.store(false, Ordering::Release);
            done(found.map_err(|error| format!("{error:#}")));
            Ok(())
        });
        spawned.map(drop).map_err(|error| {
            self.is_examining.store(false, Ordering::Release);
            format!("{error:#}")
        })
    }
}

fn doctor(config: PathBuf, stop: impl Fn() -> bool) -> anyhow::Result<Value> {
    let mut report = tempfile::tempfile()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["doctor", "--json", "--config"])
        .arg(config)
        // What it says of itself is not for the service manager.
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .stdout(report.try_clone()?)
        .stderr(Stdio::null())
        .spawn()
        .context("fastsamd doctor")?;
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > LONGEST || stop() {
            let _ = child.kill();
            child.wait()?;
            bail!("the examination did not end within {} s", LONGEST.as_secs());
        }
        std::thread::sleep(TICK);
    }
    report.rewind()?;
    let mut text = String::new();
    report.take(MAX_REPORT).read_to_string(&mut text)?;
    let mut found: Value = serde_json::from_str(&text).context("the examination's report")?;
    found["summary"] = json!(summary(&found));
    Ok(found)
}

/// The worst of what was found.
fn summary(found: &Value) -> &'static str {
    let checks = found["checks"].as_array();
    let has = |status: &str| {
        checks.is_some_and(|checks| checks.iter().any(|check| check["status"] == status))
    };
    ["failed", "warning"]
        .into_iter()
        .find(|status| has(status))
        .unwrap_or("ok")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_counts() {
        let found = |all: &[&str]| {
            let checks: Vec<Value> = all.iter().map(|status| json!({"status": status})).collect();
            json!({ "checks": checks })
        };
        assert_eq!(summary(&found(&["ok", "warning", "failed"])), "failed");
        assert_eq!(summary(&found(&["ok", "warning"])), "warning");
        assert_eq!(summary(&found(&["ok"])), "ok");
    }
}
