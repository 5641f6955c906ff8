//! What each camera is watched for: the configuration's zones and lines, and those set over MQTT.
//!
//! Those set over MQTT stand beside the configuration's and are kept over a restart. One with the name of a
//! configured one stands in its place until it is removed.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use configuration::{Camera, Corners, Crossing, MAX_AREAS, Zone};
use serde::{Deserialize, Serialize};

/// Zones and lines of one camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Areas {
    pub(crate) zones: Vec<Zone>,
    pub(crate) lines: Vec<Crossing>,
}

/// A zone or a line.
pub(crate) trait Area: Clone {
    const KIND: &'static str;

    fn name(&self) -> &str;
    /// What is wrong with its keys together.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
    fn list(areas: &mut Areas) -> &mut Vec<Self>;
}

impl Area for Zone {
    const KIND: &'static str = "zone";

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), String> {
        Self::check(self)
    }

    fn list(areas: &mut Areas) -> &mut Vec<Self> {
        &mut areas.zones
    }
}

impl Area for Crossing {
    const KIND: &'static str = "line";

    fn name(&self) -> &str {
        &self.name
    }

    fn list(areas: &mut Areas) -> &mut Vec<Self> {
        &mut areas.lines
    }
}

/// What is known of one camera.
#[derive(Clone, Debug, Default)]
struct OfCamera {
    configured: Areas,
    set: Areas,
    ignored: Vec<Corners>,
}

/// What all cameras are watched for.
#[derive(Debug)]
pub(crate) struct Watched {
    cameras: Mutex<Vec<OfCamera>>,
    version: AtomicU64,
}

impl Watched {
    /// What the configuration says.
    pub(crate) fn new(cameras: &[Camera]) -> Arc<Self> {
        let watched = Self {
            cameras: Mutex::new(vec![OfCamera::default(); cameras.len()]),
            version: AtomicU64::new(0),
        };
        watched.configure(cameras);
        Arc::new(watched)
    }

    fn cameras(&self) -> MutexGuard<'_, Vec<OfCamera>> {
        // Each change is whole in itself.
        self.cameras.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what the configuration says of the same cameras.
    pub(crate) fn configure(&self, cameras: &[Camera]) {
        for (known, camera) in self.cameras().iter_mut().zip(cameras) {
            known.configured = Areas {
                zones: camera.zones.clone(),
                lines: camera.lines.clone(),
            };
            known.ignored = camera.ignore.clone();
        }
        self.changed();
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Counts changes: whoever has seen this version has seen everything.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What a camera is watched for, and what is ignored.
    pub(crate) fn in_force(&self, camera: usize) -> (Areas, Vec<Corners>) {
        let cameras = self.cameras();
        let Some(of_camera) = cameras.get(camera) else {
            return Default::default();
        };
        (of_camera.in_force(), of_camera.ignored.clone())
    }

    /// What was set over MQTT, camera by camera.
    pub(crate) fn set(&self) -> Vec<Areas> {
        let cameras = self.cameras();
        cameras.iter().map(|camera| camera.set.clone()).collect()
    }

    /// Sets a zone or a line, in the place of one of the same name.
    pub(crate) fn put<T: Area>(&self, camera: usize, new: T) -> Result<(), String> {
        let mut cameras = self.cameras();
        let Some(of_camera) = cameras.get_mut(camera) else {
            return Ok(());
        };
        let before = of_camera.set.clone();
        put(T::list(&mut of_camera.set), new);
        if T::list(&mut of_camera.in_force()).len() > MAX_AREAS {
            of_camera.set = before;
            return Err(format!(
                "no more than {MAX_AREAS} {}s for a camera",
                T::KIND
            ));
        }
        drop(cameras);
        self.changed();
        Ok(())
    }

    /// Removes a zone or a line that was set.
    pub(crate) fn remove<T: Area>(&self, camera: usize, name: &str) -> Result<(), String> {
        let mut cameras = self.cameras();
        let kind = T::KIND;
        let Some(of_camera) = cameras.get_mut(camera) else {
            return Err(format!("no {kind} '{name}'"));
        };
        let list = T::list(&mut of_camera.set);
        let before = list.len();
        list.retain(|known| known.name() != name);
        if list.len() == before {
            let configured = T::list(&mut of_camera.configured);
            return Err(if configured.iter().any(|known| known.name() == name) {
                format!("{kind} '{name}' stands in the configuration: remove it there")
            } else {
                format!("no {kind} '{name}'")
            });
        }
        drop(cameras);
        self.changed();
        Ok(())
    }
}

impl OfCamera {
    fn in_force(&self) -> Areas {
        let mut areas = self.configured.clone();
        for zone in &self.set.zones {
            put(&mut areas.zones, zone.clone());
        }
        for line in &self.set.lines {
            put(&mut areas.lines, line.clone());
        }
        areas
    }
}

fn put<T: Area>(list: &mut Vec<T>, new: T) {
    match list.iter_mut().find(|known| known.name() == new.name()) {
        Some(known) => *known = new,
        None => list.push(new),
    }
}

#[cfg(test)]
mod tests {
    use configuration::Config;

    use super::*;

    fn zone(name: &str, share: f64) -> Zone {
        serde_json::from_value(serde_json::json!({
            "name": name,
            "polygon": [[0, 0], [share, 0], [0, share]],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_set_stands_before_the_configuration_until_it_is_removed() {
        let mut camera = Config::default().cameras.remove(0);
        camera.zones = vec![zone("porch", 0.5), zone("gate", 0.5)];
        let watched = Watched::new(&[camera]);
        let version = watched.version();
        watched.put(0, zone("gate", 0.9)).unwrap();
        watched.put(0, zone("lawn", 0.2)).unwrap();
        assert!(watched.version() > version);
        let zones = watched.in_force(0).0.zones;
        let expected = [zone("porch", 0.5), zone("gate", 0.9), zone("lawn", 0.2)];
        assert_eq!(zones, expected);
        // As it is kept, it is read again.
        let kept = serde_json::to_string(&watched.set()).unwrap();
        assert_eq!(
            serde_json::from_str::<Vec<Areas>>(&kept).unwrap(),
            watched.set()
        );

        watched.remove::<Zone>(0, "gate").unwrap();
        assert_eq!(watched.in_force(0).0.zones[1], zone("gate", 0.5));
        let error = watched.remove::<Zone>(0, "gate").unwrap_err();
        assert!(error.contains("in the configuration"), "{error}");
        let error = watched.remove::<Crossing>(0, "gate").unwrap_err();
        assert_eq!(error, "no line 'gate'");
    }

    #[test]
    fn zones_are_bounded() {
        let watched = Watched::new(&Config::default().cameras);
        for number in 0..MAX_AREAS {
            watched.put(0, zone(&number.to_string(), 0.5)).unwrap();
        }
        let error = watched.put(0, zone("another", 0.5)).unwrap_err();
        assert!(error.contains("32 zones"), "{error}");
        watched.put(0, zone("7", 0.9)).unwrap();
        assert_eq!(watched.in_force(0).0.zones.len(), MAX_AREAS);
    }
}
