//! Vstreams: where frames go in and answers come out.

mod direction;

use std::{mem, ptr::NonNull};

use hailort_sys::{
    HAILO_FORMAT_TYPE_AUTO, HAILO_FORMAT_TYPE_FLOAT32, HAILO_FORMAT_TYPE_UINT8,
    HAILO_FORMAT_TYPE_UINT16, HAILO_H2D_STREAM, hailo_vstream_info_t,
};

pub(crate) use self::direction::Direction;
use self::direction::{Input, Output};
use crate::{
    ConfiguredNetworkGroup, Error, Library,
    device::text,
    library::{check, function},
};

/// How a vstream is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VStreamOptions {
    /// The longest that a read or a write blocks. The library's own 10 s would hold up a shutdown.
    pub timeout_ms: u32,
    /// Frames that the vstream holds.
    pub queue_size: u32,
}

impl Default for VStreamOptions {
    /// One second, and the library's queue of two.
    fn default() -> Self {
        Self {
            timeout_ms: 1000,
            queue_size: 2,
        }
    }
}

/// Which way a vstream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VStreamDirection {
    /// To the chip.
    Input,
    /// From the chip.
    Output,
}

/// The type of a vstream's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatType {
    /// Left to the library.
    Auto,
    /// 8 bits.
    UInt8,
    /// 16 bits, in the machine's byte order.
    UInt16,
    /// Dequantized by the library.
    Float32,
    /// One that this crate does not know.
    Unknown(u32),
}

impl FormatType {
    /// Bytes of an element, where that is certain.
    pub fn bytes(self) -> Option<usize> {
        match self {
            Self::UInt8 => Some(1),
            Self::UInt16 => Some(2),
            Self::Float32 => Some(4),
            Self::Auto | Self::Unknown(_) => None,
        }
    }
}

impl From<u32> for FormatType {
    fn from(value: u32) -> Self {
        match value {
            HAILO_FORMAT_TYPE_AUTO => Self::Auto,
            HAILO_FORMAT_TYPE_UINT8 => Self::UInt8,
            HAILO_FORMAT_TYPE_UINT16 => Self::UInt16,
            HAILO_FORMAT_TYPE_FLOAT32 => Self::Float32,
            other => Self::Unknown(other),
        }
    }
}

/// What the library knows of a vstream.
#[derive(Clone, Debug, PartialEq)]
pub struct VStreamInfo {
    /// Such as `fast_sam_s/conv71`. Says nothing about what the output is for.
    pub name: String,
    /// To or from the chip.
    pub direction: VStreamDirection,
    /// The chip's own type.
    pub format: FormatType,
    /// Rows, columns, channels.
    pub shape: [usize; 3],
    /// Step between neighbouring integers: `x = (q - zero_point) * scale`.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: f32,
}

impl VStreamInfo {
    pub(crate) fn from_c(info: &hailo_vstream_info_t) -> Self {
        // SAFETY: both fields of the union are plain integers that share their bytes, so reading
        // either is defined; for an NMS output these would be its counts.
        let shape = unsafe { info.__bindgen_anon_1.shape };
        Self {
            name: text(&info.name),
            direction: if info.direction == HAILO_H2D_STREAM {
                VStreamDirection::Input
            } else {
                VStreamDirection::Output
            },
            format: info.format.type_.into(),
            shape: [shape.height, shape.width, shape.features].map(|n| n as usize),
            scale: info.quant_info.qp_scale,
            zero_point: info.quant_info.qp_zp,
        }
    }

    /// Bytes of its frame by shape and type; `None` where the type does not say.
    pub fn frame_size(&self) -> Option<usize> {
        self.shape
            .into_iter()
            .try_fold(self.format.bytes()?, usize::checked_mul)
    }
}

/// An element type that frames are read in as they are.
pub trait Element: sealed::Sealed + Copy {}
impl Element for u8 {}
impl Element for u16 {}

mod sealed {
    /// Closed, since reading relies on every bit pattern being valid.
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
}

/// A vstream: [`InputVStream`] or [`OutputVStream`].
pub struct VStream<D: Direction> {
    handle: Option<NonNull<D::Raw>>,
    info: VStreamInfo,
    frame_size: usize,
    group: ConfiguredNetworkGroup,
}

/// Where frames go to the chip.
pub type InputVStream = VStream<Input>;

/// Where one output's frames come from the chip.
pub type OutputVStream = VStream<Output>;

// SAFETY: the library ties a vstream to no thread, as long as one thread at a time uses it.
unsafe impl<D: Direction> Send for VStream<D> {}

impl<D: Direction> VStream<D> {
    pub(crate) fn own(group: ConfiguredNetworkGroup, handle: NonNull<D::Raw>) -> Self {
        Self {
            handle: Some(handle),
            info: VStreamInfo::from_c(&hailo_vstream_info_t::default()),
            frame_size: 0,
            group,
        }
    }

    /// Asks the library what it is.
    pub(crate) fn described(mut self) -> Result<Self, Error> {
        let handle = self.raw();
        let mut info = hailo_vstream_info_t::default();
        let get = D::get_info(self.library())?;
        // SAFETY: the vstream is alive and this its only user; the pointer is to an info.
        let status = unsafe { (get.call)(handle, &raw mut info) };
        check(get.name, status)?;
        let mut frame_size = 0;
        let get = D::get_frame_size(self.library())?;
        // SAFETY: the vstream is alive and this its only user; the pointer is to a size.
        let status = unsafe { (get.call)(handle, &raw mut frame_size) };
        check(get.name, status)?;
        self.info = VStreamInfo::from_c(&info);
        self.frame_size = frame_size;
        Ok(self)
    }

    /// What it takes or gives.
    #[doc(alias = "hailo_get_input_vstream_info")]
    #[doc(alias = "hailo_get_output_vstream_info")]
    pub fn info(&self) -> &VStreamInfo {
        &self.info
    }

    /// Bytes of a frame, as the library counts them.
    #[doc(alias = "hailo_get_input_vstream_frame_size")]
    #[doc(alias = "hailo_get_output_vstream_frame_size")]
    pub fn frame_size(&self) -> usize {
        self.frame_size
    }

    /// Throws away what is queued.
    #[doc(alias = "hailo_clear_input_vstreams")]
    #[doc(alias = "hailo_clear_output_vstreams")]
    pub fn clear(&mut self) -> Result<(), Error> {
        let handle = self.raw();
        let _vdevice = self.group.vdevice().lock();
        let clear = D::clear(self.library())?;
        // SAFETY: an array of one vstream, alive, with this its only user.
        let status = unsafe { (clear.call)(&raw const handle, 1) };
        check(clear.name, status)
    }

    /// Releases it now, and says how that went; dropping it does the same in silence.
    #[doc(alias = "hailo_release_input_vstreams")]
    #[doc(alias = "hailo_release_output_vstreams")]
    pub fn release(mut self) -> Result<(), Error> {
        self.release_once()
    }

    fn release_once(&mut self) -> Result<(), Error> {
        let Some(handle) = self.handle.take().map(NonNull::as_ptr) else {
            return Ok(());
        };
        let _vdevice = self.group.vdevice().lock();
        let release = D::release(self.library())?;
        // SAFETY: an array of one vstream that was alive until its handle was taken just above.
        let status = unsafe { (release.call)(&raw const handle, 1) };
        check(release.name, status)
    }

    fn check_frame_size(&self, found: usize) -> Result<(), Error> {
        if found == self.frame_size {
            return Ok(());
        }
        Err(Error::FrameSize {
            vstream: self.info.name.clone(),
            found,
            expected: self.frame_size,
        })
    }

    fn raw(&self) -> *mut D::Raw {
        self.handle.map_or(std::ptr::null_mut(), NonNull::as_ptr)
    }

    fn library(&self) -> &Library {
        self.group.vdevice().library()
    }
}

impl InputVStream {
    /// Hands a frame over; blocks while the queue is full, at most the vstream's timeout. The
    /// library copies the frame.
    #[doc(alias = "hailo_vstream_write_raw_buffer")]
    pub fn write(&mut self, frame: &[u8]) -> Result<(), Error> {
        self.check_frame_size(frame.len())?;
        let write = function!(self.library(), hailo_vstream_write_raw_buffer)?;
        // SAFETY: the vstream is alive and this its only user; pointer and length are a slice's.
        let status = unsafe { write(self.raw(), frame.as_ptr().cast(), frame.len()) };
        check("hailo_vstream_write_raw_buffer", status)
    }
}

impl OutputVStream {
    /// Fills `frame` with the next answer; blocks at most the vstream's timeout.
    ///
    /// After [`Status::TIMEOUT`](crate::Status::TIMEOUT) the library has cleared this vstream's
    /// pipeline, but not that of the other outputs: what they give next belongs to other frames.
    #[doc(alias = "hailo_vstream_read_raw_buffer")]
    pub fn read<E: Element>(&mut self, frame: &mut [E]) -> Result<(), Error> {
        let size = mem::size_of_val(frame);
        self.check_frame_size(size)?;
        let read = function!(self.library(), hailo_vstream_read_raw_buffer)?;
        // SAFETY: the vstream is alive and this its only user; pointer and length are a slice's,
        // and every pattern of bytes is an element.
        let status = unsafe { read(self.raw(), frame.as_mut_ptr().cast(), size) };
        check("hailo_vstream_read_raw_buffer", status)
    }
}

impl<D: Direction> Drop for VStream<D> {
    fn drop(&mut self) {
        // Nothing can be done about a vstream that does not want to go.
        let _ = self.release_once();
    }
}
