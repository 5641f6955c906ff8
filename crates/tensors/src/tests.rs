use proptest::prelude::*;

use super::*;

const INPUT: InputSize = InputSize::DEFAULT;

fn output(role: Role) -> TensorInfo {
    output_for(role, INPUT)
}

fn output_for(role: Role, input: InputSize) -> TensorInfo {
    TensorInfo {
        name: format!("net/{}", role.with_shape(input, 1)),
        shape: role.shape(input, 1),
        element_type: match role {
            Role::Boxes(_) => ElementType::U16,
            _ => ElementType::U8,
        },
        quant: QuantInfo {
            scale: 0.25,
            zero_point: 7.0,
        },
    }
}

fn outputs() -> Vec<TensorInfo> {
    Role::ALL.map(output).into()
}

proptest! {
    #[test]
    fn outputs_are_bound_by_shape_in_any_order(outputs in Just(outputs()).prop_shuffle()) {
        let layout = Layout::bind(&outputs, INPUT).unwrap();
        for role in Role::ALL {
            prop_assert_eq!(layout.info(role), &output(role));
            prop_assert_eq!(&outputs[layout.source(role)], layout.info(role));
        }
    }
}

#[test]
fn shapes_follow_from_the_input() {
    let shapes = |width, height| {
        let input = InputSize::new(width, height).unwrap();
        Role::ALL.map(|role| role.shape(input, 1))
    };
    let expected = [
        [80, 80, 64],
        [40, 40, 64],
        [20, 20, 64],
        [80, 80, 1],
        [40, 40, 1],
        [20, 20, 1],
        [80, 80, 32],
        [40, 40, 32],
        [20, 20, 32],
        [160, 160, 32],
    ];
    assert_eq!(shapes(640, 640), expected);
    // Rows come first.
    assert_eq!(shapes(640, 384)[0], [48, 80, 64]);
    assert_eq!(shapes(640, 384)[9], [96, 160, 32]);
    assert_eq!(shapes(1280, 32)[8], [1, 40, 32]);
}

/// Every size that an input can have: what an output is for follows from its shape.
#[test]
fn no_two_roles_have_the_same_shape() {
    for (width, height) in (1..=40).flat_map(|x| (1..=40).map(move |y| (32 * x, 32 * y))) {
        let input = InputSize::new(width, height).unwrap();
        let outputs = Role::ALL.map(|role| output_for(role, input));
        let layout = Layout::bind(&outputs, input).unwrap();
        assert_eq!(layout.input(), input);
        for (place, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(layout.source(role), place, "{input}: {role}");
        }
    }
}

/// The prototypes of a small network have the shape of a large one's coefficients.
#[test]
fn the_outputs_of_another_input_are_refused() {
    let small = InputSize::new(320, 320).unwrap();
    let message = Layout::bind(&outputs(), small).unwrap_err().to_string();
    assert_eq!(
        message,
        "output 'net/boxes 80x80x64' is [80, 80, 64], which is none of FastSAM's ten outputs for a \
         320x320 input"
    );
}

#[test]
fn each_role_can_be_missing() {
    for (i, role) in Role::ALL.into_iter().enumerate() {
        let mut outputs = outputs();
        outputs.remove(i);
        assert_eq!(
            Layout::bind(&outputs, INPUT),
            Err(LayoutError::Missing {
                role,
                input: INPUT,
                classes: 1
            })
        );
    }
    let message = Layout::bind(&[], INPUT).unwrap_err().to_string();
    assert!(message.contains("boxes 80x80x64"), "{message}");
}

#[test]
fn each_role_can_be_doubled() {
    for role in Role::ALL {
        let mut outputs = outputs();
        outputs.push(TensorInfo {
            name: "again".into(),
            ..output(role)
        });
        let error = Layout::bind(&outputs, INPUT).unwrap_err();
        let first = output(role).name;
        let second = "again".into();
        assert_eq!(
            error,
            LayoutError::Doubled {
                role,
                input: INPUT,
                classes: 1,
                first,
                second
            }
        );
    }
}

#[test]
fn an_output_of_another_network_is_named() {
    for shape in [[80, 80, 63], [64, 80, 80], [0, 0, 0], [usize::MAX; 3]] {
        let mut outputs = outputs();
        outputs[4].shape = shape;
        let name = outputs[4].name.clone();
        let error = Layout::bind(&outputs, INPUT).unwrap_err();
        assert_eq!(
            error,
            LayoutError::Unknown {
                name,
                shape,
                input: INPUT
            }
        );
    }
}

#[test]
fn scales_and_zero_points_of_no_use_are_refused() {
    let cases = [
        (0.0, 0.0),
        (-0.0, 0.0),
        (-1.0, 0.0),
        (f32::NAN, 0.0),
        (f32::INFINITY, 0.0),
        (1.0, f32::NAN),
        (1.0, f32::NEG_INFINITY),
    ];
    for (scale, zero_point) in cases {
        let mut outputs = outputs();
        outputs[9].quant = QuantInfo { scale, zero_point };
        let message = Layout::bind(&outputs, INPUT).unwrap_err().to_string();
        let said = format!(
            "output 'net/prototypes 160x160x32' has scale {scale} and zero point {zero_point}"
        );
        assert!(message.starts_with(&said), "{message}");
    }
    let mut outputs = outputs();
    outputs[9].quant.zero_point = -0.0;
    assert!(Layout::bind(&outputs, INPUT).is_ok());
}

#[test]
fn buffers_have_the_type_and_length_of_their_role() {
    let layout = Layout::bind(&outputs(), INPUT).unwrap();
    let mut tensors = Tensors::for_layout(&layout);
    for role in Role::ALL {
        let length: usize = role.shape(INPUT, 1).iter().product();
        let wide = matches!(role, Role::Boxes(_));
        assert_eq!(
            tensors.u16_mut(role).map(|e| e.len()),
            wide.then_some(length)
        );
        assert_eq!(
            tensors.u8_mut(role).map(|e| e.len()),
            (!wide).then_some(length)
        );
        let view = tensors.view(role);
        assert_eq!(view.quant, output(role).quant);
        match view.elements {
            Elements::U8(elements) => assert!(!wide && elements.len() == length),
            Elements::U16(elements) => assert!(wide && elements.len() == length),
        }
    }
}

#[test]
fn a_copy_holds_what_was_written() {
    let layout = Layout::bind(&outputs(), INPUT).unwrap();
    let mut tensors = Tensors::for_layout(&layout);
    let mut copy = tensors.clone();
    tensors.u8_mut(Role::Prototypes).unwrap()[5] = 9;
    tensors.u16_mut(Role::Boxes(Level::Stride16)).unwrap()[7] = 900;
    assert_ne!(copy, tensors);
    copy.clone_from(&tensors);
    assert_eq!(copy, tensors);
}

#[test]
fn networks_of_more_classes_are_bound_too() {
    let outputs = |classes| {
        Role::ALL.map(|role| TensorInfo {
            shape: role.shape(INPUT, classes),
            ..output(role)
        })
    };
    for classes in [2, 80, 365] {
        let layout = Layout::bind(&outputs(classes), INPUT).unwrap();
        assert_eq!(layout.classes().count(), classes);
        let tensors = Tensors::for_layout(&layout);
        assert_eq!(tensors.classes(), classes);
        let Elements::U8(scores) = tensors.view(Role::Scores(Level::Stride32)).elements else {
            panic!("scores are 8 bits here");
        };
        assert_eq!(scores.len(), 20 * 20 * classes);
    }
    // Scores that look like boxes or coefficients.
    for classes in [32, 64] {
        let error = Layout::bind(&outputs(classes), INPUT).unwrap_err();
        assert!(matches!(error, LayoutError::Doubled { .. }), "{error}");
    }
    // Levels of different networks.
    let mut mixed = outputs(80);
    mixed[4].shape[2] = 79;
    let error = Layout::bind(&mixed, INPUT).unwrap_err();
    assert!(matches!(error, LayoutError::Unknown { .. }), "{error}");
}

#[test]
fn a_layout_made_by_roles_is_the_one_that_is_recognised() {
    let input = InputSize::new(384, 640).unwrap();
    for classes in [1, 2, 80] {
        let layout = Layout::of_roles(input, Classes::numbered(classes), |role| {
            let TensorInfo {
                name,
                element_type,
                quant,
                ..
            } = output_for(role, input);
            (name, element_type, quant)
        });
        let infos = Role::ALL.map(|role| layout.info(role).clone());
        assert_eq!(Layout::bind(&infos, input).unwrap(), layout);
    }
}
