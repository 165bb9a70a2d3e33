//! Whole lives of a campaign, by chance: crashes, stalls, pauses, drains, refusals, a relay and a
//! store that fail, in any order. Whatever happened, nobody got it twice, the balance holds, and
//! when the faults stop everything that is due is done.
//!
//! A seed that fails is repeated alone with
//! `POSTRIDER_SEED=17 cargo test -p postrider-pipeline scenes::lives`.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_types::{Phase, Rate, Timestamp};
use rand::RngExt;

use super::pools::direct;
use super::world::World;
use crate::chance::Chance;
use crate::settings::{DomainLimit, Settings};

/// Seeds that every run tries.
const SEEDS: u64 = 100;

/// Things that happen in one life.
const DEEDS: usize = 30;

/// Minutes within which everything must be done once the faults have stopped.
const MINUTES_MAX: usize = 240;

/// Says which seed failed.
struct Note(u64);

impl Drop for Note {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the life of seed {} failed", self.0);
        }
    }
}

struct Life {
    world: World,
    chance: Chance,
    /// Recipients filed for each of the domains.
    filed: [usize; 8],
    /// The MAILs before the newest start.
    mails_before: usize,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut world = World::new(settings(&mut chance));
        world.chance = Some(Chance::new(seed ^ 0xdead));
        world.is_pipelining = chance.rng.random();
        world.network.serve("google", "h1", &["d0.test", "d1.test"]);
        world.network.serve("google", "h2", &["d2.test"]);
        Self {
            world,
            chance,
            filed: [0; 8],
            mails_before: 0,
        }
    }

    fn below(&mut self, most: u64) -> u64 {
        self.chance.rng.random_range(0..most)
    }

    fn audience(&self) -> u64 {
        self.filed.iter().sum::<usize>() as u64
    }

    /// Even domains have their own lane, the others share a tail lane.
    fn file(&mut self) {
        let number = self.chance.rng.random_range(0..self.filed.len());
        let count = self.chance.rng.random_range(1..=120);
        let domain = format!("d{number}.test");
        let lane = match number % 2 {
            0 => domain.clone(),
            _ => format!("tail-0{}", number / 4),
        };
        let first = self.filed[number];
        let before = self.world.tally().audience();
        self.world.file_from(&lane, &domain, first..first + count);
        if self.world.tally().audience() > before {
            self.filed[number] += count;
        }
    }

    fn deed(&mut self) {
        let seconds = Duration::from_secs(self.below(40));
        match self.below(14) {
            0 => self.world.change(CampaignChange::Pause),
            1 | 2 => self.world.change(CampaignChange::Resume),
            3 | 4 => self.file(),
            5 | 6 => self.world.dies_after = Some(self.chance.rng.random_range(0..60)),
            7 => self.world.unreachable_until = self.world.now.plus(seconds),
            8 => self.world.unwritable_until = self.world.now.plus(seconds),
            9 => self.world.stall(seconds * 2),
            10 => {
                self.world.drain();
                self.run(seconds);
                self.restart();
            }
            11 => self.world.unrecorded = 3,
            12 if self.below(10) == 0 => self.world.change(CampaignChange::Cancel),
            13 if self.below(5) == 0 => {
                let words = [
                    "421 4.3.2 too many connections",
                    "535 5.7.8 bad credentials",
                ];
                let which = self.chance.rng.random_range(0..words.len());
                self.world.turns_away = Some((Phase::Auth, words[which]));
                self.run(seconds);
                self.world.turns_away = None;
            }
            _ => {}
        }
    }

    fn run(&mut self, span: Duration) {
        if !self.world.run(span) {
            self.restart();
        }
        self.world.stall(Duration::ZERO);
        self.check();
    }

    fn restart(&mut self) {
        self.check_rate();
        self.mails_before = self.world.mails.len();
        self.world.restart();
    }

    fn check(&self) {
        self.world.check_honest();
        assert_eq!(self.world.tally().audience(), self.audience());
    }

    /// The first domain has five a second and no burst.
    fn check_rate(&self) {
        let mails = &self.world.mails[self.mails_before..];
        let is_limited = |(_, to): &&(Timestamp, String)| to.ends_with("@d0.test");
        let times: Vec<_> = mails.iter().filter(is_limited).map(|(at, _)| *at).collect();
        for seven in times.windows(7) {
            let span = seven[6].since(seven[0]);
            assert!(span >= Duration::from_millis(1_150), "7 MAILs in {span:?}");
        }
    }

    /// Faults stop; everything must come to its end.
    fn finish(&mut self) {
        self.world.dies_after = None;
        self.world.unreachable_until = Timestamp::EPOCH;
        self.world.unwritable_until = Timestamp::EPOCH;
        self.world.unrecorded = 0;
        for chance in self.world.chance.iter_mut() {
            chance.is_faulty = false;
        }
        self.world.change(CampaignChange::Resume);
        self.world.change(CampaignChange::Seal);
        for _ in 0..MINUTES_MAX {
            self.run(Duration::from_secs(60));
            // A claim may be left that waits until a relay that turned us away is tried again.
            let is_quiet = self.world.core.wake_at().is_none();
            if self.world.tally().open() == 0 && is_quiet {
                break;
            }
        }
        self.run(Duration::from_secs(120));
        self.check_rate();
        let (tally, status) = (self.world.tally(), self.world.core.status());
        assert_eq!(tally.open(), 0, "{tally:?} {status:?}");
        assert!(self.world.state().is_final());
        assert_eq!((status.hands, status.connections), (0, 0));
        assert_eq!(self.world.core.wake_at(), None);
    }
}

/// Few places, small limits, now and then a quota for each recipient and a rate for everybody.
fn settings(chance: &mut Chance) -> Settings {
    let mut settings = World::settings();
    if chance.rng.random_ratio(1, 3) {
        settings = direct(4);
    }
    settings.routes.default.connections_max = chance.rng.random_range(1..6);
    if chance.rng.random() {
        settings.routes.default.messages_per_connection = Some(chance.rng.random_range(1..20));
    }
    settings.lease.chunks_max = chance.rng.random_range(1..5);
    settings.backoff.give_up_after = Duration::from_secs(1_200);
    let mut limit = |domain: &str, rate: Option<&str>, connections_max| {
        let rate: Option<Rate> = rate.map(|rate| rate.parse().unwrap());
        let limit = DomainLimit {
            rate,
            connections_max,
        };
        let domain = domain.parse().unwrap();
        settings.limits.domains.insert(domain, limit);
    };
    limit("d0.test", Some("5/s"), 10);
    limit("d1.test", Some("10/m"), 2);
    limit("d2.test", None, 1);
    limit("d3.test", Some("100/s burst 7"), 3);
    if chance.rng.random_ratio(1, 3) {
        settings.limits.default.rate = Some("2/s".parse().unwrap());
    }
    if chance.rng.random_ratio(1, 5) {
        settings.limits.recipient_rate = Some("1/30s".parse().unwrap());
    }
    settings
}

fn live(seed: u64) {
    let _note = Note(seed);
    let mut life = Life::new(seed);
    life.file();
    life.file();
    for _ in 0..DEEDS {
        life.deed();
        let millis = life.below(8_000);
        life.run(Duration::from_millis(millis));
    }
    life.finish();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a seed to repeat is no setting")]
fn whatever_happens_nobody_gets_it_twice_and_everything_is_done() {
    if let Ok(seed) = std::env::var("POSTRIDER_SEED") {
        return live(seed.parse().unwrap());
    }
    (0..SEEDS).for_each(live);
}
