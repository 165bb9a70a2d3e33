//! Profiles about what goes wrong.

use super::*;

#[test]
fn flaky_fails_often_and_never_leaves_doubt() {
    for domain in ["flaky.test", "resets.test", "busy.test", "hangs.test"] {
        let courses = first_attempts("flaky", domain, 2000);
        let failed = count(&courses, |it| !it.is_told());
        assert!((10..250).contains(&failed), "{domain}: {failed} of 2,000");
        assert_eq!(
            count(&courses, |it| it.is_accepted() != it.is_told()),
            0,
            "{domain}"
        );
        assert_eq!(
            count(&courses, |it| it.code().is_some_and(|code| code >= 500)),
            0,
            "{domain}"
        );
    }
    let world = World::new(profile("flaky"));
    let greeted = (1..=2000).map(|n| {
        world
            .enter(crate::world::plan::Door::Common, n, SECOND_US)
            .1
    });
    let failed = greeted.filter(|it| it.act != Act::Proceed).count();
    assert!((20..70).contains(&failed), "{failed} of 2,000 connections");
}

#[test]
fn ambiguous_accepts_about_as_many_as_it_does_not_and_both_look_alike() {
    for domain in ["closes.test", "resets.test", "half.test"] {
        let courses = first_attempts("ambiguous", domain, 10_000);
        let accepted = count(&courses, |it| it.is_accepted() && !it.is_told());
        let lost = count(&courses, |it| it.dot.is_some() && !it.is_accepted());
        assert!(
            (70..200).contains(&accepted),
            "{domain}: {accepted} of 10,000"
        );
        assert!((70..140).contains(&lost), "{domain}: {lost} of 10,000");
        assert_eq!(count(&courses, |it| it.code().is_some()), 0, "{domain}");
    }
    let late = first_attempts("ambiguous", "late.test", 5000);
    let is_late = |it: &Course| {
        it.dot
            .as_ref()
            .is_some_and(|it| it.treatment.delay.as_secs() == 30)
    };
    assert!(
        (25..80).contains(&count(&late, is_late)),
        "{}",
        count(&late, is_late)
    );
    let body = first_attempts("ambiguous", "body.test", 1000);
    let closed = count(&body, |it| {
        it.body.as_ref().is_some_and(|it| it.act == Act::Close)
    });
    assert!((70..140).contains(&closed), "{closed} of 1,000");
    let clear = first_attempts("ambiguous", "clear.test", 1000);
    assert_eq!(count(&clear, |it| it.is_told() && it.is_accepted()), 1000);
}

#[test]
fn bouncy_refuses_one_in_seven_by_every_class() {
    let profile = profile("bouncy");
    let weights: u32 = profile.audience.values().sum();
    let mut share = 0.0;
    let mut codes: BTreeMap<u16, usize> = BTreeMap::new();
    for (domain, weight) in &profile.audience {
        let courses = first_attempts("bouncy", domain, 4000);
        courses
            .iter()
            .filter_map(Course::code)
            .for_each(|code| *codes.entry(code).or_default() += 1);
        let refused = count(&courses, |it| it.code().is_some_and(|code| code >= 500));
        let part = f64::from(*weight) / f64::from(weights);
        share += part * f64::from(u32::try_from(refused).expect("few")) / 4000.0;
        assert_eq!(
            count(&courses, |it| it.is_accepted() != it.is_told()),
            0,
            "{domain}"
        );
    }
    assert!(
        (0.13..0.19).contains(&share),
        "{share} are refused for good"
    );
    let known: Vec<u16> = codes.into_keys().collect();
    assert_eq!(known, [451, 452, 550, 552, 553, 554]);
}

#[test]
fn lying_ehlo_has_a_door_for_each_kind_of_lie() {
    let world = World::new(profile("lying-ehlo"));
    let offer = |door| enter(&world, door, SECOND_US).0.offer().clone();
    let common = offer("");
    assert!(common.size > common.message_bytes_max);
    assert!(offer("plain").keywords.is_empty());
    let breaks = offer("breaks");
    assert!(breaks.offers(Keyword::Chunking) && !breaks.honours(Keyword::Chunking));
    assert_eq!(offer("small").message_bytes_max, 4096);
    assert_eq!(offer("long").filler_lines, 100);
    let (mut entry, greeting) = enter(&world, "split", SECOND_US);
    let course = send(&mut entry, "a@split.test", SECOND_US);
    let said = [
        greeting.act,
        entry.at_hello(SECOND_US).act,
        entry.at_mail(SECOND_US).act,
    ];
    assert_eq!(said, [Act::Split, Act::Split, Act::Split]);
    assert_eq!(
        course.acts(),
        [&Act::Split, &Act::Split, &Act::Proceed, &Act::Split]
    );
    assert!(course.is_accepted());
}

#[test]
fn outage_darkens_its_domains_at_their_times_and_no_other() {
    let world = World::new(profile("outage"));
    let (mut entry, _) = enter(&world, "", SECOND_US);
    let mut dark = |domain: &str, act: &Act| {
        let seconds = (0..60).filter(|seconds| {
            let course = send(
                &mut entry,
                &format!("a@{domain}"),
                SECOND_US * (1 + seconds),
            );
            course.rcpt.act == *act
        });
        seconds.collect::<Vec<i64>>()
    };
    assert_eq!(dark("dark.test", &Act::Close), (10..30).collect::<Vec<_>>());
    assert_eq!(
        dark("silent.test", &Act::Hold),
        (10..25).collect::<Vec<_>>()
    );
    let blinks = [5, 6, 15, 16, 25, 26, 35, 36, 45, 46, 55, 56];
    assert_eq!(dark("blinks.test", &Act::Reset), blinks);
    assert_eq!(
        dark(
            "says.test",
            &Act::SayAndClose(crate::world::refusals::OUT_OF_SERVICE)
        ),
        (5..25).collect::<Vec<_>>()
    );
    assert_eq!(
        dark("steady.test", &Act::Proceed),
        (0..60).collect::<Vec<_>>()
    );
}

#[test]
fn malicious_makes_every_noise_and_leaves_the_good_domain_alone() {
    let mut heard = Vec::new();
    for domain in profile("malicious").audience.keys() {
        let courses = first_attempts("malicious", domain, 300);
        let is_quiet = |it: &Course| it.acts() == [&Act::Proceed; 4];
        let quiet = count(&courses, is_quiet);
        if domain == "good.test" {
            assert_eq!(quiet, 300);
        } else {
            assert!(
                (80..250).contains(&quiet),
                "{domain}: {quiet} of 300 are quiet"
            );
        }
        for course in &courses {
            heard.extend(course.acts().into_iter().filter_map(|act| match act {
                Act::Noise(noise) => Some(*noise),
                _ => None,
            }));
        }
    }
    for noise in [
        Noise::EndlessReply,
        Noise::LongLine,
        Noise::NoLineEnd,
        Noise::SlowLoris,
    ] {
        assert!(heard.contains(&noise), "{noise:?} was not heard");
    }
}

#[test]
fn the_same_seed_treats_the_same_client_alike_in_every_profile() {
    for built_in in BuiltIn::all() {
        let run = |seed: u64| {
            let world = World::new(built_in.profile().with_seed(seed));
            let (mut entry, _) = enter(&world, "", SECOND_US);
            let domains: Vec<_> = built_in.profile().audience.into_keys().collect();
            let said = domains
                .iter()
                .cycle()
                .take(400)
                .enumerate()
                .map(|(n, domain)| {
                    format!(
                        "{:?}",
                        send(&mut entry, &format!("r{n}@{domain}"), SECOND_US)
                    )
                });
            said.collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3), "{}", built_in.name);
    }
}
