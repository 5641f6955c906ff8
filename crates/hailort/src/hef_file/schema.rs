//! Whether a description is one that protobuf parses, field by field.
//!
//! libhailort answers 91 for a description that protobuf can't parse: a text that is not UTF-8, a
//! message that is cut off, numbers that don't fill their list. Here the same is found out before
//! it is asked. The messages, fields and names are those of `hef.proto` of v4.23.0, of which the
//! earlier versions that fastsamd works with hold a part.

use super::{
    error::HefFileError,
    wire::{Message, Value},
};

/// Protobuf's own limit for messages within messages.
const MAX_DEPTH: usize = 100;

/// What a field holds, as far as it can be wrong.
#[derive(Clone, Copy)]
enum Kind {
    /// UTF-8.
    Text,
    /// A message.
    Message(Type),
    /// Numbers of four bytes, together or apart.
    Floats,
    /// Numbers of eight bytes, together or apart.
    Doubles,
    /// Integers, together or apart.
    Integers,
}

/// The messages of a description.
#[derive(Clone, Copy)]
enum Type {
    Hef,
    Header,
    Extension,
    ExternalResource,
    NetworkGroup,
    PartialNetworkGroup,
    GroupMetadata,
    Op,
    Pad,
    CoreOp,
    PartialCoreOp,
    NmsOp,
    YoloNmsOp,
    YoloDecoder,
    YoloxNmsOp,
    SsdNmsOp,
    SsdDecoder,
    SegmentationNmsOp,
    PrototypeInfo,
    Yolov8NmsOp,
    FusedLayers,
    FusedLayer,
    Preliminary,
    Context,
    Operation,
    Trigger,
    Action,
    EnableSequencer,
    Debug,
    ContextMetadata,
    ClusterEnd,
    OrderedTrigger,
    EdgeLayer,
    Edge,
    LayerInfo,
    Mux,
    MuxData,
    Planes,
    ContextSwitch,
    ConnectedContext,
    Base,
    AdditionalInfo,
    NmsInfo,
    Defuse,
    Numeric,
    /// Any that holds integers and bytes alone.
    Plain,
}

impl Type {
    /// The fields that can be wrong.
    fn fields(self) -> &'static [(u64, Kind)] {
        use Kind::{Doubles, Floats, Integers, Message, Text};
        use Type::*;
        match self {
            Hef => &[
                (1, Message(Header)),
                (2, Message(NetworkGroup)),
                (4, Message(Plain)),
                (5, Message(Extension)),
                (6, Message(Extension)),
                (7, Message(ExternalResource)),
            ],
            Header | ExternalResource | PrototypeInfo => &[(3, Text)],
            Extension | ConnectedContext => &[(2, Text)],
            NetworkGroup => &[
                (1, Message(GroupMetadata)),
                (2, Message(Preliminary)),
                (3, Message(Context)),
                (4, Text),
                (5, Message(FusedLayers)),
                (6, Text),
                (7, Message(PartialNetworkGroup)),
                (8, Message(Op)),
                (9, Message(Plain)),
                (10, Text),
            ],
            PartialNetworkGroup => &[(1, Message(NetworkGroup)), (2, Message(Plain))],
            GroupMetadata => &[(1, Text), (7, Message(Plain))],
            Op => &[
                (1, Text),
                (2, Message(Pad)),
                (3, Message(Pad)),
                (4, Message(CoreOp)),
                (5, Message(NmsOp)),
                (6, Message(Plain)),
            ],
            Pad => &[
                (2, Text),
                (5, Message(Numeric)),
                (6, Message(Plain)),
                (7, Message(Plain)),
            ],
            CoreOp => &[
                (1, Message(GroupMetadata)),
                (2, Message(Preliminary)),
                (3, Message(Context)),
                (4, Text),
                (5, Message(FusedLayers)),
                (6, Text),
                (7, Message(PartialCoreOp)),
            ],
            PartialCoreOp => &[(1, Message(CoreOp)), (2, Message(Plain))],
            NmsOp => &[
                (7, Message(YoloNmsOp)),
                (8, Message(YoloxNmsOp)),
                (9, Message(SsdNmsOp)),
                (10, Message(Plain)),
                (11, Message(SegmentationNmsOp)),
                (12, Message(Yolov8NmsOp)),
            ],
            YoloNmsOp => &[(4, Message(YoloDecoder))],
            YoloDecoder => &[(2, Integers), (3, Integers)],
            YoloxNmsOp => &[(3, Message(Plain))],
            SsdNmsOp => &[(9, Message(SsdDecoder))],
            SsdDecoder => &[(1, Floats), (2, Floats)],
            SegmentationNmsOp => &[(3, Message(YoloDecoder)), (4, Message(PrototypeInfo))],
            Yolov8NmsOp => &[(4, Message(Plain))],
            FusedLayers => &[(2, Text), (3, Message(FusedLayer))],
            FusedLayer => &[(1, Message(LayerInfo)), (2, Text), (3, Message(NmsInfo))],
            Preliminary => &[(1, Message(Operation))],
            Context => &[(2, Message(Operation)), (3, Message(ContextMetadata))],
            Operation => &[(1, Message(Trigger)), (2, Message(Action))],
            Trigger => &[
                (2, Message(Plain)),
                (3, Message(Plain)),
                (4, Message(Plain)),
                (5, Message(Plain)),
                (6, Message(Plain)),
                (7, Message(Plain)),
            ],
            Action => &[
                (2, Message(Plain)),
                (3, Message(Plain)),
                (4, Message(Plain)),
                (5, Message(EnableSequencer)),
                (6, Message(Plain)),
                (7, Message(Plain)),
                (8, Message(Plain)),
                (9, Message(Plain)),
                (10, Message(Plain)),
                (11, Message(Plain)),
                (12, Message(Debug)),
                (13, Message(Plain)),
                (14, Message(Plain)),
                (15, Message(Plain)),
                (16, Message(Plain)),
            ],
            EnableSequencer => &[(11, Message(Plain))],
            Debug => &[(2, Message(Plain)), (3, Message(Plain))],
            ContextMetadata => &[
                (1, Text),
                (2, Message(EdgeLayer)),
                (3, Message(ClusterEnd)),
                (4, Message(OrderedTrigger)),
                (5, Text),
                (6, Message(Plain)),
                (7, Message(Plain)),
            ],
            ClusterEnd => &[(2, Message(Trigger))],
            OrderedTrigger => &[(1, Message(Trigger))],
            EdgeLayer => &[
                (3, Message(LayerInfo)),
                (4, Message(Mux)),
                (8, Message(Planes)),
                (5, Message(ContextSwitch)),
            ],
            Edge => &[
                (1, Message(LayerInfo)),
                (2, Message(Mux)),
                (3, Message(Planes)),
            ],
            LayerInfo => &[
                (1, Text),
                (2, Message(Base)),
                (3, Message(Numeric)),
                (4, Text),
                (5, Text),
            ],
            Mux => &[
                (1, Text),
                (2, Message(Base)),
                (3, Message(MuxData)),
                (4, Text),
                (5, Message(Edge)),
                (6, Text),
            ],
            MuxData => &[(4, Integers)],
            Planes => &[(1, Text), (3, Message(Edge))],
            ContextSwitch => &[(2, Text), (5, Text), (8, Message(ConnectedContext))],
            Base => &[(11, Message(AdditionalInfo)), (13, Message(Plain))],
            AdditionalInfo => &[(1, Message(NmsInfo))],
            NmsInfo => &[(6, Message(Defuse))],
            Defuse => &[(3, Text)],
            Numeric => &[(5, Doubles), (6, Doubles)],
            Plain => &[],
        }
    }
}

/// A message that is being looked at.
struct Open<'a> {
    rest: Message<'a>,
    fields: &'static [(u64, Kind)],
}

impl<'a> Open<'a> {
    fn new(message: Message<'a>, kind: Type) -> Self {
        Self {
            rest: message,
            fields: kind.fields(),
        }
    }

    fn kind(&self, number: u64) -> Option<Kind> {
        let field = self.fields.iter().find(|(known, _)| *known == number);
        field.map(|(_, kind)| *kind)
    }
}

/// Checks a whole description.
pub(super) fn check(message: Message<'_>) -> Result<(), HefFileError> {
    // One for each level, so that no file makes this long.
    let mut levels = vec![Open::new(message, Type::Hef)];
    while let Some(level) = levels.last_mut() {
        let Some(field) = level.rest.next() else {
            levels.pop();
            continue;
        };
        let (number, value) = field?;
        // Apart, numbers are whole already; another wire type makes an unknown field.
        let (Some(kind), Value::Bytes(content)) = (level.kind(number), value) else {
            continue;
        };
        let within = match kind {
            Kind::Text => {
                check_text(content)?;
                continue;
            }
            Kind::Floats => {
                check_numbers(content, |rest| rest.fixed::<4>().map(|_| ()))?;
                continue;
            }
            Kind::Doubles => {
                check_numbers(content, |rest| rest.fixed::<8>().map(|_| ()))?;
                continue;
            }
            Kind::Integers => {
                check_numbers(content, |rest| rest.packed_varint().map(|_| ()))?;
                continue;
            }
            Kind::Message(within) => within,
        };
        if levels.len() > MAX_DEPTH {
            return Err(content.broken("messages lie too deep within each other"));
        }
        levels.push(Open::new(content, within));
    }
    Ok(())
}

fn check_text(text: Message<'_>) -> Result<(), HefFileError> {
    match std::str::from_utf8(text.bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(text.broken("a name is not UTF-8")),
    }
}

/// Checks that numbers fill their list.
fn check_numbers(
    mut list: Message<'_>,
    take: impl Fn(&mut Message<'_>) -> Result<(), HefFileError>,
) -> Result<(), HefFileError> {
    while !list.is_empty() {
        take(&mut list)?;
    }
    Ok(())
}
