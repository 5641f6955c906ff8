//! A description as libhailort looks at it: what it uses without a check, and what it refuses.
//!
//! Message and field names are those of `hef.proto` v4.23.0, less the prefix `ProtoHEF`. Which
//! of several places the library reads (a group's old contexts or its ops, one layout or another)
//! is [`Group::core_ops`]'s to know.
//!
//! ```text
//! Hef { header = 1 { hw_arch = 1, timestamp = 2, sdk_version = 3, version = 4 }, network_groups = 2,
//!       extensions = 5 { type_index = 1 }, optional_extensions = 6 { type_index = 1 } }
//! NetworkGroup { metadata = 1 { name = 1, transposed_net = 3 }, preliminary_config = 2, contexts = 3,
//!       sorted_outputs_order = 4, fused_layers_metadata = 5, networks_names = 6,
//!       partial_network_groups = 7 { network_group = 1, layout = 2 { bitmap = 1 } }, ops = 8, pad_edges = 9 }
//! Op { name = 1, input_pads = 2, output_pads = 3, core_op = 4, nms_op = 5, logits_op = 6 }
//! CoreOp { fields 1 to 6 as NetworkGroup's, partial_core_ops = 7 { core_op = 1, layout = 2 } }
//! Context { operations = 2, metadata = 3 { edge_layers = 2, sorted_outputs_order = 5 } }
//! FusedLayers { network_has_fused_layers = 1, updated_sorted_output_names = 2, fused_layers = 3 { layer_info = 1 } }
//! ```
//!
//! Invariant: what is kept is bounded by the [`Reader`] whatever the file claims, and nothing here
//! recurses.

use super::{
    architecture::HefArchitecture,
    error::HefFileError,
    extension,
    host_op::HostOp,
    layer::{EdgeLayer, LayerInfo},
    operation::Operations,
    reader::{Merged, Reader},
    wire::Message,
};

/// A whole description.
#[derive(Debug, Default)]
pub(super) struct Description {
    pub(super) architecture: HefArchitecture,
    pub(super) timestamp: u64,
    pub(super) sdk_version: String,
    /// The format version of the description itself.
    pub(super) version: u64,
    /// What a reader must know to read it right.
    pub(super) extensions: Vec<u32>,
    /// What a reader may ignore.
    pub(super) optional_extensions: Vec<u32>,
    pub(super) groups: Vec<Group>,
}

/// A network group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// What the group's own fields say: all of a HEF without ops.
    pub(super) own: CoreOp,
    /// The same for each layout of the chip, by the layout's number.
    pub(super) layouts: Vec<(u32, CoreOp)>,
    /// The first op that runs on the chip, with its layouts.
    pub(super) chip_op: Option<(CoreOp, Vec<(u32, CoreOp)>)>,
    /// Ops that run on the host.
    pub(super) host_ops: Vec<HostOp>,
    /// Whether an op is of no known kind.
    pub(super) unknown_op: bool,
}

/// A network for the chip.
#[derive(Debug, Default)]
pub(super) struct CoreOp {
    pub(super) name: String,
    pub(super) transposed: bool,
    pub(super) preliminary: Operations,
    pub(super) contexts: Vec<Context>,
    pub(super) sorted_outputs: Vec<String>,
    pub(super) networks: Vec<String>,
    pub(super) fused: FusedLayers,
}

/// Outputs that were split and are put together again by the library.
#[derive(Debug, Default)]
pub(super) struct FusedLayers {
    pub(super) in_use: bool,
    pub(super) sorted_outputs: Vec<String>,
    pub(super) layers: Vec<LayerInfo>,
}

/// A part of the network that is on the chip at once.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) operations: Operations,
    pub(super) layers: Vec<EdgeLayer>,
    pub(super) sorted_outputs: Vec<String>,
}

impl Description {
    /// Reads a message that [`super::schema::check`] has passed.
    pub(super) fn read(message: Message<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let message = Merged::from(message);
        let header = message.message(1)?;
        let mut description = Self {
            architecture: header.integer(1)?.into(),
            timestamp: header.long(2)?.unwrap_or(0),
            sdk_version: header.text(3)?,
            version: header.long(4)?.unwrap_or(0),
            extensions: extensions(&message, 5, reader)?,
            optional_extensions: extensions(&message, 6, reader)?,
            groups: Vec::new(),
        };
        for group in message.each(2) {
            let group = group?;
            reader.keep(group)?;
            description.groups.push(Group::read(&group.into(), reader)?);
        }
        Ok(description)
    }

    /// Whether the networks are in ops. In a description of version 0, no extension counts.
    pub(super) fn has_ops(&self) -> bool {
        self.has_extension(extension::NET_FLOW)
    }

    /// Whether an extension is in use that a reader must know.
    pub(super) fn has_extension(&self, extension: u32) -> bool {
        self.version > 0 && self.extensions.contains(&extension)
    }

    /// Whether an extension is in use that a reader may ignore.
    pub(super) fn has_optional_extension(&self, extension: u32) -> bool {
        self.version > 0 && self.optional_extensions.contains(&extension)
    }
}

impl Group {
    fn read(message: &Merged<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let mut group = Self {
            own: CoreOp::read(message, reader)?,
            layouts: layouts(message, reader)?,
            ..Self::default()
        };
        for op in message.each(8) {
            let op = op?;
            reader.keep(op)?;
            group.read_op(&op.into(), reader)?;
        }
        let mut fed_pads = Vec::new();
        for edge in message.each(9) {
            let edge = edge?;
            reader.keep(edge)?;
            let edge = Merged::from(edge);
            fed_pads.push((edge.integer(1)?, edge.integer(2)?));
        }
        for op in &mut group.host_ops {
            op.connect(&fed_pads);
        }
        Ok(group)
    }

    fn read_op(&mut self, op: &Merged<'_>, reader: &mut Reader) -> Result<(), HefFileError> {
        match op.choice(&[4, 5, 6])? {
            // The library takes the first.
            Some((4, core_op)) if self.chip_op.is_none() => {
                let layouts = layouts(&core_op, reader)?;
                self.chip_op = Some((CoreOp::read(&core_op, reader)?, layouts));
            }
            Some((4, _)) => {}
            Some((5, nms)) => self.host_ops.push(HostOp::nms(op, &nms, reader)?),
            Some((_, logits)) => self.host_ops.push(HostOp::logits(op, &logits, reader)?),
            None => self.unknown_op = true,
        }
        Ok(())
    }

    /// The group's name, as the library forms it. The name in the group's field 10 is never used.
    pub(super) fn name(&self) -> &str {
        let named = self.layouts.first().map_or(&self.own, |(_, layout)| layout);
        &named.name
    }

    /// The network for a chip without layouts; `None` where there should be an op and is none.
    pub(super) fn main(&self, has_ops: bool) -> Option<&CoreOp> {
        if has_ops {
            self.chip_op.as_ref().map(|(chip_op, _)| chip_op)
        } else {
            Some(&self.own)
        }
    }

    /// The networks that the library reads for a chip, each with its layout's number.
    pub(super) fn core_ops(&self, chip: HefArchitecture, has_ops: bool) -> Vec<(u32, &CoreOp)> {
        if !chip.has_layouts() {
            return self.main(has_ops).into_iter().map(|op| (0, op)).collect();
        }
        let layouts = match &self.chip_op {
            Some((_, layouts)) if has_ops => layouts,
            None if has_ops => return Vec::new(),
            _ => &self.layouts,
        };
        layouts.iter().map(|(layout, op)| (*layout, op)).collect()
    }

    /// The network whose layers the library shows: that of the lowest layout.
    pub(super) fn shown(&self, chip: HefArchitecture, has_ops: bool) -> Option<&CoreOp> {
        let core_ops = self.core_ops(chip, has_ops);
        // Of two for one layout, the library keeps the last.
        let lowest = core_ops.into_iter().rev().min_by_key(|(layout, _)| *layout);
        lowest.map(|(_, core_op)| core_op)
    }
}

impl CoreOp {
    /// Reads what a group and an op for the chip have in common.
    fn read(message: &Merged<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let metadata = message.message(1)?;
        let mut core_op = Self {
            name: metadata.text(1)?,
            transposed: metadata.flag(3)?,
            preliminary: Operations::read(&message.message(2)?, 1, reader)?,
            contexts: Vec::new(),
            sorted_outputs: reader.names(message, 4)?,
            networks: reader.names(message, 6)?,
            fused: FusedLayers::read(&message.message(5)?, reader)?,
        };
        for context in message.each(3) {
            let context = context?;
            reader.keep(context)?;
            let context = Context::read(&context.into(), reader)?;
            core_op.contexts.push(context);
        }
        Ok(core_op)
    }
}

impl FusedLayers {
    fn read(message: &Merged<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let mut fused = Self {
            in_use: message.flag(1)?,
            sorted_outputs: reader.names(message, 2)?,
            layers: Vec::new(),
        };
        for layer in message.each(3) {
            let layer = layer?;
            reader.keep(layer)?;
            let info = Merged::from(layer).message(1)?;
            fused.layers.push(LayerInfo::read(&info)?);
        }
        Ok(fused)
    }
}

impl Context {
    fn read(message: &Merged<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let metadata = message.message(3)?;
        let mut context = Self {
            operations: Operations::read(message, 2, reader)?,
            layers: Vec::new(),
            sorted_outputs: reader.names(&metadata, 5)?,
        };
        for layer in metadata.each(2) {
            let layer = layer?;
            reader.keep(layer)?;
            context.layers.push(EdgeLayer::read(&layer.into(), reader)?);
        }
        Ok(context)
    }
}

/// The numbers of a list of extensions.
fn extensions(
    message: &Merged<'_>,
    number: u64,
    reader: &mut Reader,
) -> Result<Vec<u32>, HefFileError> {
    let mut extensions = Vec::new();
    for extension in message.each(number) {
        let extension = extension?;
        reader.keep(extension)?;
        extensions.push(Merged::from(extension).integer(1)?);
    }
    Ok(extensions)
}

/// Networks for layouts of the chip's clusters, in a group or in an op.
fn layouts(message: &Merged<'_>, reader: &mut Reader) -> Result<Vec<(u32, CoreOp)>, HefFileError> {
    let mut layouts = Vec::new();
    for partial in message.each(7) {
        let partial = partial?;
        reader.keep(partial)?;
        let partial = Merged::from(partial);
        let layout = partial.message(2)?.integer(1)?;
        layouts.push((layout, CoreOp::read(&partial.message(1)?, reader)?));
    }
    Ok(layouts)
}
