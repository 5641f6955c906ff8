//! The whole site over connections in memory, with a daemon that answers nothing.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use message::Status;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::timeout,
};

use crate::{
    Answer, Gallery, Node, Options, Refused, SegmentAnswer, Site, StageTimes, upload::AT_ONCE,
};

/// A daemon that is too busy for requests, and keeps pictures.
#[derive(Default)]
struct Busy(Mutex<Vec<(Vec<u8>, Options, SegmentAnswer)>>);

impl Node for Busy {
    fn status(&self) -> Status {
        Status::default()
    }

    fn info(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    fn stages(&self) -> Arc<StageTimes> {
        StageTimes::new([])
    }

    fn request(&self, _: &str, _: Vec<u8>, _: Answer) {}

    fn checks(&self) -> serde_json::Value {
        serde_json::json!({"checks": []})
    }

    fn segment(&self, picture: Vec<u8>, options: Options, answer: SegmentAnswer) {
        self.0.lock().unwrap().push((picture, options, answer));
    }
}

const LONG: Duration = Duration::from_secs(60);

fn site() -> (Site, Arc<Busy>) {
    let busy = Arc::new(Busy::default());
    let gallery = Gallery::new(["cam".to_owned()]);
    let node: Arc<dyn Node> = Arc::clone(&busy) as _;
    (Site::new(node, gallery, "garden".to_owned(), None), busy)
}

/// Sends the beginning of a request; what comes back can be read.
async fn send(site: &Site, head: &str, body: &[u8]) -> DuplexStream {
    let (mut ours, theirs) = tokio::io::duplex(1 << 20);
    let site = site.clone();
    tokio::spawn(async move { site.serve(theirs).await });
    let head = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ours.write_all(head.as_bytes()).await.unwrap();
    ours.write_all(body).await.unwrap();
    ours
}

async fn answer(mut stream: DuplexStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "no end");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn what_the_daemon_is_too_busy_for_is_refused() {
    let (site, _) = site();
    let head = "POST /api/v1/prompt HTTP/1.1\r\nContent-Length: 2";
    let said = answer(send(&site, head, b"{}").await).await;
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(
        said.contains("too much is asked at once: try again"),
        "{said}"
    );
}

#[tokio::test]
async fn what_says_that_it_is_too_large_is_not_read() {
    let (site, _) = site();
    for (path, most) in [("prompt", 262_144), ("segment", 32 << 20)] {
        let head = format!("POST /api/v1/{path} HTTP/1.1\r\nContent-Length: 1000000000");
        let said = answer(send(&site, &head, b"").await).await;
        assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
        assert!(said.contains(&format!("more than {most} bytes")), "{said}");
    }
    // And what does not say it is read so far and no further.
    let (mut stream, mut count) = (
        send(
            &site,
            "POST /api/v1/zones HTTP/1.1\r\nTransfer-Encoding: chunked",
            b"",
        )
        .await,
        0,
    );
    let chunk = [b"10000\r\n".as_slice(), &[b'1'; 0x1_0000], b"\r\n"].concat();
    let wrote = timeout(LONG, async {
        while stream.write_all(&chunk).await.is_ok() {
            count += 1;
        }
    });
    assert!(wrote.await.is_ok() && count < 64, "{count}");
    assert!(answer(stream).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn pictures_are_taken_as_far_as_there_is_room() {
    let (site, busy) = site();
    let head = "POST /api/v1/segment?iou=0.5&token=secret HTTP/1.1\r\nContent-Length: 3";
    let mut waiting = Vec::new();
    for _ in 0..AT_ONCE {
        waiting.push(send(&site, head, b"abc").await);
    }
    let all_are_there = timeout(LONG, async {
        while busy.0.lock().unwrap().len() < AT_ONCE {
            tokio::task::yield_now().await;
        }
    });
    assert!(all_are_there.await.is_ok());
    let said = answer(send(&site, head, b"abc").await).await;
    assert!(
        said.starts_with("HTTP/1.1 503 ") && said.contains("too many pictures"),
        "{said}"
    );

    let outcomes = [
        Ok(b"{}".to_vec()),
        Err(Refused::Wrong("no picture".to_owned())),
        Err(Refused::Unable("no accelerator".to_owned())),
    ];
    let kept = std::mem::take(&mut *busy.0.lock().unwrap());
    for ((picture, options, take), outcome) in kept.into_iter().zip(outcomes) {
        assert_eq!(picture, b"abc");
        assert_eq!(
            options.into_iter().collect::<Vec<_>>(),
            [("iou".to_owned(), "0.5".to_owned())]
        );
        take(outcome);
    }
    let mut said = Vec::new();
    for stream in waiting {
        said.push(answer(stream).await);
    }
    said.sort();
    for (said, code, words) in [
        (&said[0], 200, "{}"),
        (&said[1], 400, r#""error":"no picture""#),
        (&said[2], 503, "no accelerator\n"),
    ] {
        assert!(
            said.starts_with(&format!("HTTP/1.1 {code} ")) && said.contains(words),
            "{said}"
        );
    }
}
