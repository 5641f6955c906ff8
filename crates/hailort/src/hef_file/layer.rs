//! The layers where a context meets the host, or another context.
//!
//! ```text
//! EdgeLayer { direction = 1, edge_layer_type = 2, layer_info = 3, layer_mux = 4, layer_planes = 8,
//!       context_switch_info = 5 { edge_connection_type = 3, connected_contexts = 8, cache_id = 9 },
//!       network_index = 6, pad_index = 7 }
//! EdgeLayerInfo { name = 1, base = 2, numeric = 3, transposed = 6 }
//! EdgeLayerMux { name = 1, base = 2, mux_data = 3 { number_of_predecessors = 1, height_gcd = 2,
//!       height_ratios_list_len = 3, height_ratios_list = 4 }, predecessors = 5 { layer_info = 1, layer_mux = 2, layer_planes = 3 } }
//! EdgeLayerPlanes { name = 1, planes_format = 2, planes = 3, height = 4, width = 5, features = 6 }
//! EdgeLayerBase { height = 1, padded_height = 2, width = 3, padded_width = 4, features = 5,
//!       padded_features = 6, format = 7, sys_index = 8, core_bytes_per_buffer = 9,
//!       core_buffers_per_frame = 10, additional_info = 11 { nms_info = 1 }, data_bytes = 12,
//!       buffer_indices = 13, host_argmax = 14, max_shmifo_size = 15, engine_id = 16 }
//! NmsInfo { number_of_classes = 2, max_output_size = 3, bbox_size = 4, is_defused = 5,
//!       defuse_info = 6 { original_name = 3 }, burst_size = 8 }
//! EdgeLayerNumericInfo { zp = 1, scale = 2, zps = 5, scales = 6 }
//! ```

use super::{
    error::HefFileError,
    reader::{Merged, Reader},
    wire::{Value, u32_of},
};

/// Muxes within muxes; real ones have one.
const MAX_MUX_DEPTH: usize = 4;

/// Ratios of a mux that are kept; the library takes fewer parts than this.
const MAX_RATIOS: usize = 64;

/// How a layer is connected: this one to the host.
pub(super) const AT_THE_HOST: u32 = 0;

/// A layer of a context.
#[derive(Debug)]
pub(super) struct EdgeLayer {
    pub(super) is_output: bool,
    /// [`AT_THE_HOST`], to another context, through memory, or to a cache.
    pub(super) connection: u32,
    /// The contexts and streams there that it is connected to.
    pub(super) connected: Vec<(u32, u32)>,
    pub(super) cache_id: u32,
    pub(super) network: u32,
    pub(super) pad: Option<u32>,
    /// By the layer's type, whatever else the message holds. `None` for a type nobody knows.
    pub(super) part: Option<Part>,
}

/// A layer, or several in one stream.
#[derive(Debug)]
pub(super) enum Part {
    Layer(LayerInfo),
    Mux(Mux),
    Planes(Planes),
}

/// A layer.
#[derive(Debug, Default)]
pub(super) struct LayerInfo {
    pub(super) name: String,
    pub(super) base: Base,
    pub(super) numeric: Numeric,
    pub(super) transposed: bool,
}

/// Several outputs that leave the chip in one stream.
#[derive(Debug, Default)]
pub(super) struct Mux {
    pub(super) name: String,
    pub(super) base: Base,
    /// How many parts there should be.
    pub(super) said: u32,
    /// How often rows of all parts follow one another.
    pub(super) rounds: u32,
    /// How many ratios there should be.
    pub(super) ratios_said: u32,
    /// The rows of each part in a round.
    pub(super) ratios: Vec<u32>,
    /// `None` is a part of no known type.
    pub(super) parts: Vec<Option<Part>>,
}

/// A picture in planes, each a stream of its own.
#[derive(Debug, Default)]
pub(super) struct Planes {
    pub(super) name: String,
    pub(super) format: u32,
    pub(super) shape: [u32; 3],
    /// `None` is a plane that is no plain layer.
    pub(super) planes: Vec<Option<LayerInfo>>,
}

/// How a stream lies in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    pub(super) shape: [u32; 3],
    pub(super) padded: [u32; 3],
    /// The order of the data, as the compiler numbers it.
    pub(super) order: u32,
    pub(super) stream: u32,
    pub(super) bytes_per_buffer: u32,
    pub(super) buffers_per_frame: u32,
    pub(super) element_bytes: u32,
    /// Whether it names a buffer on the chip.
    pub(super) has_buffer: bool,
    pub(super) argmax_on_the_host: bool,
    /// Bytes of the chip's queue for it; 0 if the file does not say.
    pub(super) queue_bytes: u32,
    pub(super) engine: u32,
    pub(super) nms: Nms,
}

/// What NMS on the chip answers with.
#[derive(Clone, Debug, Default)]
pub(super) struct Nms {
    pub(super) classes: u64,
    pub(super) boxes: u64,
    pub(super) box_bytes: u64,
    pub(super) burst: u32,
    pub(super) is_split: bool,
    /// The layer it is a part of, where it is split.
    pub(super) whole: String,
}

/// `x = (q - zero_point) * scale`.
#[derive(Clone, Debug, Default)]
pub(super) struct Numeric {
    pub(super) zero_point: f32,
    pub(super) scale: f32,
    pub(super) zero_points: PerChannel,
    pub(super) scales: PerChannel,
}

/// A list with a number for each channel.
#[derive(Clone, Debug, Default)]
pub(super) struct PerChannel {
    pub(super) count: usize,
    first: Option<f64>,
    pub(super) differ: bool,
}

impl PerChannel {
    fn read(message: &Merged<'_>, number: u64) -> Result<Self, HefFileError> {
        let mut list = Self::default();
        for value in message.values(number) {
            match value? {
                Value::Fixed64(number) => list.push(number),
                Value::Bytes(mut numbers) => {
                    while !numbers.is_empty() {
                        list.push(numbers.fixed()?);
                    }
                }
                _ => {}
            }
        }
        Ok(list)
    }

    fn push(&mut self, number: [u8; 8]) {
        let number = f64::from_le_bytes(number);
        let first = *self.first.get_or_insert(number);
        self.differ |= first.to_bits() != number.to_bits();
        self.count += 1;
    }
}

impl EdgeLayer {
    pub(super) fn read(message: &Merged<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let switch = message.message(5)?;
        let mut connected = Vec::new();
        for context in switch.each(8) {
            let context = context?;
            reader.keep(context)?;
            let context = Merged::from(context);
            connected.push((context.integer(1)?, context.integer(3)?));
        }
        let chosen = message.choice(&[3, 4, 8])?;
        // What the type asks for, or nothing of it.
        let wanted = |number| match &chosen {
            Some((found, content)) if *found == number => content.clone(),
            _ => Merged::default(),
        };
        let part = match message.integer(2)? {
            0 => Some(Part::Layer(LayerInfo::read(&wanted(3))?)),
            1 => Some(Part::Mux(Mux::read(&wanted(4), reader, MAX_MUX_DEPTH)?)),
            2 => Some(Part::Planes(Planes::read(&wanted(8), reader)?)),
            _ => None,
        };
        Ok(Self {
            is_output: message.integer(1)? == 1,
            connection: switch.integer(3)?,
            connected,
            cache_id: switch.integer(9)?,
            network: message.integer(6)?,
            pad: message.long(7)?.map(u32_of),
            part,
        })
    }
}

impl LayerInfo {
    pub(super) fn read(message: &Merged<'_>) -> Result<Self, HefFileError> {
        Ok(Self {
            name: message.text(1)?,
            base: Base::read(&message.message(2)?)?,
            numeric: Numeric::read(&message.message(3)?)?,
            transposed: message.flag(6)?,
        })
    }
}

impl Mux {
    fn read(message: &Merged<'_>, reader: &mut Reader, depth: usize) -> Result<Self, HefFileError> {
        let data = message.message(3)?;
        let mut mux = Self {
            name: message.text(1)?,
            base: Base::read(&message.message(2)?)?,
            said: data.integer(1)?,
            rounds: data.integer(2)?,
            ratios_said: data.integer(3)?,
            ratios: ratios(&data)?,
            parts: Vec::new(),
        };
        for edge in message.each(5) {
            let edge = edge?;
            reader.keep(edge)?;
            mux.parts
                .push(match Merged::from(edge).choice(&[1, 2, 3])? {
                    Some((1, info)) => Some(Part::Layer(LayerInfo::read(&info)?)),
                    Some((2, inner)) => {
                        let Some(depth) = depth.checked_sub(1) else {
                            return Err(
                                edge.broken("muxes lie deeper within each other than in any HEF")
                            );
                        };
                        Some(Part::Mux(Self::read(&inner, reader, depth)?))
                    }
                    _ => None,
                });
        }
        Ok(mux)
    }

    /// The parts that the library looks at.
    pub(super) fn seen(&self) -> impl Iterator<Item = &Option<Part>> {
        let said = usize::try_from(self.said).unwrap_or(usize::MAX);
        self.parts.iter().take(said)
    }
}

/// The ratios of a mux, together or apart.
fn ratios(data: &Merged<'_>) -> Result<Vec<u32>, HefFileError> {
    let mut ratios = Vec::new();
    for value in data.values(4) {
        match value? {
            Value::Varint(ratio) if ratios.len() < MAX_RATIOS => ratios.push(u32_of(ratio)),
            Value::Bytes(mut list) => {
                while !list.is_empty() && ratios.len() < MAX_RATIOS {
                    ratios.push(u32_of(list.packed_varint()?));
                }
            }
            _ => {}
        }
    }
    Ok(ratios)
}

impl Planes {
    fn read(message: &Merged<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let mut planes = Self {
            name: message.text(1)?,
            format: message.integer(2)?,
            shape: [
                message.integer(4)?,
                message.integer(5)?,
                message.integer(6)?,
            ],
            planes: Vec::new(),
        };
        for edge in message.each(3) {
            let edge = edge?;
            reader.keep(edge)?;
            planes
                .planes
                .push(match Merged::from(edge).choice(&[1, 2, 3])? {
                    Some((1, info)) => Some(LayerInfo::read(&info)?),
                    _ => None,
                });
        }
        Ok(planes)
    }
}

impl Part {
    /// The stream that it is, or would be outside a mux; planes are several.
    pub(super) fn base(&self) -> Option<&Base> {
        match self {
            Self::Layer(info) => Some(&info.base),
            Self::Mux(mux) => Some(&mux.base),
            Self::Planes(_) => None,
        }
    }
}

impl Base {
    /// Bytes of a row on the chip.
    pub(super) fn row_bytes(&self) -> u64 {
        let [_, columns, channels] = self.padded.map(u64::from);
        columns
            .saturating_mul(channels)
            .saturating_mul(self.element_bytes.into())
    }

    fn read(message: &Merged<'_>) -> Result<Self, HefFileError> {
        let three = |[a, b, c]: [u64; 3]| -> Result<[u32; 3], HefFileError> {
            Ok([
                message.integer(a)?,
                message.integer(b)?,
                message.integer(c)?,
            ])
        };
        Ok(Self {
            shape: three([1, 3, 5])?,
            padded: three([2, 4, 6])?,
            order: message.integer(7)?,
            stream: message.integer(8)?,
            bytes_per_buffer: message.integer(9)?,
            buffers_per_frame: message.integer(10)?,
            element_bytes: message.integer(12)?,
            has_buffer: message.each(13).next().transpose()?.is_some(),
            argmax_on_the_host: message.flag(14)?,
            queue_bytes: message.integer(15)?,
            engine: message.integer(16)?,
            nms: Nms::read(&message.message(11)?.message(1)?)?,
        })
    }
}

impl Nms {
    fn read(message: &Merged<'_>) -> Result<Self, HefFileError> {
        Ok(Self {
            classes: message.long(2)?.unwrap_or(0),
            boxes: message.long(3)?.unwrap_or(0),
            box_bytes: message.long(4)?.unwrap_or(0),
            is_split: message.flag(5)?,
            whole: message.message(6)?.text(3)?,
            burst: message.integer(8)?,
        })
    }
}

impl Numeric {
    fn read(message: &Merged<'_>) -> Result<Self, HefFileError> {
        Ok(Self {
            zero_point: message.float(1)?,
            scale: message.float(2)?,
            zero_points: PerChannel::read(message, 5)?,
            scales: PerChannel::read(message, 6)?,
        })
    }
}
