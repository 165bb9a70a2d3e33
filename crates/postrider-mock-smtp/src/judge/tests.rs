//! A verdict for each way to be wrong, and none for what only looks wrong.

mod deliveries;
mod limits;
mod places;
mod replies;

use super::*;
use crate::chance::body_hash;
use crate::control::wire::State;
use crate::log::{Close, Fault, FaultKind, Lateness, Mail, Open, Refuse, Reset, Served};
use crate::tally::Ledger;
use crate::world::treatment::Stage;

/// A ledger that is told what happened, one word at a time.
#[derive(Default)]
struct Case {
    ledger: Ledger,
    messages: u64,
}

impl Case {
    /// The limits are those of this profile, given as the rest of its TOML.
    fn under(toml: &str) -> Self {
        let mut case = Self::default();
        case.serve(toml);
        case
    }

    fn see(&mut self, record: Record) {
        self.ledger.count(&record, true);
    }

    fn serve(&mut self, toml: &str) {
        let toml = format!("name = 'x'\n{toml}");
        Profile::from_toml(&toml).unwrap();
        self.see(Record::Profile(Served { at_us: 0, toml }));
    }

    /// Another message to a recipient.
    fn accept(&mut self, campaign: &str, recipient: &str) {
        self.accept_content(campaign, recipient, "hello");
    }

    fn accept_content(&mut self, campaign: &str, recipient: &str, content: &str) {
        self.messages += 1;
        let accept = Accept {
            domain: recipient.rsplit_once('@').unwrap().1.to_owned(),
            recipient: recipient.to_owned(),
            message_id: Some(format!("<{}>", self.messages)),
            campaign: (!campaign.is_empty()).then(|| campaign.to_owned()),
            content_hash: body_hash(content.as_bytes()),
            ..Accept::default()
        };
        self.see(Record::Accept(accept));
    }

    fn expect(&mut self, campaign: &str, recipient: &str) {
        self.expect_content(campaign, recipient, None);
    }

    fn expect_content(&mut self, campaign: &str, recipient: &str, content: Option<&str>) {
        let expectation = Expectation {
            campaign: campaign.to_owned(),
            recipient: recipient.to_owned(),
            content_hash: content.map(|content| body_hash(content.as_bytes())),
        };
        self.ledger.expect(&expectation).unwrap();
    }

    fn hold(&mut self, campaign: &str, recipient: &str, state: State) {
        let receipt = Receipt {
            campaign: campaign.to_owned(),
            recipient: recipient.to_owned(),
            state,
        };
        self.ledger.hold(&receipt).unwrap();
    }

    fn refuse(&mut self, recipient: &str, code: u16) {
        self.see(Record::Refuse(Refuse {
            at_us: 1,
            connection: 1,
            domain: String::new(),
            recipient: recipient.to_owned(),
            code,
            stage: Stage::Rcpt,
        }));
    }

    /// MAIL commands for a domain at these milliseconds.
    fn mails_ms(&mut self, provider: &str, domain: &str, at_ms: impl IntoIterator<Item = i64>) {
        for at_ms in at_ms {
            self.see(Record::Mail(Mail {
                at_us: at_ms * 1000,
                connection: 1,
                provider: provider.to_owned(),
                domain: domain.to_owned(),
            }));
        }
    }

    fn late(&mut self, late_us: u64) {
        self.see(Record::Lateness(Lateness { at_us: 0, late_us }));
    }

    fn open_ms(&mut self, provider: &str, connection: u64, at_ms: i64) {
        self.see(Record::Open(Open {
            at_us: at_ms * 1000,
            connection,
            provider: provider.to_owned(),
        }));
    }

    fn close_ms(&mut self, connection: u64, messages: u64, at_ms: i64) {
        self.see(Record::Close(Close {
            at_us: at_ms * 1000,
            connection,
            messages,
            ..Close::default()
        }));
    }

    fn fault(&mut self, kind: FaultKind, detail: &str) {
        self.see(Record::Fault(Fault {
            at_us: 1,
            connection: 7,
            kind,
            detail: detail.to_owned(),
        }));
    }

    /// Passes.
    #[track_caller]
    fn passes(&self) -> Verdict {
        let verdict = self.ledger.verdict();
        assert_eq!((&verdict.reasons, verdict.verdict), (&vec![], Ruling::Pass));
        verdict
    }

    /// Fails for one reason, which begins so.
    #[track_caller]
    fn fails(&self, reason: &str) -> Verdict {
        let verdict = self.ledger.verdict();
        assert_eq!(verdict.verdict, Ruling::Fail, "not failed: {reason}");
        assert_eq!(verdict.reasons.len(), 1, "{:?}", verdict.reasons);
        let said = &verdict.reasons[0];
        assert!(said.starts_with(reason), "{said:?} instead of {reason:?}");
        verdict
    }
}

#[test]
fn nothing_at_all_passes() {
    Case::default().passes();
}

#[test]
fn every_fault_fails_for_itself_but_a_missing_quit() {
    for kind in [
        FaultKind::CommandAfter421,
        FaultKind::PipelinedUnoffered,
        FaultKind::Synchronisation,
        FaultKind::Order,
        FaultKind::Syntax,
        FaultKind::LineTooLong,
        FaultKind::BareLineEnd,
    ] {
        let mut case = Case::default();
        case.fault(kind, "what it did first");
        case.fault(kind, "what it did then");
        let verdict = case.fails(&format!("the client broke the protocol ({kind}) 2 times"));
        assert!(verdict.reasons[0].ends_with("on connection 7: what it did first"));
        assert_eq!(verdict.faults[kind.name()], 2);
    }
    let mut case = Case::default();
    case.fault(FaultKind::NoQuit, "");
    assert_eq!(case.passes().faults["no_quit"], 1);
}

#[test]
fn after_a_reset_nothing_is_held_against_the_client_and_the_limits_stay() {
    let mut case = Case::under("[domain.'x.test']\nrate = '1/s'\nburst = 1");
    case.accept("c", "a@x.test");
    case.accept("c", "a@x.test");
    case.fault(FaultKind::Syntax, "");
    case.expect("c", "b@x.test");
    case.hold("c", "c@x.test", State::InDoubt);
    case.mails_ms("", "x.test", [0, 1, 2, 3]);
    assert_eq!(case.ledger.verdict().reasons.len(), 5);
    case.see(Record::Reset(Reset { at_us: 9 }));
    let verdict = case.passes();
    assert_eq!(
        (verdict.accepted, verdict.expected, verdict.in_doubt.held),
        (0, 0, 0)
    );
    case.mails_ms("", "x.test", [0, 1, 2, 3]);
    case.fails("the limit of x.test");
}

/// The same lines from a file are the same verdict.
#[test]
fn the_log_of_a_server_that_is_gone_is_judged_like_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.ndjson");
    let toml = "name = 'x'\n[domain.'x.test']\nrate = '1/s'\nburst = 1".to_owned();
    let accept = |message_id: &str| {
        Record::Accept(Accept {
            domain: "x.test".to_owned(),
            recipient: "a@x.test".to_owned(),
            message_id: Some(message_id.to_owned()),
            ..Accept::default()
        })
    };
    let mail = |at_us| {
        Record::Mail(Mail {
            at_us,
            domain: "x.test".to_owned(),
            ..Mail::default()
        })
    };
    let records = [
        Record::Profile(Served { at_us: 0, toml }),
        Record::Lateness(Lateness {
            at_us: 1,
            late_us: 3000,
        }),
        mail(1),
        mail(2),
        mail(3),
        accept("<1>"),
        accept("<1>"),
    ];
    let mut online = Ledger::default();
    records.iter().for_each(|record| online.count(record, true));
    std::fs::write(&path, crate::log::text(&records, true)).unwrap();
    let offline = Ledger::read_log(&path).unwrap();
    assert_eq!(offline.verdict(), online.verdict());
    assert_eq!(offline.verdict().reasons.len(), 2);
    assert_eq!(offline.verdict().limits[0].jitter_us, 3000);
}
