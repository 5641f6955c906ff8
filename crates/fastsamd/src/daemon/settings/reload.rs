//! SIGHUP: the configuration file is read again, and what can change under way does.
//!
//! What needs other cameras, another connection or another network needs a restart, and a reload
//! says so. A file with a mistake changes nothing.

use std::{path::Path, sync::Arc};

use configuration::{Camera, Config};
use tracing::{error, info, warn};

use super::registry::Registry;
use crate::daemon::{
    objects::areas::Watched, process::systemd::Service, publish::states::Announcement,
};

/// What a reload needs.
pub(crate) struct Reload {
    pub(crate) settings: Arc<Registry>,
    pub(crate) watched: Arc<Watched>,
    pub(crate) announcement: Arc<Announcement>,
    pub(crate) service: Service,
}

impl Reload {
    /// Reads the file again and puts in force what can be. What is wrong with it, or can't be put
    /// in force, is logged; the daemon goes on either way.
    pub(crate) fn read_again(&self, path: &Path, in_force: &mut Config) {
        self.service.reloading();
        match Config::load(path) {
            Ok(new) => self.apply(new, in_force),
            Err(wrong) => {
                for line in wrong.to_string().lines() {
                    error!("{line}");
                }
                error!("the configuration in force stays");
            }
        }
        self.service.reloaded();
    }

    fn apply(&self, new: Config, in_force: &mut Config) {
        let changed = needs_restart(&new, in_force);
        if !changed.is_empty() {
            warn!(
                "changed, but in force only after a restart: {}",
                changed.join(", ")
            );
        }
        if let Err(wrong) = self.settings.configure(&new) {
            error!("{wrong}; the configuration in force stays");
            return;
        }
        if sources(&new.cameras).eq(sources(&in_force.cameras)) {
            self.watched.configure(&new.cameras);
            in_force.cameras = new.cameras;
        }
        in_force.segmentation = new.segmentation;
        in_force.publish = new.publish;
        in_force.log = new.log;
        match self.announcement.configured(in_force) {
            Ok(()) => info!("configuration read again"),
            Err(error) => error!("info was not published: {error:#}"),
        }
    }
}

/// What of the cameras is in force only after a restart: all but zones, lines and ignored areas.
fn sources(cameras: &[Camera]) -> impl Iterator<Item = (&str, &configuration::Source)> {
    cameras.iter().map(|camera| {
        let Camera {
            name,
            source,
            zones: _,
            lines: _,
            ignore: _,
        } = camera;
        (name.as_str(), source)
    })
}

/// The sections that differ and are in force only after a restart. Every section is named here: one
/// that comes to the configuration does not compile until somebody has decided where it belongs.
fn needs_restart(new: &Config, in_force: &Config) -> Vec<&'static str> {
    let Config {
        node,
        mqtt,
        accelerator,
        cameras,
        tracking,
        prompts,
        text,
        web,
        state_directory,
        // In force at once.
        segmentation: _,
        publish: _,
        log: _,
    } = new;
    let sections = [
        ("node", *node == in_force.node),
        ("mqtt", *mqtt == in_force.mqtt),
        ("accelerator", *accelerator == in_force.accelerator),
        ("cameras", sources(cameras).eq(sources(&in_force.cameras))),
        ("tracking", *tracking == in_force.tracking),
        ("prompts", *prompts == in_force.prompts),
        ("text", *text == in_force.text),
        ("web", *web == in_force.web),
        (
            "state_directory",
            *state_directory == in_force.state_directory,
        ),
    ];
    let changed = sections.into_iter().filter(|(_, same)| !same);
    changed.map(|(section, _)| section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_restart_is_named() {
        let in_force = Config::default();
        let mut new = in_force.clone();
        new.segmentation.confidence = 0.5;
        new.publish.summary_interval_s = 9.0;
        assert!(needs_restart(&new, &in_force).is_empty());
        new.mqtt.port = 1884;
        new.cameras.clear();
        assert_eq!(needs_restart(&new, &in_force), ["mqtt", "cameras"]);
    }
}
