//! How ffmpeg is told an address without anybody else seeing it.
//!
//! Arguments and environment of a process can be read by others on the machine (`ps`,
//! `/proc/PID/cmdline`); what comes through a pipe cannot. ffmpeg takes its inputs from arguments
//! alone, but one of its formats, `concat`, is a script that names them. All live streams go this
//! way: with RTSP, MPEG-TS and Motion JPEG, frames come no later than without it. Source: ffmpeg's
//! documentation of formats, "concat"; its directive `option` came with ffmpeg 5.0.

use std::process::Command;

/// Protocols that streams are made of. Files are none of them: a camera's playlist must not name
/// this machine's.
const PROTOCOLS: &str = "pipe,crypto,data,http,https,httpproxy,rtp,srtp,tcp,tls,udp,dtls,\
                         ffrtmphttp,ffrtmpcrypt";

/// Where the script comes from; ffmpeg names it in errors.
pub(super) const PLACE: &str = "pipe:0";

/// The arguments that make ffmpeg read a script from standard input. Its protocol is allowed, too.
pub(super) fn read_by(command: &mut Command, scheme: &str) {
    let protocols = format!("{PROTOCOLS},{scheme}");
    command.args(["-f", "concat", "-safe", "0"]);
    command.args(["-protocol_whitelist", &protocols, "-i", PLACE]);
}

/// A script whose one input is this address, which has no control characters.
pub(super) fn naming(address: &str, scheme: &str) -> String {
    // Quotes keep everything but themselves as it is.
    let address = address.replace('\'', r"'\''");
    let mut script = format!("ffconcat version 1.0\nfile '{address}'\n");
    if matches!(scheme, "rtsp" | "rtsps") {
        // Over UDP a lost packet smears the picture until the next key frame.
        script += "option rtsp_transport tcp\n";
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_the_address() {
        assert_eq!(
            naming("http://cam/it's?a=b c", "http"),
            "ffconcat version 1.0\nfile 'http://cam/it'\\''s?a=b c'\n"
        );
        assert_eq!(
            naming("rtsp://cam/1", "rtsp"),
            "ffconcat version 1.0\nfile 'rtsp://cam/1'\noption rtsp_transport tcp\n"
        );
    }
}
