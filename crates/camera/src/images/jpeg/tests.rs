//! Structures that the encoder at hand does not write; `scripts/compare-pictures` has many more, with OpenCV as the judge.

use super::*;

const SIDE: usize = 16;

/// Bits, with a zero behind each FF.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, length: u32) {
        self.0
            .extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&mut self) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(8), true);
        let bytes = self.0.chunks(8).flat_map(|bits| {
            let byte = bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
            if byte == 0xFF {
                vec![0xFF, 0]
            } else {
                vec![byte]
            }
        });
        let bytes = bytes.collect();
        self.0.clear();
        bytes
    }
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker, length[0], length[1]], payload].concat()
}

/// Codes of four bits for the lengths 0 to 11; the end of a block has one bit.
fn tables() -> Vec<u8> {
    let mut dc = vec![0, 0, 0, 0, 12];
    dc.extend([0; 12]);
    dc.extend(0..12);
    let mut ac = vec![0x10, 1];
    ac.extend([0; 15]);
    ac.push(0);
    [
        segment(0xDB, &[&[0][..], &[8; 64]].concat()),
        segment(0xC4, &dc),
        segment(0xC4, &ac),
    ]
    .concat()
}

/// The means of blocks as a scan, one after the other, with restarts.
fn means(means: &[i32], restart: usize) -> Vec<u8> {
    let (mut bits, mut bytes, mut before) = (Bits::default(), Vec::new(), 0);
    for (number, &mean) in means.iter().enumerate() {
        if restart > 0 && number > 0 && number % restart == 0 {
            bytes.extend(bits.bytes());
            bytes.extend([0xFF, 0xD0 + ((number / restart - 1) % 8) as u8]);
            before = 0;
        }
        let difference = mean - before;
        before = mean;
        let length = 32 - difference.unsigned_abs().leading_zeros();
        bits.put(length, 4);
        let value = if difference < 0 {
            difference + (1 << length) - 1
        } else {
            difference
        };
        bits.put(value as u32, length);
        bits.put(0, 1);
    }
    bytes.extend(bits.bytes());
    bytes
}

/// A picture of flat colours: each component with its factors and the means of its blocks, in a scan of its own.
fn flat(markers: &[u8], components: &[(u8, &[i32])], restart: u16) -> Vec<u8> {
    let side = SIDE as u16;
    let [high, low] = side.to_be_bytes();
    let mut frame = vec![8, high, low, high, low, components.len() as u8];
    for (id, (factors, _)) in (1..).zip(components) {
        frame.extend([id, *factors, 0]);
    }
    let mut file = [&[0xFF, 0xD8], markers, &tables(), &segment(0xC0, &frame)].concat();
    if restart > 0 {
        file.extend(segment(0xDD, &restart.to_be_bytes()));
    }
    for (id, (_, levels)) in (1..).zip(components) {
        file.extend(segment(0xDA, &[1, id, 0, 0, 63, 0]));
        file.extend(means(levels, restart.into()));
    }
    [file, vec![0xFF, 0xD9]].concat()
}

fn pixels(file: &[u8]) -> Result<Vec<[u8; 3]>, Flaw> {
    let decoded = decode(file, |_| Ok(()))?;
    assert_eq!(decoded.size, Size::new(SIDE as u32, SIDE as u32));
    Ok(decoded.rgb.as_chunks().0.to_vec())
}

const ADOBE_RGB: [u8; 12] = *b"Adobe\0\x64\0\0\0\0\0";
const ADOBE_YCCK: [u8; 12] = *b"Adobe\0\x64\0\0\0\0\x02";

#[test]
fn scans_of_one_component_each_have_their_own_blocks() {
    // Four blocks of luma, one of each chroma, which is grey.
    let luma: &[i32] = &[40, -40, 80, 0];
    let found = pixels(&flat(&[], &[(0x22, luma), (0x11, &[0]), (0x11, &[0])], 0)).unwrap();
    for (x, y, level) in [(0, 0, 168), (15, 0, 88), (0, 15, 208), (15, 15, 128)] {
        assert_eq!(found[y * SIDE + x], [level; 3], "{x}, {y}");
    }
    let restarted = flat(&[], &[(0x22, luma), (0x11, &[0]), (0x11, &[0])], 1);
    assert_eq!(pixels(&restarted).unwrap(), found);
}

#[test]
fn colours_are_what_the_markers_say() {
    let three: &[(u8, &[i32])] = &[(0x11, &[72; 4]), (0x11, &[-28; 4]), (0x11, &[-128; 4])];
    let adobe = segment(0xEE, &ADOBE_RGB);
    assert_eq!(pixels(&flat(&adobe, three, 0)).unwrap()[0], [200, 100, 0]);
    assert_ne!(pixels(&flat(&[], three, 0)).unwrap()[0], [200, 100, 0]);
    // JFIF knows YCbCr alone, whatever else a file says.
    let jfif = [segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), adobe].concat();
    assert_ne!(pixels(&flat(&jfif, three, 0)).unwrap()[0], [200, 100, 0]);

    let four: &[(u8, &[i32])] = &[
        (0x11, &[127; 4]),
        (0x11, &[0; 4]),
        (0x11, &[-128; 4]),
        (0x11, &[127; 4]),
    ];
    assert_eq!(pixels(&flat(&[], four, 0)).unwrap()[0], [255, 129, 1]);
    let inverted: &[(u8, &[i32])] = &[
        (0x11, &[-28; 4]),
        (0x11, &[0; 4]),
        (0x11, &[0; 4]),
        (0x11, &[127; 4]),
    ];
    let ycck = segment(0xEE, &ADOBE_YCCK);
    assert_eq!(pixels(&flat(&ycck, inverted, 0)).unwrap()[0], [156; 3]);
}

#[test]
fn what_is_missing_is_told_and_what_follows_is_not_looked_at() {
    let parts: &[(u8, &[i32])] = &[(0x11, &[9; 4]), (0x11, &[0; 4]), (0x11, &[0; 4])];
    let whole = flat(&[], parts, 0);
    let expected = pixels(&whole).unwrap();
    let behind = [&whole[..], &whole[..50]].concat();
    assert_eq!(pixels(&behind).unwrap(), expected);
    // Without its end marker it is whole all the same.
    for kept in [whole.len() - 1, whole.len() - 2] {
        assert_eq!(pixels(&whole[..kept]).unwrap(), expected);
    }
    for kept in 2..whole.len() - 4 {
        assert!(pixels(&whole[..kept]).is_err(), "{kept} of {}", whole.len());
    }
    let last_scan = whole
        .windows(2)
        .rposition(|pair| pair == [0xFF, 0xDA])
        .unwrap();
    let without_a_scan = [&whole[..last_scan], &[0xFF, 0xD9]].concat();
    assert!(pixels(&without_a_scan).is_err());
}

#[test]
fn what_can_not_be_read_is_named() {
    let parts: &[(u8, &[i32])] = &[(0x11, &[9; 4])];
    let whole = flat(&[], parts, 0);
    let at = whole
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    let with = |offset: usize, byte: u8| {
        let mut file = whole.clone();
        file[at + offset] = byte;
        pixels(&file).unwrap_err()
    };
    for (offset, byte, word) in [
        (1, 0xC9, "arithmetic coding"),
        (1, 0xC3, "lossless"),
        (1, 0xC5, "hierarchical"),
        (4, 12, "12 bits"),
        (9, 2, "2 colours"),
    ] {
        let said = with(offset, byte);
        assert!(said.contains(word), "{said}");
    }
    let fractions: &[(u8, &[i32])] = &[(0x31, &[0; 4]), (0x21, &[0; 4]), (0x11, &[0; 4])];
    let said = pixels(&flat(&[], fractions, 0)).unwrap_err();
    assert!(said.contains("don't divide each other"), "{said}");
}
