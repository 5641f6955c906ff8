//! The two directions of vstreams: for each, the C interface has functions and types of its own
//! that differ in their names alone.

use hailort_sys::{
    _hailo_input_vstream, _hailo_output_vstream, hailo_configured_network_group,
    hailo_format_type_t, hailo_input_vstream_params_by_name_t,
    hailo_output_vstream_params_by_name_t, hailo_status, hailo_vstream_info_t,
    hailo_vstream_params_t,
};

use crate::{Error, Library, call::function};

/// A function of the library and its name.
pub struct Named<F> {
    pub(crate) name: &'static str,
    pub(crate) call: F,
}

type Function<F> = Result<Named<F>, Error>;
type MakeParams<P> = unsafe extern "C" fn(
    hailo_configured_network_group,
    bool,
    hailo_format_type_t,
    *mut P,
    *mut usize,
) -> hailo_status;
type Create<P, R> = unsafe extern "C" fn(
    hailo_configured_network_group,
    *const P,
    usize,
    *mut *mut R,
) -> hailo_status;
type Describe<R> = unsafe extern "C" fn(*mut R, *mut hailo_vstream_info_t) -> hailo_status;
type Measure<R> = unsafe extern "C" fn(*mut R, *mut usize) -> hailo_status;
type ForAll<R> = unsafe extern "C" fn(*const *mut R, usize) -> hailo_status;

/// Where a vstream leads. Can't be implemented elsewhere: nobody can name it.
#[allow(missing_docs)]
pub trait Direction {
    /// What handles point to.
    type Raw;
    /// Parameters with the name of their vstream.
    type Params: Copy + Default;

    fn params(by_name: &mut Self::Params) -> &mut hailo_vstream_params_t;

    fn make_params(library: &Library) -> Function<MakeParams<Self::Params>>;
    fn create(library: &Library) -> Function<Create<Self::Params, Self::Raw>>;
    fn get_info(library: &Library) -> Function<Describe<Self::Raw>>;
    fn get_frame_size(library: &Library) -> Function<Measure<Self::Raw>>;
    fn release(library: &Library) -> Function<ForAll<Self::Raw>>;
}

/// To the chip.
pub enum Input {}

/// From the chip.
pub enum Output {}

macro_rules! named {
    ($library:ident, $function:ident) => {
        function!($library, $function).map(|call| Named {
            name: stringify!($function),
            call: *call,
        })
    };
}

impl Direction for Input {
    type Raw = _hailo_input_vstream;
    type Params = hailo_input_vstream_params_by_name_t;

    fn params(by_name: &mut Self::Params) -> &mut hailo_vstream_params_t {
        &mut by_name.params
    }

    fn make_params(library: &Library) -> Function<MakeParams<Self::Params>> {
        named!(library, hailo_make_input_vstream_params)
    }

    fn create(library: &Library) -> Function<Create<Self::Params, Self::Raw>> {
        named!(library, hailo_create_input_vstreams)
    }

    fn get_info(library: &Library) -> Function<Describe<Self::Raw>> {
        named!(library, hailo_get_input_vstream_info)
    }

    fn get_frame_size(library: &Library) -> Function<Measure<Self::Raw>> {
        named!(library, hailo_get_input_vstream_frame_size)
    }

    fn release(library: &Library) -> Function<ForAll<Self::Raw>> {
        named!(library, hailo_release_input_vstreams)
    }
}

impl Direction for Output {
    type Raw = _hailo_output_vstream;
    type Params = hailo_output_vstream_params_by_name_t;

    fn params(by_name: &mut Self::Params) -> &mut hailo_vstream_params_t {
        &mut by_name.params
    }

    fn make_params(library: &Library) -> Function<MakeParams<Self::Params>> {
        named!(library, hailo_make_output_vstream_params)
    }

    fn create(library: &Library) -> Function<Create<Self::Params, Self::Raw>> {
        named!(library, hailo_create_output_vstreams)
    }

    fn get_info(library: &Library) -> Function<Describe<Self::Raw>> {
        named!(library, hailo_get_output_vstream_info)
    }

    fn get_frame_size(library: &Library) -> Function<Measure<Self::Raw>> {
        named!(library, hailo_get_output_vstream_frame_size)
    }

    fn release(library: &Library) -> Function<ForAll<Self::Raw>> {
        named!(library, hailo_release_output_vstreams)
    }
}
