//! The stages one by one, each on what the one before it made of a painted scene.

use fastsam::contour::Tracer;
use fastsam::encode::{polygon::Simplifier, rle};
use fastsam::{
    ClassSet, Contours, Decoder, Detection, Mask, MaskSize, Rasterizer, Segmenter, Segments,
    Settings, Suppressor,
};
use frame::{Letterbox, Size};
use tensors::{Layout, Tensors};

use super::scene::{self, Mix};

/// FastSAM's own settings for everything in a frame.
pub fn settings() -> Settings {
    Settings {
        confidence: 0.4,
        iou: 0.9,
        ..Settings::default()
    }
}

/// A scene, all that is made of it, and what makes it.
pub struct Stages {
    tensors: Tensors,
    letterbox: Letterbox,
    settings: Settings,
    decoder: Decoder,
    suppressor: Suppressor,
    rasterizer: Rasterizer,
    tracer: Tracer,
    encoder: rle::Encoder,
    simplifier: Simplifier,
    segmenter: Segmenter,
    segments: Segments,
    /// Other scenes, which no cache holds when their turn comes.
    others: Vec<(Tensors, Letterbox)>,
    turn: usize,
    pub candidates: Vec<Detection>,
    pub detections: Vec<Detection>,
    pub masks: Vec<Mask>,
    pub contours: Vec<Contours>,
    pub counts: Vec<u8>,
    pub polygons: Vec<u32>,
}

/// What can be run by itself.
pub type Stage = (&'static str, fn(&mut Stages));

impl Stages {
    pub const ALL: [Stage; 7] = [
        ("decode", Self::decode),
        ("nms", Self::nms),
        ("masks", Self::masks),
        ("contours", Self::contours),
        ("segment", Self::segment),
        ("rle", Self::rle),
        ("polygons", Self::polygons),
    ];

    /// Runs every stage once, so that all buffers have grown.
    pub fn new(size: Size, mix: Mix, objects: usize) -> Self {
        let layout = mix.layout();
        let (tensors, letterbox) = scene::paint(&layout, size, objects, 1);
        Self::of(&layout, tensors, letterbox)
    }

    /// Likewise, with as many other scenes of the kind for [`Stages::segment_next`].
    pub fn with_others(size: Size, mix: Mix, objects: usize, others: u64) -> Self {
        let layout = mix.layout();
        let others = (2..2 + others).map(|seed| scene::paint(&layout, size, objects, seed));
        Self {
            others: others.collect(),
            ..Self::new(size, mix, objects)
        }
    }

    /// Those of recorded answers.
    pub fn of(layout: &Layout, tensors: Tensors, letterbox: Letterbox) -> Self {
        let mut stages = Self {
            tensors,
            letterbox,
            settings: settings(),
            decoder: Decoder::new(layout),
            suppressor: Suppressor::new(),
            rasterizer: Rasterizer::new(),
            tracer: Tracer::new(),
            encoder: rle::Encoder::new(),
            simplifier: Simplifier::new(),
            segmenter: Segmenter::new(layout),
            segments: Segments::new(),
            others: Vec::new(),
            turn: 0,
            candidates: Vec::new(),
            detections: Vec::new(),
            masks: Vec::new(),
            contours: Vec::new(),
            counts: Vec::new(),
            polygons: Vec::new(),
        };
        for (_, stage) in Self::ALL {
            stage(&mut stages);
        }
        stages
    }

    pub fn decode(&mut self) {
        let confidence = self.settings.confidence;
        self.decoder.decode(
            &self.tensors,
            confidence,
            &ClassSet::ALL,
            &mut self.candidates,
        );
    }

    pub fn nms(&mut self) {
        let Settings {
            iou, max_segments, ..
        } = self.settings;
        self.suppressor
            .suppress(&self.candidates, iou, max_segments, &mut self.detections);
    }

    pub fn masks(&mut self) {
        let none = Mask::empty(Size::new(0, 0));
        self.masks.resize(self.detections.len(), none);
        self.rasterizer.fit(&self.letterbox, MaskSize::Frame);
        for (detection, mask) in self.detections.iter().zip(&mut self.masks) {
            self.rasterizer.rasterize(&self.tensors, detection, mask);
        }
    }

    pub fn contours(&mut self) {
        self.contours.resize(self.masks.len(), Contours::default());
        for (mask, contours) in self.masks.iter().zip(&mut self.contours) {
            self.tracer.trace(mask, contours);
        }
    }

    /// All of the above, by way of the segmenter.
    pub fn segment(&mut self) {
        self.segmenter
            .segment(
                &self.tensors,
                &self.letterbox,
                &self.settings,
                &mut self.segments,
            )
            .unwrap();
    }

    /// The same of another scene each time, as frames come.
    pub fn segment_next(&mut self) {
        let (tensors, letterbox) = &self.others[self.turn % self.others.len()];
        self.turn += 1;
        self.segmenter
            .segment(tensors, letterbox, &self.settings, &mut self.segments)
            .unwrap();
    }

    pub fn rle(&mut self) {
        self.counts.clear();
        for mask in &self.masks {
            self.encoder.encode(mask, &mut self.counts);
        }
    }

    pub fn polygons(&mut self) {
        self.polygons.clear();
        for mask in &self.masks {
            let polygons = &mut self.polygons;
            self.simplifier
                .rings(mask, 1.0, |ring| polygons.extend_from_slice(ring.points));
        }
    }
}
