//! A model file's outline: whether each part lies within the part that holds it.
//!
//! rten takes the lengths in a file on trust: it makes room for what a damaged file announces, and that
//! may be terabytes, which ends the process. So they are looked at before, and how deep parts lie in
//! each other, too. The encoding is protobuf's, <https://protobuf.dev/programming-guides/encoding/>;
//! the numbers of fields are those of <https://onnx.ai>'s `onnx.proto`.

/// How deep parts may lie in each other. Graphs within graphs, which have some five levels each, are
/// loops and branches.
const DEEPEST: usize = 64;

/// What a part of a file is.
#[derive(Clone, Copy)]
enum Part {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    /// Texts and numbers, in which nothing lies.
    Plain,
}

impl Part {
    /// What lies in this part's field of this number; nothing of texts, bytes and what rten skips.
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6) => Some(Self::Graph),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5) => Some(Self::Tensor),
            (Self::Graph, 11..=13) => Some(Self::ValueInfo),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::ValueInfo, 2) | (Self::SequenceType, 1) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::Type, 4) => Some(Self::SequenceType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Some(Self::Plain),
            _ => None,
        }
    }
}

/// Looks at a whole file. The error says where it is wrong.
pub(crate) fn check(file: &[u8]) -> Result<(), String> {
    let wrong = |(rest, what): Wrong| {
        let at = file.len() - rest;
        format!("the file is damaged, or no ONNX file: at byte {at} is {what}")
    };
    part(file, Part::Model, 0, 0).map_err(wrong)
}

/// How many bytes before the end of the file something is wrong, and what.
type Wrong = (usize, &'static str);

/// Looks at one part; `behind` is how many bytes of the file follow it.
fn part(mut bytes: &[u8], kind: Part, behind: usize, depth: usize) -> Result<(), Wrong> {
    if depth > DEEPEST {
        return Err((behind + bytes.len(), "a part too deep within others"));
    }
    while !bytes.is_empty() {
        let start = behind + bytes.len();
        let cut_off = (start, "a part that is cut off");
        let key = varint(&mut bytes).ok_or((start, "no number of a field"))?;
        let length = match key & 7 {
            0 => {
                varint(&mut bytes).ok_or(cut_off)?;
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes).ok_or(cut_off)?,
            5 => 4,
            _ => return Err((start, "a field of an unknown kind")),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let too_long = (start, "a part longer than what holds it");
        let (field, rest) = bytes.split_at_checked(length).ok_or(too_long)?;
        bytes = rest;
        if key & 7 == 2
            && let Some(kind) = kind.field(key >> 3)
        {
            part(field, kind, behind + rest.len(), depth + 1)?;
        }
    }
    Ok(())
}

/// Takes a number of at most 64 bits.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &[u8] = include_bytes!("../../../tests/data/onnx/tiny_two_320.onnx");

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        assert!(length < 1 << 14);
        let mut field = vec![number << 3 | 2, length as u8 | 0x80, (length >> 7) as u8];
        field.extend(content);
        field
    }

    #[test]
    fn a_model_is_whole_and_half_of_it_is_not() {
        assert_eq!(check(MODEL), Ok(()));
        let error = check(&MODEL[..MODEL.len() / 2]).unwrap_err();
        assert!(
            error.ends_with("is a part longer than what holds it"),
            "{error}"
        );
    }

    #[test]
    fn a_length_beyond_the_part_that_holds_it_is_found_where_it_is() {
        // A model, its graph, a node, the name of an input, which claims more than there is.
        let mut node = field(1, b"images");
        node[1..3].copy_from_slice(&[0xff, 0x7f]);
        let mut file = field(7, &field(1, &node));
        let error = check(&file).unwrap_err();
        assert!(error.contains("at byte 6 is"), "{error}");
        // Others may follow.
        file.extend([0; 1 << 15]);
        assert!(check(&file).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| {
            let graph = (0..depth).fold(Vec::new(), |graph, _| {
                field(1, &field(5, &field(6, &graph)))
            });
            field(7, &graph)
        };
        assert_eq!(check(&nested(20)), Ok(()));
        let error = check(&nested(40)).unwrap_err();
        assert!(
            error.ends_with("is a part too deep within others"),
            "{error}"
        );
    }

    #[test]
    fn other_files_are_refused() {
        for file in [&b"GIF89a"[..], &[0xff; 12], &[0x08], &[0x0d, 1, 2]] {
            assert!(check(file).is_err(), "{file:?}");
        }
        // A file of nothing has no damage; rten finds that it is no model.
        assert_eq!(check(b""), Ok(()));
    }
}
