//! Once their buffers have grown, neither the segmenter nor the encoders ask for memory.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fastsam::cleanup::Cleanup;
use fastsam::encode::{polygon::Simplifier, rle};
use fastsam::{MaskSize, Segmenter, Segments, Settings};
use frame::Size;
use support::scene;
use tensors::ElementType;

/// Counts what each thread asks the system for.
struct Counting;

thread_local! {
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    REQUESTS.with(|requests| requests.set(requests.get() + 1));
}

// SAFETY: everything is passed on to the system's allocator as it came; counting touches a
// thread-local number that neither allocates nor has a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_steady_stream_of_frames_allocates_nothing() {
    let layout = scene::layout(ElementType::U8, ElementType::U16);
    let mut segmenter = Segmenter::new(&layout);
    let mut segments = Segments::new();
    // Both f = 1 and f = 4, and settings that change in between.
    let frames = [
        scene::paint(&layout, Size::new(1280, 720), 40, 1),
        scene::paint(&layout, Size::new(1280, 720), 60, 2),
        scene::paint(&layout, Size::new(640, 426), 50, 3),
    ];
    let cleanup = Cleanup {
        close: 3,
        open: 3,
        min_island: 20,
        max_hole: 20,
    };
    let settings = [
        Settings::default(),
        Settings {
            mask_size: MaskSize::Network,
            ..Settings::default()
        },
        Settings {
            cleanup,
            min_area: 30,
            ..Settings::default()
        },
    ];
    let (mut rle, mut counts) = (rle::Encoder::new(), Vec::new());
    let (mut simplifier, mut polygons) = (Simplifier::new(), Vec::new());
    let mut round = || {
        let before = REQUESTS.get();
        let mut found = 0;
        for (tensors, letterbox) in &frames {
            for settings in &settings {
                segmenter
                    .segment(tensors, letterbox, settings, &mut segments)
                    .unwrap();
                found += segments.as_slice().len();
                counts.clear();
                polygons.clear();
                for segment in segments.as_slice() {
                    rle.encode(&segment.mask, &mut counts);
                    simplifier.rings(&segment.mask, 1.0, |ring| {
                        polygons.extend_from_slice(ring.points);
                    });
                }
            }
        }
        assert!(found > 300, "{found} segments are too few to say anything");
        REQUESTS.get() - before
    };
    assert!(round() > 0, "the counter counts");
    assert_eq!(round(), 0);
    assert_eq!(round(), 0);
}
