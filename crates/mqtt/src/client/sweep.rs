//! Looking through what a broker has retained, and clearing what somebody chooses of it.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{
    dial::{Known, dial},
    failure::Failure,
    options::Options,
    wire::{Delivery, Happened, Line, Properties},
};
use crate::MqttError;

/// The broker has sent all that it has retained when it has sent none for so long.
const QUIET: Duration = Duration::from_millis(500);

/// Messages that are looked at, at most.
const MOST: usize = 20_000;

/// A retained message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What became of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Topics that were cleared.
    pub cleared: Vec<String>,
    /// Topics that the broker did not let be cleared.
    pub refused: Vec<String>,
    /// Filters that the broker did not let be looked through.
    pub hidden: Vec<String>,
}

/// Connects without a last will, under the options' client id, collects what is retained on topics that the filters
/// match, clears those that `choose` names, and leaves.
///
/// # Errors
/// Options out of range, no event loop; or, in the inner result, why there is no connection.
pub fn sweep(
    options: &Options,
    filters: &[String],
    patience: Duration,
    choose: impl FnOnce(Vec<Kept>) -> Vec<String>,
) -> Result<Result<Swept, String>, MqttError> {
    options.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(MqttError::Runtime)?;
    let work = async {
        let (line, _) = dial(options, false, &mut Known::default()).await?;
        let mut broom = Broom { line };
        let (kept, hidden) = broom.collect(filters).await?;
        let (cleared, refused) = broom.clear(choose(kept)).await?;
        broom.line.leave().await;
        Ok::<_, Failure>(Swept {
            cleared,
            refused,
            hidden,
        })
    };
    let outcome = runtime.block_on(async { timeout(patience, work).await });
    // Resolving a host name can't be interrupted: don't wait for its thread.
    runtime.shutdown_background();
    Ok(match outcome {
        Ok(Ok(swept)) => Ok(swept),
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(_) => Err(Failure::Silent.to_string()),
    })
}

struct Broom {
    line: Line,
}

impl Broom {
    /// What is retained, and the filters that the broker refuses.
    async fn collect(&mut self, filters: &[String]) -> Result<(Vec<Kept>, Vec<String>), Failure> {
        let mut kept = Vec::new();
        let mut hidden = Vec::new();
        let mut quiet_since = None;
        let wanted = filters.iter().map(String::as_str);
        // The queue of a new connection has room.
        let _ = self
            .line
            .outbox()
            .subscribe(wanted, Delivery::AtMostOnce, true);
        loop {
            let left = quiet_since.map_or(Duration::MAX, |since: Instant| {
                QUIET.saturating_sub(since.elapsed())
            });
            if left.is_zero() || kept.len() >= MOST {
                return Ok((kept, hidden));
            }
            let Ok(happened) = timeout(left, self.line.poll()).await else {
                continue;
            };
            match happened? {
                Happened::Subscribed(refusals) => {
                    let refused = filters.iter().zip(refusals);
                    let refused = refused.filter(|(_, refusal)| refusal.is_some());
                    hidden.extend(refused.map(|(filter, _)| filter.clone()));
                    quiet_since = Some(Instant::now());
                }
                Happened::Arrived(message) if message.retain => {
                    quiet_since = Some(Instant::now());
                    kept.push(Kept {
                        topic: message.topic,
                        payload: message.payload,
                    });
                }
                _ => {}
            }
        }
    }

    /// Clears topics, and says which were, and which the broker refused.
    async fn clear(&mut self, topics: Vec<String>) -> Result<(Vec<String>, Vec<String>), Failure> {
        let mut waiting = topics.into_iter().peekable();
        let mut queued = std::collections::VecDeque::new();
        let mut written = Vec::new();
        let (mut cleared, mut refused) = (Vec::new(), Vec::new());
        while waiting.peek().is_some() || !queued.is_empty() || !written.is_empty() {
            while let Some(topic) = waiting.peek() {
                let (delivery, none) = (Delivery::AtLeastOnce, Properties::default());
                let outbox = self.line.outbox();
                let sent = outbox.publish(topic, delivery, true, Vec::new(), none);
                if sent.is_err() {
                    break;
                }
                queued.extend(waiting.next());
            }
            match self.line.poll().await? {
                // Without QoS 1, written is all that can be known.
                Happened::Written(0) => cleared.extend(queued.pop_front()),
                Happened::Written(packet) => {
                    written.extend(queued.pop_front().map(|topic| (packet, topic)));
                }
                Happened::Acknowledged {
                    packet,
                    refused: cause,
                } => {
                    let place = written.iter().position(|(written, _)| *written == packet);
                    let Some((_, topic)) = place.map(|place| written.swap_remove(place)) else {
                        continue;
                    };
                    match cause {
                        None => cleared.push(topic),
                        Some(_) => refused.push(topic),
                    }
                }
                _ => {}
            }
        }
        Ok((cleared, refused))
    }
}
