//! The camera at work: one thread answers what the host asks, another fills the host's video
//! transfers with pictures at the rate that was agreed on.
//!
//! A stream has no other sign of its end than that the host takes its transfers back: each time it
//! does, the picture that is being sent is given up. The lock on the transfers is held while one is
//! answered, so that none is both answered and taken back.

use std::{
    collections::VecDeque,
    io,
    num::NonZeroU64,
    os::unix::net::UnixStream,
    process,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use frame::Size;

use crate::{
    descriptors::{
        self, INTERVALS, MJPEG_FORMAT, MJPEG_SIZES, PAYLOAD_BYTES, STREAMING, YUYV_FORMAT,
        YUYV_SIZE,
    },
    pictures::{Encoding, Pictures},
    usbip::{self, Request, STALLED, Setup},
};

/// What goes wrong with the camera.
pub(crate) struct Faults {
    pub(crate) hang_after: Option<u64>,
    pub(crate) truncate_every: Option<NonZeroU64>,
    pub(crate) corrupt_every: Option<NonZeroU64>,
}

impl Faults {
    /// What becomes of the `number`th picture.
    fn spoil(&self, number: u64, picture: &mut Vec<u8>) {
        let is_due =
            |every: Option<NonZeroU64>| every.is_some_and(|every| (number + 1) % every == 0);
        if is_due(self.truncate_every) {
            picture.truncate(picture.len() / 2);
        }
        if is_due(self.corrupt_every) {
            let length = picture.len();
            for byte in &mut picture[length / 3..length / 2] {
                *byte ^= 0x5A;
            }
        }
    }
}

/// What host and camera agree on (UVC's probe and commit control).
#[derive(Clone, Copy)]
struct Mode {
    format: u8,
    /// Place of the size in the format's list, from 1.
    frame: u8,
    /// 100 ns from picture to picture.
    interval: u32,
}

impl Mode {
    const DEFAULT: Self = Self {
        format: MJPEG_FORMAT,
        frame: 1,
        interval: INTERVALS[0],
    };

    /// The nearest to what the host asks for.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [_, _, format, frame, a, b, c, d, ..] = *bytes else {
            return None;
        };
        let asked = u32::from_le_bytes([a, b, c, d]);
        let nearest = INTERVALS
            .into_iter()
            .min_by_key(|interval| interval.abs_diff(asked))?;
        let format = format.clamp(MJPEG_FORMAT, YUYV_FORMAT);
        let sizes = if format == YUYV_FORMAT {
            1
        } else {
            MJPEG_SIZES.len() as u8
        };
        Some(Self {
            format,
            frame: frame.clamp(1, sizes),
            interval: nearest,
        })
    }

    fn bytes(self) -> Vec<u8> {
        let (_, size) = self.picture();
        let mut bytes = vec![1, 0, self.format, self.frame];
        bytes.extend(self.interval.to_le_bytes());
        bytes.extend([0; 10]);
        bytes.extend((size.width * size.height * 2).to_le_bytes());
        bytes.extend(PAYLOAD_BYTES.to_le_bytes());
        bytes
    }

    fn picture(self) -> (Encoding, Size) {
        if self.format == YUYV_FORMAT {
            (Encoding::Yuyv, YUYV_SIZE)
        } else {
            (Encoding::Mjpeg, MJPEG_SIZES[usize::from(self.frame) - 1])
        }
    }
}

/// The host's video transfers that wait for data.
struct Waiting {
    /// Sequence number and room of each, in the order in which they came.
    transfers: VecDeque<(u32, usize)>,
    /// How often transfers were taken back.
    stops: u64,
}

/// A camera on the bus.
pub(crate) struct CameraFunction {
    wire: Mutex<UnixStream>,
    mode: Mutex<Mode>,
    waiting: Mutex<Waiting>,
    came_or_stopped: Condvar,
}

impl CameraFunction {
    /// A camera that speaks on this wire.
    pub(crate) fn new(wire: UnixStream) -> Self {
        Self {
            wire: Mutex::new(wire),
            mode: Mutex::new(Mode::DEFAULT),
            waiting: Mutex::new(Waiting {
                transfers: VecDeque::new(),
                stops: 0,
            }),
            came_or_stopped: Condvar::new(),
        }
    }

    /// Answers the host until it pulls the plug.
    pub(crate) fn answer_host(
        &self,
        mut wire: UnixStream,
        product: &str,
        serial: &str,
    ) -> anyhow::Result<()> {
        loop {
            let request = match usbip::read_request(&mut wire) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                request => request?,
            };
            match request {
                Request::Video { sequence, room } => {
                    lock(&self.waiting).transfers.push_back((sequence, room));
                    self.came_or_stopped.notify_all();
                }
                Request::Unlink { sequence, unwanted } => {
                    let mut waiting = lock(&self.waiting);
                    let before = waiting.transfers.len();
                    waiting
                        .transfers
                        .retain(|(sequence, _)| *sequence != unwanted);
                    waiting.stops += 1;
                    let in_time = waiting.transfers.len() < before;
                    usbip::write_unlinked(&mut *lock(&self.wire), sequence, in_time)?;
                    drop(waiting);
                    self.came_or_stopped.notify_all();
                }
                Request::Control {
                    sequence,
                    setup,
                    data,
                    to_host,
                } => {
                    let answer = self.control(setup, &data, product, serial);
                    let wire = &mut *lock(&self.wire);
                    match answer {
                        Some(mut answer) if to_host => {
                            answer.truncate(usize::from(setup.length));
                            usbip::write_data(wire, sequence, &answer)?;
                        }
                        Some(_) => usbip::write_status(wire, sequence, 0, data.len())?,
                        None => usbip::write_status(wire, sequence, STALLED, 0)?,
                    }
                }
            }
        }
    }

    /// Answers a control transfer; none is a stall.
    fn control(&self, setup: Setup, data: &[u8], product: &str, serial: &str) -> Option<Vec<u8>> {
        let Setup {
            request_type,
            request,
            value,
            index,
            ..
        } = setup;
        let [number, kind] = value.to_le_bytes();
        let to_streaming = index.to_le_bytes()[0] == STREAMING && (1..=2).contains(&kind);
        match (request_type, request) {
            // GET_DESCRIPTOR
            (0x80, 6) => match kind {
                1 => Some(descriptors::device()),
                2 => Some(descriptors::configuration()),
                3 => Some(descriptors::string(number, product, serial)),
                _ => None,
            },
            // GET_STATUS, GET_CONFIGURATION, GET_INTERFACE
            (0x80..=0x82, 0) => Some(vec![0, 0]),
            (0x80, 8) => Some(vec![1]),
            (0x81, 10) => Some(vec![0]),
            // SET_ADDRESS, SET_CONFIGURATION and the like
            (0x00..=0x02, _) => Some(Vec::new()),
            // GET_LEN, GET_INFO: can be got and set
            (0xA1, 0x85) => Some((Mode::DEFAULT.bytes().len() as u16).to_le_bytes().to_vec()),
            (0xA1, 0x86) => Some(vec![3]),
            // GET_CUR, GET_MIN, GET_MAX, GET_DEF of probe and commit
            (0xA1, 0x81..=0x84 | 0x87) if to_streaming => {
                let mut mode = *lock(&self.mode);
                match request {
                    0x82 => mode.interval = INTERVALS[0],
                    0x83 => mode.interval = INTERVALS[1],
                    _ => {}
                }
                Some(mode.bytes())
            }
            // SET_CUR
            (0x21, 0x01) if to_streaming => {
                *lock(&self.mode) = Mode::from_bytes(data)?;
                Some(Vec::new())
            }
            _ => None,
        }
    }

    /// Sends pictures while the host asks for them; ends the program when the host is gone.
    pub(crate) fn send_pictures(&self, mut pictures: Pictures, faults: &Faults) {
        let mut due = Instant::now();
        let mut is_odd = false;
        for number in 0.. {
            if faults.hang_after == Some(number) {
                loop {
                    thread::park();
                }
            }
            let stops = self.wait_for_stream();
            let mode = *lock(&self.mode);
            let (encoding, size) = mode.picture();
            let mut picture = match pictures.get(encoding, size, number) {
                Ok(picture) => picture.to_vec(),
                Err(error) => give_up(&error.to_string()),
            };
            if encoding == Encoding::Mjpeg {
                faults.spoil(number, &mut picture);
            }
            let interval = Duration::from_nanos(u64::from(mode.interval) * 100);
            due = (due + interval).max(Instant::now());
            thread::sleep(due.saturating_duration_since(Instant::now()));
            is_odd = !is_odd;
            if let Err(error) = self.send_picture(&picture, is_odd, stops) {
                give_up(&error.to_string());
            }
        }
    }

    /// Sends one, unless the stream ends meanwhile.
    fn send_picture(&self, mut rest: &[u8], is_odd: bool, stops: u64) -> io::Result<()> {
        const HEADER: usize = 2;
        const END_OF_HEADER: u8 = 0x80;
        const END_OF_FRAME: u8 = 0x02;
        while !rest.is_empty() {
            let mut waiting = lock(&self.waiting);
            let (sequence, room) = loop {
                if waiting.stops != stops {
                    return Ok(());
                }
                match waiting.transfers.pop_front() {
                    Some(transfer) => break transfer,
                    None => waiting = self.wait(waiting),
                }
            };
            let bytes = room
                .min(PAYLOAD_BYTES as usize)
                .saturating_sub(HEADER)
                .min(rest.len());
            let (part, after) = rest.split_at(bytes);
            let end = if after.is_empty() { END_OF_FRAME } else { 0 };
            let mut payload = vec![HEADER as u8, END_OF_HEADER | end | u8::from(is_odd)];
            payload.extend_from_slice(part);
            usbip::write_data(&mut *lock(&self.wire), sequence, &payload)?;
            rest = after;
        }
        Ok(())
    }

    /// Waits until somebody wants video, but takes no transfer: it may be taken back while the
    /// picture's time has not come. Which stream it is, is how often one was stopped before.
    fn wait_for_stream(&self) -> u64 {
        let mut waiting = lock(&self.waiting);
        while waiting.transfers.is_empty() {
            waiting = self.wait(waiting);
        }
        waiting.stops
    }

    fn wait<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        self.came_or_stopped
            .wait(waiting)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program, and with it the camera.
#[expect(clippy::print_stderr, reason = "it is a program's last word")]
fn give_up(cause: &str) -> ! {
    eprintln!("usb-camera: {cause}");
    process::exit(1)
}
