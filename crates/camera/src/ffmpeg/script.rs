//! How ffmpeg is told an address without anybody else seeing it.
//!
//! Arguments and environment of a process can be read by others on the machine (`ps`,
//! `/proc/PID/cmdline`); what comes through a pipe cannot. ffmpeg takes its inputs from arguments
//! alone, but one of its formats, `concat`, is a script that names them. All live streams go this
//! way: with RTSP, MPEG-TS and Motion JPEG, frames come no later than without it. Source: ffmpeg's
//! documentation of formats, "concat"; its directive `option` came with ffmpeg 5.0, so that ffmpeg 4.4
//! chooses the transport of RTSP itself: UDP, then TCP.

use std::process::Command;

use super::dialect::{Dialect, Transport};

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
pub(super) fn naming(
    address: &str,
    scheme: &str,
    transport: Transport,
    dialect: Dialect,
) -> String {
    // Quotes keep everything but themselves as it is.
    let address = address.replace('\'', r"'\''");
    let mut script = format!("ffconcat version 1.0\nfile '{address}'\n");
    if matches!(scheme, "rtsp" | "rtsps") && dialect != Dialect::Before5_0 {
        script += match transport {
            // Over UDP a lost packet smears the picture until the next key frame; but there are cameras
            // that have nothing else.
            Transport::Any => "option rtsp_flags prefer_tcp\n",
            Transport::Tcp => "option rtsp_transport tcp\n",
            Transport::Udp => "option rtsp_transport udp\n",
        };
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_the_address() {
        let (any, now) = (Transport::Any, Dialect::Current);
        assert_eq!(
            naming("http://cam/it's?a=b c", "http", any, now),
            "ffconcat version 1.0\nfile 'http://cam/it'\\''s?a=b c'\n"
        );
        let rtsp = "ffconcat version 1.0\nfile 'rtsp://cam/1'\n";
        for (transport, dialect, option) in [
            (Transport::Any, now, "option rtsp_flags prefer_tcp\n"),
            (Transport::Tcp, now, "option rtsp_transport tcp\n"),
            (
                Transport::Udp,
                Dialect::Before5_1,
                "option rtsp_transport udp\n",
            ),
            (Transport::Udp, Dialect::Before5_0, ""),
        ] {
            let script = naming("rtsp://cam/1", "rtsp", transport, dialect);
            assert_eq!(script, format!("{rtsp}{option}"));
        }
    }
}
