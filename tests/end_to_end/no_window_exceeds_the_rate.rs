//! A limited domain gets its rate, no window of time gets more, and nobody else waits for it.
//!
//! It is counted at MAIL, by the mock's own log. A window w may hold rate × (w + jitter) + burst,
//! where jitter is how much the way to the mock varies: 20 ms on loopback, and more only by as
//! much as this machine itself was seen to stand still meanwhile.

use std::time::Duration;

use postrider_api::CampaignVerb;
use postrider_mock_smtp::Profile;
use postrider_mock_smtp::windows::most_in_window;
use postrider_tests::is_full;
use postrider_types::DeliveryState;

use crate::house::{House, Mock, alone, hello};
use crate::stalls::Stalls;

const RATE: f64 = 50.0;

/// What the bound takes for granted on loopback.
const JITTER: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_window_exceeds_the_rate() {
    let _turn = alone().await;
    let (limited, free) = if is_full() {
        (1_000, 1_000)
    } else {
        (250, 1_000)
    };
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\n[limits.domain.\"limited.test\"]\nrate = \"50/s\"\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let list = mixed(limited, free);
    let id = service.campaign("hello", &hello(), &list).await;
    // Half a slot is enough to move the plan of slots.
    let stalls = Stalls::watch(Duration::from_secs_f64(0.5 / RATE));
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_of(id).await;
    let seen = stalls.end();
    let all = (limited + free) as u64;
    assert_eq!(campaign.count(DeliveryState::Delivered), all);
    service.stop().await;

    let times_us = mock.server().mail_times_of("limited.test");
    assert_eq!(times_us.len(), limited, "one MAIL each");
    for seconds in [1, 10] {
        let width = Duration::from_secs(seconds);
        let most = most_in_window(&times_us, width);
        // Either end of the way may have stood still.
        let jitter = JITTER.max(seen.longest * 2);
        let bound = (RATE * (width + jitter).as_secs_f64() + 1.0).floor();
        assert!(
            most as f64 <= bound,
            "{most} in {seconds} s, more than {bound}; the machine {seen:?}"
        );
    }
    let took = span(&times_us);
    let rate = (limited - 1) as f64 / took.saturating_sub(seen.lost).as_secs_f64();
    assert!(rate >= 49.0, "only {rate} a second; the machine {seen:?}");

    let others_us = mock.server().mail_times_of("free.test");
    assert_eq!(others_us.len(), free);
    let others_took = span(&others_us);
    assert!(
        others_took * 4 < Duration::from_secs_f64(free as f64 / RATE),
        "the domain without a limit took {others_took:?}"
    );
    let (first, others_last) = (times_us.iter().min(), others_us.iter().max());
    let half = i64::try_from(took.as_micros() / 2).expect("it took no centuries");
    assert!(
        others_last.unwrap() - first.unwrap() < half,
        "the domain without a limit was not done when the other was at its half"
    );
}

/// Both domains in turn, for as long as there are people.
fn mixed(limited: usize, free: usize) -> String {
    let mut list = "email,name\n".to_owned();
    for number in 0..limited.max(free) {
        for (domain, count) in [("limited.test", limited), ("free.test", free)] {
            if number < count {
                list.push_str(&format!("a{number}@{domain},Name {number}\n"));
            }
        }
    }
    list
}

fn span(times_us: &[i64]) -> Duration {
    let (first, last) = (times_us.iter().min(), times_us.iter().max());
    let micros = last.expect("there is one") - first.expect("there is one");
    Duration::from_micros(u64::try_from(micros).expect("the last is not before the first"))
}
