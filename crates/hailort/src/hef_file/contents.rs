//! What a HEF describes: chip, compiler, networks, and the layers that meet the host.
//!
//! Message and field names are those of `hef.proto`; `ProtoHEF` is left off.
//!
//! ```text
//! Hef { Header header = 1 { hw_arch = 1, timestamp = 2, sdk_version = 3 }, NetworkGroup network_groups = 2 }
//! NetworkGroup { metadata = 1 { name = 1 }, contexts = 3, ops = 8, name = 10, partial = 7 { group = 1 } }
//! Op { CoreOp core_op = 4 { contexts = 3, partial = 7 { core_op = 1 } } }
//! Context { ContextMetadata metadata = 3 { EdgeLayer edge_layers = 2 } }
//! EdgeLayer { direction = 1, layer_info = 3, layer_mux = 4, context_switch_info = 5 { connection = 3 } }
//! EdgeLayerInfo { name = 1, base = 2 { height = 1, width = 3, features = 5, data_bytes = 12 }, numeric = 3 { zp = 1, scale = 2 } }
//! EdgeLayerMux { predecessors = 5 { layer_info = 1, layer_mux = 2 } }
//! ```

use super::{
    error::HefFileError,
    wire::{Message, Value},
};

/// The most network groups that the library takes.
const MAX_NETWORK_GROUPS: usize = 8;
/// More layers of a group than any HEF has, to bound what a broken one can make us keep.
const MAX_LAYERS: usize = 256;
/// The library's longest name.
const MAX_NAME: usize = 257;
/// Muxes within muxes; real ones have one.
const MAX_MUX_DEPTH: usize = 4;

/// The chip a HEF is compiled for, as HEFs number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HefArchitecture {
    /// Hailo-8.
    Hailo8,
    /// Hailo-8L; a Hailo-8 runs it too, slower.
    Hailo8L,
    /// Hailo-15H.
    Hailo15H,
    /// Hailo-15M.
    Hailo15M,
    /// Hailo-15L.
    Hailo15L,
    /// Hailo-10H.
    Hailo10H,
    /// Another.
    Unknown(u32),
}

impl From<u32> for HefArchitecture {
    fn from(value: u32) -> Self {
        match value {
            0 => Self::Hailo8,
            3 => Self::Hailo8L,
            4 => Self::Hailo15M,
            5 => Self::Hailo10H,
            6 => Self::Hailo15L,
            103 => Self::Hailo15H,
            other => Self::Unknown(other),
        }
    }
}

impl std::fmt::Display for HefArchitecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hailo8 => "Hailo-8",
            Self::Hailo8L => "Hailo-8L",
            Self::Hailo15H => "Hailo-15H",
            Self::Hailo15M => "Hailo-15M",
            Self::Hailo15L => "Hailo-15L",
            Self::Hailo10H => "Hailo-10H",
            Self::Unknown(value) => return write!(f, "unknown architecture {value}"),
        })
    }
}

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
}

/// What a HEF describes.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// The chip it is compiled for.
    pub architecture: HefArchitecture,
    /// When it was compiled, as the compiler put it: seconds since 1970; 0 if it did not say.
    pub timestamp: u64,
    /// The version of the Dataflow Compiler.
    pub sdk_version: String,
    /// Its networks.
    pub network_groups: Vec<NetworkGroup>,
}

impl Contents {
    /// Reads the message that begins at `offset` in the file.
    pub(super) fn parse(message: &[u8], offset: usize) -> Result<Self, HefFileError> {
        let mut contents = Self {
            // An enum's first value is not written.
            architecture: HefArchitecture::Hailo8,
            timestamp: 0,
            sdk_version: String::new(),
            network_groups: Vec::new(),
        };
        for field in (Message {
            bytes: message,
            offset,
        }) {
            match field? {
                (1, value) => contents.read_header(value.message())?,
                (2, value) if contents.network_groups.len() < MAX_NETWORK_GROUPS => {
                    contents
                        .network_groups
                        .push(NetworkGroup::parse(value.message())?);
                }
                _ => {}
            }
        }
        Ok(contents)
    }

    fn read_header(&mut self, header: Message<'_>) -> Result<(), HefFileError> {
        for field in header {
            match field? {
                (1, value) => self.architecture = value.u32().into(),
                (2, value) => self.timestamp = value.u64(),
                (3, value) => self.sdk_version = value.text(MAX_NAME),
                _ => {}
            }
        }
        Ok(())
    }
}

impl NetworkGroup {
    fn parse(message: Message<'_>) -> Result<Self, HefFileError> {
        let mut group = Self::default();
        group.read(message)?;
        if group.layers.is_empty() {
            // A HEF for a Hailo-8L may hold a variant per layout of the chip, alike to the host.
            for field in message {
                if let (7, value) = field?
                    && group.layers.is_empty()
                    && let Some(inner) = first(value.message(), 1)?
                {
                    group.read(inner)?;
                }
            }
        }
        group
            .layers
            .sort_by(|a, b| (a.direction as u8, &a.name).cmp(&(b.direction as u8, &b.name)));
        Ok(group)
    }

    fn read(&mut self, message: Message<'_>) -> Result<(), HefFileError> {
        for field in message {
            match field? {
                (1, value) => {
                    if let Some(name) = first_value(value.message(), 1)?
                        && self.name.is_empty()
                    {
                        self.name = name.text(MAX_NAME);
                    }
                }
                (3, value) => self.read_context(value.message())?,
                (8, value) => self.read_op(value.message())?,
                (10, value) => self.name = value.text(MAX_NAME),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_op(&mut self, op: Message<'_>) -> Result<(), HefFileError> {
        let Some(core_op) = first(op, 4)? else {
            return Ok(());
        };
        self.read_contexts(core_op)?;
        if self.layers.is_empty() {
            for field in core_op {
                if let (7, value) = field?
                    && self.layers.is_empty()
                    && let Some(inner) = first(value.message(), 1)?
                {
                    self.read_contexts(inner)?;
                }
            }
        }
        Ok(())
    }

    fn read_contexts(&mut self, core_op: Message<'_>) -> Result<(), HefFileError> {
        for field in core_op {
            if let (3, value) = field? {
                self.read_context(value.message())?;
            }
        }
        Ok(())
    }

    fn read_context(&mut self, context: Message<'_>) -> Result<(), HefFileError> {
        self.contexts += 1;
        let Some(metadata) = first(context, 3)? else {
            return Ok(());
        };
        for field in metadata {
            if let (2, value) = field? {
                self.read_edge_layer(value.message())?;
            }
        }
        Ok(())
    }

    fn read_edge_layer(&mut self, edge: Message<'_>) -> Result<(), HefFileError> {
        let mut direction = LayerDirection::Input;
        let mut at_the_host = true;
        for field in edge {
            match field? {
                (1, value) if value.u32() != 0 => direction = LayerDirection::Output,
                // The connection's first value, at the host, is not written.
                (5, value) => {
                    at_the_host =
                        first_value(value.message(), 3)?.is_none_or(|kind| kind.u32() == 0);
                }
                _ => {}
            }
        }
        if at_the_host {
            for field in edge {
                match field? {
                    (3, value) => self.read_layer(value.message(), direction)?,
                    (4, value) => self.read_mux(value.message(), direction, MAX_MUX_DEPTH)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Outputs that leave the chip together; the host sees them apart.
    fn read_mux(
        &mut self,
        mux: Message<'_>,
        direction: LayerDirection,
        depth: usize,
    ) -> Result<(), HefFileError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(());
        };
        for field in mux {
            let (5, value) = field? else { continue };
            for field in value.message() {
                match field? {
                    (1, value) => self.read_layer(value.message(), direction)?,
                    (2, value) => self.read_mux(value.message(), direction, depth)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn read_layer(
        &mut self,
        info: Message<'_>,
        direction: LayerDirection,
    ) -> Result<(), HefFileError> {
        if self.layers.len() >= MAX_LAYERS {
            return Ok(());
        }
        let mut layer = Layer {
            name: String::new(),
            direction,
            shape: [0; 3],
            element_bytes: 0,
            scale: 0.0,
            zero_point: 0.0,
        };
        for field in info {
            match field? {
                (1, value) => layer.name = value.text(MAX_NAME),
                (2, value) => {
                    for field in value.message() {
                        match field? {
                            (1, value) => layer.shape[0] = value.u32(),
                            (3, value) => layer.shape[1] = value.u32(),
                            (5, value) => layer.shape[2] = value.u32(),
                            (12, value) => layer.element_bytes = value.u32(),
                            _ => {}
                        }
                    }
                }
                (3, value) => {
                    for field in value.message() {
                        match field? {
                            (1, value) => layer.zero_point = value.f32(),
                            (2, value) => layer.scale = value.f32(),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        self.layers.push(layer);
        Ok(())
    }
}

/// The first field of this number.
fn first_value(message: Message<'_>, number: u64) -> Result<Option<Value<'_>>, HefFileError> {
    for field in message {
        let (found, value) = field?;
        if found == number {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The first message of this number.
fn first(message: Message<'_>, number: u64) -> Result<Option<Message<'_>>, HefFileError> {
    Ok(first_value(message, number)?.map(Value::message))
}
