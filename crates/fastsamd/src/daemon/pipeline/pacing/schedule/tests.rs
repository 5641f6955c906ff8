//! The schedule against an accelerator of known times, in a time of its own.

use super::*;

/// An accelerator and a camera, in seconds.
#[derive(Clone, Copy)]
struct Scene {
    batch_size: usize,
    in_flight: usize,
    /// What a batch takes.
    service: f64,
    /// From the end of a batch to its first answer being read, and from one to the next.
    reading: f64,
    /// From taking a frame to its being sent.
    letterbox: f64,
    /// At most so much more, at random, for each of these.
    jitter: f64,
    fps: f64,
}

const ONE_BY_ONE: Scene = Scene {
    batch_size: 1,
    in_flight: 4,
    service: 1.0 / 48.0,
    reading: 0.001,
    letterbox: 0.001,
    jitter: 0.000_5,
    fps: 90.0,
};

const IN_BATCHES: Scene = Scene {
    batch_size: 8,
    in_flight: 16,
    service: 8.0 / 65.0,
    ..ONE_BY_ONE
};

/// What came of it.
#[derive(Debug)]
struct Outcome {
    /// Answers per second, as a share of what the accelerator can.
    rate: f64,
    /// Seconds from capture to answer, sorted.
    ages: Vec<f64>,
}

impl Outcome {
    fn median(&self) -> f64 {
        self.ages[self.ages.len() / 2]
    }
}

/// 0 to 1, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

struct World {
    scene: Scene,
    schedule: Schedule,
    start: Instant,
    random: Random,
    /// Sent, not begun: ticket, sent at, captured at.
    queue: VecDeque<(Ticket, f64, f64)>,
    /// Answers to come: at, ticket, captured at.
    answers: VecDeque<(f64, Ticket, f64)>,
    free_at: f64,
    ages: Vec<f64>,
}

impl World {
    fn instant(&self, at: f64) -> Instant {
        self.start + seconds(at)
    }

    fn jitter(&mut self) -> f64 {
        self.scene.jitter * self.random.next()
    }

    /// Begins the batches that can.
    fn run_chip(&mut self, service: f64) {
        while self.queue.len() >= self.scene.batch_size {
            let last = self.queue[self.scene.batch_size - 1].1;
            self.free_at = self.free_at.max(last) + service;
            let mut read = self.free_at;
            for _ in 0..self.scene.batch_size {
                let Some((ticket, _, captured)) = self.queue.pop_front() else {
                    return;
                };
                read += self.scene.reading + self.jitter();
                self.answers.push_back((read, ticket, captured));
            }
        }
    }

    /// Hands over the answers that have come by then.
    fn answer_until(&mut self, now: f64) {
        while let Some((at, ticket, captured)) = self.answers.front().copied() {
            if at > now {
                return;
            }
            self.answers.pop_front();
            let instant = self.instant(at);
            self.schedule.answered(ticket, instant);
            self.ages.push(at - captured);
        }
    }
}

/// Runs for so many seconds, of which the first two don't count.
fn run(scene: Scene, lasts: f64, service_at: impl Fn(f64) -> f64) -> Outcome {
    let mut world = World {
        scene,
        schedule: Schedule::new(scene.batch_size, scene.in_flight),
        start: Instant::now(),
        random: Random(7),
        queue: VecDeque::new(),
        answers: VecDeque::new(),
        free_at: 0.0,
        ages: Vec::new(),
    };
    let (mut now, mut ticket, mut taken) = (0.0, 0, 0.0);
    let mut uncounted = None;
    let mut possible = 0.0;
    while now < lasts {
        // Waits until an input is due, with an eye on answers.
        loop {
            world.answer_until(now);
            let due = world.schedule.due(world.instant(now));
            let due = due.duration_since(world.start).as_secs_f64();
            if due <= now {
                break;
            }
            now = match world.answers.front() {
                Some((at, ..)) if *at < due => at.max(now),
                _ => due + 0.000_06,
            };
        }
        // The newest frame, or the next one.
        taken = (now * scene.fps).floor().max(taken + 1.0);
        let captured = taken / scene.fps;
        now = now.max(captured) + scene.letterbox + world.jitter();
        world.answer_until(now);
        ticket += 1;
        let (at, captured_at) = (world.instant(now), world.instant(captured));
        world.schedule.sent(ticket, at, captured_at);
        world.queue.push_back((ticket, now, captured));
        world.run_chip(service_at(now));
        if now > 2.0 && uncounted.is_none() {
            uncounted = Some((now, world.ages.len()));
        }
        possible = scene.batch_size as f64 / service_at(now);
    }
    let (since, skipped) = uncounted.unwrap();
    let mut ages = world.ages.split_off(skipped);
    let rate = ages.len() as f64 / (now - since) / possible;
    ages.sort_by(f64::total_cmp);
    Outcome { rate, ages }
}

#[test]
fn inputs_come_just_in_time_and_the_rate_is_kept() {
    for (scene, most) in [
        (ONE_BY_ONE, 0.035),
        (
            Scene {
                fps: 60.0,
                ..ONE_BY_ONE
            },
            0.035,
        ),
        (
            Scene {
                reading: 0.004,
                letterbox: 0.003,
                ..ONE_BY_ONE
            },
            0.042,
        ),
        (
            Scene {
                jitter: 0.004,
                ..ONE_BY_ONE
            },
            0.042,
        ),
        (IN_BATCHES, 2.0 * 8.0 / 65.0),
        (
            Scene {
                reading: 0.005,
                ..IN_BATCHES
            },
            2.0 * 8.0 / 65.0,
        ),
        (
            Scene {
                jitter: 0.004,
                ..IN_BATCHES
            },
            2.0 * 8.0 / 65.0,
        ),
    ] {
        let outcome = run(scene, 60.0, |_| scene.service);
        println!(
            "batch {} {:.4} median {:.4}",
            scene.batch_size,
            outcome.rate,
            outcome.median()
        );
        assert!(outcome.rate > 0.99, "{}", outcome.rate);
        assert!(outcome.median() < most, "{}", outcome.median());
    }
}

#[test]
fn a_slow_camera_never_waits() {
    let scene = Scene {
        fps: 30.0,
        ..ONE_BY_ONE
    };
    let outcome = run(scene, 20.0, |_| scene.service);
    let longest = outcome.ages.last().unwrap();
    assert!(*longest < scene.service + 0.005, "{longest}");
}

#[test]
fn a_network_that_takes_seconds_gets_the_newest_frame() {
    let scene = Scene {
        in_flight: 2,
        service: 3.0,
        ..ONE_BY_ONE
    };
    let outcome = run(scene, 300.0, |_| scene.service);
    let late = outcome.ages[outcome.ages.len() * 9 / 10];
    assert!(late < 1.2 * scene.service, "{late}");
    assert!(outcome.rate > 0.95, "{}", outcome.rate);
}

#[test]
fn a_throttled_accelerator_is_known_anew() {
    for scene in [ONE_BY_ONE, IN_BATCHES] {
        // It slows down, and gets fast again.
        let service = |now: f64| {
            scene.service
                * if (20.0..40.0).contains(&now) {
                    1.6
                } else {
                    1.0
                }
        };
        let outcome = run(scene, 60.0, service);
        let mean = 2.0 / 3.0 + 1.0 / 3.0 / 1.6;
        println!(
            "batch {} {:.4} median {:.4}",
            scene.batch_size,
            outcome.rate / mean,
            outcome.median()
        );
        assert!(outcome.rate / mean > 0.97, "{}", outcome.rate / mean);
        let late = outcome.ages[outcome.ages.len() * 95 / 100];
        assert!(late < 3.0 * scene.service * 1.6, "{late}");
    }
}

#[test]
fn lost_answers_hold_nothing_up_for_long() {
    let start = Instant::now();
    let at = |time: f64| start + seconds(time);
    let mut schedule = Schedule::new(1, 4);
    schedule.sent(1, start, start);
    schedule.answered(1, at(0.02));
    for ticket in 2..=5 {
        schedule.sent(ticket, at(0.03), at(0.03));
    }
    // Four are under way, and no answer comes.
    assert!(schedule.due(at(0.1)) > at(0.1));
    assert!(schedule.due(at(1.03)) <= at(1.03));
    // A newer answer gives up the older inputs.
    schedule.answered(5, at(1.1));
    assert_eq!(schedule.due(at(1.1)), at(1.1));
    schedule.sent(6, at(1.2), at(1.2));
    schedule.reset();
    assert_eq!(schedule.due(at(1.2)), at(1.2));
}

#[test]
fn an_input_that_was_not_accepted_is_forgotten() {
    let start = Instant::now();
    let mut schedule = Schedule::new(2, 4);
    schedule.sent(1, start, start);
    schedule.sent(2, start, start);
    schedule.withdrawn(2);
    schedule.sent(3, start, start);
    assert_eq!(schedule.under_way.len(), 2);
    assert!(schedule.under_way[1].last);
}
