//! HEFs for the stand-in: a version 2 container around a description with no weights.
//!
//! libhailort 4.23 reads and describes them, too. It does not configure a chip with them, for which
//! the actions of their contexts are missing.

use frame::InputSize;
use tensors::{ElementType, Role};

/// The extensions that a HEF of today's compilers needs to be read: ops, and buffers computed on the
/// host, beside what comes with them.
const EXTENSIONS: [u64; 11] = [0, 1, 2, 3, 4, 12, 13, 18, 20, 23, 26];
/// Contexts of each network group: with more than one, batches pay.
const CONTEXTS: usize = 2;
/// A layout of a Hailo-8L's clusters.
const LAYOUT: u64 = 0x1f;

/// The number of the first stream from the chip.
const FIRST_OUTPUT: u64 = 16;

/// The name of the mock's network in a HEF.
pub const FAST_SAM: &str = "fast_sam_s";

/// A HEF for the mock's network with an input of 640 x 640, for a Hailo-8 or a Hailo-8L.
pub fn sample_hef(hailo8l: bool) -> Vec<u8> {
    sample_hef_for(InputSize::DEFAULT, hailo8l)
}

/// The same for inputs of this size.
pub fn sample_hef_for(input: InputSize, hailo8l: bool) -> Vec<u8> {
    hef(if hailo8l { 3 } else { 1 }, &[FAST_SAM], input)
}

/// A HEF for a chip as HEFs number them, with these network groups: [`FAST_SAM`] is the mock's, and
/// any other takes an array of bytes and gives one.
pub fn sample_hef_of(architecture: u64, groups: &[&str]) -> Vec<u8> {
    hef(architecture, groups, InputSize::DEFAULT)
}

fn hef(architecture: u64, groups: &[&str], input: InputSize) -> Vec<u8> {
    let header = [
        number(1, architecture),
        number(2, 1_735_689_600),
        field(3, b"stand-in"),
        number(4, 1),
    ];
    let mut message = field(1, &header.concat());
    for name in groups {
        message.extend(field(2, &group(name, architecture == 3, input)));
    }
    for extension in EXTENSIONS {
        message.extend(field(5, &number(1, extension)));
    }

    let mut hef = b"\x01HEF".to_vec();
    hef.extend(2_u32.to_be_bytes());
    hef.extend(u32::try_from(message.len()).unwrap_or(0).to_be_bytes());
    hef.extend(xxhash_rust::xxh3::xxh3_64(&message).to_be_bytes());
    hef.extend([0; 24]);
    hef.extend(message);
    hef
}

/// A layer at the host.
struct Layer {
    name: String,
    shape: [usize; 3],
    bytes: u64,
    scale: f32,
    zero_point: f32,
}

impl Layer {
    /// An array of bytes.
    fn bytes(name: String, shape: [usize; 3]) -> Self {
        Self {
            name,
            shape,
            bytes: 1,
            scale: 1.0,
            zero_point: 0.0,
        }
    }

    fn message(&self, stream: u64) -> Vec<u8> {
        let [height, width, features] = self.shape.map(|n| n as u64);
        let base = [
            number(1, height),
            number(2, height),
            number(3, width),
            number(4, width.next_multiple_of(8)),
            number(5, features),
            number(6, features.next_multiple_of(8)),
            number(8, stream),
            number(9, (width * features * self.bytes).min(65_535)),
            number(10, height),
            number(12, self.bytes),
            // The first buffer of the first cluster.
            field(13, &[]),
        ];
        let numeric = [float(1, self.zero_point), float(2, self.scale)];
        [
            field(1, self.name.as_bytes()),
            field(2, &base.concat()),
            field(3, &numeric.concat()),
        ]
        .concat()
    }
}

/// The input and the outputs of a network group.
fn layers(name: &str, size: InputSize) -> (Layer, Vec<Layer>) {
    let input = |shape| Layer::bytes(format!("{name}/input_layer1"), shape);
    if name != FAST_SAM {
        let output = Layer::bytes(format!("{name}/output_layer1"), [10, 10, 8]);
        return (input([32, 32, 3]), vec![output]);
    }
    let layout = accelerator::mock::Network::layout(size);
    let outputs = Role::ALL.map(|role| {
        let info = layout.info(role);
        Layer {
            name: info.name.clone(),
            shape: info.shape,
            bytes: match info.element_type {
                ElementType::U8 => 1,
                ElementType::U16 => 2,
            },
            scale: info.quant.scale,
            zero_point: info.quant.zero_point,
        }
    });
    let shape = [size.height() as usize, size.width() as usize, 3];
    (input(shape), outputs.into())
}

fn group(name: &str, has_layouts: bool, size: InputSize) -> Vec<u8> {
    let metadata = field(1, &field(1, name.as_bytes()));
    let (input, outputs) = layers(name, size);
    // All layers at the host are in the first context.
    let mut edges = edge(false, &input, 0);
    for (pad, output) in (0..).zip(&outputs) {
        edges.extend(edge(true, output, pad));
    }
    let mut contexts = field(3, &field(3, &edges));
    for _ in 1..CONTEXTS {
        contexts.extend(field(3, &field(3, &[])));
    }
    let sorted: Vec<u8> = outputs
        .iter()
        .flat_map(|output| field(4, output.name.as_bytes()))
        .collect();
    let network = field(6, name.as_bytes());

    let plain = [&metadata[..], &contexts, &sorted, &network].concat();
    let layout = field(2, &number(1, LAYOUT));
    let mut core_op = plain.clone();
    let mut group = [&metadata[..], &sorted, &network].concat();
    if has_layouts {
        core_op.extend(field(7, &[field(1, &plain), layout.clone()].concat()));
        group.extend(field(7, &[field(1, &metadata), layout].concat()));
    }
    group.extend(field(8, &field(4, &core_op)));
    group.extend(field(10, name.as_bytes()));
    group
}

fn edge(output: bool, layer: &Layer, pad: u64) -> Vec<u8> {
    // Inputs and outputs have numbers of their own.
    let stream = if output { FIRST_OUTPUT + pad } else { 0 };
    let mut edge = [number(1, output.into()), field(3, &layer.message(stream))].concat();
    if output {
        edge.extend(number(7, pad));
    }
    field(2, &edge)
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint(&mut field, content.len() as u64);
    field.extend_from_slice(content);
    field
}

fn number(number: u8, value: u64) -> Vec<u8> {
    let mut field = vec![number << 3];
    varint(&mut field, value);
    field
}

fn float(number: u8, value: f32) -> Vec<u8> {
    let mut field = vec![number << 3 | 5];
    field.extend_from_slice(&value.to_le_bytes());
    field
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
