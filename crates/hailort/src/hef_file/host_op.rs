//! Ops that run on the host, behind the chip: NMS and what else the library computes.
//!
//! ```text
//! Op { name = 1, input_pads = 2 { index = 1 }, output_pads = 3 { index = 1, name = 2 }, nms_op = 5, logits_op = 6 }
//! NmsOp { bbox_decoding_only = 13, yolo = 7 { bbox_decoders = 4 { h = 2, w = 3, pad = 5 } },
//!       yolox = 8 { bbox_decoders = 3 { reg = 2, cls = 3, obj = 4 } },
//!       ssd = 9 { bbox_decoders = 9 { h = 1, w = 2, reg = 3, cls = 4 } }, iou = 10,
//!       yolo_seg = 11 { bbox_decoders = 3 { h = 2, w = 3, pad = 5 } },
//!       yolov8 = 12 { bbox_decoders = 4 { reg = 2, cls = 3 } } }
//! ```
//!
//! Decoders name pads of the network for the chip by number. The library looks them up without
//! asking whether they are there.

use super::{
    error::HefFileError,
    reader::{Merged, Reader},
    wire::Value,
};

/// An op on the host.
#[derive(Debug, Default)]
pub(super) struct HostOp {
    pub(super) name: String,
    /// What it does.
    pub(super) does: &'static str,
    pub(super) is_nms: bool,
    /// Names of its outputs.
    pub(super) outputs: Vec<String>,
    /// Its own pads, each fed by one of the network's.
    inputs: Vec<u32>,
    /// The network's pads that feed it.
    pub(super) fed_by: Vec<u32>,
    /// The network's pads that its decoders name.
    pub(super) decoded: Vec<u32>,
    /// It computes boxes alone, and needs a decoder for each pad that feeds it.
    pub(super) needs_all: bool,
    /// A list of widths is shorter than that of heights.
    pub(super) short_widths: bool,
}

/// Where the decoders of a kind of NMS are, and which of their fields are pads.
const DECODERS: [(u64, u64, &[u64]); 5] = [
    (YOLO, 4, &[5]),
    (8, 3, &[2, 3, 4]),
    (SSD, 9, &[3, 4]),
    (11, 3, &[5]),
    (12, 4, &[2, 3]),
];
const YOLO: u64 = 7;
const SSD: u64 = 9;
/// All kinds of NMS; one has no decoders.
const KINDS: [u64; 6] = [YOLO, 8, SSD, 10, 11, 12];

impl HostOp {
    fn read(op: &Merged<'_>, reader: &mut Reader) -> Result<Self, HefFileError> {
        let mut read = Self {
            name: op.text(1)?,
            ..Self::default()
        };
        for pad in op.each(2) {
            let pad = pad?;
            reader.keep(pad)?;
            read.inputs.push(Merged::from(pad).integer(1)?);
        }
        for pad in op.each(3) {
            let pad = pad?;
            reader.keep(pad)?;
            read.outputs.push(Merged::from(pad).text(2)?);
        }
        Ok(read)
    }

    /// Reads an op that computes argmax or softmax.
    pub(super) fn logits(
        op: &Merged<'_>,
        logits: &Merged<'_>,
        reader: &mut Reader,
    ) -> Result<Self, HefFileError> {
        let does = match logits.integer(1)? {
            0 => "argmax",
            _ => "softmax",
        };
        Ok(Self {
            does,
            ..Self::read(op, reader)?
        })
    }

    /// Reads an op that computes NMS.
    pub(super) fn nms(
        op: &Merged<'_>,
        nms: &Merged<'_>,
        reader: &mut Reader,
    ) -> Result<Self, HefFileError> {
        let mut read = Self {
            does: "NMS",
            is_nms: true,
            ..Self::read(op, reader)?
        };
        let Some((kind, content)) = nms.choice(&KINDS)? else {
            return Ok(read);
        };
        read.needs_all = kind == YOLO && nms.flag(13)?;
        for (_, decoders, pads) in DECODERS.iter().filter(|(known, ..)| *known == kind) {
            for decoder in content.each(*decoders) {
                let decoder = decoder?;
                let merged = Merged::from(decoder);
                for pad in *pads {
                    reader.keep(decoder)?;
                    read.decoded.push(merged.integer(*pad)?);
                }
                if kind == SSD {
                    read.short_widths |= floats(&merged, 2)? < floats(&merged, 1)?;
                }
            }
        }
        Ok(read)
    }

    /// Finds the network's pads that feed this op, of all connections `(from, to)`.
    pub(super) fn connect(&mut self, edges: &[(u32, u32)]) {
        self.fed_by = self
            .inputs
            .iter()
            .filter_map(|input| edges.iter().find(|(_, to)| to == input))
            .map(|(from, _)| *from)
            .collect();
    }
}

/// How many numbers of four bytes a field holds.
fn floats(message: &Merged<'_>, number: u64) -> Result<usize, HefFileError> {
    let mut count = 0;
    for value in message.values(number) {
        match value? {
            Value::Bytes(list) => count += list.bytes.len() / 4,
            Value::Fixed32(_) => count += 1,
            _ => {}
        }
    }
    Ok(count)
}
