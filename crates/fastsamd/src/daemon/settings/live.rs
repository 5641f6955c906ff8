//! The settings that may change while the daemon runs.
//!
//! Which classes are wanted is known by name from the start, and by number from when the network is open:
//! until then there are no frames, and what the names mean is not asked.
//!
//! The stages read them through a [`Reader`], which costs one atomic load a frame while nothing
//! changes.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use configuration::{Config, Masks, Publish, Segmentation, WrongInput};
use message::MaskFormat;
use tensors::Classes;

use super::adjustable::Adjustable;

/// What the stages take from the configuration for each frame.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) segmentation: fastsam::Settings,
    /// Which frames are published.
    pub(crate) masks: Masks,
    pub(crate) format: MaskFormat,
    pub(crate) count_interval: Duration,
    pub(crate) summary_interval: Duration,
    pub(crate) status_interval: Duration,
    /// Whether each frame becomes a label map.
    pub(crate) labelmap: bool,
    /// Whether masks are published in their binary form, too.
    pub(crate) binary: bool,
    /// The time between two snapshots, where there are any.
    pub(crate) snapshot_interval: Option<Duration>,
    /// Whether frames go to the accelerator.
    pub(crate) detection: bool,
    /// Bit `i`: whether camera `i` is open. There are at most 16 cameras.
    enabled: u32,
}

impl Values {
    fn new(adjustable: &Adjustable, network: Option<&Classes>) -> Result<Self, WrongInput> {
        let Adjustable {
            segmentation,
            publish,
            detection,
            cameras,
            // Others do what these say.
            log: _,
        } = adjustable;
        let segmentation = match network {
            Some(classes) => segmentation.settings(classes),
            None => {
                let any = Segmentation {
                    classes: Vec::new(),
                    ..segmentation.clone()
                };
                any.settings(&Classes::one())
            }
        };
        let segmentation = segmentation
            .map_err(|error| WrongInput::new(format_args!("segmentation.classes: {error}")))?;
        Ok(Self {
            segmentation,
            masks: publish.masks,
            format: publish.format(),
            count_interval: Duration::from_secs_f64(publish.count_interval_s),
            summary_interval: Duration::from_secs_f64(publish.summary_interval_s),
            status_interval: Duration::from_secs_f64(publish.status_interval_s),
            labelmap: publish.labelmap,
            binary: publish.binary,
            snapshot_interval: publish.snapshot_interval(),
            detection: *detection,
            enabled: cameras
                .iter()
                .enumerate()
                .fold(0, |bits, (camera, of_camera)| {
                    bits | u32::from(of_camera.enabled) << camera
                }),
        })
    }

    /// Whether a camera is to be open.
    pub(crate) fn is_enabled(&self, camera: usize) -> bool {
        self.enabled & 1 << camera != 0
    }
}

/// The values in force, and what they were made from.
#[derive(Debug)]
struct InForce {
    values: Values,
    adjustable: Adjustable,
}

/// The settings in force.
#[derive(Debug)]
pub(crate) struct Live {
    in_force: Mutex<InForce>,
    network: OnceLock<Classes>,
    version: AtomicU64,
}

impl Live {
    pub(crate) fn new(config: &Config) -> Result<Arc<Self>, WrongInput> {
        let adjustable = Adjustable::of(config);
        Ok(Arc::new(Self {
            in_force: Mutex::new(InForce {
                values: Values::new(&adjustable, None)?,
                adjustable,
            }),
            network: OnceLock::new(),
            version: AtomicU64::new(0),
        }))
    }

    fn in_force(&self) -> MutexGuard<'_, InForce> {
        // What is in force is replaced as a whole.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which classes the network tells apart, before the first frame.
    ///
    /// # Errors
    /// A class that is wanted and that it does not have.
    pub(crate) fn network(&self, classes: &Classes) -> Result<(), WrongInput> {
        let mut in_force = self.in_force();
        let classes = self.network.get_or_init(|| classes.clone());
        in_force.values = Values::new(&in_force.adjustable, Some(classes))?;
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Puts other settings in force, from each stage's next frame on.
    ///
    /// # Errors
    /// A class that is wanted and that the network does not have; nothing changes.
    pub(crate) fn replace(&self, adjustable: &Adjustable) -> Result<(), WrongInput> {
        let mut in_force = self.in_force();
        *in_force = InForce {
            values: Values::new(adjustable, self.network.get())?,
            adjustable: adjustable.clone(),
        };
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// What says how pictures become segments, and segments messages.
    pub(crate) fn segmentation(&self) -> (Segmentation, Publish) {
        let in_force = self.in_force();
        let adjustable = &in_force.adjustable;
        (adjustable.segmentation.clone(), adjustable.publish.clone())
    }

    /// A stage's view.
    pub(crate) fn reader(self: &Arc<Self>) -> Reader {
        Reader {
            seen: self.version.load(Ordering::Acquire),
            values: self.in_force().values.clone(),
            live: Arc::clone(self),
        }
    }
}

/// One stage's view of the values.
#[derive(Debug)]
pub(crate) struct Reader {
    live: Arc<Live>,
    seen: u64,
    values: Values,
}

impl Reader {
    /// The values in force now.
    pub(crate) fn now(&mut self) -> &Values {
        let version = self.live.version.load(Ordering::Acquire);
        if version != self.seen {
            self.values = self.live.in_force().values.clone();
            self.seen = version;
        }
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use configuration::Class;

    use super::*;

    #[test]
    fn a_reader_sees_a_change_at_its_next_look() {
        let live = Live::new(&Config::default()).unwrap();
        let mut reader = live.reader();
        assert_eq!(reader.now().status_interval, Duration::from_secs(30));
        let mut config = Config::default();
        config.publish.status_interval_s = 2.0;
        config.segmentation.confidence = 0.5;
        live.replace(&Adjustable::of(&config)).unwrap();
        assert_eq!(reader.now().status_interval, Duration::from_secs(2));
        assert_eq!(reader.now().segmentation.confidence, 0.5);
    }

    #[test]
    fn classes_are_known_once_the_network_is() {
        let mut config = Config::default();
        config.segmentation.classes = vec![Class::Name("cup".to_owned())];
        let live = Live::new(&config).unwrap();
        let mut reader = live.reader();
        live.network(&Classes::numbered(80)).unwrap();
        let wanted = |reader: &mut Reader| {
            let set = reader.now().segmentation.classes;
            (0..80)
                .filter(|class| set.contains(*class))
                .collect::<Vec<_>>()
        };
        assert_eq!(wanted(&mut reader), [41]);
        // A mistake changes nothing.
        config.segmentation.classes = vec![Class::Name("lamp".to_owned())];
        config.segmentation.confidence = 0.9;
        let error = live.replace(&Adjustable::of(&config));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("segmentation.classes: unknown class")
        );
        assert_eq!(
            (wanted(&mut reader), reader.now().segmentation.confidence),
            (vec![41], 0.25)
        );

        // FastSAM has none to choose from.
        let live = Live::new(&config).unwrap();
        assert!(live.network(&Classes::one()).is_err());
    }
}
