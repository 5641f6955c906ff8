//! Quantized tensors and the roles FastSAM's ten outputs play.
//!
//! Outputs are bound to roles by shape, once, when a network is loaded: a HEF's names and order
//! say nothing. Each output has its own element type, scale and zero point:
//! `x = (q - zero_point) * scale`.

#[cfg(test)]
mod tests;

/// Detection levels, by stride 8, 16, 32.
pub const LEVELS: usize = 3;
/// Columns and rows of the prototypes.
pub const PROTOTYPE_SIDE: usize = 160;
/// Prototypes, and mask coefficients of a detection.
pub const PROTOTYPE_CHANNELS: usize = 32;

/// How the stored integers become real numbers: `x = (q - zero_point) * scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantInfo {
    /// Step between neighbouring integers; finite, above 0.
    pub scale: f32,
    /// The integer that stands for 0; finite.
    pub zero_point: f32,
}

/// The integer type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 8 bits.
    U8,
    /// 16 bits.
    U16,
}

/// What is known of an output before any data comes.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    /// The vendor's name for it.
    pub name: String,
    /// Rows, columns, channels.
    pub shape: [usize; 3],
    /// Integer type.
    pub element_type: ElementType,
    /// Scale and zero point.
    pub quant: QuantInfo,
}

/// One of the three detection levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 80 x 80 cells of 8 pixels.
    Stride8,
    /// 40 x 40 cells of 16 pixels.
    Stride16,
    /// 20 x 20 cells of 32 pixels.
    Stride32,
}

impl Level {
    /// All of them, finest first: the order of anchors.
    pub const ALL: [Self; LEVELS] = [Self::Stride8, Self::Stride16, Self::Stride32];

    /// Input pixels per cell.
    pub const fn stride(self) -> usize {
        match self {
            Self::Stride8 => 8,
            Self::Stride16 => 16,
            Self::Stride32 => 32,
        }
    }

    /// Cells per row and column.
    pub const fn side(self) -> usize {
        frame::INPUT_SIDE as usize / self.stride()
    }
}

/// What an output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// DFL logits, `side * 16 + bin`, sides left, top, right, bottom: 64 channels.
    Boxes(Level),
    /// Confidence after its sigmoid: 1 channel.
    Scores(Level),
    /// Mask coefficients: 32 channels.
    Coefficients(Level),
    /// Prototypes: 160 x 160 x 32.
    Prototypes,
}

impl Role {
    /// The ten roles, in the order in which [`Tensors`] keeps them.
    pub const ALL: [Self; 10] = [
        Self::Boxes(Level::Stride8),
        Self::Boxes(Level::Stride16),
        Self::Boxes(Level::Stride32),
        Self::Scores(Level::Stride8),
        Self::Scores(Level::Stride16),
        Self::Scores(Level::Stride32),
        Self::Coefficients(Level::Stride8),
        Self::Coefficients(Level::Stride16),
        Self::Coefficients(Level::Stride32),
        Self::Prototypes,
    ];

    /// Rows, columns, channels: what an output is recognised by.
    pub const fn shape(self) -> [usize; 3] {
        match self {
            Self::Boxes(level) => [level.side(), level.side(), 64],
            Self::Scores(level) => [level.side(), level.side(), 1],
            Self::Coefficients(level) => [level.side(), level.side(), PROTOTYPE_CHANNELS],
            Self::Prototypes => [PROTOTYPE_SIDE, PROTOTYPE_SIDE, PROTOTYPE_CHANNELS],
        }
    }

    /// Its place in [`Role::ALL`].
    const fn index(self) -> usize {
        match self {
            Self::Boxes(level) => level as usize,
            Self::Scores(level) => LEVELS + level as usize,
            Self::Coefficients(level) => 2 * LEVELS + level as usize,
            Self::Prototypes => 3 * LEVELS,
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [height, width, channels] = self.shape();
        match self {
            Self::Boxes(_) => write!(f, "boxes {height}x{width}x{channels}"),
            Self::Scores(_) => write!(f, "scores {height}x{width}x{channels}"),
            Self::Coefficients(_) => write!(f, "mask coefficients {height}x{width}x{channels}"),
            Self::Prototypes => write!(f, "prototypes {height}x{width}x{channels}"),
        }
    }
}

/// Why a network's outputs are not FastSAM's ten.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LayoutError {
    /// A role that no output has the shape of.
    #[error("the network has no output for {0}: is this a FastSAM model with a 640x640 input?")]
    Missing(Role),
    /// Two outputs of the same shape.
    #[error("outputs '{first}' and '{second}' both have the shape of the {role}")]
    Doubled {
        /// The role both fit.
        role: Role,
        /// The output bound first.
        first: String,
        /// The output that fits it too.
        second: String,
    },
    /// An output that fits no role.
    #[error("output '{name}' is {shape:?}, which is none of FastSAM's ten outputs")]
    Unknown {
        /// The output's name.
        name: String,
        /// Its shape.
        shape: [usize; 3],
    },
    /// A scale or zero point that is no use.
    #[error(
        "output '{name}' has scale {scale} and zero point {zero_point}: both must be finite and the scale above 0"
    )]
    Quantization {
        /// The output's name.
        name: String,
        /// Its scale.
        scale: f32,
        /// Its zero point.
        zero_point: f32,
    },
}

/// A network's outputs bound to their roles.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// In the order of [`Role::ALL`].
    infos: [TensorInfo; 10],
    /// For each role, the output's place in the list given to [`Layout::bind`].
    sources: [usize; 10],
}

impl Layout {
    /// Binds outputs, in any order, to roles by their shapes.
    pub fn bind(outputs: &[TensorInfo]) -> Result<Self, LayoutError> {
        let mut sources: [Option<usize>; 10] = [None; 10];
        for (position, output) in outputs.iter().enumerate() {
            let Some(role) = Role::ALL
                .into_iter()
                .find(|role| role.shape() == output.shape)
            else {
                return Err(LayoutError::Unknown {
                    name: output.name.clone(),
                    shape: output.shape,
                });
            };
            let QuantInfo { scale, zero_point } = output.quant;
            if !scale.is_finite() || scale <= 0.0 || !zero_point.is_finite() {
                return Err(LayoutError::Quantization {
                    name: output.name.clone(),
                    scale,
                    zero_point,
                });
            }
            if let Some(first) = sources[role.index()].replace(position) {
                return Err(LayoutError::Doubled {
                    role,
                    first: outputs[first].name.clone(),
                    second: output.name.clone(),
                });
            }
        }
        let mut bound = [0; 10];
        for role in Role::ALL {
            bound[role.index()] = sources[role.index()].ok_or(LayoutError::Missing(role))?;
        }
        Ok(Self {
            infos: bound.map(|position| outputs[position].clone()),
            sources: bound,
        })
    }

    /// What is known of the output in this role.
    pub fn info(&self, role: Role) -> &TensorInfo {
        &self.infos[role.index()]
    }

    /// The place that the output in this role had in the list given to [`Layout::bind`].
    pub fn source(&self, role: Role) -> usize {
        self.sources[role.index()]
    }
}

/// The elements of one tensor, row-major HWC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Elements<'a> {
    /// 8-bit elements.
    U8(&'a [u8]),
    /// 16-bit elements, in the machine's byte order.
    U16(&'a [u16]),
}

/// One output of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorView<'a> {
    /// Scale and zero point.
    pub quant: QuantInfo,
    /// Elements, `role.shape()` of them.
    pub elements: Elements<'a>,
}

#[derive(Debug, PartialEq)]
enum Buffer {
    U8(Vec<u8>),
    U16(Vec<u16>),
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        match self {
            Self::U8(elements) => Self::U8(elements.clone()),
            Self::U16(elements) => Self::U16(elements.clone()),
        }
    }

    /// Reuses the buffer where the types agree.
    fn clone_from(&mut self, source: &Self) {
        match (self, source) {
            (Self::U8(to), Self::U8(from)) => to.clone_from(from),
            (Self::U16(to), Self::U16(from)) => to.clone_from(from),
            (to, from) => *to = from.clone(),
        }
    }
}

/// The ten outputs of one frame. Made once for a [`Layout`], then refilled.
#[derive(Debug, PartialEq)]
pub struct Tensors {
    quants: [QuantInfo; 10],
    buffers: [Buffer; 10],
}

impl Clone for Tensors {
    fn clone(&self) -> Self {
        Self {
            quants: self.quants,
            buffers: self.buffers.clone(),
        }
    }

    /// Reuses the buffers of tensors with the same layout.
    fn clone_from(&mut self, source: &Self) {
        self.quants = source.quants;
        for (to, from) in self.buffers.iter_mut().zip(&source.buffers) {
            to.clone_from(from);
        }
    }
}

impl Tensors {
    /// Zeroed buffers for a network's outputs.
    pub fn for_layout(layout: &Layout) -> Self {
        Self {
            quants: std::array::from_fn(|i| layout.infos[i].quant),
            buffers: std::array::from_fn(|i| {
                let info = &layout.infos[i];
                let length = info.shape.iter().product();
                match info.element_type {
                    ElementType::U8 => Buffer::U8(vec![0; length]),
                    ElementType::U16 => Buffer::U16(vec![0; length]),
                }
            }),
        }
    }

    /// The output in this role; its element count is always that of `role.shape()`.
    pub fn view(&self, role: Role) -> TensorView<'_> {
        TensorView {
            quant: self.quants[role.index()],
            elements: match &self.buffers[role.index()] {
                Buffer::U8(elements) => Elements::U8(elements),
                Buffer::U16(elements) => Elements::U16(elements),
            },
        }
    }

    /// The elements of this role, to be filled, if they are 8-bit.
    pub fn u8_mut(&mut self, role: Role) -> Option<&mut [u8]> {
        match &mut self.buffers[role.index()] {
            Buffer::U8(elements) => Some(elements),
            Buffer::U16(_) => None,
        }
    }

    /// The elements of this role, to be filled, if they are 16-bit.
    pub fn u16_mut(&mut self, role: Role) -> Option<&mut [u16]> {
        match &mut self.buffers[role.index()] {
            Buffer::U8(_) => None,
            Buffer::U16(elements) => Some(elements),
        }
    }
}
