//! tests/opencv.rs holds what pycocotools makes of the same masks.

use proptest::prelude::*;

use super::*;
use crate::painted::{any_mask, mask};
use crate::processor::on_each;

fn encode(mask: &Mask) -> String {
    let counts = on_each(|| {
        let mut counts = Vec::new();
        Encoder::new().encode(mask, &mut counts);
        counts
    });
    String::from_utf8(counts).expect("counts are ASCII")
}

#[test]
fn known_masks_have_known_counts() {
    // What pycocotools 2 answers.
    let cases: [(&str, &[&str], &str); 4] = [
        ("nothing", &["....", "....", "...."], "<"),
        ("everything", &["####", "####", "####"], "0<"),
        ("one pixel", &["...", ".#.", "..."], "414"),
        (
            "a column that goes on in the next",
            &[".#.", ".#.", "#.."],
            "234",
        ),
    ];
    for (name, rows, expected) in cases {
        assert_eq!(encode(&mask(rows)), expected, "{name}");
    }
    assert_eq!(encode(&Mask::empty(Size::new(4, 0))), "0");
}

#[test]
fn lengths_are_those_of_coco() {
    let cases: [(&[&str], &[u32]); 4] = [
        (&["....", "...."], &[8]),
        (&["####", "####"], &[0, 8]),
        (&["...", ".#.", "..."], &[4, 1, 4]),
        (&[".#.", ".#.", "#.."], &[2, 3, 4]),
    ];
    for (rows, expected) in cases {
        let mut lengths = vec![7];
        Encoder::new().lengths(&mask(rows), &mut lengths);
        assert_eq!(
            lengths,
            [&[7], expected].concat(),
            "appended to what was there"
        );
    }
}

#[test]
fn encoding_appends() {
    let mut counts = b"before ".to_vec();
    Encoder::new().encode(&mask(&["##"]), &mut counts);
    assert_eq!(counts, b"before 02");
}

#[test]
fn what_is_no_mask_is_refused() {
    let size = Size::new(4, 3);
    let cases: [(&str, Size, &str, DecodeError); 9] = [
        (
            "sides beyond 16 bits",
            Size::new(65536, 1),
            "0",
            DecodeError::Size(Size::new(65536, 1)),
        ),
        (
            "nothing",
            size,
            "",
            DecodeError::TooShort {
                expected: 12,
                found: 0,
            },
        ),
        (
            "too few pixels",
            size,
            "5",
            DecodeError::TooShort {
                expected: 12,
                found: 5,
            },
        ),
        (
            "too many pixels",
            size,
            "58",
            DecodeError::TooLong {
                expected: 12,
                found: 13,
            },
        ),
        (
            "a character too low",
            size,
            "5/",
            DecodeError::Character {
                offset: 1,
                byte: b'/',
            },
        ),
        (
            "a character too high",
            size,
            "5p",
            DecodeError::Character {
                offset: 1,
                byte: b'p',
            },
        ),
        (
            "more is promised",
            size,
            "5o",
            DecodeError::Unterminated { offset: 1 },
        ),
        (
            "a number without end",
            size,
            "5oooooooooooooo0",
            DecodeError::Unterminated { offset: 1 },
        ),
        (
            "a negative length",
            size,
            "5O",
            DecodeError::Length {
                index: 1,
                length: -1,
            },
        ),
    ];
    for (name, size, counts, expected) in cases {
        assert_eq!(decode(size, counts), Err(expected), "{name}");
    }
}

#[test]
fn small_texts_cannot_ask_for_much_memory() {
    // Columns of 60000 pixels in turns: two characters a pair, 60000 runs for each.
    let side = 60000;
    let size = Size::new(side, side);
    let mut counts = Vec::new();
    let positions: Vec<u32> = (1..side).map(|column| column * side).collect();
    dispatch!(level(), simd => write(simd, &positions, side * side, &mut counts));
    let counts = String::from_utf8(counts).unwrap();
    assert!(counts.len() < 70_000);
    let runs = u64::from(side) * u64::from(side) / 2;
    assert_eq!(decode(size, &counts), Err(DecodeError::TooManyRuns(runs)));
}

#[test]
fn lengths_of_zero_within_are_read_as_joining() {
    // Background 2, foreground 1, background 0, foreground 1.
    assert_eq!(
        decode(Size::new(1, 4), "2100"),
        Ok(mask(&[".", ".", "#", "#"]))
    );
}

#[test]
fn texts_of_several_masks_are_each_its_own() {
    let size = Size::new(9, 4);
    let row = |start, end| Run { y: 2, start, end };
    let masks = [vec![row(0, 3)], vec![], vec![row(4, 5), row(7, 9)]]
        .map(|runs| Mask::from_runs(size, runs).unwrap());
    let mut encoder = Encoder::new();
    let mut texts = Texts::default();
    for _frame in 0..2 {
        texts.clear();
        assert_eq!(texts.get(0), None);
        for mask in &masks {
            texts.push(&mut encoder, mask);
        }
        for (place, mask) in masks.iter().enumerate() {
            let mut counts = Vec::new();
            encoder.encode(mask, &mut counts);
            assert_eq!(texts.get(place), Some(counts.as_slice()));
        }
        assert_eq!(texts.get(masks.len()), None);
    }
}

proptest! {
    #[test]
    fn decoding_gives_the_mask_back(masks in prop::collection::vec(any_mask(), 3)) {
        // One encoder for all: nothing of a mask is left in the next.
        let mut encoder = Encoder::new();
        for mask in masks {
            let counts = on_each(|| {
                let mut counts = Vec::new();
                encoder.encode(&mask, &mut counts);
                counts
            });
            let lengths = on_each(|| {
                let mut lengths = Vec::new();
                encoder.lengths(&mask, &mut lengths);
                lengths
            });
            let on = lengths.iter().skip(1).step_by(2).sum::<u32>();
            let all = lengths.iter().sum::<u32>();
            prop_assert_eq!((on, all as usize), (mask.area(), mask.size().pixels()));
            let counts = String::from_utf8(counts).unwrap();
            prop_assert_eq!(on_each(|| decode(mask.size(), &counts)), Ok(mask));
        }
    }

    #[test]
    fn lengths_come_back(
        lengths in prop::collection::vec(
            prop_oneof![20 => 90..100_u32, 2 => 0..5000_u32, 1 => any::<u32>()],
            0..60,
        ),
    ) {
        // As far as their sum has 32 bits.
        let ends = lengths.iter().scan(0_u32, |sum, length| {
            *sum = sum.checked_add(*length)?;
            Some(*sum)
        });
        let mut ends: Vec<u32> = ends.collect();
        let lengths = &lengths[..ends.len()];
        let end = ends.pop();
        let counts = on_each(|| {
            let mut counts = Vec::new();
            dispatch!(level(), simd => write(simd, &ends, end.unwrap_or(0), &mut counts));
            counts
        });
        let mut reader = Reader::new(&counts);
        for &length in lengths {
            prop_assert_eq!(reader.next(), Ok(Some(length)));
        }
        prop_assert_eq!(reader.next(), Ok(if end.is_some() { None } else { Some(0) }));
    }

    #[test]
    fn any_text_gets_a_mask_or_an_error(
        width in 0..70_u32,
        height in 0..70_u32,
        counts in "[0-Oa-o]{0,40}|.{0,20}",
    ) {
        let size = Size::new(width, height);
        if let Ok(mask) = decode(size, &counts) {
            prop_assert!(Mask::from_runs(size, mask.runs().to_vec()).is_some());
        }
    }
}
