//! Servers that we did not write take mail only after STARTTLS and AUTH, and get it only when their
//! certificate is right.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use postrider_api::CampaignVerb;
use postrider_tests::peers::{
    Accepted, Account, AiosmtpdSink, Authority, Exim, Postfix, SmtpServer, Terms,
};
use postrider_tests::{is_full, until};
use postrider_types::DeliveryState;

use crate::house::{ANSWERS, House, SOON, beside_others, hello, people, tally};
use crate::reconciled::takes;

const PASSWORD: &str = "love lace";

#[tokio::test]
async fn postfix_takes_a_campaign_after_starttls_and_auth_plain() {
    let door = Door::guarded("PLAIN");
    let server = Postfix::start(&door.terms).await;
    let accepted = async || server.accepted().await;
    takes_a_campaign(&door, server.address(), accepted).await;
}

#[tokio::test]
async fn exim_takes_a_campaign_after_starttls_and_auth_login() {
    let door = Door::guarded("LOGIN");
    let server = Exim::start(&door.terms).await;
    takes_a_campaign(&door, server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn smtp_server_takes_a_campaign_after_starttls_and_auth_plain() {
    let door = Door::guarded("PLAIN");
    let server = SmtpServer::start(&door.terms).await;
    takes_a_campaign(&door, server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn smtp_server_takes_a_campaign_after_starttls_and_a_token() {
    let mut door = Door::guarded("XOAUTH2");
    door.keys.push_str("auth = \"xoauth2\"\n");
    let server = SmtpServer::start(&door.terms).await;
    takes_a_campaign(&door, server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn a_server_whose_authority_is_unknown_gets_no_mail() {
    let mut door = Door::guarded("PLAIN");
    let other = Authority::new("theirs");
    door.terms.identity = Some(other.identity(&["127.0.0.1"]));
    let server = SmtpServer::start(&door.terms).await;
    gets_no_mail(&door, server.address(), "authority").await;
    assert_eq!(server.accepted(), []);
}

#[tokio::test]
async fn a_server_with_the_certificate_of_another_gets_no_mail() {
    let mut door = Door::guarded("PLAIN");
    door.terms.identity = Some(door.authority.identity(&["somebody-else.test"]));
    let server = Exim::start(&door.terms).await;
    gets_no_mail(&door, server.address(), "somebody-else.test").await;
    assert_eq!(server.accepted(), []);
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_mail_where_tls_is_required() {
    let door = Door::guarded("PLAIN");
    let server = AiosmtpdSink::start().await;
    gets_no_mail(&door, server.address(), "STARTTLS").await;
    assert_eq!(server.accepted(), []);
}

#[tokio::test]
async fn a_wrong_password_sends_no_mail_and_is_said_but_not_shown() {
    let mut door = Door::guarded("PLAIN");
    let account = door.terms.account.as_mut().expect("it is guarded");
    account.password = "byron".to_owned();
    let server = Exim::start(&door.terms).await;
    let held = gets_no_mail(&door, server.address(), "535").await;
    assert!(!held.contains(PASSWORD), "{held}");
    assert_eq!(server.accepted(), []);
}

/// A campaign waits, its recipients untouched, while a server is not what the route asks for. Gives
/// the sentence that says why, which has this word.
async fn gets_no_mail(door: &Door, server: SocketAddr, word: &str) -> String {
    let _turn = beside_others().await;
    let house = House::new();
    let config = format!("[route]\nrelay = \"smtp://{server}\"\n{}", door.keys);
    let service = house.serve(&config).await;
    let list = people(20, "receiver.test");
    let id = service.campaign("waits", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    let what = format!("a campaign that waits because of {word}");
    let held = until(SOON, &what, async || {
        let campaign = service.client.campaign(id).await.expect(ANSWERS);
        let mut held = campaign.held.into_iter().map(|held| held.detail);
        held.find(|detail| detail.contains(word))
    })
    .await;
    let receipts = service.export(id).await;
    assert_eq!(tally(&receipts), [(DeliveryState::Pending, 20)].into());
    assert!(receipts.iter().all(|receipt| receipt.attempts == 0));
    let said = service.stop().await;
    assert!(!said.stderr.contains(PASSWORD), "{said}");
    held
}

async fn takes_a_campaign(
    door: &Door,
    server: SocketAddr,
    accepted: impl AsyncFn() -> Vec<Accepted>,
) {
    let count = if is_full() { 1_000 } else { 200 };
    takes(server, &door.keys, count, accepted).await;
}

/// What a server asks for, and the keys of a route that give it.
struct Door {
    authority: Authority,
    terms: Terms,
    keys: String,
    /// Holds the files that the keys name.
    _house: House,
}

impl Door {
    /// A certificate of an authority that the route trusts, and a login by one mechanism.
    fn guarded(mechanism: &'static str) -> Self {
        let authority = Authority::new("ours");
        let account = Account {
            user: "ada".to_owned(),
            password: PASSWORD.to_owned(),
            mechanisms: vec![mechanism],
        };
        let house = House::new();
        let ca = house.write("ca.pem", authority.pem());
        let password = house.write("password", &account.password);
        let only_ours = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&password, only_ours).expect("the file is ours");
        let keys = format!(
            "tls = \"required\"\nca_file = {ca:?}\nuser = {:?}\npassword_file = {password:?}\n",
            account.user
        );
        let terms = Terms {
            identity: Some(authority.identity(&["127.0.0.1"])),
            account: Some(account),
        };
        Self {
            authority,
            terms,
            keys,
            _house: house,
        }
    }
}
