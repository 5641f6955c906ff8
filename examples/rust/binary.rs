//! The same as `subscribe` with the binary form (`publish.binary: true`), which docs/mqtt.md describes.
//! Run it: `cargo run -p fastsamd-tests --example subscribe_binary -- [HOST[:PORT]] [FRAMES]`
#![allow(clippy::print_stdout)]

use flate2::read::ZlibDecoder;
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
type Segment = (i64, Vec<[i64; 3]>);

/// The header, and of each segment its id and its runs of pixels: row, start, length.
fn decode(message: &[u8]) -> Option<(serde_json::Value, Vec<Segment>)> {
    let number = |at: usize| Some(u32::from_le_bytes(*message.get(at..)?.first_chunk()?));
    let end = 8 + number(4)? as usize;
    let header = serde_json::from_slice(message.strip_prefix(b"fsm1")?.get(4..end - 4)?).ok()?;
    let (mut list, mut segments) = (Vec::new(), Vec::new());
    std::io::copy(&mut ZlibDecoder::new(message.get(end + 8..)?), &mut list).ok()?;
    // Seven bits a byte, the low ones first; the last has its high bit clear.
    let join = |value, byte: &u8| value << 7 | i64::from(byte & 127);
    let varints = list.split_inclusive(|byte| *byte < 128);
    let mut numbers = varints.map(|bytes| bytes.iter().rev().fold(0, join));
    let signed = |number: i64| (number >> 1) ^ -(number & 1);
    for _ in 0..number(end)? {
        let [id, _, _, x, y, _, height, area] = [(); 8].map(|()| numbers.next().unwrap_or(0));
        let (mut start, mut length, mut runs) = (x, 0, Vec::new());
        for row in y..y + height {
            let mut more = true;
            while more {
                let number = numbers.next()?;
                (more, start) = (number & 1 == 1, start + signed(number >> 1));
                length += signed(numbers.next()?);
                runs.push([row, start, length]);
            }
        }
        let pixels: i64 = runs.iter().map(|[_, _, length]| length).sum();
        assert_eq!(pixels, area, "the decoder is wrong");
        segments.push((id, runs));
    }
    Some((header, segments))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let broker = arguments.next().unwrap_or("127.0.0.1".to_owned());
    let (host, port) = broker.split_once(':').unwrap_or((&broker, "1883"));
    let most = arguments.next().map_or(Ok(usize::MAX), |n| n.parse())?;
    let mut options = MqttOptions::new("fastsam-example-binary", host, port.parse()?);
    options.set_max_packet_size(2_000_000, 10_000);
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("fastsam/+/+/masks/binary", QoS::AtMostOnce)?;
    let packets = connection.iter().filter_map(|event| match event {
        Ok(Event::Incoming(Packet::Publish(message))) => Some(Ok(message)),
        other => other.err().map(Err),
    });
    for message in packets.take(most) {
        let (header, segments) = decode(&message?.payload).ok_or("not this form")?;
        let (camera, number) = (&header["camera"], &header["frame"]["sequence"]);
        println!("{camera} {number}: {}", segments.len());
    }
    Ok(())
}
