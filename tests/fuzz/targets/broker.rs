//! What a broker may say: any bytes, or packets that look right, until it hangs up. The client says
//! why the connection ended, and is ready for the next.

#![no_main]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use message::Topics;
use mqtt::Options;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// Whether the connection is accepted first, as all else depends on it.
    accept: bool,
    packets: Vec<Packet<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Packet<'a> {
    Raw(&'a [u8]),
    /// A first byte with its length made right.
    Framed(u8, &'a [u8]),
    SubAck(u16, &'a [u8]),
    Publish {
        flags: u8,
        topic: &'a [u8],
        properties: &'a [u8],
        payload: &'a [u8],
    },
}

impl Packet<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(bytes) => out.extend_from_slice(bytes),
            Self::Framed(first, body) => frame(*first, body, out),
            Self::SubAck(id, rest) => {
                frame(0x90, &[&id.to_be_bytes(), *rest].concat(), out);
            }
            Self::Publish {
                flags,
                topic,
                properties,
                payload,
            } => {
                let mut body = (topic.len() as u16).to_be_bytes().to_vec();
                body.extend_from_slice(topic);
                if flags & 0x06 != 0 {
                    body.extend_from_slice(&[0, 1]);
                }
                length(properties.len(), &mut body);
                body.extend_from_slice(properties);
                body.extend_from_slice(payload);
                frame(0x30 | flags & 0x0f, &body, out);
            }
        }
    }
}

fn frame(first: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    length(body.len(), out);
    out.extend_from_slice(body);
}

/// MQTT's numbers of variable length.
fn length(mut rest: usize, out: &mut Vec<u8>) {
    while rest >= 0x80 {
        out.push(rest as u8 & 0x7f | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

static LISTENER: LazyLock<TcpListener> =
    LazyLock::new(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"));

fuzz_target!(|input: Input<'_>| {
    let mut said = Vec::new();
    if input.accept {
        frame(0x20, &[0, 0, 0], &mut said);
    }
    for packet in &input.packets {
        packet.write(&mut said);
    }
    let topics = Topics::new("fastsam", "fuzz").expect("topics");
    let port = LISTENER.local_addr().expect("an address").port();
    let mut options = Options::new("127.0.0.1", port, "fuzz", topics.availability());
    options.subscriptions = vec![topics.request("segment").expect("a topic")];
    options.max_payload_bytes = 1 << 16;
    let (publisher, session, inbox) = mqtt::connect(options).expect("an event loop");
    // Whoever does not know MQTT 5 is asked again in 3.1.1: it says the same to each that connects.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let server = threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                serve(&said);
            }
        });
        session.run(|| publisher.failure().is_some());
        is_over.store(true, Ordering::Relaxed);
        // It waits for one that connects.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        // The scope waits for its work alone; what the thread still holds would count as leaked.
        server.join().expect("a server that does not panic");
    });
    assert!(!publisher.is_connected());
    for incoming in inbox.try_iter() {
        assert!(incoming.payload.len() <= said.len());
    }
});

/// Says it all to the next that connects, and hangs up once that has hung up or said nothing for
/// a moment.
fn serve(said: &[u8]) {
    let Ok((mut stream, _)) = LISTENER.accept() else {
        return;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
    // What CONNECT holds does not matter.
    let _ = stream.read(&mut [0; 1024]);
    let _ = stream.write_all(said);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
}
