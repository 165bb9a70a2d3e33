//! Profiles about limits and time.

use super::*;

#[test]
fn sink_accepts_at_once_and_remembers_nothing() {
    let world = World::new(profile("sink"));
    for domain in profile("sink").audience.keys() {
        assert!(!world.plan().domain(domain).remembers);
    }
    let courses = first_attempts("sink", "sink1.test", 500);
    assert_eq!(count(&courses, |it| it.acts() == [&Act::Proceed; 4]), 500);
}

#[test]
fn providers_like_lets_everything_in_at_its_rates_and_20000_within_a_minute() {
    let profile = profile("providers-like");
    let weights: u32 = profile.audience.values().sum();
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for (domain, weight) in &profile.audience {
        let rate = per_second(
            profile
                .behaviour(domain)
                .rate
                .expect("each domain has a rate"),
        );
        let recipients = 20_000.0 * f64::from(*weight) / f64::from(weights);
        let seconds = recipients / rate;
        assert!(
            (15.0..60.0).contains(&seconds),
            "{domain} takes {seconds} s"
        );
        let provider = profile
            .provider_of(domain)
            .expect("each domain has a provider");
        *sums.entry(provider).or_default() += rate;
        let accepted = let_in("providers-like", domain, rate * 0.999, 10.0);
        assert!(
            accepted >= rate * 9.9,
            "{domain}: {accepted} at exactly its rate of {rate}/s"
        );
        let accepted = let_in("providers-like", domain, rate * 2.0, 10.0);
        assert!(
            accepted <= rate * 10.2,
            "{domain}: {accepted} of twice its rate of {rate}/s"
        );
    }
    for (name, provider) in &profile.provider {
        assert!(
            provider.connections_max.is_some() && provider.address.is_some(),
            "{name}"
        );
        assert!(provider.messages_per_connection_max.is_some(), "{name}");
        let is_enough = |rate| per_second(rate) > sums[name.as_str()] * 0.999;
        assert!(
            provider.rate.is_none_or(is_enough),
            "{name} has less than its domains"
        );
    }
}

#[test]
fn providers_like_refuses_few_and_only_for_good() {
    for domain in profile("providers-like").audience.keys() {
        let world = World::new(profile("providers-like"));
        let (mut entry, _) = enter(&world, "", SECOND_US);
        let courses: Vec<_> = (0..2000)
            .map(|n| send(&mut entry, &format!("r{n}@{domain}"), SECOND_US * (n + 1)))
            .collect();
        let refused = count(&courses, |it| it.code().is_some_and(|code| code >= 500));
        assert!(refused <= 40, "{domain} refuses {refused} of 2,000");
        assert_eq!(count(&courses, Course::is_told) + refused, 2000, "{domain}");
    }
}

#[test]
fn strict_limits_never_let_a_client_recover_that_hammers() {
    for domain in profile("strict-limits").audience.keys() {
        let rate = per_second(
            profile("strict-limits")
                .behaviour(domain)
                .rate
                .expect("a rate"),
        );
        let kept = let_in("strict-limits", domain, rate * 0.999, 20.0);
        assert!(kept >= rate * 19.9, "{domain}: {kept} at exactly its rate");
        let hammered = let_in("strict-limits", domain, rate * 1.5, 120.0);
        assert!(
            hammered <= rate,
            "{domain}: {hammered} in two minutes of hammering"
        );
    }
}

#[test]
fn greylist_defers_first_tries_and_takes_second_ones_in_time() {
    let world = World::new(profile("greylist"));
    let (mut entry, _) = enter(&world, "", SECOND_US);
    let mut code = |to: &str, seconds: i64| send(&mut entry, to, seconds * SECOND_US).code();
    for (domain, in_time) in [("grey.test", 10), ("postgrey.test", 300), ("hasty.test", 5)] {
        let to = &format!("a@{domain}");
        let codes = [0, in_time - 1, in_time].map(|after| code(to, 1 + after));
        assert_eq!(codes, [Some(451), Some(451), None], "{domain}");
    }
    assert_eq!(code("b@hasty.test", 1), Some(451));
    assert_eq!(
        code("b@hasty.test", 121),
        Some(451),
        "too late: it begins anew"
    );
}

#[test]
fn slow_refuses_nobody_and_has_long_tails() {
    let courses = first_attempts("slow", "slow.test", 1000);
    assert_eq!(count(&courses, |it| it.is_told() && it.is_accepted()), 1000);
    let mut waits: Vec<_> = courses.iter().filter_map(|it| it.dot.as_ref()).collect();
    waits.sort_unstable_by_key(|it| it.treatment.delay);
    let at = |index: usize| waits[index].treatment.delay.as_millis();
    assert!((54..66).contains(&at(500)), "the median is {} ms", at(500));
    assert!(
        (150..400).contains(&at(980)),
        "one in fifty takes {} ms",
        at(980)
    );
    let tarpit = first_attempts("slow", "tarpit.test", 200);
    assert!(
        tarpit
            .iter()
            .all(|it| it.rcpt.delay.as_secs() == 10 && it.is_told())
    );
    let dripping = count(&tarpit, |it| it.rcpt.act == Act::Noise(Noise::SlowLoris));
    assert!((3..25).contains(&dripping), "{dripping} of 200 drip");
}
