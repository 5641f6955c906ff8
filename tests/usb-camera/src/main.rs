//! A USB camera made of software: it plugs itself into the kernel's virtual USB host, and the
//! kernel's own driver for USB cameras takes it for a real one, down to /dev/video0 and udev's
//! links. It shows the synthetic scene, as Motion JPEG or YUYV. Ending the program pulls the plug.
//!
//! Needs root and `modprobe -a vhci-hcd uvcvideo`. The system test runs it in its guest.
//!
//! Sources: "USB Device Class Definition for Video Devices" 1.0 with its payload formats for MJPEG
//! and uncompressed video, and the kernel's `Documentation/usb/usbip_protocol.rst`.

mod camera_function;
mod descriptors;
mod pictures;
mod usbip;

use std::{
    fs,
    num::NonZeroU64,
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    sync::Arc,
    thread,
};

use anyhow::Context as _;
use clap::Parser;

use camera_function::{CameraFunction, Faults};
use pictures::Pictures;

/// Where a socket becomes a port of the virtual host.
const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";

/// What the kernel calls high speed, 480 Mbit/s.
const HIGH_SPEED: u32 = 3;

/// Plugs a USB camera into the kernel's virtual USB host, until it is ended or pulled out.
#[derive(Parser)]
struct Arguments {
    /// The virtual host's port, 0 to 7.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..8))]
    port: u32,
    /// Part of the link in /dev/v4l/by-id.
    #[arg(long, default_value = "0001")]
    serial: String,
    /// What the camera calls itself.
    #[arg(long, default_value = "Test Camera")]
    product: String,
    /// Which scene it shows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Sends no more after so many pictures, but stays plugged in.
    #[arg(long, value_name = "N")]
    hang_after: Option<u64>,
    /// Cuts every Nth JPEG in half.
    #[arg(long, value_name = "N")]
    truncate_every: Option<NonZeroU64>,
    /// Overwrites a part of every Nth JPEG.
    #[arg(long, value_name = "N")]
    corrupt_every: Option<NonZeroU64>,
    /// Leaves the Huffman tables out of JPEGs, as cheap webcams do.
    #[arg(long)]
    without_huffman_tables: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let pictures = Pictures::new(arguments.seed, !arguments.without_huffman_tables);
    let faults = Faults {
        hang_after: arguments.hang_after,
        truncate_every: arguments.truncate_every,
        corrupt_every: arguments.corrupt_every,
    };
    let wire = plug_in(arguments.port)?;
    let function = Arc::new(CameraFunction::new(wire.try_clone()?));
    let stream = Arc::clone(&function);
    // Not joined: it ends with the program.
    thread::spawn(move || stream.send_pictures(pictures, &faults));
    function.answer_host(wire, &arguments.product, &arguments.serial)
}

/// Our end of a cable whose other end is the virtual host's.
fn plug_in(port: u32) -> anyhow::Result<UnixStream> {
    let (host, device) = UnixStream::pair()?;
    // The device number is the virtual host's business: any will do.
    let line = format!("{port} {} {} {HIGH_SPEED}", host.as_raw_fd(), port + 1);
    fs::write(ATTACH, line).with_context(|| {
        format!("{ATTACH}: expected root, modprobe vhci-hcd, and port {port} free")
    })?;
    Ok(device)
}
