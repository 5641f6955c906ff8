//! Shows what fastsamd sees, frame by frame: every mask is decoded and its pixels are counted.
//!
//!     cargo run -p fastsamd-tests --example subscribe -- [HOST[:PORT]] [FRAMES]

#![allow(clippy::print_stdout)]

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use std::error::Error;

/// COCO's compressed run lengths as runs of pixels: background, foreground, background, ..., down columns.
fn decode(counts: &str) -> Vec<i64> {
    let (mut runs, mut number, mut shift) = (Vec::<i64>::new(), 0, 0);
    for byte in counts.bytes().map(|byte| i64::from(byte) - 48) {
        (number, shift) = (number | (byte & 31) << shift, shift + 5);
        if byte & 32 == 0 {
            let before = runs.iter().skip(1).rev().nth(1).unwrap_or(&0);
            runs.push(before + number - (byte >> 4 & 1) * (1 << shift));
            (number, shift) = (0, 0);
        }
    }
    runs
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let broker = arguments.next().unwrap_or("127.0.0.1".to_owned());
    let (host, port) = broker.split_once(':').unwrap_or((&broker, "1883"));
    let most = arguments.next().map(|most| most.parse()).transpose()?;
    let mut options = MqttOptions::new("fastsam-example", host, port.parse()?);
    options.set_max_packet_size(2_000_000, 10_000);
    let (client, mut connection) = Client::new(options, 10);
    let mut frames = 0;
    for event in connection.iter() {
        let message = match event? {
            Event::Incoming(Packet::ConnAck(_)) => {
                client.subscribe("fastsam/+/+/masks", QoS::AtMostOnce)?;
                continue;
            }
            Event::Incoming(Packet::Publish(message)) => message,
            _ => continue,
        };
        let masks: Value = serde_json::from_slice(&message.payload)?;
        print!("{} {}:", masks["camera"], masks["frame"]["sequence"]);
        for segment in masks["segments"].as_array().into_iter().flatten() {
            let counts = segment["segmentation"]["counts"].as_str();
            let runs = decode(counts.ok_or("expected publish.mask_format rle")?);
            let pixels: i64 = runs.iter().skip(1).step_by(2).sum();
            assert_eq!(segment["area"], pixels, "the decoder is wrong");
            print!(" #{} {pixels} px;", segment["id"]);
        }
        println!();
        frames += 1;
        if most == Some(frames) {
            break;
        }
    }
    Ok(())
}
