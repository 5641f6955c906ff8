//! Which network of a HEF is FastSAM's.
//!
//! A HEF may hold several network groups. FastSAM's is the one whose input is the daemon's and whose
//! outputs are the ten that the post-processor knows; it is then named to the library, which by
//! itself would take another. What this backend does not run is found here too: other chips, files
//! that the library refuses, data in an order that the daemon does not read.
//!
//! Nothing here needs the library: `fastsamd hef` asks the same.

use std::path::Path;

use frame::InputSize;
use hailort::hef_file::{
    Contents, DataOrder, HefArchitecture, Layer, LayerDirection, NetworkGroup,
};
use tensors::{ElementType, Layout, QuantInfo, TensorInfo};

use super::{error::HailoError, misfit::Misfit};

/// The only format version of a description that there has been since HailoRT 4.
const FORMAT_VERSION: u64 = 1;

/// The network group of a HEF that is FastSAM's.
///
/// An error says in a sentence why there is none, or that there are several.
pub fn fitting_group(contents: &Contents) -> Result<&NetworkGroup, Misfit> {
    check_file(contents).map_err(Misfit)?;
    let groups = &contents.network_groups;
    if let [group] = &groups[..] {
        return check_group(group).map(|()| group).map_err(Misfit);
    }
    let mut fitting = groups.iter().filter(|group| check_group(group).is_ok());
    let names = |groups: &mut dyn Iterator<Item = &NetworkGroup>| {
        let names: Vec<_> = groups.map(|group| quoted(&group.name)).collect();
        names.join(", ")
    };
    match (fitting.next(), fitting.next()) {
        (Some(group), None) => Ok(group),
        (Some(first), Some(second)) => {
            let all = names(&mut [first, second].into_iter().chain(fitting));
            Err(Misfit(format!(
                "several of its network groups are FastSAM's: {all}"
            )))
        }
        (None, _) => {
            let all = names(&mut groups.iter());
            Err(Misfit(format!(
                "none of its network groups is FastSAM's: {all}"
            )))
        }
    }
}

/// The name of a HEF's network group that is FastSAM's.
pub(super) fn group_name(hef: &Path, contents: &Contents) -> Result<String, HailoError> {
    match fitting_group(contents) {
        Ok(group) => Ok(group.name.clone()),
        Err(why) => Err(HailoError::Misfit {
            hef: hef.to_owned(),
            why,
        }),
    }
}

/// What is wrong with the whole file.
fn check_file(contents: &Contents) -> Result<(), String> {
    if let Err(flaw) = contents.check() {
        return Err(flaw.to_string());
    }
    match contents.architecture {
        HefArchitecture::Hailo8 | HefArchitecture::Hailo8L => {}
        other => {
            return Err(format!(
                "it is made for a {other}; fastsamd runs HEFs for a Hailo-8 or 8L"
            ));
        }
    }
    if contents.format_version != FORMAT_VERSION {
        return Err(format!(
            "its description has format version {}, fastsamd knows {FORMAT_VERSION}",
            contents.format_version
        ));
    }
    match contents.refusal() {
        Some(why) => Err(format!("HailoRT refuses it: {why}")),
        None => Ok(()),
    }
}

/// What is wrong with a network.
fn check_group(group: &NetworkGroup) -> Result<(), String> {
    if !group.host_ops.is_empty() {
        return Err(format!(
            "it has {} on the host behind the network; fastsamd decodes the network's own outputs",
            group.host_ops.join(" and ")
        ));
    }
    let (inputs, outputs): (Vec<&Layer>, Vec<&Layer>) = group
        .layers
        .iter()
        .partition(|layer| layer.direction == LayerDirection::Input);
    let [input] = inputs[..] else {
        return Err(format!("it has {} inputs, FastSAM has one", inputs.len()));
    };
    let [rows, columns, channels] = input.shape;
    if channels != 3 || input.element_bytes != 1 {
        return Err(format!(
            "its input is {rows}x{columns}x{channels} of {} bytes, FastSAM's has 3 channels of 1",
            input.element_bytes
        ));
    }
    let size = InputSize::new(columns, rows).map_err(|error| format!("its input is {error}"))?;
    check_data(input)?;
    let outputs = outputs
        .into_iter()
        .map(|output| {
            check_data(output)?;
            tensor_info(output)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Layout::bind(&outputs, size)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// What is wrong with how a layer's data lies.
fn check_data(layer: &Layer) -> Result<(), String> {
    let name = quoted(&layer.name);
    // Of one channel, rows and columns alone are the same bytes.
    let is_plain = layer.order == DataOrder::Nhw
        && layer.direction == LayerDirection::Output
        && layer.shape[2] == 1;
    if !layer.order.is_nhwc_at_the_host() && !is_plain {
        return Err(format!(
            "the data of {name} lies as {}, FastSAM's in rows, columns and channels",
            layer.order
        ));
    }
    if layer.transposed {
        return Err(format!("the rows and columns of {name} are exchanged"));
    }
    if layer.muxed {
        return Err(format!(
            "{name} shares a stream with other outputs, which must all be read at once; fastsamd \
             reads one after the other"
        ));
    }
    if layer.scale_per_channel {
        return Err(format!(
            "each channel of {name} has a scale of its own, for which HailoRT shows the scale 0"
        ));
    }
    Ok(())
}

fn tensor_info(layer: &Layer) -> Result<TensorInfo, String> {
    let element_type = match layer.element_bytes {
        1 => ElementType::U8,
        2 => ElementType::U16,
        bytes => {
            let name = quoted(&layer.name);
            return Err(format!(
                "output {name} has elements of {bytes} bytes, expected 1 or 2"
            ));
        }
    };
    Ok(TensorInfo {
        name: layer.name.clone(),
        shape: layer.shape.map(|side| side as usize),
        element_type,
        quant: QuantInfo {
            scale: layer.scale,
            zero_point: layer.zero_point,
        },
    })
}

/// A name of the file's, in quotes and without control characters.
fn quoted(name: &str) -> String {
    format!("'{}'", name.escape_debug())
}

#[cfg(test)]
mod tests {
    use tensors::Role;

    use super::*;

    fn layer(name: &str, direction: LayerDirection, shape: [usize; 3]) -> Layer {
        Layer {
            name: name.to_owned(),
            direction,
            shape: shape.map(|side| side as u32),
            element_bytes: 1,
            scale: 0.5,
            zero_point: 3.0,
            order: DataOrder::Nhcw,
            transposed: false,
            scale_per_channel: false,
            muxed: false,
        }
    }

    fn fast_sam(name: &str) -> NetworkGroup {
        let mut layers = vec![layer("input", LayerDirection::Input, [640, 640, 3])];
        layers.extend(Role::ALL.into_iter().map(|role| {
            let name = format!("{name}/{role}");
            layer(
                &name,
                LayerDirection::Output,
                role.shape(InputSize::DEFAULT, 1),
            )
        }));
        NetworkGroup {
            name: name.to_owned(),
            contexts: 1,
            layers,
            host_ops: Vec::new(),
        }
    }

    fn hef(groups: Vec<NetworkGroup>) -> Contents {
        let mut contents = Contents::default();
        contents.architecture = HefArchitecture::Hailo8;
        contents.format_version = 1;
        contents.network_groups = groups;
        contents
    }

    #[test]
    fn of_several_groups_the_one_that_fits_is_meant() {
        let other = |name: &str| NetworkGroup {
            name: name.to_owned(),
            ..NetworkGroup::default()
        };
        for groups in [
            vec![fast_sam("net")],
            vec![fast_sam("net"), other("zz")],
            vec![other("aa"), other("bb"), fast_sam("net")],
        ] {
            assert_eq!(fitting_group(&hef(groups)).unwrap().name, "net");
        }
        for (groups, expected) in [
            (
                vec![other("aa"), other("b\nb")],
                "none of its network groups is FastSAM's: 'aa', 'b\\nb'",
            ),
            (vec![], "none of its network groups"),
            (
                vec![fast_sam("one"), other("aa"), fast_sam("two")],
                "several of its network groups are FastSAM's: 'one', 'two'",
            ),
        ] {
            let why = fitting_group(&hef(groups)).unwrap_err().to_string();
            assert!(why.contains(expected), "{why}");
        }
    }

    #[test]
    fn what_the_daemon_does_not_run_does_not_fit() {
        type Change = fn(&mut Contents);
        let cases: [(&str, Change); 13] = [
            ("old number 0", |hef| {
                hef.architecture = HefArchitecture::OldHailo8
            }),
            ("made for a Hailo-10H", |hef| {
                hef.architecture = HefArchitecture::Hailo10H
            }),
            ("format version 2", |hef| hef.format_version = 2),
            ("has NMS on the host", |hef| {
                hef.network_groups[0].host_ops = vec!["NMS".into()]
            }),
            ("lies as NV12", |hef| {
                hef.network_groups[0].layers[0].order = DataOrder::Nv12
            }),
            ("lies as NC", |hef| {
                hef.network_groups[0].layers[2].order = DataOrder::Nc
            }),
            ("lies as NHW", |hef| {
                hef.network_groups[0].layers[0].order = DataOrder::Nhw
            }),
            ("are exchanged", |hef| {
                hef.network_groups[0].layers[0].transposed = true
            }),
            ("shares a stream", |hef| {
                hef.network_groups[0].layers[5].muxed = true;
            }),
            ("a scale of its own", |hef| {
                hef.network_groups[0].layers[3].scale_per_channel = true
            }),
            ("elements of 4 bytes", |hef| {
                hef.network_groups[0].layers[3].element_bytes = 4
            }),
            ("its input is 640x640x3 of 2", |hef| {
                hef.network_groups[0].layers[0].element_bytes = 2
            }),
            ("scale NaN", |hef| {
                hef.network_groups[0].layers[4].scale = f32::NAN
            }),
        ];
        for (expected, change) in cases {
            let mut hef = hef(vec![fast_sam("net")]);
            change(&mut hef);
            let why = fitting_group(&hef).unwrap_err().to_string();
            assert!(why.contains(expected), "{expected}: {why}");
        }
    }

    #[test]
    fn orders_that_are_the_same_at_the_host_fit() {
        for order in [
            DataOrder::Nhwc,
            DataOrder::Nhcw,
            DataOrder::Fcr,
            DataOrder::F8cr,
            DataOrder::Rgb888,
        ] {
            let mut hef = hef(vec![fast_sam("net")]);
            hef.network_groups[0].layers[0].order = order;
            hef.network_groups[0].layers[1].order = order;
            fitting_group(&hef).unwrap();
        }
        // The scores have one channel.
        let mut hef = hef(vec![fast_sam("net")]);
        for layer in &mut hef.network_groups[0].layers {
            if layer.shape[2] == 1 {
                layer.order = DataOrder::Nhw;
            }
        }
        fitting_group(&hef).unwrap();
    }
}
