//! Networks as the library describes them: the mock's, and others that are only described.

use accelerator::mock::Network;
use frame::InputSize;
use hailort::hef_file::{LayerDirection, NetworkGroup};
use hailort_sys::*;
use tensors::{ElementType, Layout, QuantInfo, Role, TensorInfo};

use super::memory::name_array;
use crate::{
    registry::{Group, standin},
    sample::FAST_SAM,
    script::{FrameSize, Script, Types},
};

/// What frames of the script's `short` and `padded` lack and have more.
const FRAME_SIZE_OFF: usize = 16;

/// A network's outputs in the order of their names, in the types that the script asks for.
pub(super) fn outputs(group: &NetworkGroup, script: &Script) -> Vec<TensorInfo> {
    if group.name == FAST_SAM {
        mock_outputs(input_size(group), script)
    } else {
        described_outputs(group)
    }
}

/// What the HEF says.
fn described_outputs(group: &NetworkGroup) -> Vec<TensorInfo> {
    let layers = group.layers.iter();
    layers
        .filter(|layer| layer.direction == LayerDirection::Output)
        .map(|layer| TensorInfo {
            name: layer.name.clone(),
            shape: layer.shape.map(|side| side as usize),
            element_type: match layer.element_bytes {
                2 => ElementType::U16,
                _ => ElementType::U8,
            },
            quant: QuantInfo {
                scale: layer.scale,
                zero_point: layer.zero_point,
            },
        })
        .collect()
}

fn mock_outputs(input: InputSize, script: &Script) -> Vec<TensorInfo> {
    let layout: Layout = Network::layout(input);
    let mut infos: Vec<TensorInfo> = Role::ALL
        .into_iter()
        .map(|role| layout.info(role).clone())
        .collect();
    for info in &mut infos {
        match (script.types, info.element_type) {
            // The same real numbers with coarser steps.
            (Types::U8, ElementType::U16) => {
                info.element_type = ElementType::U8;
                info.quant.scale *= 256.0;
                info.quant.zero_point /= 256.0;
            }
            (Types::U16, ElementType::U8) => info.element_type = ElementType::U16,
            _ => {}
        }
    }
    infos.sort_by(|a, b| a.name.cmp(&b.name));
    infos
}

pub(super) fn format_type(info: &TensorInfo) -> hailo_format_type_t {
    match info.element_type {
        ElementType::U8 => HAILO_FORMAT_TYPE_UINT8,
        ElementType::U16 => HAILO_FORMAT_TYPE_UINT16,
    }
}

fn vstream_info(
    name: &str,
    direction: hailo_stream_direction_t,
    type_: hailo_format_type_t,
    shape: [usize; 3],
    quant: [f32; 2],
) -> hailo_vstream_info_t {
    let [height, width, features] = shape.map(|n| n as u32);
    hailo_vstream_info_t {
        name: name_array(name),
        network_name: name_array("fast_sam_s/fast_sam_s"),
        direction,
        format: hailo_format_t {
            type_,
            order: HAILO_FORMAT_ORDER_NHWC,
            flags: 0,
        },
        __bindgen_anon_1: hailo_vstream_info_t__bindgen_ty_1 {
            shape: hailo_3d_image_shape_t {
                height,
                width,
                features,
            },
        },
        quant_info: hailo_quant_info_t {
            qp_zp: quant[1],
            qp_scale: quant[0],
            limvals_min: 0.0,
            limvals_max: 0.0,
        },
    }
}

/// The name and the shape of a network's input.
fn input(group: &NetworkGroup) -> (&str, [usize; 3]) {
    let mut layers = group.layers.iter();
    let input = layers.find(|layer| layer.direction == LayerDirection::Input);
    input.map_or(("", [0; 3]), |input| {
        (&input.name, input.shape.map(|side| side as usize))
    })
}

/// The size of a network's input; the usual one where the mock has no network of that size.
pub(super) fn input_size(group: &NetworkGroup) -> InputSize {
    let [rows, columns, _] = input(group).1;
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    InputSize::new(side(columns), side(rows)).unwrap_or_default()
}

pub(super) fn input_name(group: &NetworkGroup) -> &str {
    input(group).0
}

pub(super) fn input_frame_size(group: &NetworkGroup) -> usize {
    input(group).1.iter().product()
}

pub(super) fn input_info(group: &NetworkGroup) -> hailo_vstream_info_t {
    let (name, shape) = input(group);
    vstream_info(
        name,
        HAILO_H2D_STREAM,
        HAILO_FORMAT_TYPE_UINT8,
        shape,
        [1.0, 0.0],
    )
}

pub(super) fn output_info(info: &TensorInfo) -> hailo_vstream_info_t {
    vstream_info(
        &info.name,
        HAILO_D2H_STREAM,
        format_type(info),
        info.shape,
        [info.quant.scale, info.quant.zero_point],
    )
}

pub(super) fn output_frame_size(group: &Group, index: usize) -> usize {
    let Some(info) = group.outputs.get(index) else {
        return 0;
    };
    let bytes = match info.element_type {
        ElementType::U8 => 1,
        ElementType::U16 => 2,
    };
    let size = info.shape.iter().product::<usize>() * bytes;
    match standin().script().frame_size {
        FrameSize::Short if index == 0 => size.saturating_sub(FRAME_SIZE_OFF),
        FrameSize::Padded if index == 0 => size + FRAME_SIZE_OFF,
        _ => size,
    }
}
