//! What a HEF describes: chip, compiler, networks, and the layers that meet the host.
//!
//! [`Contents`] is what others need to know of a [`Description`]: the network groups and layers as
//! libhailort will show them, and what it makes of the file (see [`verdict`](super::verdict) and
//! [`refusal`](super::refusal)). A layer here is a vstream there, except where an op on the host
//! makes one vstream of several.

use super::{
    architecture::HefArchitecture,
    description::{CoreOp, Description, Group},
    error::HefFileError,
    extension,
    flaw::Flaw,
    layer::{AT_THE_HOST, LayerInfo, Part, Planes},
    limits::MAX_NETWORK_GROUPS,
    order::DataOrder,
    refusal, verdict,
};

/// More layers of a group at the host than any HEF has.
const MAX_LAYERS: usize = 256;

/// The container that came with HailoRT 4.21.
const CONTAINER_OF_4_21: u32 = 3;

/// Whether a layer is fed by the host or feeds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerDirection {
    /// An input of the network.
    Input,
    /// An output of the network.
    Output,
}

/// A layer where the chip meets the host.
///
/// Host post-processing in a HEF (NMS, softmax) may turn several of these into one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Such as `fast_sam_s/conv71`.
    pub name: String,
    /// Input or output.
    pub direction: LayerDirection,
    /// Rows, columns, channels, without the chip's padding.
    pub shape: [u32; 3],
    /// Bytes of an element: 1 or 2.
    pub element_bytes: u32,
    /// `x = (q - zero_point) * scale`.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: f32,
    /// How the data lies.
    pub order: DataOrder,
    /// Rows and columns are exchanged.
    pub transposed: bool,
    /// Each channel has a scale of its own; for the whole, the library then shows the scale 0.
    pub scale_per_channel: bool,
    /// It shares a stream with other layers. The library takes a frame apart only once all of them
    /// are being read, each by a thread of its own.
    pub muxed: bool,
}

/// A network in a HEF.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkGroup {
    /// Such as `fast_sam_s`.
    pub name: String,
    /// Parts that are swapped on the chip: with more than one, batches pay.
    pub contexts: usize,
    /// Inputs, then outputs, each by name.
    pub layers: Vec<Layer>,
    /// What is computed on the host behind the chip, such as `NMS`.
    pub host_ops: Vec<String>,
}

/// What a HEF describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The chip it is compiled for.
    pub architecture: HefArchitecture,
    /// When it was compiled, as the compiler put it: seconds since 1970; 0 if it did not say.
    pub timestamp: u64,
    /// The version of the Dataflow Compiler.
    pub sdk_version: String,
    /// The format version of the description: 1.
    pub format_version: u64,
    /// Its networks, of which there may be more than [`MAX_NETWORK_GROUPS`]; those are left out.
    pub network_groups: Vec<NetworkGroup>,
    /// Networks left out.
    pub more_network_groups: usize,
    /// The minor version of the oldest HailoRT 4 that reads it: 20 or 21.
    pub oldest_library: u32,
    flaw: Option<Flaw>,
    refusal: Option<String>,
}

impl Contents {
    /// What others need to know of a description in a container of this version.
    pub(super) fn of(description: Description, container: u32) -> Self {
        let flaw = verdict::judge(&description).err();
        let refusal = match flaw {
            None => refusal::find(&description, container),
            Some(_) => None,
        };
        let is_new = container >= CONTAINER_OF_4_21
            || extension::OF_4_21
                .into_iter()
                .any(|new| description.has_extension(new));
        let groups = description.groups.iter();
        let more = description.groups.len().saturating_sub(MAX_NETWORK_GROUPS);
        Self {
            network_groups: groups
                .take(MAX_NETWORK_GROUPS)
                .map(|group| NetworkGroup::of(group, &description))
                .collect(),
            more_network_groups: more,
            architecture: description.architecture,
            timestamp: description.timestamp,
            sdk_version: description.sdk_version,
            format_version: description.version,
            oldest_library: if is_new { 21 } else { 20 },
            flaw,
            refusal,
        }
    }

    /// Whether the library can be given this file: an error says what it would crash on.
    pub fn check(&self) -> Result<(), HefFileError> {
        match &self.flaw {
            None => Ok(()),
            Some(flaw) => Err(HefFileError::Flaw(flaw.clone())),
        }
    }

    /// Why the library would refuse this file, as far as the description shows.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }
}

impl NetworkGroup {
    fn of(group: &Group, description: &Description) -> Self {
        let has_ops = description.has_ops();
        let shown = group.shown(description.architecture, has_ops);
        let mut layers = shown
            .map(|core_op| layers(core_op, description))
            .unwrap_or_default();
        layers.truncate(MAX_LAYERS);
        layers.sort_by(|a, b| (a.direction as u8, &a.name).cmp(&(b.direction as u8, &b.name)));
        let host_ops = match has_ops {
            true => &group.host_ops[..],
            false => &[],
        };
        Self {
            name: group.name().to_owned(),
            contexts: shown.map_or(0, |core_op| core_op.contexts.len()),
            layers,
            host_ops: host_ops.iter().map(|op| op.does.to_owned()).collect(),
        }
    }
}

/// The layers at the host, as the library shows them.
fn layers(core_op: &CoreOp, description: &Description) -> Vec<Layer> {
    let edges = core_op.contexts.iter().flat_map(|context| &context.layers);
    let mut found = Vec::new();
    for edge in edges.filter(|edge| edge.connection == AT_THE_HOST) {
        let mut maker = Maker {
            direction: match edge.is_output {
                true => LayerDirection::Output,
                false => LayerDirection::Input,
            },
            core_op,
            scale_per_channel: edge.is_output
                && description.has_extension(extension::SCALE_PER_CHANNEL),
            found: &mut found,
        };
        if let Some(part) = &edge.part {
            maker.add(part);
        }
    }
    found
}

/// Makes layers of a stream's parts.
struct Maker<'a> {
    direction: LayerDirection,
    core_op: &'a CoreOp,
    scale_per_channel: bool,
    found: &'a mut Vec<Layer>,
}

impl Maker<'_> {
    fn add(&mut self, part: &Part) {
        match part {
            Part::Layer(info) => self.add_layer(info),
            Part::Mux(mux) => {
                let before = self.found.len();
                mux.seen().flatten().for_each(|part| self.add(part));
                let added = self.found.iter_mut().skip(before);
                let several = added.len() > 1;
                added.for_each(|layer| layer.muxed |= several);
            }
            Part::Planes(planes) => self.add_planes(planes),
        }
    }

    fn add_layer(&mut self, info: &LayerInfo) {
        let order = DataOrder::of_stream(info.base.order);
        self.found.push(Layer {
            name: info.name.clone(),
            direction: self.direction,
            shape: info.base.shape,
            element_bytes: info.base.element_bytes,
            scale: info.numeric.scale,
            zero_point: info.numeric.zero_point,
            order,
            transposed: order != DataOrder::Nc && (info.transposed || self.core_op.transposed),
            scale_per_channel: self.scale_per_channel,
            muxed: false,
        });
    }

    fn add_planes(&mut self, planes: &Planes) {
        let first = planes.planes.iter().flatten().next();
        self.found.push(Layer {
            name: planes.name.clone(),
            direction: self.direction,
            shape: planes.shape,
            element_bytes: first.map_or(0, |plane| plane.base.element_bytes),
            scale: 0.0,
            zero_point: 0.0,
            order: DataOrder::of_planes(planes.format),
            transposed: false,
            scale_per_channel: false,
            muxed: false,
        });
    }
}
