//! What kills libhailort: descriptions with a right checksum that it reads without looking.
//!
//! The library takes much of a description on trust: it indexes lists without asking for their
//! length, looks names up in maps that throw, and copies weights from wherever the file says. A
//! C++ exception that passes the C interface ends a Rust program as surely as a bad pointer does.
//! [`judge`] finds what its published sources (4.20 to 4.23, which agree in all of this) would
//! crash on, so that such a file never reaches it. Each rule names what the library does there.
//!
//! Most crash when the HEF is read or described. Sizes, weights and channels are used when the
//! network is configured, on whatever chip there is: no trial in another process shows those.

use super::{
    description::{CoreOp, Description, Group},
    extension,
    flaw::Flaw,
    host_op::HostOp,
    layer::{AT_THE_HOST, Base, EdgeLayer, LayerInfo, Mux, Part},
    operation::Operations,
    order::DataOrder,
};

/// What the library has room for in a name, without the NUL at its end.
pub(super) const MAX_LIBRARY_NAME: usize = 127;
/// The same for the name of a network, which holds its group's.
const MAX_NETWORK_NAME: usize = 256;
/// Contexts are counted in 16 bits.
const MAX_CONTEXTS: usize = 65_535;
/// Planes are counted in 8 bits.
const MAX_PLANES: usize = 255;
/// Room is made for as many height ratios as a mux claims; none has that many.
const MAX_RATIOS: u32 = 65_536;
/// Layers in a mux, and in muxes in it, that the library has room for.
const MAX_MUXED: usize = 31;
/// Outputs that the library sorts safely whatever it compares them by.
const MAX_OUTPUTS_WITHOUT_ORDER: usize = 16;
/// Bytes of the chip's queue for a stream, at most.
const QUEUE_BYTES: u32 = 0x1_0000;
/// Quantizations of an NMS output.
const NMS_QUANTIZATIONS: u32 = 2;

type Verdict = Result<(), Flaw>;

fn flaw(what: impl Into<String>) -> Verdict {
    Err(Flaw(what.into()))
}

/// A name of the file's, fit to be shown: in quotes, without control characters, not too long.
pub(super) fn quoted(name: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = name.chars().take(LONGEST).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("'{}'", shown.escape_debug())
}

/// Finds what the library would crash on.
pub(super) fn judge(description: &Description) -> Verdict {
    if description.version == 0 {
        // Ops and extensions don't count then, and what is left is read as if it were a network.
        return flaw("its description has format version 0, of compilers long outdated");
    }
    if description.groups.is_empty() {
        // The first is described without asking whether there is one.
        return flaw("it has no network group");
    }
    let judge = Judge { description };
    description
        .groups
        .iter()
        .try_for_each(|group| judge.group(group))
}

/// What the rules need to know of the whole file.
struct Judge<'a> {
    description: &'a Description,
}

impl Judge<'_> {
    fn group(&self, group: &Group) -> Verdict {
        let name = quoted(group.name());
        let chip = self.description.architecture;
        let has_ops = self.description.has_ops();
        let Some(main) = group.main(has_ops) else {
            // The first op for the chip is looked for, and used even if there is none.
            return flaw(format!("network group {name} has no op for the chip"));
        };
        let core_ops = group.core_ops(chip, has_ops);
        if chip.has_layouts() && (group.layouts.is_empty() || core_ops.is_empty()) {
            // The first layout is asked for the group's name, the lowest for its layers.
            return flaw(format!(
                "network group {name} is for a {chip} and has no layout of that chip"
            ));
        }
        if group.name().len() > MAX_LIBRARY_NAME {
            // The name, and that of the default network made of it, are copied into fixed arrays.
            return flaw(format!(
                "network group {name} has a name of more than {MAX_LIBRARY_NAME} bytes"
            ));
        }
        self.sorted_outputs(&name, group, main)?;
        for (_, core_op) in core_ops {
            if core_op.name != group.name() {
                // Post-processing is filed under one name and looked up under the other.
                return flaw(format!(
                    "network group {name} and its network for the chip, {}, have different names",
                    quoted(&core_op.name)
                ));
            }
            self.core_op(&name, core_op)?;
            if has_ops {
                self.host_ops(&name, group, core_op)?;
            }
        }
        Ok(())
    }

    /// Without a list of sorted outputs, the last context is asked.
    fn sorted_outputs(&self, name: &str, group: &Group, main: &CoreOp) -> Verdict {
        let of_layout = group.layouts.first().map(|(_, layout)| layout);
        let has_list = main.fused.in_use
            || !group.own.sorted_outputs.is_empty()
            || (!self.description.has_ops()
                && of_layout.is_some_and(|layout| !layout.sorted_outputs.is_empty()));
        if !has_list && main.contexts.is_empty() {
            return flaw(format!(
                "network group {name} has neither a list of outputs nor a context"
            ));
        }
        Ok(())
    }

    fn core_op(&self, name: &str, core_op: &CoreOp) -> Verdict {
        if core_op.contexts.is_empty() {
            // The first is used without asking.
            return flaw(format!("network group {name} has no contexts"));
        }
        if core_op.contexts.len() > MAX_CONTEXTS {
            // The counter never gets there: the library reads contexts for ever.
            return flaw(format!(
                "network group {name} has more than {MAX_CONTEXTS} contexts"
            ));
        }
        let is_too_long = |network: &&String| name_of_network(core_op, network) > MAX_NETWORK_NAME;
        if self
            .description
            .has_optional_extension(extension::MULTI_NETWORK)
            && let Some(network) = core_op.networks.iter().find(is_too_long)
        {
            // Copied into a fixed array.
            return flaw(format!(
                "network {} of group {name} has, with its group's, a name of more than \
                 {MAX_NETWORK_NAME} bytes",
                quoted(network)
            ));
        }
        operations(name, &core_op.preliminary)?;
        for context in &core_op.contexts {
            operations(name, &context.operations)?;
            for layer in &context.layers {
                if layer.connection == AT_THE_HOST {
                    self.edge_layer(core_op, layer)?;
                }
            }
        }
        Ok(())
    }

    fn edge_layer(&self, core_op: &CoreOp, layer: &EdgeLayer) -> Verdict {
        match &layer.part {
            Some(Part::Layer(info)) => {
                self.layer(core_op, info, layer.is_output)?;
                self.frame(&info.name, &info.base, true)
            }
            Some(Part::Mux(mux)) => {
                self.mux(core_op, mux, layer.is_output)?;
                self.frame(&mux.name, &mux.base, false)
            }
            Some(Part::Planes(planes)) => {
                let name = quoted(&planes.name);
                if planes.planes.is_empty() {
                    // The first is asked for its type.
                    return flaw(format!("layer {name} is in planes and has none"));
                }
                if planes.planes.len() > MAX_PLANES {
                    // The counter never gets there.
                    return flaw(format!("layer {name} has more than {MAX_PLANES} planes"));
                }
                for plane in planes.planes.iter().flatten() {
                    self.layer(core_op, plane, layer.is_output)?;
                    self.frame(&plane.name, &plane.base, true)?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn layer(&self, core_op: &CoreOp, info: &LayerInfo, is_output: bool) -> Verdict {
        has_buffer(&info.name, &info.base)?;
        let is_nms = DataOrder::of_stream(info.base.order) == DataOrder::Nms;
        if self.description.has_extension(extension::SCALE_PER_CHANNEL) && !is_output {
            // Of an output, the lists' lengths are checked; of an input they are not. Where the
            // count passes 31 bits it is negative, and nothing is read.
            let wanted = match is_nms {
                true => NMS_QUANTIZATIONS,
                false => info.base.shape[2],
            };
            let wanted = i32::try_from(wanted).unwrap_or(0).unsigned_abs() as usize;
            let lists = [&info.numeric.zero_points, &info.numeric.scales];
            if lists.iter().any(|list| list.count < wanted) {
                return flaw(format!(
                    "input {} has fewer scales or zero points than its {wanted} channels",
                    quoted(&info.name)
                ));
            }
        }
        if core_op.fused.in_use && is_nms && info.base.nms.is_split {
            let layers = core_op.fused.layers.iter();
            for whole in layers.filter(|whole| whole.name == info.base.nms.whole) {
                has_buffer(&whole.name, &whole.base)?;
            }
        }
        Ok(())
    }

    fn mux(&self, core_op: &CoreOp, mux: &Mux, is_output: bool) -> Verdict {
        has_buffer(&mux.name, &mux.base)?;
        let (said, found) = (mux.said, mux.parts.len());
        if usize::try_from(said) != Ok(found) {
            // As many are read, and room is made for as many, as the count says.
            return flaw(format!(
                "mux {} should have {said} layers and has {found}",
                quoted(&mux.name)
            ));
        }
        if mux.ratios_said > MAX_RATIOS {
            return flaw(format!(
                "mux {} should have {} height ratios",
                quoted(&mux.name),
                mux.ratios_said
            ));
        }
        rows(mux)?;
        mux.parts.iter().flatten().try_for_each(|part| match part {
            Part::Layer(info) => self.layer(core_op, info, is_output),
            Part::Mux(inner) => self.mux(core_op, inner, is_output),
            Part::Planes(_) => Ok(()),
        })
    }

    /// When a network is configured, the depth of a stream's queue is a number of bytes divided by
    /// those of its frame.
    fn frame(&self, name: &str, base: &Base, may_be_unpadded: bool) -> Verdict {
        let has_size = if DataOrder::of_stream(base.order) == DataOrder::Nms {
            let nms = &base.nms;
            let burst = !self.description.has_extension(extension::NMS_BURST) || nms.burst > 0;
            burst && ![nms.classes, nms.boxes, nms.box_bytes].contains(&0)
        } else if may_be_unpadded && self.is_unpadded(base) {
            has_size(base.shape, base.element_bytes)
        } else {
            has_size(base.padded, base.element_bytes)
        };
        if has_size {
            return Ok(());
        }
        flaw(format!("layer {} has frames of no size", quoted(name)))
    }

    /// Whether the chip takes a stream's frames without padding, so that theirs is the size.
    fn is_unpadded(&self, base: &Base) -> bool {
        let [rows, columns, channels] = base.shape;
        let row = columns.wrapping_mul(channels);
        let queue = match base.queue_bytes {
            0 => QUEUE_BYTES,
            bytes => bytes.min(QUEUE_BYTES),
        };
        !self
            .description
            .has_optional_extension(extension::HW_PADDING)
            && DataOrder::of_stream(base.order) == DataOrder::Nhcw
            && base.buffers_per_frame & u32::from(u16::MAX) == rows
            && row.is_multiple_of(8)
            && row.wrapping_mul(base.element_bytes) < queue
    }

    /// NMS on the host looks up what its decoders name, and copies the names of its outputs.
    fn host_ops(&self, name: &str, group: &Group, core_op: &CoreOp) -> Verdict {
        let edges = core_op.contexts.iter().flat_map(|context| &context.layers);
        let outputs = edges.filter(|layer| layer.is_output && layer.connection == AT_THE_HOST);
        let pads: Vec<u32> = outputs.clone().filter_map(|layer| layer.pad).collect();
        for op in &group.host_ops {
            host_op(op, &pads)?;
        }
        let names: Vec<&str> = outputs.flat_map(output_names).collect();
        let is_listed = |name: &&str| {
            let mut sorted = group.own.sorted_outputs.iter();
            sorted.any(|listed| listed == name)
        };
        if names.len() > MAX_OUTPUTS_WITHOUT_ORDER
            && group.host_ops.is_empty()
            && !core_op.fused.in_use
            && let Some(missing) = names.iter().find(|name| !is_listed(name))
        {
            // Sorted by their places in a list; what is not in it has no place to be compared by.
            return flaw(format!(
                "the list of outputs of network group {name} lacks {}",
                quoted(missing)
            ));
        }
        Ok(())
    }
}

/// When frames are taken apart, as many rows of each part are copied as its ratio says, from the
/// frame of all into the frame of each.
fn rows(mux: &Mux) -> Verdict {
    let name = quoted(&mux.name);
    if mux.ratios.len() < mux.parts.len() {
        return flaw(format!(
            "mux {name} has {} layers and {} height ratios",
            mux.parts.len(),
            mux.ratios.len()
        ));
    }
    if parts_within(mux) > MAX_MUXED {
        // The list of them has room for as many, and moves when there are more.
        return flaw(format!(
            "mux {name} has more than {MAX_MUXED} layers in all"
        ));
    }
    take_apart(mux, mux.rounds.into())
}

/// Takes a mux's frames apart in so many rounds.
fn take_apart(mux: &Mux, rounds: u64) -> Verdict {
    let name = quoted(&mux.name);
    let mut bytes = 0_u64;
    for (part, ratio) in mux.parts.iter().flatten().zip(&mux.ratios) {
        let Some(base) = part.base() else { continue };
        let (rows, padded) = (u64::from(base.shape[0]), u64::from(base.padded[0]));
        if let Part::Mux(inner) = part {
            let Some(in_a_round) = padded.checked_div(mux.rounds.into()) else {
                return flaw(format!("mux {name} holds another and has no rounds"));
            };
            let rounds = rounds.min(inner.rounds.into());
            take_apart(inner, rounds.saturating_mul(in_a_round))?;
        } else {
            // What passes its rows is left out, and after one more than the padded rows it begins
            // again.
            let copied = rounds.min(rows) + rounds.saturating_sub(padded + 1);
            let copied = copied.saturating_mul(u64::from(*ratio));
            if copied > padded {
                return flaw(format!(
                    "mux {name} has {copied} rows for a layer of {padded}"
                ));
            }
        }
        let row = base.row_bytes().saturating_mul(u64::from(*ratio));
        bytes = bytes.saturating_add(row.saturating_mul(rounds));
    }
    if bytes
        > mux
            .base
            .row_bytes()
            .saturating_mul(mux.base.padded[0].into())
    {
        return flaw(format!("the layers of mux {name} are larger than it is"));
    }
    Ok(())
}

/// Parts of a mux, and parts of those.
fn parts_within(mux: &Mux) -> usize {
    let parts = mux.parts.iter().map(|part| match part {
        Some(Part::Mux(inner)) => 1 + parts_within(inner),
        _ => 1,
    });
    parts.sum()
}

fn name_of_network(core_op: &CoreOp, network: &str) -> usize {
    core_op.name.len() + "/".len() + network.len()
}

/// The names that an output's stream has at the host.
pub(super) fn output_names(layer: &EdgeLayer) -> Vec<&str> {
    fn of_part<'a>(part: &'a Part, names: &mut Vec<&'a str>) {
        match part {
            Part::Layer(info) => names.push(&info.name),
            Part::Mux(mux) => mux.seen().flatten().for_each(|part| of_part(part, names)),
            Part::Planes(planes) => names.push(&planes.name),
        }
    }
    let mut names = Vec::new();
    if let Some(part) = &layer.part {
        of_part(part, &mut names);
    }
    names
}

/// The first buffer on the chip is asked for without asking whether there is one.
fn has_buffer(name: &str, base: &Base) -> Verdict {
    if base.has_buffer {
        return Ok(());
    }
    flaw(format!(
        "layer {} names no buffer on the chip",
        quoted(name)
    ))
}

/// Whether a frame has a size, as the library counts it: in 32 bits, and in words of eight bytes. (It
/// refuses elements of no size by itself.)
fn has_size([rows, columns, channels]: [u32; 3], element_bytes: u32) -> bool {
    let row = columns.wrapping_mul(channels);
    let bytes = rows.wrapping_mul(row).wrapping_mul(element_bytes.max(1));
    bytes.wrapping_add(7) & !7 != 0
}

/// When a network is configured, weights are copied from where the file says, and the channels they
/// come through are looked up one after the other.
fn operations(name: &str, operations: &Operations) -> Verdict {
    if operations.weights_outside {
        return flaw(format!(
            "weights of network group {name} lie outside the file"
        ));
    }
    if operations.has_gap() {
        return flaw(format!(
            "weights of network group {name} come through a channel without those before it"
        ));
    }
    Ok(())
}

fn host_op(op: &HostOp, pads: &[u32]) -> Verdict {
    let name = quoted(&op.name);
    if op.is_nms && op.outputs.is_empty() {
        return flaw(format!("op {name} has no output"));
    }
    if op
        .outputs
        .iter()
        .any(|output| output.len() > MAX_LIBRARY_NAME)
    {
        return flaw(format!(
            "op {name} has an output with a name of more than {MAX_LIBRARY_NAME} bytes"
        ));
    }
    if let Some(pad) = op.decoded.iter().find(|pad| !pads.contains(pad)) {
        return flaw(format!("op {name} decodes pad {pad}, which no output has"));
    }
    if op.needs_all
        && let Some(pad) = op.fed_by.iter().find(|pad| !op.decoded.contains(pad))
    {
        return flaw(format!("op {name} has no decoder for pad {pad}"));
    }
    if op.short_widths {
        return flaw(format!("op {name} has fewer widths of boxes than heights"));
    }
    Ok(())
}
