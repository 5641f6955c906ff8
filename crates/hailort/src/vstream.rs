//! Vstreams: where frames go in and answers come out.

mod direction;

use std::{
    mem,
    ptr::{self, NonNull},
};

use hailort_sys::{HAILO_FORMAT_TYPE_AUTO, hailo_vstream_info_t, hailo_vstream_params_t};

use self::direction::{Direction, Input, Output};
use crate::{
    ConfiguredNetworkGroup, Error, Library, VStreamInfo,
    call::{check, function},
};

/// The most streams that the library allows.
const MAX_VSTREAMS: usize = 40;

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

impl VStreamOptions {
    fn apply(self, params: &mut hailo_vstream_params_t) {
        params.timeout_ms = self.timeout_ms;
        params.queue_size = self.queue_size;
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
    fn own(group: ConfiguredNetworkGroup, handle: NonNull<D::Raw>) -> Self {
        Self {
            handle: Some(handle),
            info: VStreamInfo::from_c(&hailo_vstream_info_t::default()),
            frame_size: 0,
            group,
        }
    }

    /// Asks the library what it is.
    fn described(mut self) -> Result<Self, Error> {
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

impl ConfiguredNetworkGroup {
    /// Makes all input vstreams, in the chip's own types.
    #[doc(alias = "hailo_create_input_vstreams")]
    pub fn input_vstreams(&self, options: VStreamOptions) -> Result<Vec<InputVStream>, Error> {
        self.vstreams(options)
    }

    /// Makes all output vstreams, in the chip's own types: nothing is dequantized.
    ///
    /// The order is the library's: identify each by [`OutputVStream::info`].
    #[doc(alias = "hailo_create_output_vstreams")]
    pub fn output_vstreams(&self, options: VStreamOptions) -> Result<Vec<OutputVStream>, Error> {
        self.vstreams(options)
    }

    fn vstreams<D: Direction>(&self, options: VStreamOptions) -> Result<Vec<VStream<D>>, Error> {
        let library = self.vdevice().library();
        let mut params = [D::Params::default(); MAX_VSTREAMS];
        let mut count = params.len();
        let vdevice = self.vdevice().lock();
        let make = D::make_params(library)?;
        // SAFETY: the group is alive, its vdevice locked; `params` has room for `count`.
        let status = unsafe {
            (make.call)(
                self.as_ptr(),
                false,
                HAILO_FORMAT_TYPE_AUTO,
                params.as_mut_ptr(),
                &raw mut count,
            )
        };
        check(make.name, status)?;
        let params = params.get_mut(..count).ok_or_else(|| Error::Answer {
            function: make.name,
            found: format!("{count} vstreams"),
            expected: "at most 40",
        })?;
        for param in params.iter_mut() {
            options.apply(D::params(param));
        }
        let mut handles = [ptr::null_mut(); MAX_VSTREAMS];
        let create = D::create(library)?;
        // SAFETY: as before; `handles` has room for as many as there are parameters.
        let status = unsafe {
            (create.call)(
                self.as_ptr(),
                params.as_ptr(),
                params.len(),
                handles.as_mut_ptr(),
            )
        };
        check(create.name, status)?;
        drop(vdevice);
        // All are owned before any is asked, so that an error releases every one.
        let owned: Vec<_> = handles
            .into_iter()
            .take(count)
            .filter_map(NonNull::new)
            .map(|handle| VStream::own(self.clone(), handle))
            .collect();
        owned.into_iter().map(VStream::described).collect()
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
