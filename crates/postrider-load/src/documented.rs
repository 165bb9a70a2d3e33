//! What `docs/load-testing.md` says of a run is what a run has.

use std::path::Path;

use serde_json::Value;

use crate::run::Bottleneck;
use crate::sample;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/load-testing.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_key_of_a_run_stands_in_the_page() {
    let page = page();
    let run = serde_json::to_value(sample::run()).unwrap();
    let Value::Object(keys) = run else {
        panic!("a run is an object");
    };
    for key in keys.keys() {
        let (alone, above) = (format!("`{key}`"), format!("`{key}."));
        assert!(page.contains(&alone) || page.contains(&above), "{key}");
    }
}

#[test]
fn every_bottleneck_stands_in_the_page_by_its_word() {
    let page = page();
    let words = page.split("### What limited it").nth(1).unwrap();
    for bottleneck in [
        Bottleneck::Limits,
        Bottleneck::ServiceCpu,
        Bottleneck::MockCpu,
        Bottleneck::OtherCpu,
        Bottleneck::Store,
        Bottleneck::Connections,
        Bottleneck::Waits,
    ] {
        let word = serde_json::to_value(bottleneck).unwrap();
        let word = word.as_str().unwrap();
        assert!(words.contains(&format!("`{word}`")), "{word}");
    }
}
