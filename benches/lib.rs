//! What several benchmarks share. The benchmarks are beside this file, in `benches/*.rs`; run
//! them with `cargo bench -p postrider-benches`.

use postrider_types::Timestamp;

pub mod store;

/// The instant at which every benchmark begins: nothing here asks a clock.
pub const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// HTML of about 20 KB with merge fields, and text of about 5 KB: an ordinary newsletter.
pub fn newsletter() -> (String, String) {
    let paragraph = "<p style=\"margin:0 0 16px\">Der Herbst ist da, und mit ihm die schönsten \
        Bücher des Jahres. <a href=\"https://example.test/b?id=42\">Weiter</a></p>\n";
    let mut html = "<html><body><h1>Hallo {{ name }}</h1>\n".to_owned();
    while html.len() < 20_000 {
        html.push_str(paragraph);
        if html.len() % 5_000 < paragraph.len() {
            html.push_str("<p>{{ name }}, {{ city }}</p>\n");
        }
    }
    html.push_str("</body></html>\n");
    let line = "Der Herbst ist da, und mit ihm die besten Buecher des Jahres.\n";
    (html, format!("Hallo {{{{ name }}}}\n{}", line.repeat(80)))
}
