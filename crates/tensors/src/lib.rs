//! Quantized tensors and the roles FastSAM's ten outputs play.
//!
//! Outputs are bound to roles by shape, once, when a network is loaded: a HEF's names and order
//! say nothing. What shape each role has follows from the size of the network's input, which has to
//! be known first: 40 x 40 x 32 is a level's coefficients of one network and the prototypes of another.
//! With it no two roles have the same shape, as those with as many channels have other strides. Each
//! output has its own element type, scale and zero point: `x = (q - zero_point) * scale`.
//!
//! FastSAM tells one class apart, "an object". Networks of its shape for more classes (YOLOv8-seg) have
//! a score for each of them at every cell; see [`Classes`].

mod classes;
#[cfg(test)]
mod tests;

use std::fmt;

use frame::InputSize;

pub use classes::{Classes, MAX_CLASSES, NamesError, count_classes};

/// Detection levels, by stride 8, 16, 32.
pub const LEVELS: usize = 3;
/// Input pixels per prototype, along each axis.
pub const PROTOTYPE_STRIDE: usize = 4;
/// Box logits of a cell: 16 bins for each side.
pub const BOX_CHANNELS: usize = 64;
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
    /// Cells of 8 x 8 input pixels: 80 x 80 of a 640 x 640 input.
    Stride8,
    /// Cells of 16 x 16 input pixels: 40 x 40 of a 640 x 640 input.
    Stride16,
    /// Cells of 32 x 32 input pixels: 20 x 20 of a 640 x 640 input.
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

    /// Its cells in an input of this size.
    pub const fn grid(self, input: InputSize) -> Grid {
        Grid::of(input, self.stride())
    }
}

/// What a tensor's elements lie on: rows of cells that cover the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Cells of a row.
    pub columns: usize,
    /// Cells of a column.
    pub rows: usize,
}

impl Grid {
    /// Cells of `stride` x `stride` input pixels.
    const fn of(input: InputSize, stride: usize) -> Self {
        Self {
            columns: input.width() as usize / stride,
            rows: input.height() as usize / stride,
        }
    }

    /// The prototypes of an input of this size.
    pub const fn of_prototypes(input: InputSize) -> Self {
        Self::of(input, PROTOTYPE_STRIDE)
    }

    /// All its cells.
    pub const fn cells(self) -> usize {
        self.columns * self.rows
    }
}

/// What an output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// DFL logits, `side * 16 + bin`, sides left, top, right, bottom: 64 channels.
    Boxes(Level),
    /// Confidence after its sigmoid: a channel for each class.
    Scores(Level),
    /// Mask coefficients: 32 channels.
    Coefficients(Level),
    /// Prototypes, one for each 4 x 4 input pixels: 32 channels.
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

    /// What its elements lie on, in a network with an input of this size.
    pub const fn grid(self, input: InputSize) -> Grid {
        match self {
            Self::Boxes(level) | Self::Scores(level) | Self::Coefficients(level) => {
                level.grid(input)
            }
            Self::Prototypes => Grid::of_prototypes(input),
        }
    }

    /// Numbers at each cell, in a network of so many classes.
    pub const fn channels(self, classes: usize) -> usize {
        match self {
            Self::Boxes(_) => BOX_CHANNELS,
            Self::Scores(_) => classes,
            Self::Coefficients(_) | Self::Prototypes => PROTOTYPE_CHANNELS,
        }
    }

    /// Rows, columns, channels in a network with an input of this size and so many classes: what an
    /// output is recognised by.
    pub const fn shape(self, input: InputSize, classes: usize) -> [usize; 3] {
        let Grid { columns, rows } = self.grid(input);
        [rows, columns, self.channels(classes)]
    }

    /// The role with its shape, for people: `boxes 80x80x64`.
    pub fn with_shape(self, input: InputSize, classes: usize) -> impl fmt::Display {
        let [rows, columns, channels] = self.shape(input, classes);
        let name = self.name();
        fmt::from_fn(move |f| write!(f, "{name} {rows}x{columns}x{channels}"))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Boxes(_) => "boxes",
            Self::Scores(_) => "scores",
            Self::Coefficients(_) => "mask coefficients",
            Self::Prototypes => "prototypes",
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

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boxes(level) | Self::Scores(level) | Self::Coefficients(level) => {
                write!(f, "{} of stride {}", self.name(), level.stride())
            }
            Self::Prototypes => f.write_str(self.name()),
        }
    }
}

/// Why a network's outputs are not FastSAM's ten.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LayoutError {
    /// A role that no output has the shape of.
    #[error(
        "the network has no output for {}: is this a FastSAM model with a {input} input?",
        .role.with_shape(*.input, *.classes)
    )]
    Missing {
        /// The role.
        role: Role,
        /// The network's input.
        input: InputSize,
        /// The network's classes, 1 where no output tells.
        classes: usize,
    },
    /// Two outputs of the same shape.
    #[error(
        "outputs '{first}' and '{second}' both have the shape of the {}",
        .role.with_shape(*.input, *.classes)
    )]
    Doubled {
        /// The role both fit.
        role: Role,
        /// The network's input.
        input: InputSize,
        /// The network's classes.
        classes: usize,
        /// The output bound first.
        first: String,
        /// The output that fits it too.
        second: String,
    },
    /// An output that fits no role.
    #[error(
        "output '{name}' is {shape:?}, which is none of FastSAM's ten outputs for a {input} input"
    )]
    Unknown {
        /// The output's name.
        name: String,
        /// Its shape.
        shape: [usize; 3],
        /// The network's input.
        input: InputSize,
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
    input: InputSize,
    classes: Classes,
    /// In the order of [`Role::ALL`].
    infos: [TensorInfo; 10],
    /// For each role, the output's place in the list given to [`Layout::bind`].
    sources: [usize; 10],
}

impl Layout {
    /// Binds the outputs of a network with an input of this size, in any order, to roles by their
    /// shapes.
    ///
    /// # Errors
    /// An output that fits no role, a role that none or more than one fits, and a scale or zero point
    /// that is no use.
    pub fn bind(outputs: &[TensorInfo], input: InputSize) -> Result<Self, LayoutError> {
        let classes = count_classes(outputs.iter().map(|output| output.shape), input);
        let mut sources: [Option<usize>; 10] = [None; 10];
        for (position, output) in outputs.iter().enumerate() {
            let Some(role) = Role::ALL
                .into_iter()
                .find(|role| role.shape(input, classes) == output.shape)
            else {
                return Err(LayoutError::Unknown {
                    name: output.name.clone(),
                    shape: output.shape,
                    input,
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
                    input,
                    classes,
                    first: outputs[first].name.clone(),
                    second: output.name.clone(),
                });
            }
        }
        let mut bound = [0; 10];
        for role in Role::ALL {
            bound[role.index()] = sources[role.index()].ok_or(LayoutError::Missing {
                role,
                input,
                classes,
            })?;
        }
        Ok(Self {
            input,
            classes: Classes::numbered(classes),
            infos: bound.map(|position| outputs[position].clone()),
            sources: bound,
        })
    }

    /// The layout of a network whose outputs need not be recognised: `output` says of each role what its
    /// output is called, and how its elements are stored. Their sources are in the order of [`Role::ALL`].
    pub fn of_roles(
        input: InputSize,
        classes: Classes,
        output: impl Fn(Role) -> (String, ElementType, QuantInfo),
    ) -> Self {
        Self {
            input,
            infos: Role::ALL.map(|role| {
                let (name, element_type, quant) = output(role);
                TensorInfo {
                    name,
                    shape: role.shape(input, classes.count()),
                    element_type,
                    quant,
                }
            }),
            sources: std::array::from_fn(|place| place),
            classes,
        }
    }

    /// Columns and rows of the network's input.
    pub const fn input(&self) -> InputSize {
        self.input
    }

    /// The classes that the network tells apart: one for FastSAM.
    pub const fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Gives the classes these names.
    ///
    /// # Errors
    /// Names that are not as many as the classes.
    pub fn name_classes(&mut self, names: Vec<String>) -> Result<(), NamesError> {
        self.classes = self.classes.named(names)?;
        Ok(())
    }

    /// Whether tensors of this layout and of the other differ in nothing but scales and zero points,
    /// which some backends have anew with each frame.
    pub fn is_like(&self, other: &Self) -> bool {
        self.input == other.input
            && self.infos.iter().zip(&other.infos).all(|(own, others)| {
                own.shape == others.shape && own.element_type == others.element_type
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
    /// Elements, row-major, as many as the role's shape says.
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
    input: InputSize,
    classes: usize,
    quants: [QuantInfo; 10],
    buffers: [Buffer; 10],
}

impl Clone for Tensors {
    fn clone(&self) -> Self {
        Self {
            input: self.input,
            classes: self.classes,
            quants: self.quants,
            buffers: self.buffers.clone(),
        }
    }

    /// Reuses the buffers of tensors with the same layout.
    fn clone_from(&mut self, source: &Self) {
        self.input = source.input;
        self.classes = source.classes;
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
            input: layout.input,
            classes: layout.classes.count(),
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

    /// Columns and rows of the input that they answer to.
    pub const fn input(&self) -> InputSize {
        self.input
    }

    /// How many classes have a score at each cell: 1 for FastSAM.
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// The output in this role; its element count is always that of
    /// `role.shape(self.input(), self.classes())`.
    pub fn view(&self, role: Role) -> TensorView<'_> {
        TensorView {
            quant: self.quants[role.index()],
            elements: match &self.buffers[role.index()] {
                Buffer::U8(elements) => Elements::U8(elements),
                Buffer::U16(elements) => Elements::U16(elements),
            },
        }
    }

    /// Sets scale and zero point of this role, for backends whose scales differ from frame to frame.
    /// The scale must be finite and above 0, the zero point finite and whole.
    pub fn set_quant(&mut self, role: Role, quant: QuantInfo) {
        self.quants[role.index()] = quant;
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
