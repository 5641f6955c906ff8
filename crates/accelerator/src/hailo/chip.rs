//! A chip with the network on it: making it, and making its vstreams anew.

use std::time::Duration;

use hailort::{
    Alarms, Architecture, ChipTemperature, ConfiguredNetworkGroup, DeviceId, FormatType, Hef,
    InputVStream, Library, OutputVStream, SchedulingOptions, Status, VDevice, VDeviceOptions,
    VStreamInfo, VStreamOptions,
    hef_file::{HefArchitecture, HefFile},
};

use frame::InputSize;

use super::{error::HailoError, fit::group_name, monitor::DeviceReport, settings::HailoSettings};
use tensors::{ElementType, Layout, QuantInfo, Role, TensorInfo, Tensors};

/// What the reader's half owns of a running network.
pub(super) struct Chip {
    /// In the order of [`Role::ALL`]; empty while they are made anew.
    outputs: Vec<OutputVStream>,
    pub(super) layout: Layout,
    group: ConfiguredNetworkGroup,
    pub(super) network: String,
    pub(super) device: DeviceReport,
}

impl Chip {
    /// Takes a device, loads the network, and makes its vstreams.
    pub(super) fn start(
        library: &Library,
        hef: &Hef,
        settings: &HailoSettings,
        alarms: &Alarms,
    ) -> Result<(Self, InputVStream), HailoError> {
        let network = group_name(hef.path(), hef.contents())?;
        let vdevice = create_vdevice(library, settings)?;
        let device = describe(library, &vdevice, settings, alarms)?;
        let batched = settings.batch_size > 1;
        let scheduling = SchedulingOptions {
            timeout_ms: batched.then(|| to_u32(settings.scheduler_timeout.as_millis())),
            threshold: batched.then(|| to_u32(settings.batch_size as u128)),
            priority: settings.priority,
        };
        let group = vdevice
            .configure(hef, Some(&network), scheduling)
            .map_err(|error| name_architectures(error, hef, device.architecture))?;
        let (input, size) = input(&group, settings)?;
        let (outputs, layout) = outputs(&group, size, settings)?;
        Ok((
            Self {
                outputs,
                layout,
                group,
                network,
                device,
            },
            input,
        ))
    }

    /// Makes all vstreams anew. The old input must be gone.
    pub(super) fn restart_vstreams(
        &mut self,
        settings: &HailoSettings,
    ) -> Result<InputVStream, HailoError> {
        self.release_outputs();
        let (input, size) = input(&self.group, settings)?;
        let (outputs, layout) = outputs(&self.group, size, settings)?;
        check_layout(&self.layout, &layout)?;
        self.outputs = outputs;
        Ok(input)
    }

    pub(super) fn release_outputs(&mut self) {
        self.outputs.clear();
    }

    /// Reads one output of the next frame into the buffer of its role.
    pub(super) fn read(&mut self, place: usize, tensors: &mut Tensors) -> Result<(), HailoError> {
        let (Some(role), Some(output)) = (Role::ALL.get(place), self.outputs.get_mut(place)) else {
            return Ok(());
        };
        let info = self.layout.info(*role);
        let read = match info.element_type {
            ElementType::U8 => tensors.u8_mut(*role).map(|elements| output.read(elements)),
            ElementType::U16 => tensors.u16_mut(*role).map(|elements| output.read(elements)),
        };
        match read {
            Some(read) => Ok(read?),
            None => Err(HailoError::Tensors {
                name: info.name.clone(),
            }),
        }
    }

    /// The vdevice that it is on.
    pub(super) fn vdevice(&self) -> &VDevice {
        self.group.vdevice()
    }
}

/// The temperature of a vdevice's devices in degrees Celsius, by the warmest sensor; `None` where
/// they don't answer.
pub(super) fn temperature(vdevice: &VDevice) -> Option<f32> {
    let devices = vdevice.physical_devices().ok()?;
    let degrees = devices
        .iter()
        .map(|device| device.chip_temperature().map(ChipTemperature::hottest));
    let degrees: Vec<f32> = degrees.collect::<Result<_, _>>().ok()?;
    degrees.into_iter().reduce(f32::max)
}

/// The same network as before?
pub(super) fn check_layout(before: &Layout, after: &Layout) -> Result<(), HailoError> {
    let is_same = |role| before.info(role) == after.info(role);
    if before.input() == after.input() && Role::ALL.into_iter().all(is_same) {
        Ok(())
    } else {
        Err(HailoError::Changed)
    }
}

fn to_u32(value: u128) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Takes a device; where there is none to take, says why.
fn create_vdevice(library: &Library, settings: &HailoSettings) -> Result<VDevice, HailoError> {
    let device = settings.device.as_deref().map(DeviceId::new).transpose()?;
    let options = VDeviceOptions {
        device,
        group_id: settings.group_id.clone(),
        multi_process_service: settings.multi_process_service,
    };
    let error = match VDevice::create(library, &options) {
        Ok(vdevice) => return Ok(vdevice),
        Err(error) => error,
    };
    let driver = || settings.sysfs.driver_version();
    match error.status() {
        Some(
            Status::OUT_OF_PHYSICAL_DEVICES
            | Status::DEVICE_IN_USE
            | Status::INVALID_ARGUMENT
            | Status::DRIVER_NOT_INSTALLED,
        ) => {
            let found = library.scan()?;
            let wanted = settings.device.as_deref();
            match found
                .iter()
                .find(|id| wanted.is_none_or(|wanted| wanted == id.as_str()))
            {
                Some(_) if error.status() == Some(Status::INVALID_ARGUMENT) => Err(error.into()),
                Some(id) => Err(HailoError::InUse {
                    device: id.to_string(),
                }),
                None => Err(HailoError::NoDevice { driver: driver() }),
            }
        }
        Some(
            Status::INVALID_DRIVER_VERSION
            | Status::DRIVER_INVALID_RESPONSE
            | Status::DRIVER_INVALID_IOCTL,
        ) => Err(HailoError::DriverVersion {
            library: library.version(),
            driver: driver().unwrap_or_else(|| "of unknown version".to_owned()),
        }),
        _ => Err(error.into()),
    }
}

fn describe(
    library: &Library,
    vdevice: &VDevice,
    settings: &HailoSettings,
    alarms: &Alarms,
) -> Result<DeviceReport, HailoError> {
    let devices = vdevice.physical_devices()?;
    let identity = devices
        .first()
        .map(hailort::PhysicalDevice::identify)
        .transpose()?;
    // Not all that the library drives tells alarms; nothing depends on them.
    for device in &devices {
        let _ = device.watch(alarms);
    }
    // A vdevice does not say which of several devices it got; with one there is no doubt.
    let id = match settings.device.as_deref().map(DeviceId::new).transpose()? {
        Some(id) => Some(id),
        None => match library.scan()?.as_slice() {
            [id] => Some(id.clone()),
            _ => None,
        },
    };
    Ok(DeviceReport {
        library_version: library.version(),
        driver_version: settings.sysfs.driver_version(),
        architecture: identity.as_ref().map(|identity| identity.architecture),
        firmware: identity.as_ref().map(|identity| identity.firmware),
        pcie_link: id.as_ref().and_then(|id| settings.sysfs.pcie_link(id)),
        device: id.map(|id| id.to_string()),
        throttling: devices
            .first()
            .and_then(|device| device.is_throttling_enabled().ok()),
    })
}

/// Turns "not compatible" into which chip is meant and which there is.
fn name_architectures(
    error: hailort::Error,
    hef: &Hef,
    device: Option<Architecture>,
) -> HailoError {
    let Some(Status::HEF_NOT_COMPATIBLE_WITH_DEVICE | Status::INVALID_HEF) = error.status() else {
        return error.into();
    };
    let Some(device) = device else {
        return error.into();
    };
    // The whole file is read only now: it may be large, and most errors don't need it.
    match HefFile::read(hef.path()).and_then(|file| file.contents()) {
        Ok(contents) if !fits(contents.architecture, device) => HailoError::Architecture {
            hef: hef.path().to_owned(),
            made_for: contents.architecture,
            device,
        },
        _ => error.into(),
    }
}

fn fits(made_for: HefArchitecture, device: Architecture) -> bool {
    match device {
        Architecture::Hailo8 => {
            matches!(made_for, HefArchitecture::Hailo8 | HefArchitecture::Hailo8L)
        }
        Architecture::Hailo8L => made_for == HefArchitecture::Hailo8L,
        _ => false,
    }
}

/// How long a write may take. To release the input of a chip that hangs takes as long for each frame
/// under way, of which the library counts at most ten: so it is short, and writes don't wait (see
/// [`Flow`](super::flow::Flow)).
const INPUT_TIMEOUT: Duration = Duration::from_millis(60);

fn vstream_options(settings: &HailoSettings, timeout: Duration) -> VStreamOptions {
    VStreamOptions {
        timeout_ms: to_u32(timeout.as_millis()),
        queue_size: to_u32(settings.in_flight.max(settings.batch_size).max(2) as u128),
    }
}

/// The only input, and its columns and rows.
fn input(
    group: &ConfiguredNetworkGroup,
    settings: &HailoSettings,
) -> Result<(InputVStream, InputSize), HailoError> {
    let mut inputs = group.input_vstreams(vstream_options(
        settings,
        settings.timeout.min(INPUT_TIMEOUT),
    ))?;
    let size = match &inputs[..] {
        [input] => input_size(input.info().shape, input.frame_size()),
        _ => None,
    };
    match (inputs.pop(), size) {
        (Some(input), Some(size)) => Ok((input, size)),
        (Some(last), None) => {
            inputs.push(last);
            let found: Vec<_> = inputs
                .iter()
                .map(|input| {
                    let [height, width, channels] = input.info().shape;
                    format!("{height}x{width}x{channels} ({} bytes)", input.frame_size())
                })
                .collect();
            Err(HailoError::Input {
                found: found.join(" and "),
            })
        }
        (None, _) => Err(HailoError::Input {
            found: "nothing".to_owned(),
        }),
    }
}

/// Columns and rows of an input, if it is one that FastSAM's networks can have.
fn input_size([height, width, channels]: [usize; 3], frame_size: usize) -> Option<InputSize> {
    let side = |side: usize| u32::try_from(side).ok();
    let size = InputSize::new(side(width)?, side(height)?).ok()?;
    (channels == 3 && frame_size == size.bytes()).then_some(size)
}

/// The outputs in the order of their roles.
fn outputs(
    group: &ConfiguredNetworkGroup,
    input: InputSize,
    settings: &HailoSettings,
) -> Result<(Vec<OutputVStream>, Layout), HailoError> {
    let outputs = group.output_vstreams(vstream_options(settings, settings.timeout))?;
    let infos = outputs
        .iter()
        .map(|output| tensor_info(output.info(), output.frame_size()))
        .collect::<Result<Vec<_>, _>>()?;
    let layout = Layout::bind(&infos, input)?;
    let mut outputs: Vec<_> = outputs.into_iter().map(Some).collect();
    let in_order = Role::ALL
        .into_iter()
        .filter_map(|role| outputs.get_mut(layout.source(role)).and_then(Option::take))
        .collect();
    Ok((in_order, layout))
}

fn tensor_info(info: &VStreamInfo, frame_size: usize) -> Result<TensorInfo, HailoError> {
    let element_type = match info.format {
        FormatType::UInt8 => ElementType::U8,
        FormatType::UInt16 => ElementType::U16,
        format => {
            return Err(HailoError::Format {
                name: info.name.clone(),
                format,
            });
        }
    };
    if let Some(expected) = info.frame_size()
        && expected != frame_size
    {
        return Err(HailoError::FrameSize {
            name: info.name.clone(),
            found: frame_size,
            expected,
        });
    }
    Ok(TensorInfo {
        name: info.name.clone(),
        shape: info.shape,
        element_type,
        quant: QuantInfo {
            scale: info.scale,
            zero_point: info.zero_point,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_of_sizes_that_networks_have() {
        let size = |width, height| InputSize::new(width, height).ok();
        let cases = [
            (
                "the published one",
                [640, 640, 3],
                640 * 640 * 3,
                size(640, 640),
            ),
            (
                "rows come first",
                [384, 640, 3],
                640 * 384 * 3,
                size(640, 384),
            ),
            ("no multiple of 32", [333, 640, 3], 333 * 640 * 3, None),
            ("too large", [1312, 640, 3], 1312 * 640 * 3, None),
            ("one channel", [640, 640, 1], 640 * 640, None),
            ("padded rows", [640, 640, 3], 640 * 648 * 3, None),
            ("none", [0, 0, 0], 0, None),
            ("more than can be counted", [usize::MAX, 640, 3], 0, None),
        ];
        for (name, shape, bytes, expected) in cases {
            assert_eq!(input_size(shape, bytes), expected, "{name}");
        }
    }
}
