//! What viewers and programs send to the page: noise, what follows a WebSocket's handshake, and requests to the
//! interface for programs. Every connection ends, and every answer is one of HTTP's that is no fault of the server.

#![no_main]

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use fastsam::{Mask, Run, Segment};
use frame::{Frame, FrameRect, InputSize, Letterbox, PixelFormat, PixelRect, Size};
use libfuzzer_sys::fuzz_target;
use message::Status;
use tensors::Classes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::{Builder, Runtime},
    time::timeout,
};
use web::{
    Answer, Gallery, Node, Options, Outline, Refused, SegmentAnswer, Shown, Site, StageTimes,
};

/// Longer than the longest wait of the server; the clock of these connections runs ahead while nothing happens.
const LONG: Duration = Duration::from_secs(1000);

const HANDSHAKE: &[u8] = b"GET /ws/cam HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Daemon;

impl Node for Daemon {
    fn status(&self) -> Status {
        Status::default()
    }

    fn info(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    fn stages(&self) -> Arc<StageTimes> {
        StageTimes::new([])
    }

    fn request(&self, _: &str, body: Vec<u8>, answer: Answer) {
        match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(asked) => answer(format!(r#"{{"status": "ok", "data": {asked}}}"#).as_bytes()),
            Err(_) if body.len() % 2 == 0 => answer(br#"{"status": "error", "error": "no JSON"}"#),
            // Too busy.
            Err(_) => {}
        }
    }

    fn checks(&self) -> serde_json::Value {
        serde_json::json!({"checks": []})
    }

    fn segment(&self, picture: Vec<u8>, options: Options, answer: SegmentAnswer) {
        assert!(!options.contains_key("token"));
        answer(match picture.first() {
            Some(0xFF) => Ok(b"{}".to_vec()),
            Some(_) => Err(Refused::Wrong("no picture".to_owned())),
            None => Err(Refused::Unable("no accelerator".to_owned())),
        });
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime")
});

static SITE: LazyLock<(Site, Arc<Gallery>)> = LazyLock::new(|| {
    let gallery = Gallery::new(["cam".to_owned()]);
    let site = Site::new(Arc::new(Daemon), Arc::clone(&gallery), String::new(), None);
    (site, gallery)
});

/// A frame of now with one segment.
fn shown() -> Shown {
    let size = Size::new(8, 8);
    let rect = PixelRect { x: 1, y: 2, width: 3, height: 1 };
    let run = Run { y: 2, start: 1, end: 4 };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let picture = Frame {
        size,
        stride: 8,
        pixel_format: PixelFormat::Grey8,
        data: vec![9; 64],
        ..Frame::empty()
    };
    let segment = Segment {
        score: 0.5,
        class: 0,
        bbox: rect,
        detection_bbox: FrameRect { x1: 1.0, y1: 2.0, x2: 4.0, y2: 3.0 },
        area: 3,
        mask: Mask::from_runs(size, vec![run]).expect("a run of the picture"),
    };
    let outline = Outline { id: 1, velocity: [0.0; 2], age_ms: 0, segment };
    Shown::new(
        1,
        since.expect("a time").as_millis() as u64,
        size,
        "mock",
        picture,
        Letterbox::fit(size, InputSize::DEFAULT),
        Classes::one(),
        vec![outline],
        Vec::new(),
    )
}

/// What is sent, and whether the server is told no lies about where it stands.
fn conversation(bytes: &[u8]) -> (Vec<u8>, bool) {
    let Some((kind, rest)) = bytes.split_first() else {
        return (Vec::new(), false);
    };
    match kind % 3 {
        0 => (rest.to_vec(), false),
        1 => ([HANDSHAKE, rest].concat(), true),
        _ => {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (path, body) = rest.split_at(end);
            let body = body.get(1..).unwrap_or_default();
            let path: Vec<u8> = path.iter().copied().filter(u8::is_ascii_graphic).collect();
            let head = format!(" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            ([b"POST /api/v1/".as_slice(), &path, head.as_bytes(), body].concat(), true)
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (sent, is_sound) = conversation(bytes);
    let (site, gallery) = &*SITE;
    gallery.show(0, shown());
    RUNTIME.block_on(async {
        let (ours, theirs) = tokio::io::duplex(4096);
        let served = tokio::spawn(async move { site.serve(theirs).await });
        let (mut reader, mut writer) = tokio::io::split(ours);
        let says = async {
            // Whoever is refused may be cut off.
            let _ = writer.write_all(&sent).await;
            let _ = writer.shutdown().await;
        };
        let hears = async {
            let mut answer = Vec::new();
            let _ = (&mut reader).take(1 << 20).read_to_end(&mut answer).await;
            answer
        };
        let both = timeout(LONG, async { tokio::join!(says, hears) }).await;
        let ((), answer) = both.expect("an end");
        let ended = timeout(LONG, served).await;
        ended.expect("an end").expect("no panic");
        if answer.is_empty() {
            return;
        }
        let head = String::from_utf8_lossy(&answer[..answer.len().min(64)]).into_owned();
        assert!(head.starts_with("HTTP/1."), "{head}");
        let code: u16 = head.get(9..12).and_then(|code| code.parse().ok()).expect("a code");
        assert!(code < 500 || code == 503 || (code == 501 && !is_sound), "{head}");
    });
});
