//! What kills the library is found, what it refuses is named, and what it takes is taken.

use super::{
    super::*,
    proto::{CORE_OP, Field, Proto, base, base_of, description, edge, group, info, layer_info},
};

/// Changes a description.
type Change = fn(&mut Proto);

fn contents(chip: u64, container: u32, change: Change) -> Contents {
    let mut description = description(chip, "net");
    change(&mut description);
    let bytes = description.encode();
    let message = Message {
        bytes: &bytes,
        offset: 0,
    };
    describe(message, container, 4096).expect("a description")
}

/// The way to the mux of the second context.
fn mux() -> Vec<(u64, usize)> {
    let mut path = edge(1, 1);
    path.push((4, 0));
    path
}

/// An operation with one action, to be put at the end of a context.
fn operation(kind: u64, content: Proto) -> Proto {
    Proto::default()
        .message(1, Proto::default().message(3, Proto::default()))
        .message(2, Proto::default().message(kind, content))
}

fn operate(description: &mut Proto, context: usize, operation: Proto) {
    let mut path = CORE_OP.to_vec();
    path.push((3, context));
    let context = description.at(&path);
    *context = context.clone().message(2, operation);
}

fn weights(description: &mut Proto, offset: u64, size: u64, channel: u64) {
    let pointer = Proto::default().int(1, offset).int(2, size).int(3, channel);
    operate(description, 0, operation(16, pointer));
}

fn extend(description: &mut Proto, extension: u64) {
    *description = description
        .clone()
        .message(5, Proto::default().int(1, extension));
}

fn extend_optionally(description: &mut Proto, extension: u64) {
    *description = description
        .clone()
        .message(6, Proto::default().int(1, extension));
}

/// An NMS op of a kind, with one decoder.
fn add_nms(description: &mut Proto, kind: u64, decoder: (u64, Proto), output: Option<&str>) {
    let decoders = Proto::default().message(decoder.0, decoder.1);
    let mut op = Proto::default()
        .text(1, "nms")
        .message(2, Proto::default().int(1, 100))
        .message(5, Proto::default().int(13, 1).message(kind, decoders));
    if let Some(output) = output {
        op = op.message(3, Proto::default().text(2, output));
    }
    let group = description.at(&[(2, 0)]);
    *group = group
        .clone()
        .message(8, op)
        // The first output feeds it.
        .message(9, Proto::default().int(1, 0).int(2, 100));
}

/// The input in so many planes.
fn in_planes(description: &mut Proto, count: usize) {
    let plane = |number| {
        let info = layer_info(&format!("plane{number}"), [640, 640, 1], 1, 1.0, 0.0);
        Proto::default().message(1, info)
    };
    let planes = (0..count).fold(
        Proto::default()
            .text(1, "net/input")
            .int(4, 640)
            .int(5, 640)
            .int(6, 3),
        |planes, number| planes.message(3, plane(number)),
    );
    let edge = description.at(&edge(0, 0));
    edge.remove(3);
    edge.set_int(2, 2);
    *edge = edge.clone().message(8, planes);
}

#[test]
fn what_the_library_takes_is_taken() {
    let cases: [(&str, u64, Change); 20] = [
        ("as it is", 1, |_| {}),
        ("for the 8R", 2, |_| {}),
        ("for the 8L", 3, |_| {}),
        ("for an old chip, which configuring refuses", 0, |_| {}),
        ("a header in two pieces", 0, |d| {
            *d = d.clone().message(1, Proto::default().int(1, 1));
        }),
        ("a layer's base in two pieces", 1, |d| {
            let base = d.at(&base(0, 1)).clone();
            d.at(&info(0, 1)).at(&[(2, 0)]).remove(13);
            let info = d.at(&info(0, 1));
            *info = info.clone().message(2, base);
        }),
        ("one context", 1, |d| {
            let edges = d
                .at(&[CORE_OP[0], CORE_OP[1], CORE_OP[2], (3, 1), (3, 0)])
                .clone();
            for (number, field) in edges.0 {
                let metadata = d.at(&[CORE_OP[0], CORE_OP[1], CORE_OP[2], (3, 0), (3, 0)]);
                *metadata = metadata.clone().with(number, field);
            }
            let core_op = d.at(&CORE_OP);
            let last = core_op.0.iter().rposition(|(number, _)| *number == 3);
            core_op.0.remove(last.expect("a context"));
        }),
        ("old contexts beside ops", 1, |d| {
            let contexts = d.at(&CORE_OP).clone();
            let group = d.at(&[(2, 0)]);
            for (number, field) in contexts.0.into_iter().filter(|(number, _)| *number == 3) {
                *group = group.clone().with(number, field);
            }
        }),
        ("old contexts alone", 1, |d| {
            let core_op = d.at(&CORE_OP).clone();
            let group = d.at(&[(2, 0)]);
            group.remove(8);
            for (number, field) in core_op.0.into_iter().filter(|(number, _)| *number == 3) {
                *group = group.clone().with(number, field);
            }
            d.0.retain(|(_, field)| !matches!(field, Field::Message(m) if m.encode() == [8, 13]));
        }),
        ("a name of 127 bytes", 1, |d| {
            let name = "n".repeat(127);
            d.at(&[(2, 0), (1, 0)]).set_text(1, &name);
            d.at(&CORE_OP).at(&[(1, 0)]).set_text(1, &name);
        }),
        ("an empty name", 1, |d| {
            d.at(&[(2, 0)]).remove(1);
            d.at(&CORE_OP).remove(1);
        }),
        ("several groups", 1, |d| {
            *d = d.clone().message(2, group(1, "zz"))
        }),
        ("weights in the file", 1, |d| weights(d, 4000, 96, 0)),
        ("two channels", 1, |d| {
            weights(d, 0, 8, 1);
            weights(d, 8, 8, 0);
        }),
        ("a network with a long name", 1, |d| {
            extend_optionally(d, 8);
            d.at(&CORE_OP).set_text(6, &"n".repeat(252));
        }),
        ("a layer padded on the chip alone", 1, |d| {
            let base = d.at(&base(0, 1));
            base.set_int(7, 1);
            base.set_int(5, 2);
            base.remove(4);
        }),
        ("an input in planes", 1, |d| in_planes(d, 2)),
        ("NMS on the host", 1, |d| {
            add_nms(d, 7, (4, Proto::default().int(5, 0)), Some("net/nms"));
        }),
        ("scales for each channel", 1, |d| {
            extend(d, 25);
            let numbers = |count| Field::Doubles(vec![0.5; count]);
            for (place, channels) in [((0, 0), 3), ((0, 1), 1), ((1, 0), 64)] {
                let mut path = info(place.0, place.1);
                path.push((3, 0));
                let numeric = d.at(&path);
                numeric.set(5, numbers(channels));
                numeric.set(6, numbers(channels));
            }
            for part in 0..2 {
                let mut path = mux();
                path.extend([(5, part), (1, 0), (3, 0)]);
                let numeric = d.at(&path);
                numeric.set(5, numbers(8));
                numeric.set(6, numbers(8));
            }
        }),
        ("what nobody knows", 1, |d| {
            *d = d.clone().int(77, 5).text(78, "new")
        }),
    ];
    for (name, chip, change) in cases {
        let contents = contents(chip, 3, change);
        assert!(contents.check().is_ok(), "{name}: {:?}", contents.check());
        assert_eq!(contents.refusal(), None, "{name}");
    }
}

#[test]
fn what_kills_the_library_is_found() {
    let cases: [(&str, u64, Change); 50] = [
        ("format version 0", 1, |d| d.at(&[(1, 0)]).remove(4)),
        ("format version 0", 1, |d| d.remove(1)),
        ("has no network group", 1, |d| d.remove(2)),
        ("has no op for the chip", 1, |d| d.at(&[(2, 0)]).remove(8)),
        ("has no op for the chip", 1, |d| {
            d.at(&CORE_OP[..2]).remove(4)
        }),
        // A varint where a message should be is an unknown field.
        ("has no op for the chip", 1, |d| {
            d.at(&CORE_OP[..2]).set_int(4, 1)
        }),
        ("has no contexts", 1, |d| d.at(&CORE_OP).remove(3)),
        ("has no contexts", 1, |d| d.remove(5)),
        ("has no contexts", 1, |d| {
            *d = d.clone().message(2, group(1, "zz"));
            d.at(&[(2, 1), (8, 0), (4, 0)]).remove(3);
        }),
        ("more than 65535 contexts", 1, |d| {
            let core_op = d.at(&CORE_OP);
            core_op
                .0
                .extend((0..65_536).map(|_| (3, Field::Message(Proto::default()))));
        }),
        ("have different names", 1, |d| {
            d.at(&[(2, 0), (1, 0)]).set_text(1, "nat")
        }),
        ("have different names", 1, |d| {
            d.at(&CORE_OP).at(&[(1, 0)]).set_text(1, "nEt")
        }),
        ("have different names", 1, |d| d.at(&CORE_OP).remove(1)),
        // Only field 10 is named.
        ("have different names", 1, |d| d.at(&[(2, 0)]).remove(1)),
        ("have different names", 3, |d| {
            d.at(&CORE_OP)
                .at(&[(7, 0), (1, 0), (1, 0)])
                .set_text(1, "other");
        }),
        ("a name of more than 127 bytes", 1, |d| {
            let name = "n".repeat(128);
            d.at(&[(2, 0), (1, 0)]).set_text(1, &name);
            d.at(&CORE_OP).at(&[(1, 0)]).set_text(1, &name);
        }),
        ("a name of more than 256 bytes", 1, |d| {
            extend_optionally(d, 8);
            d.at(&CORE_OP).set_text(6, &"n".repeat(253));
        }),
        ("no layout of that chip", 3, |d| d.at(&[(2, 0)]).remove(7)),
        ("no layout of that chip", 3, |d| d.at(&CORE_OP).remove(7)),
        ("has no contexts", 3, |d| {
            d.at(&CORE_OP).at(&[(7, 0), (1, 0)]).remove(3)
        }),
        ("neither a list of outputs nor a context", 3, |d| {
            d.at(&[(2, 0)]).remove(4);
            d.at(&CORE_OP).remove(3);
        }),
        ("'net/input' names no buffer", 1, |d| {
            d.at(&base(0, 0)).remove(13)
        }),
        ("'net/boxes' names no buffer", 1, |d| {
            d.at(&base(1, 0)).remove(13)
        }),
        ("'net/scores' names no buffer", 1, |d| {
            d.at(&info(0, 1)).remove(2)
        }),
        ("'net/mux' names no buffer", 1, |d| {
            d.at(&mux()).at(&[(2, 0)]).remove(13);
        }),
        ("'net/two' names no buffer", 1, |d| {
            d.at(&mux()).at(&[(5, 1), (1, 0), (2, 0)]).remove(13);
        }),
        ("should have 5 layers and has 2", 1, |d| {
            d.at(&mux()).at(&[(3, 0)]).set_int(1, 5)
        }),
        ("should have 1 layers and has 2", 1, |d| {
            d.at(&mux()).at(&[(3, 0)]).set_int(1, 1)
        }),
        ("should have 4294967295 layers", 1, |d| {
            d.at(&mux()).at(&[(3, 0)]).set_int(1, u32::MAX.into());
        }),
        ("should have 2 layers and has 0", 1, |d| {
            d.at(&mux()).remove(5)
        }),
        ("4294967295 height ratios", 1, |d| {
            d.at(&mux()).at(&[(3, 0)]).set_int(3, u32::MAX.into());
        }),
        ("has 2 layers and 1 height ratios", 1, |d| {
            d.at(&mux()).at(&[(3, 0)]).set_int(4, 1)
        }),
        // Together in one field.
        ("has 20 rows for a layer of 10", 1, |d| {
            d.at(&mux()).at(&[(3, 0)]).set(4, Field::Bytes(vec![1, 2]));
        }),
        ("are larger than it is", 1, |d| {
            d.at(&mux()).at(&[(2, 0)]).set_int(4, 16);
        }),
        ("holds another and has no rounds", 1, |d| {
            let inner = d.at(&mux()).clone();
            d.at(&mux()).at(&[(3, 0)]).set_int(2, 0);
            let part = d.at(&mux()).at(&[(5, 1)]);
            *part = Proto::default().message(2, inner);
        }),
        ("more than 31 layers in all", 1, |d| {
            let mux = d.at(&mux());
            let data = mux.at(&[(3, 0)]);
            data.set_int(1, 32);
            data.set(4, Field::Bytes(vec![1; 32]));
            let part = mux.at(&[(5, 0)]).clone();
            mux.remove(5);
            mux.0
                .extend((0..32).map(|_| (5, Field::Message(part.clone()))));
        }),
        ("is in planes and has none", 1, |d| in_planes(d, 0)),
        ("more than 255 planes", 1, |d| in_planes(d, 256)),
        ("fewer scales or zero points than its 3 channels", 1, |d| {
            extend(d, 25)
        }),
        ("lie outside the file", 1, |d| weights(d, 4001, 96, 0)),
        ("lie outside the file", 1, |d| weights(d, u64::MAX, 96, 0)),
        ("through a channel without those before it", 1, |d| {
            weights(d, 0, 8, 1)
        }),
        ("through a channel without those before it", 1, |d| {
            weights(d, 0, 8, 0);
            weights(d, 8, 8, 200);
        }),
        ("'net/scores' has frames of no size", 1, |d| {
            d.at(&base(0, 1)).set_int(2, 0)
        }),
        ("'net/mux' has frames of no size", 1, |d| {
            d.at(&mux()).at(&[(3, 0)]).set_int(2, 0);
            *d.at(&mux()).at(&[(2, 0)]) = base_of([0, 20, 8], 1);
        }),
        ("'net/scores' has frames of no size", 1, |d| {
            // NMS without classes.
            d.at(&base(0, 1)).set_int(7, 6);
        }),
        ("op 'nms' has no output", 1, |d| {
            add_nms(d, 12, (4, Proto::default()), None);
        }),
        ("a name of more than 127 bytes", 1, |d| {
            add_nms(d, 12, (4, Proto::default()), Some(&"o".repeat(128)));
        }),
        ("decodes pad 77", 1, |d| {
            add_nms(d, 8, (3, Proto::default().int(4, 77)), Some("net/nms"));
        }),
        ("fewer widths of boxes than heights", 1, |d| {
            let decoder = Proto::default().float(1, 1.0).float(1, 1.0).float(2, 1.0);
            add_nms(d, 9, (9, decoder), Some("net/nms"));
        }),
    ];
    for (expected, chip, change) in cases {
        let contents = contents(chip, 3, change);
        let error = contents.check().expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(
            error.contains("fetch it again") && !error.contains('\n'),
            "{error}"
        );
    }
}

#[test]
fn a_decoder_is_needed_for_each_pad_where_boxes_alone_are_computed() {
    let contents = contents(1, 3, |d| {
        add_nms(d, 7, (4, Proto::default().int(5, 1)), Some("net/nms"));
    });
    let error = contents.check().unwrap_err().to_string();
    assert!(error.contains("has no decoder for pad 0"), "{error}");
}

#[test]
fn a_fused_layer_needs_its_buffer() {
    let mut with_fused: [Proto; 2] = std::array::from_fn(|_| description(1, "net"));
    for (description, has_buffer) in with_fused.iter_mut().zip([true, false]) {
        let nms = Proto::default()
            .int(2, 80)
            .int(3, 100)
            .int(4, 10)
            .int(5, 1)
            .message(6, Proto::default().text(3, "net/whole"));
        let part = description.at(&base(0, 1));
        part.set_int(7, 6);
        *part = part.clone().message(11, Proto::default().message(1, nms));
        let mut whole = layer_info("net/whole", [1, 1, 1], 2, 1.0, 0.0);
        if !has_buffer {
            whole.at(&[(2, 0)]).remove(13);
        }
        let fused = Proto::default()
            .int(1, 1)
            .message(3, Proto::default().message(1, whole));
        let core_op = description.at(&CORE_OP);
        *core_op = core_op.clone().message(5, fused);
        let bytes = description.encode();
        let message = Message {
            bytes: &bytes,
            offset: 0,
        };
        let contents = describe(message, 3, 0).unwrap();
        assert_eq!(contents.check().is_ok(), has_buffer);
    }
}

#[test]
fn many_outputs_must_all_be_in_the_list_that_sorts_them() {
    let mut description = description(1, "net");
    let mut path = CORE_OP.to_vec();
    path.extend([(3, 0), (3, 0)]);
    for number in 0..20 {
        let layer = super::proto::plain(
            true,
            layer_info(&format!("net/more{number}"), [8, 8, 8], 1, 1.0, 0.0),
        );
        let metadata = description.at(&path);
        *metadata = metadata.clone().message(2, layer);
    }
    let bytes = description.encode();
    let message = Message {
        bytes: &bytes,
        offset: 0,
    };
    let contents = describe(message, 3, 0).unwrap();
    let error = contents.check().unwrap_err().to_string();
    assert!(error.contains("lacks 'net/more0'"), "{error}");
}

#[test]
fn what_the_library_refuses_is_named() {
    let cases: [(&str, u32, Change); 25] = [
        ("extension 33,", 3, |d| extend(d, 33)),
        ("extension 7,", 3, |d| extend(d, 7)),
        ("extension 8,", 3, |d| extend(d, 8)),
        ("lacks extension 26", 3, |d| {
            d.0.retain(|(_, field)| !matches!(field, Field::Message(m) if m.encode() == [8, 26]));
        }),
        ("extension 32 in a container of version 2", 2, |d| {
            extend(d, 32)
        }),
        ("has 9 network groups", 3, |d| {
            for number in 0..8 {
                *d = d.clone().message(2, group(1, &format!("group{number}")));
            }
        }),
        ("two of its network groups are called 'net'", 3, |d| {
            *d = d.clone().message(2, group(1, "net"));
        }),
        ("an op of an unknown kind", 3, |d| {
            let group = d.at(&[(2, 0)]);
            *group = group.clone().message(8, Proto::default());
        }),
        ("the list of outputs lacks 'net/scores'", 3, |d| {
            d.at(&[(2, 0)]).remove(4)
        }),
        ("the list of outputs lacks 'net/two'", 3, |d| {
            d.at(&[(2, 0)])
                .0
                .retain(|(_, field)| !matches!(field, Field::Bytes(b) if b == b"net/two"));
        }),
        ("two layers are called 'net/boxes'", 3, |d| {
            d.at(&info(0, 1)).set_text(1, "net/boxes")
        }),
        ("elements of 4 bytes", 3, |d| {
            d.at(&base(0, 1)).set_int(12, 4)
        }),
        ("elements of 1 bytes, and a layer of it of 2", 3, |d| {
            d.at(&mux()).at(&[(5, 1), (1, 0), (2, 0)]).set_int(12, 2);
            d.at(&mux()).at(&[(2, 0)]).set_int(4, 80);
        }),
        ("data of unknown order 12", 3, |d| {
            d.at(&base(0, 0)).set_int(7, 12)
        }),
        ("RGB888 data padded to 8 channels", 3, |d| {
            d.at(&base(0, 0)).set_int(7, 8)
        }),
        ("70000 bytes in a buffer", 3, |d| {
            d.at(&base(0, 0)).set_int(9, 70_000)
        }),
        ("300 as the number of its stream", 3, |d| {
            d.at(&base(0, 0)).set_int(8, 300)
        }),
        ("argmax on the host", 3, |d| {
            d.at(&base(0, 1)).set_int(14, 1)
        }),
        ("a name of more than 127 bytes", 3, |d| {
            d.at(&info(0, 1)).set_text(1, &"n".repeat(128))
        }),
        ("of an unknown type", 3, |d| d.at(&edge(0, 0)).set_int(2, 9)),
        ("connected in an unknown way (9)", 3, |d| {
            d.at(&edge(0, 0)).at(&[(5, 0)]).set_int(3, 9)
        }),
        ("is not connected as it says", 3, |d| {
            d.at(&edge(0, 0)).at(&[(5, 0)]).set_int(3, 1)
        }),
        ("no trigger that it knows", 3, |d| {
            operate(d, 0, Proto::default())
        }),
        ("weights lie within the description", 3, |d| {
            operate(d, 0, operation(3, Proto::default()));
        }),
        ("an action is of a kind", 3, |d| {
            operate(d, 0, operation(99, Proto::default()))
        }),
    ];
    for (expected, container, change) in cases {
        let contents = contents(1, container, change);
        assert!(
            contents.check().is_ok(),
            "{expected}: {:?}",
            contents.check()
        );
        let why = contents.refusal().expect(expected);
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn what_protobuf_can_not_parse_is_broken() {
    let broken = |change: Change| {
        let mut description = description(1, "net");
        change(&mut description);
        let bytes = description.encode();
        let message = Message {
            bytes: &bytes,
            offset: 0,
        };
        describe(message, 3, 0).err().map(|error| error.to_string())
    };
    let cases: [(&str, Change); 5] = [
        ("not UTF-8", |d| {
            d.at(&info(0, 0)).set(1, Field::Bytes(vec![0xff]))
        }),
        // A name that is of no use to us.
        ("not UTF-8", |d| {
            d.at(&info(0, 0)).set(5, Field::Bytes(vec![b'a', 0xc3]))
        }),
        ("longer than its message", |d| {
            d.at(&CORE_OP).set(2, Field::Bytes(vec![10, 5]));
        }),
        ("cut off", |d| {
            let mut path = info(0, 0);
            path.push((3, 0));
            d.at(&path).set(6, Field::Bytes(vec![0; 12]));
        }),
        ("too deep", |d| {
            let mut mux = Proto::default();
            for _ in 0..60 {
                mux = Proto::default().message(5, Proto::default().message(2, mux));
            }
            d.at(&edge(1, 1)).set(4, Field::Message(mux));
        }),
    ];
    for (expected, change) in cases {
        let error = broken(change).expect(expected);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(broken(|_| {}), None);
}

#[test]
fn names_are_the_librarys() {
    let contents = contents(1, 3, |_| {});
    // Not what field 10 says.
    assert_eq!(contents.network_groups[0].name, "net");
    assert_eq!(contents.oldest_library, 21);
    let group = &contents.network_groups[0];
    let names: Vec<_> = group.layers.iter().map(|layer| &*layer.name).collect();
    let expected = ["net/input", "net/boxes", "net/one", "net/scores", "net/two"];
    assert_eq!(names, expected);
    assert_eq!(group.contexts, 2);
    let muxed = group.layers.iter().filter(|layer| layer.muxed);
    let muxed: Vec<_> = muxed.map(|layer| &*layer.name).collect();
    assert_eq!(muxed, ["net/one", "net/two"]);
}

#[test]
fn newer_extensions_need_a_newer_library() {
    for (container, extension, oldest) in [(2, 0, 20), (3, 0, 21), (2, 31, 21), (1, 25, 20)] {
        let mut description = description(1, "net");
        extend(&mut description, extension);
        let bytes = description.encode();
        let message = Message {
            bytes: &bytes,
            offset: 0,
        };
        let contents = describe(message, container, 0).unwrap();
        assert_eq!(contents.oldest_library, oldest, "{container} {extension}");
    }
}
