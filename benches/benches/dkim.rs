//! What a signature costs: signed messages a second on one core, for a newsletter of 25 KB.
//!
//! `shared` is a body that is the same for everyone, whose hash is made once; `personal` has the
//! name of the recipient in it, so that it is rendered, encoded and hashed for each. `unsigned` is
//! what both cost without a signature.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use postrider_benches::{START, newsletter};
use postrider_message::dkim::{Identities, Identity, SigningKey};
use postrider_message::{Heading, Limits, Message, MessageId, MessageKey, Prepared};
use postrider_types::{Address, CampaignId, Email, Variables};

const RSA: &str = include_str!("../../crates/postrider-message/src/dkim/test_keys/rsa2048.pem");
const ED25519: &str = include_str!("../../crates/postrider-message/src/dkim/test_keys/ed25519.pem");

const CAMPAIGN: CampaignId = CampaignId(7);

fn main() {
    divan::main();
}

/// The bodies that are measured.
#[derive(Debug, Clone, Copy)]
enum Body {
    Shared,
    Personal,
}

const BODIES: [Body; 2] = [Body::Shared, Body::Personal];

#[divan::bench(args = BODIES)]
fn unsigned(bencher: Bencher<'_, '_>, body: Body) {
    measure(bencher, body, &Identities::default());
}

#[divan::bench(args = BODIES)]
fn rsa_2048(bencher: Bencher<'_, '_>, body: Body) {
    measure(bencher, body, &identities(RSA));
}

#[divan::bench(args = BODIES)]
fn ed25519(bencher: Bencher<'_, '_>, body: Body) {
    measure(bencher, body, &identities(ED25519));
}

fn measure(bencher: Bencher<'_, '_>, body: Body, identities: &Identities) {
    let letter = Letter::new(body);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| letter.signed(black_box(identities)));
}

fn identities(pem: &str) -> Identities {
    let key = SigningKey::from_pem(&pem.into()).expect("a key");
    let domain = "example.test".parse().expect("a domain");
    let identity = Identity::new(domain, "s1".parse().expect("a selector"), key);
    Identities::new([identity]).expect("one name")
}

/// One recipient of a prepared email.
struct Letter {
    prepared: Prepared,
    variables: Variables,
    to: Address,
    message_id: MessageId,
}

impl Letter {
    fn new(body: Body) -> Self {
        let (html, text) = newsletter();
        let filled = |template: String| match body {
            Body::Shared => template
                .replace("{{ name }}", "Ada")
                .replace("{{ city }}", "London"),
            Body::Personal => template,
        };
        let from = "News <news@example.test>".parse().expect("a mailbox");
        let email = Email {
            text: Some(filled(text)),
            ..Email::html(from, "Neues für {{ name }}", &filled(html))
        };
        let variables = r#"{"name":"Ada","city":"London"}"#.to_owned();
        let to: Address = "ada@receiver.test".parse().expect("an address");
        Self {
            prepared: Prepared::new(&email, Limits::STANDARD).expect("the email is valid"),
            variables: Variables::from_json_object(variables).expect("small variables"),
            message_id: MessageId::of(&MessageKey([7; 32]), CAMPAIGN, &to.key(), "example.test"),
            to,
        }
    }

    fn signed(&self, identities: &Identities) -> Message {
        let heading = Heading {
            to: &self.to,
            message_id: &self.message_id,
            date: START,
            campaign: CAMPAIGN,
        };
        let message = self
            .prepared
            .render_signed(&self.variables, &heading, identities);
        message.expect("it renders")
    }
}
