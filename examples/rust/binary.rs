//! The same as `subscribe` with the binary form of the messages (`publish.binary: true`), which docs/mqtt.md describes.
//!
//!     cargo run -p fastsamd-tests --example subscribe_binary -- [HOST[:PORT]] [FRAMES]

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::Read;

use flate2::read::ZlibDecoder;
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

/// The next number of seven bits a byte; nothing where the message ends too early.
fn varint(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = bytes.next()?;
        value |= u64::from(byte & 127) << (7 * place);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

type Segment = (u64, Vec<[i64; 3]>);

/// The header, and of each segment its id and its runs of pixels: row, start, length.
fn decode(message: &[u8]) -> Option<(serde_json::Value, Vec<Segment>)> {
    let number = |at: usize| Some(u32::from_le_bytes(*message.get(at..)?.first_chunk()?));
    let (beginning, end) = (message.strip_prefix(b"fsm1")?, 8 + number(4)? as usize);
    let header = serde_json::from_slice(beginning.get(4..end - 4)?).ok()?;
    let signed = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
    let mut bytes = ZlibDecoder::new(message.get(end + 8..)?)
        .bytes()
        .map_while(Result::ok);
    let mut segments = Vec::new();
    for _ in 0..number(end)? {
        let mut next = || varint(&mut bytes);
        let (id, _score, _class) = (next()?, next()?, next()?);
        let (x, y, _width, height, area) = (next()?, next()?, next()?, next()?, next()?);
        let (mut start, mut length, mut runs) = (x as i64, 0, Vec::new());
        for row in y as i64..(y + height) as i64 {
            let mut more = true;
            while more {
                let number = next()?;
                (more, start) = (number & 1 == 1, start + signed(number >> 1));
                length += signed(next()?);
                runs.push([row, start, length]);
            }
        }
        let pixels: i64 = runs.iter().map(|[_, _, length]| length).sum();
        assert_eq!(pixels as u64, area, "the decoder is wrong");
        segments.push((id, runs));
    }
    Some((header, segments))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let broker = arguments.next().unwrap_or("127.0.0.1".to_owned());
    let (host, port) = broker.split_once(':').unwrap_or((&broker, "1883"));
    let most = arguments
        .next()
        .map_or(Ok(usize::MAX), |most| most.parse())?;
    let mut options = MqttOptions::new("fastsam-example-binary", host, port.parse()?);
    options.set_max_packet_size(2_000_000, 10_000);
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("fastsam/+/+/masks/binary", QoS::AtMostOnce)?;
    let mut frames = 0;
    for event in connection.iter() {
        if let Event::Incoming(Packet::Publish(message)) = event? {
            let (header, segments) = decode(&message.payload).ok_or("not this form")?;
            let ids: Vec<u64> = segments.iter().map(|(id, _)| *id).collect();
            println!(
                "{} {}: {ids:?}",
                header["camera"], header["frame"]["sequence"]
            );
            frames += 1;
        }
        if frames == most {
            break;
        }
    }
    Ok(())
}
