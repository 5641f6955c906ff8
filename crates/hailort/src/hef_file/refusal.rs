//! What libhailort refuses when it is given a HEF, as far as the description shows.
//!
//! The library answers these with a status (91, 92, 26 or 8) and a line in its own log, which
//! fastsamd does not have it write. So that `fastsamd hef` need not call a file fit that the library
//! won't take, the checks that a whole file can fail are made here as its sources make them. The
//! library has more of them, deep inside the actions of a context: for those it is asked itself.

use std::collections::BTreeSet;

use super::{
    description::{Context, CoreOp, Description, Group},
    extension,
    layer::{AT_THE_HOST, Base, EdgeLayer, LayerInfo, Mux, Part},
    limits::MAX_NETWORK_GROUPS,
    order::DataOrder,
    verdict::{MAX_LIBRARY_NAME, output_names, quoted},
};

/// How layers are connected: to another context, through memory, to a cache.
const TO_CONTEXT: u32 = 1;
const THROUGH_MEMORY: u32 = 2;
const TO_CACHE: u32 = 3;

/// What the library refuses, as the rest of a sentence about the HEF.
type Found = Option<String>;

/// Finds what the library would refuse, in a description in a container of this version.
pub(super) fn find(description: &Description, container: u32) -> Found {
    let unknown = description
        .extensions
        .iter()
        .find(|extension| !extension::is_known(**extension));
    if let Some(extension) = unknown {
        return Some(format!(
            "it needs extension {extension}, which HailoRT 4.23 does not know"
        ));
    }
    if !description.has_extension(extension::PERIPH_CALCULATION) {
        return Some(format!(
            "it lacks extension {}: its compiler is outdated",
            extension::PERIPH_CALCULATION
        ));
    }
    if description.has_extension(extension::SHARED_CONFIG) && container < 3 {
        return Some(format!(
            "it needs extension {} in a container of version {container}",
            extension::SHARED_CONFIG
        ));
    }
    if description.groups.len() > MAX_NETWORK_GROUPS {
        return Some(format!(
            "it has {} network groups, more than {MAX_NETWORK_GROUPS}",
            description.groups.len()
        ));
    }
    let mut names = BTreeSet::new();
    description.groups.iter().find_map(|group| {
        if !names.insert(group.name()) {
            let name = quoted(group.name());
            return Some(format!("two of its network groups are called {name}"));
        }
        of_group(group, description)
    })
}

fn of_group(group: &Group, description: &Description) -> Found {
    let name = quoted(group.name());
    let chip = description.architecture;
    let has_ops = description.has_ops();
    if !chip.has_layouts() && group.own.name != group.name() {
        return Some(format!(
            "network group {name} is also called {}",
            quoted(&group.own.name)
        ));
    }
    if has_ops && group.unknown_op {
        return Some(format!("network group {name} has an op of an unknown kind"));
    }
    group
        .core_ops(chip, has_ops)
        .into_iter()
        .find_map(|(_, core_op)| of_core_op(core_op, description))
        .or_else(|| of_sorted_outputs(group, description))
        .map(|found| format!("in network group {name}, {found}"))
}

/// Each output of the network must be in the list by which outputs are sorted.
fn of_sorted_outputs(group: &Group, description: &Description) -> Found {
    let has_ops = description.has_ops();
    let main = group.main(has_ops)?;
    let shown = group.shown(description.architecture, has_ops)?;
    let of_layout = group
        .layouts
        .first()
        .map(|(_, layout)| &layout.sorted_outputs);
    let sorted = if main.fused.in_use {
        &main.fused.sorted_outputs
    } else if let Some(of_layout) = of_layout.filter(|list| !has_ops && !list.is_empty()) {
        of_layout
    } else if group.own.sorted_outputs.is_empty() {
        &main.contexts.last()?.sorted_outputs
    } else {
        &group.own.sorted_outputs
    };
    // With an op behind it or fused, a layer is no output of its own.
    if main.fused.in_use || has_ops && !group.host_ops.is_empty() {
        return None;
    }
    let edges = shown.contexts.iter().flat_map(|context| &context.layers);
    let outputs = edges.filter(|layer| layer.is_output && layer.connection == AT_THE_HOST);
    let mut names = outputs.flat_map(output_names);
    let missing = names.find(|name| !sorted.iter().any(|listed| listed == name))?;
    Some(format!("the list of outputs lacks {}", quoted(missing)))
}

fn of_core_op(core_op: &CoreOp, description: &Description) -> Found {
    if let Some(why) = core_op.preliminary.refusal {
        return Some(why.to_owned());
    }
    let found = core_op
        .contexts
        .iter()
        .find_map(|context| of_context(context, core_op, description));
    if found.is_some() {
        return found;
    }
    let mut names = BTreeSet::new();
    let edges = core_op.contexts.iter().flat_map(|context| &context.layers);
    let mut streams = edges
        .filter(|layer| layer.connection == AT_THE_HOST)
        .filter_map(|layer| stream_name(layer.part.as_ref()?));
    let twice = streams.find(|name| !names.insert(*name))?;
    Some(format!("two layers are called {}", quoted(twice)))
}

fn stream_name(part: &Part) -> Option<&str> {
    Some(match part {
        Part::Layer(info) => &info.name,
        Part::Mux(mux) => &mux.name,
        Part::Planes(planes) => &planes.name,
    })
}

fn of_context(context: &Context, core_op: &CoreOp, description: &Description) -> Found {
    if let Some(why) = context.operations.refusal {
        return Some(why.to_owned());
    }
    context
        .layers
        .iter()
        .find_map(|layer| of_edge_layer(layer, core_op, description))
}

fn of_edge_layer(layer: &EdgeLayer, core_op: &CoreOp, description: &Description) -> Found {
    if description.has_optional_extension(extension::MULTI_NETWORK)
        && usize::try_from(layer.network).is_ok_and(|network| network >= core_op.networks.len())
    {
        return Some(format!("there is no network of number {}", layer.network));
    }
    let info = match (&layer.part, layer.connection) {
        (Some(part), AT_THE_HOST) => return of_part(part, layer.is_output, description),
        (None, AT_THE_HOST) => return Some("a layer is of an unknown type".to_owned()),
        (Some(Part::Layer(info)), TO_CONTEXT | THROUGH_MEMORY | TO_CACHE) => info,
        (_, TO_CONTEXT | THROUGH_MEMORY | TO_CACHE) => {
            return Some("a layer between contexts is not a plain one".to_owned());
        }
        (_, connection) => {
            return Some(format!(
                "a layer is connected in an unknown way ({connection})"
            ));
        }
    };
    let is_connected = match layer.connection {
        TO_CONTEXT if layer.is_output => !layer.connected.is_empty(),
        // What comes in here must go out there.
        TO_CONTEXT => layer
            .connected
            .first()
            .is_some_and(|place| is_source(*place, core_op)),
        THROUGH_MEMORY => layer.connected.len() == 1,
        // As a signed number it must not be below 0.
        _ => layer.cache_id <= i32::MAX.unsigned_abs(),
    };
    if !is_connected {
        return Some(format!(
            "layer {} is not connected as it says",
            quoted(&info.name)
        ));
    }
    of_base(&info.name, &info.base)
}

/// Whether a stream of a context feeds other contexts.
fn is_source((context, stream): (u32, u32), core_op: &CoreOp) -> bool {
    let context = usize::try_from(context).unwrap_or(usize::MAX);
    let layers = core_op.contexts.get(context).map(|context| &context.layers);
    let mut outputs = layers
        .into_iter()
        .flatten()
        .filter(|layer| layer.is_output && layer.connection == TO_CONTEXT);
    outputs.any(|layer| match &layer.part {
        Some(Part::Layer(info)) => info.base.stream == stream,
        _ => false,
    })
}

fn of_part(part: &Part, is_output: bool, description: &Description) -> Found {
    let name = stream_name(part)?;
    if name.len() > MAX_LIBRARY_NAME {
        return Some(format!(
            "layer {} has a name of more than {MAX_LIBRARY_NAME} bytes",
            quoted(name)
        ));
    }
    match part {
        Part::Layer(info) => of_layer(info, is_output, description),
        Part::Mux(mux) => of_base(&mux.name, &mux.base).or_else(|| {
            mux.seen().find_map(|part| match part {
                Some(part) => of_part(part, is_output, description).or_else(|| of_muxed(part, mux)),
                None => Some(format!("mux {} has an unknown part", quoted(&mux.name))),
            })
        }),
        Part::Planes(planes) => planes.planes.iter().find_map(|plane| match plane {
            Some(plane) => of_layer(plane, is_output, description),
            None => Some(format!("a plane of {} is no plain layer", quoted(name))),
        }),
    }
}

/// The parts of a mux have its type.
fn of_muxed(part: &Part, mux: &Mux) -> Found {
    let (part, whole) = (part.base()?.element_bytes, mux.base.element_bytes);
    (part != whole).then(|| {
        format!(
            "mux {} has elements of {whole} bytes, and a layer of it of {part}",
            quoted(&mux.name)
        )
    })
}

fn of_layer(info: &LayerInfo, is_output: bool, description: &Description) -> Found {
    let name = quoted(&info.name);
    if info.base.argmax_on_the_host {
        return Some(format!(
            "layer {name} has its argmax on the host, which is outdated"
        ));
    }
    if let Some(found) = of_base(&info.name, &info.base) {
        return Some(found);
    }
    if !description.has_extension(extension::SCALE_PER_CHANNEL) {
        return None;
    }
    let lists = [&info.numeric.zero_points, &info.numeric.scales];
    if !is_output && lists.iter().any(|list| list.differ) {
        return Some(format!(
            "the channels of input {name} have different scales"
        ));
    }
    let channels = usize::try_from(info.base.shape[2]).unwrap_or(usize::MAX);
    let is_nms = DataOrder::of_stream(info.base.order) == DataOrder::Nms;
    if is_output && !is_nms && lists.iter().any(|list| list.count != channels) {
        return Some(format!("output {name} has not a scale for each channel"));
    }
    None
}

fn of_base(name: &str, base: &Base) -> Found {
    let name = quoted(name);
    if !matches!(base.element_bytes, 1 | 2) {
        return Some(format!(
            "layer {name} has elements of {} bytes",
            base.element_bytes
        ));
    }
    match DataOrder::of_stream(base.order) {
        DataOrder::Unknown(order) => {
            return Some(format!("layer {name} has data of unknown order {order}"));
        }
        // Three colours and a byte: another padding fails with the first frame.
        DataOrder::Rgb888 if base.padded[2] != 4 => {
            return Some(format!(
                "layer {name} has RGB888 data padded to {} channels, not 4",
                base.padded[2]
            ));
        }
        _ => {}
    }
    let (words, bytes) = (u32::from(u16::MAX), u32::from(u8::MAX));
    for (what, number, most) in [
        ("bytes in a buffer", base.bytes_per_buffer, words),
        ("buffers in a frame", base.buffers_per_frame, words),
        ("as the number of its stream", base.stream, bytes),
        ("as the number of its engine", base.engine, bytes),
    ] {
        if number > most {
            return Some(format!(
                "layer {name} has {number} {what}, more than {most}"
            ));
        }
    }
    None
}
