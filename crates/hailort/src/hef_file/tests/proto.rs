//! Descriptions to be taken apart: a tree of protobuf messages that tests change and encode.

/// What a field holds.
#[derive(Clone)]
pub(super) enum Field {
    Int(u64),
    Float(f32),
    Bytes(Vec<u8>),
    Doubles(Vec<f64>),
    Message(Proto),
}

/// A message: its fields in their order.
#[derive(Clone, Default)]
pub(super) struct Proto(pub(super) Vec<(u64, Field)>);

impl Proto {
    pub(super) fn int(self, number: u64, value: u64) -> Self {
        self.with(number, Field::Int(value))
    }

    pub(super) fn float(self, number: u64, value: f32) -> Self {
        self.with(number, Field::Float(value))
    }

    pub(super) fn text(self, number: u64, text: &str) -> Self {
        self.with(number, Field::Bytes(text.as_bytes().to_vec()))
    }

    pub(super) fn message(self, number: u64, message: Proto) -> Self {
        self.with(number, Field::Message(message))
    }

    pub(super) fn with(mut self, number: u64, field: Field) -> Self {
        self.0.push((number, field));
        self
    }

    /// The message at the end of a path of numbers and places.
    pub(super) fn at(&mut self, path: &[(u64, usize)]) -> &mut Proto {
        let Some(((number, place), rest)) = path.split_first() else {
            return self;
        };
        let messages = self.0.iter_mut().filter_map(|(found, field)| match field {
            Field::Message(message) if found == number => Some(message),
            _ => None,
        });
        let message = messages.into_iter().nth(*place).expect("such a message");
        message.at(rest)
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.0.retain(|(found, _)| *found != number);
    }

    /// Replaces all fields of a number by one.
    pub(super) fn set(&mut self, number: u64, field: Field) {
        self.remove(number);
        self.0.push((number, field));
    }

    pub(super) fn set_int(&mut self, number: u64, value: u64) {
        self.set(number, Field::Int(value));
    }

    pub(super) fn set_text(&mut self, number: u64, text: &str) {
        self.set(number, Field::Bytes(text.as_bytes().to_vec()));
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, field) in &self.0 {
            let (wire, content) = match field {
                Field::Int(value) => {
                    varint(&mut out, number << 3);
                    varint(&mut out, *value);
                    continue;
                }
                Field::Float(value) => (5, value.to_le_bytes().to_vec()),
                Field::Bytes(bytes) => (2, bytes.clone()),
                Field::Doubles(list) => (2, list.iter().flat_map(|n| n.to_le_bytes()).collect()),
                Field::Message(message) => (2, message.encode()),
            };
            varint(&mut out, number << 3 | wire);
            if wire == 2 {
                varint(&mut out, content.len() as u64);
            }
            out.extend(content);
        }
        out
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The way to the op for the chip, and from there to a context's layers.
pub(super) const CORE_OP: [(u64, usize); 3] = [(2, 0), (8, 0), (4, 0)];

/// The way to a layer of a context.
pub(super) fn edge(context: usize, layer: usize) -> Vec<(u64, usize)> {
    let mut path = CORE_OP.to_vec();
    path.extend([(3, context), (3, 0), (2, layer)]);
    path
}

/// The way to a plain layer's description.
pub(super) fn info(context: usize, layer: usize) -> Vec<(u64, usize)> {
    let mut path = edge(context, layer);
    path.push((3, 0));
    path
}

/// The way to how a plain layer lies in memory.
pub(super) fn base(context: usize, layer: usize) -> Vec<(u64, usize)> {
    let mut path = info(context, layer);
    path.push((2, 0));
    path
}

pub(super) fn base_of(shape: [u64; 3], element_bytes: u64) -> Proto {
    let [rows, columns, channels] = shape;
    Proto::default()
        .int(1, rows)
        .int(2, rows)
        .int(3, columns)
        .int(4, columns.next_multiple_of(8))
        .int(5, channels)
        .int(6, channels.next_multiple_of(8))
        .int(9, 640)
        .int(10, rows)
        .int(12, element_bytes)
        .message(13, Proto::default())
}

pub(super) fn layer_info(name: &str, shape: [u64; 3], bytes: u64, scale: f32, zero: f32) -> Proto {
    Proto::default()
        .text(1, name)
        .message(2, base_of(shape, bytes))
        .message(3, Proto::default().float(1, zero).float(2, scale))
}

/// A plain layer at the host.
pub(super) fn plain(is_output: bool, info: Proto) -> Proto {
    Proto::default()
        .int(1, is_output.into())
        .message(3, info)
        .message(5, Proto::default().int(3, 0))
}

/// A network for the chip: an input, two outputs, and two in a mux, in two contexts.
fn core_op(name: &str) -> Proto {
    let input = plain(false, layer_info("net/input", [640, 640, 3], 1, 1.0, 0.0));
    let scores = plain(true, layer_info("net/scores", [20, 20, 1], 1, 0.5, 3.0)).int(7, 0);
    let boxes = plain(true, layer_info("net/boxes", [20, 20, 64], 2, 0.25, 1000.0)).int(7, 1);
    let part = |name| {
        let info = layer_info(name, [10, 10, 8], 1, 0.5, 3.0);
        Proto::default().message(1, info)
    };
    let mux = Proto::default()
        .text(1, "net/mux")
        .message(2, base_of([10, 40, 8], 1))
        .message(
            3,
            Proto::default()
                .int(1, 2)
                .int(2, 10)
                .int(3, 2)
                .int(4, 1)
                .int(4, 1),
        )
        .message(5, part("net/one"))
        .message(5, part("net/two"));
    let mux = Proto::default().int(1, 1).int(2, 1).message(4, mux);
    let context = |edges: Vec<Proto>| {
        let metadata = edges
            .into_iter()
            .fold(Proto::default(), |all, edge| all.message(2, edge));
        Proto::default().message(3, metadata)
    };
    let outputs = ["net/scores", "net/boxes", "net/one", "net/two"];
    let core_op = Proto::default()
        .message(1, Proto::default().text(1, name))
        .message(3, context(vec![input, scores]))
        .message(3, context(vec![boxes, mux]));
    outputs
        .into_iter()
        .fold(core_op, |all, output| all.text(4, output))
}

/// A description for a chip as HEFs number them, with one network group of this name.
pub(super) fn description(chip: u64, name: &str) -> Proto {
    let header = Proto::default()
        .int(1, chip)
        .int(2, 1_700_000_000)
        .text(3, "3.30.0")
        .int(4, 1);
    let mut description = Proto::default()
        .message(1, header)
        .message(2, group(chip, name));
    for extension in [0, 1, 2, 3, 4, 12, 13, 18, 20, 23, 26] {
        description = description.message(5, Proto::default().int(1, extension));
    }
    description
}

/// A network group.
pub(super) fn group(chip: u64, name: &str) -> Proto {
    let metadata = || Proto::default().text(1, name);
    let mut chip_op = core_op(name);
    let mut group = Proto::default().message(1, metadata());
    for output in ["net/scores", "net/boxes", "net/one", "net/two"] {
        group = group.text(4, output);
    }
    if chip == 3 {
        let layout = || Proto::default().int(1, 0x1f);
        let partial = Proto::default()
            .message(1, core_op(name))
            .message(2, layout());
        chip_op = chip_op.message(7, partial);
        let partial = Proto::default()
            .message(1, Proto::default().message(1, metadata()))
            .message(2, layout());
        group = group.message(7, partial);
    }
    group
        .message(8, Proto::default().message(4, chip_op))
        .text(10, "another name that nobody reads")
}
