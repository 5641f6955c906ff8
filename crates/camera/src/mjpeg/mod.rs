//! Motion JPEG: one baseline JPEG after another, decoded no larger than the network needs it.
//!
//! Source: ITU-T T.81, and for the Huffman tables that cheap cameras leave out, its annex K.3. The
//! network most often sees 640 columns, so of a block's 8 x 8 coefficients only the lowest 4 x 4, 2 x 2 or one
//! are turned into pixels, by an inverse DCT of just that size: half, a quarter or an eighth of the
//! picture, without the aliasing that comes of leaving out pixels. A chroma block makes as many
//! pixels as a plane of I420 has room for, whatever the camera's subsampling. Nothing becomes RGB
//! here; quantization tables are scaled to bring JPEG's full range to I420's limited one.
//!
//! Invariants: what a picture claims about itself decides over memory only within the decoder's
//! limit; a picture that is cut off, has codes that don't exist, or lacks its end marker is an
//! error, never a frame that is grey below; nothing is allocated once the frame's buffer has its
//! size; the work is linear in bytes and pixels; what follows the end does not matter.
//!
//! Why not a crate: jpeg-decoder, the one that decodes at scale, took 1.7 to 2 times as long on one
//! thread, makes RGB where I420 is enough, and allocates each picture anew; it and the one behind the
//! image crate take a picture that is cut off for a whole one. `benches/capture.rs` times the latter
//! beside this.

mod flaw;
mod header;
pub(crate) mod huffman;
mod idct;
mod scan;

use frame::{Frame, InputSize, Letterbox, PixelFormat, Size};

pub(crate) use self::flaw::Flaw;
use self::{header::Header, huffman::TYPICAL, scan::Plane};
use crate::{CameraError, MAX_SIZE};

/// By how much a picture of `full` size can be shrunk while it is decoded, per axis: the largest
/// of 8, 4, 2 and 1 that divides both sides, so that each pixel stands for as many, and leaves no
/// less than the picture's place in a network's input of this size.
pub fn shrink_for(full: Size, input: InputSize) -> u32 {
    let resized = Letterbox::fit(full, input).resized;
    let suffices = |by: &u32| {
        full.width.is_multiple_of(*by)
            && full.height.is_multiple_of(*by)
            && full.width / by >= resized.width
            && full.height / by >= resized.height
    };
    [8, 4, 2].into_iter().find(suffices).unwrap_or(1)
}

/// Decodes one JPEG after another; holds the tables of the one under way.
#[derive(Debug)]
pub struct Decoder {
    most: Size,
    input: Option<InputSize>,
    header: Box<Header>,
}

impl Decoder {
    /// A decoder of pictures of at most `most` (itself at most [`MAX_SIZE`]), each decoded as
    /// small as [`shrink_for`] allows for a network's `input`, or as large as it is without one.
    pub fn new(most: Size, input: Option<InputSize>) -> Self {
        Self {
            most: Size::new(
                most.width.min(MAX_SIZE.width),
                most.height.min(MAX_SIZE.height),
            ),
            input,
            header: Box::default(),
        }
    }

    /// Fills `frame` from a JPEG: I420, or Grey8 where it has no colour. `sequence` and
    /// `captured_at` are left alone; `scaled_from` is the picture's own size where it was shrunk. A buffer in `jpeg`
    /// gets the picture itself, with the tables that cameras leave out.
    ///
    /// # Errors
    /// [`CameraError::BadFrame`] says what is wrong with the picture; the frame's contents then
    /// mean nothing.
    pub fn decode(&mut self, jpeg: &[u8], frame: &mut Frame) -> Result<(), CameraError> {
        self.try_decode(jpeg, frame)
            .map_err(|cause| CameraError::BadFrame { cause })
    }

    fn try_decode(&mut self, jpeg: &[u8], frame: &mut Frame) -> Result<(), Flaw> {
        let scan = self.header.read(jpeg)?;
        let full = self.header.size;
        if full.width > self.most.width || full.height > self.most.height {
            return Err(format!(
                "the JPEG is {full}, expected at most {}",
                self.most
            ));
        }
        let pixels = match *self.header.components() {
            [_] => {
                let planes = self.grey(frame);
                scan::decode(scan, &self.header, planes)?
            }
            _ => {
                let planes = self.i420(frame);
                scan::decode(scan, &self.header, planes)?
            }
        };
        let behind = header::find_end(pixels)?;
        if let Some(whole) = &mut frame.jpeg {
            self.copy(&jpeg[..jpeg.len() - behind.len()], whole);
        }
        Ok(())
    }

    /// Copies the picture that was decoded last into a buffer, as a file that any program reads.
    fn copy(&self, jpeg: &[u8], whole: &mut Vec<u8>) {
        whole.clear();
        if self.header.has_tables() {
            return whole.extend_from_slice(jpeg);
        }
        let (start, rest) = jpeg.split_at(2);
        whole.extend_from_slice(start);
        let length: usize = TYPICAL.iter().map(|table| 17 + table.2.len()).sum();
        whole.extend_from_slice(&[0xFF, 0xC4]);
        whole.extend_from_slice(&(2 + length as u16).to_be_bytes());
        for (place, counts, symbols) in TYPICAL {
            whole.push(place);
            whole.extend_from_slice(&counts);
            whole.extend_from_slice(symbols);
        }
        whole.extend_from_slice(rest);
    }

    /// By how much to shrink, per axis.
    fn shrink(&self) -> usize {
        self.input
            .map_or(1, |input| shrink_for(self.header.size, input) as usize)
    }

    /// Makes `frame` a grey one, and answers with its only plane.
    fn grey<'a>(&self, frame: &'a mut Frame) -> [Plane<'a>; 1] {
        let shrink = self.shrink();
        let side = 8 / shrink;
        frame.pixel_format = PixelFormat::Grey8;
        frame.stride = self.header.units().0 * side;
        self.resize(frame, shrink);
        frame
            .data
            .resize(frame.stride * frame.size.height as usize, 0);
        [Plane::new(&mut frame.data, frame.stride, (side, side))]
    }

    /// Makes `frame` one of three planes, and answers with them.
    fn i420<'a>(&self, frame: &'a mut Frame) -> [Plane<'a>; 3] {
        let [luma, chroma, _] = self.header.components;
        // Luma samples per chroma sample, along each axis.
        let (across, down) = (luma.across / chroma.across, luma.down / chroma.down);
        // An eighth would make half a pixel of a chroma block that stands for one of luma.
        let most = if (across, down) == (2, 2) { 8 } else { 4 };
        let shrink = self.shrink().min(most);
        let side = 8 / shrink;
        frame.pixel_format = PixelFormat::I420;
        frame.stride = self.header.units().0 * luma.across * side;
        self.resize(frame, shrink);
        let (rows, chroma_stride) = (frame.size.height as usize, frame.stride / 2);
        let luma_bytes = frame.stride * rows;
        let chroma_bytes = chroma_stride * rows.div_ceil(2);
        frame.data.resize(luma_bytes + 2 * chroma_bytes, 0);
        let (first, rest) = frame.data.split_at_mut(luma_bytes);
        let (second, third) = rest.split_at_mut(chroma_bytes);
        let chroma_block = (side * across / 2, side * down / 2);
        [
            Plane::new(first, frame.stride, (side, side)),
            Plane::new(second, chroma_stride, chroma_block),
            Plane::new(third, chroma_stride, chroma_block),
        ]
    }

    fn resize(&self, frame: &mut Frame, shrink: usize) {
        let full = self.header.size;
        let by = shrink as u32;
        frame.size = Size::new(full.width / by, full.height / by);
        frame.scaled_from = (by > 1).then_some(full);
    }
}

#[cfg(test)]
mod tests;
