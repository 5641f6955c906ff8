//! NPY files, as far as recordings need them: version 1, C order, 8 or 16 bits, three dimensions.
//!
//! Source: numpy's documentation of `numpy.lib.format`. A header is a Python literal, and a parser
//! for such literals in general can be made to hang or to overflow by a few bytes; this one knows
//! the dictionary of a plain array and nothing else, in one pass.
//!
//! Invariant: the elements are read into a slice that is there already, so a header's claims
//! allocate nothing.

use std::io::{self, Read, Write};

use tensors::ElementType;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Magic, version and length of the header's text.
const PREFIX_BYTES: usize = 10;
/// The elements begin at a multiple of this.
const ALIGNMENT: usize = 64;
/// Bytes converted at a time.
const CHUNK: usize = 4096;

/// What a header says of the elements after it.
#[derive(Debug, PartialEq, Eq)]
struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<u64>,
}

/// Elements to be filled from a file.
pub(super) enum Target<'a> {
    U8(&'a mut [u8]),
    U16(&'a mut [u16]),
}

/// Why a file is not the array that was expected.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    /// It can't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin as one.
    #[error("no NPY file of version 1")]
    Magic,
    /// Its header can't be understood.
    #[error("the NPY file's header is not that of a plain array")]
    Header,
    /// It has other sides.
    #[error("the array is {found:?}, expected {expected:?}")]
    Shape {
        /// Sides found.
        found: Vec<u64>,
        /// Rows, columns, channels.
        expected: [usize; 3],
    },
    /// Columns come first.
    #[error("the array is in Fortran order, expected C order")]
    Order,
    /// It has elements of another type.
    #[error("the array's dtype is '{found}', expected '{expected}'")]
    Dtype {
        /// numpy's name of the type found.
        found: String,
        /// numpy's name of the type of the output.
        expected: &'static str,
    },
    /// It ends too early.
    #[error("the array is cut short: expected {0} bytes of elements")]
    Truncated(usize),
    /// It ends too late.
    #[error("the file goes on after the array's end")]
    Trailing,
}

/// Fills `target` with the elements of the array in `file`, which must have just this shape and
/// the target's type.
pub(super) fn read(
    mut file: impl Read,
    shape: [usize; 3],
    target: Target<'_>,
) -> Result<(), NpyError> {
    let mut prefix = [0; PREFIX_BYTES];
    file.read_exact(&mut prefix)
        .map_err(ended(NpyError::Magic))?;
    let [magic @ .., 1, _, low, high] = &prefix[..] else {
        return Err(NpyError::Magic);
    };
    if magic != MAGIC {
        return Err(NpyError::Magic);
    }
    let mut text = vec![0; usize::from(u16::from_le_bytes([*low, *high]))];
    file.read_exact(&mut text)
        .map_err(ended(NpyError::Header))?;
    let text = std::str::from_utf8(&text).map_err(|_| NpyError::Header)?;
    let header = parse(text).ok_or(NpyError::Header)?;
    check(header, shape, &target)?;
    match target {
        Target::U8(elements) => file
            .read_exact(elements)
            .map_err(ended(NpyError::Truncated(elements.len())))?,
        Target::U16(elements) => {
            let total = elements.len() * 2;
            let mut bytes = [0; CHUNK];
            for part in elements.chunks_mut(CHUNK / 2) {
                let bytes = &mut bytes[..part.len() * 2];
                file.read_exact(bytes)
                    .map_err(ended(NpyError::Truncated(total)))?;
                for (element, pair) in part.iter_mut().zip(bytes.chunks_exact(2)) {
                    *element = u16::from_le_bytes([pair[0], pair[1]]);
                }
            }
        }
    }
    match file.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(NpyError::Trailing),
    }
}

/// Writes the header of an array; its elements, little-endian, are to follow.
pub(super) fn write_header(
    mut file: impl Write,
    shape: [usize; 3],
    element_type: ElementType,
) -> io::Result<()> {
    let [height, width, channels] = shape;
    let descr = descr(element_type);
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({height}, {width}, {channels}), }}"
    );
    let length = (PREFIX_BYTES + text.len() + 1).next_multiple_of(ALIGNMENT) - PREFIX_BYTES;
    text.extend(std::iter::repeat_n(' ', length - text.len() - 1));
    text.push('\n');
    file.write_all(MAGIC)?;
    file.write_all(&[1, 0])?;
    // Three numbers and two words: far less than a u16 counts.
    file.write_all(&(length as u16).to_le_bytes())?;
    file.write_all(text.as_bytes())
}

/// numpy's name of an element type, as it is written.
fn descr(element_type: ElementType) -> &'static str {
    match element_type {
        ElementType::U8 => "|u1",
        ElementType::U16 => "<u2",
    }
}

fn check(header: Header<'_>, shape: [usize; 3], target: &Target<'_>) -> Result<(), NpyError> {
    if header.shape != shape.map(|side| side as u64) {
        let (mut found, expected) = (header.shape, shape);
        // Enough for a message, however many dimensions there are.
        found.truncate(8);
        return Err(NpyError::Shape { found, expected });
    }
    if header.fortran_order {
        return Err(NpyError::Order);
    }
    let (expected, known): (_, &[_]) = match target {
        // Byte order means nothing to a byte.
        Target::U8(_) => (ElementType::U8, &["|u1", "<u1", ">u1", "=u1"]),
        Target::U16(_) => (ElementType::U16, &["<u2"]),
    };
    if !known.contains(&header.descr) {
        return Err(NpyError::Dtype {
            found: header.descr.escape_debug().take(16).collect(),
            expected: descr(expected),
        });
    }
    Ok(())
}

/// Reads the three entries of the dictionary, in any order.
fn parse(text: &str) -> Option<Header<'_>> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, value) = rest.split_once(':')?;
        let value = value.trim_start();
        rest = match key.trim() {
            "'descr'" => {
                let (name, rest) = value.strip_prefix('\'')?.split_once('\'')?;
                descr = Some(name);
                rest
            }
            "'fortran_order'" => {
                fortran_order = Some(value.starts_with("True"));
                value
                    .strip_prefix("True")
                    .or_else(|| value.strip_prefix("False"))?
            }
            "'shape'" => {
                let (sides, rest) = value.strip_prefix('(')?.split_once(')')?;
                let sides = sides.trim().trim_end_matches(',');
                shape = Some(
                    sides
                        .split(',')
                        .map(|side| side.trim().parse().ok())
                        .collect::<Option<_>>()?,
                );
                rest
            }
            _ => return None,
        };
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(Header {
        descr: descr?,
        fortran_order: fortran_order?,
        shape: shape?,
    })
}

/// An end that came too early means `cause`; any other error means itself.
fn ended(cause: NpyError) -> impl FnOnce(io::Error) -> NpyError {
    move |error| match error.kind() {
        io::ErrorKind::UnexpectedEof => cause,
        _ => NpyError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHAPE: [usize; 3] = [2, 3, 1];

    fn file(header: &str, elements: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [
            b"\x93NUMPY\x01\x00",
            &length[..],
            header.as_bytes(),
            elements,
        ]
        .concat()
    }

    fn read_u16(file: &[u8]) -> Result<[u16; 6], NpyError> {
        let mut elements = [0; 6];
        read(file, SHAPE, Target::U16(&mut elements))?;
        Ok(elements)
    }

    #[test]
    fn another_implementation_reads_what_is_written() {
        for element_type in [ElementType::U8, ElementType::U16] {
            let mut bytes = Vec::new();
            write_header(&mut bytes, [80, 80, 64], element_type).unwrap();
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            let header = npyz::NpyHeader::from_reader(&bytes[..]).unwrap();
            assert_eq!(header.shape(), [80, 80, 64]);
            assert_eq!(header.order(), npyz::Order::C);
            assert_eq!(header.dtype().descr(), format!("'{}'", descr(element_type)));
        }
    }

    #[test]
    fn what_another_implementation_writes_is_read() {
        use npyz::WriterBuilder;
        let mut bytes = Vec::new();
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&[2, 3, 1])
            .writer(&mut bytes)
            .begin_nd()
            .unwrap();
        writer.extend([1u16, 2, 3, 400, 5, 60_000]).unwrap();
        writer.finish().unwrap();
        assert_eq!(read_u16(&bytes).unwrap(), [1, 2, 3, 400, 5, 60_000]);
    }

    #[test]
    fn wrong_files_are_named() {
        let good = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3, 1), }\n";
        assert!(read_u16(&file(good, &[0; 12])).is_ok());
        let cases = [
            (good, 11, "cut short: expected 12 bytes"),
            (good, 13, "goes on after"),
            ("{'descr': '<u2', 'fortran_order': False}", 12, "header"),
            (
                "{'descr': '<u2', 'fortran_order': None, 'shape': (2, 3, 1)}",
                12,
                "header",
            ),
            (
                "{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (2, 3, 1)}",
                12,
                "header",
            ),
            (
                "{'descr': '>u2', 'fortran_order': False, 'shape': (2, 3, 1)}",
                12,
                "'>u2', expected '<u2'",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 1)}",
                12,
                "'<f4'",
            ),
            (
                "{'shape': (2, 3, 1), 'fortran_order': True, 'descr': '<u2'}",
                12,
                "Fortran order",
            ),
            (
                "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3)}",
                12,
                "[2, 3], expected [2, 3, 1]",
            ),
            (
                "{'descr': '<u2', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}",
                12,
                "[4294967296, 4294967296, 4294967296]",
            ),
            (
                "{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999,)}",
                12,
                "header",
            ),
            ("", 12, "header"),
        ];
        for (header, elements, expected) in cases {
            let error = read_u16(&file(header, &vec![0; elements]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{header}: {error}");
        }
        let mut version_2 = file(good, &[0; 12]);
        version_2[6] = 2;
        for bytes in [&b""[..], b"\x93NUM", b"PNG", &version_2] {
            assert!(matches!(read_u16(bytes), Err(NpyError::Magic)));
        }
    }

    #[test]
    fn a_hostile_header_is_refused_at_once() {
        for hostile in [
            "[",
            "(",
            "{",
            "'shape': (1",
            "9",
            ",",
            "{'descr': '",
            "\u{e9}",
        ] {
            let header = hostile.repeat(60_000 / hostile.len());
            let error = read_u16(&file(&header, &[])).unwrap_err().to_string();
            assert!(error.len() < 200, "{hostile}");
        }
        let dimensions = "1, ".repeat(20_000);
        let header = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({dimensions})}}");
        let error = read_u16(&file(&header, &[])).unwrap_err().to_string();
        assert!(error.len() < 200, "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes: Vec<u8>, header in "[{}'():, a-z0-9<_TF]{0,80}") {
            let _ = read_u16(&bytes);
            let _ = read_u16(&file(&header, &bytes));
        }
    }
}
