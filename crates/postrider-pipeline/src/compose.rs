//! From a job to the message that goes over the wire: who it is for, what it says, who signs it,
//! and where its bounces go.
//!
//! Composing is CPU only, and a function of the job and its body: no clock, no chance, and nothing
//! written but the note of who is in hand. So a retry of the same delivery is the same message,
//! byte for byte, and a trial of it does what its courier did.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use postrider_failpoint::FailPoint;
use postrider_message::{Heading, Limits, Message, MessageId, MessageKey};
use postrider_smtp::{Content, Envelope};
use postrider_types::EmailId;

use crate::core::{ConnectionId, Job};
use crate::in_hand::InHand;
use crate::rehydrate::{Body, prepare};
use crate::report;
use crate::settings::MessageSettings;
use crate::solo::Solo;

/// Prepares an email from its stored form, and renders it for the recipient of a job as a courier
/// does; without a job it is only prepared. Whoever suspects one of them of killing its process
/// calls this in another.
///
/// # Errors
/// Why it cannot be prepared or built, for people: it kills nobody.
pub fn try_alone(
    content: Bytes,
    job: Option<&Job>,
    message_key: [u8; 32],
    email_bytes_max: usize,
    message: &MessageSettings,
) -> Result<(), String> {
    let email = EmailId::of(&content);
    let body = prepare(email, content, Limits { email_bytes_max })?;
    let Some(job) = job else { return Ok(()) };
    let composer = Composer {
        key: MessageKey(message_key),
        settings: Arc::new(message.clone()),
        solo: Arc::default(),
        in_hand: None,
    };
    composer.build(job, &body).map(drop)
}

/// Makes messages.
#[derive(Clone)]
pub(crate) struct Composer {
    /// The key of all Message-IDs and return paths.
    pub(crate) key: MessageKey,
    /// Where bounces go, and who signs.
    pub(crate) settings: Arc<MessageSettings>,
    /// Lets a suspect be rendered alone.
    pub(crate) solo: Arc<Solo>,
    /// Where it is noted who is rendered; `None` when nobody would read it.
    pub(crate) in_hand: Option<Arc<InHand>>,
}

impl Composer {
    /// The message of one delivery, for a connection. It is noted as in hand meanwhile; a
    /// suspect is in hand alone.
    ///
    /// # Errors
    /// The reason why it cannot be built, for people.
    pub(crate) fn compose(
        &self,
        connection: ConnectionId,
        job: &Job,
        body: &Body,
    ) -> Result<(Envelope, Content), String> {
        self.solo.with(job.chunk.lane.is_solo(), || {
            let _noted = self.in_hand.as_ref().map(|in_hand| {
                let (delivery, chunk) = (job.delivery(), job.chunk.chunk);
                in_hand.rendering(connection, delivery, chunk, job.chunk.email)
            });
            self.build(job, body)
        })
    }

    /// A panic inside is one failed delivery: it would otherwise end the task of its connection
    /// without a word, and the message would be under way for ever.
    fn build(&self, job: &Job, body: &Body) -> Result<(Envelope, Content), String> {
        let compose = || {
            FailPoint::InRender.reached_by(|| job.recipient().address.as_str());
            let message = self.message(job, body)?;
            let content = body.content(message);
            let content = content.map_err(|trouble| report::chain(&trouble))?;
            Ok((self.envelope(job, body), content))
        };
        catch_unwind(AssertUnwindSafe(compose))
            .unwrap_or_else(|_| Err("building the message failed inside".to_owned()))
    }

    fn envelope(&self, job: &Job, body: &Body) -> Envelope {
        let recipient = job.recipient();
        let reverse_path = match &self.settings.return_path {
            Some(path) => path.of(&self.key, job.chunk.campaign, recipient.recipient),
            None => body.prepared().from().clone(),
        };
        Envelope {
            reverse_path: Some(reverse_path),
            forward_path: recipient.address.clone(),
        }
    }

    fn message(&self, job: &Job, body: &Body) -> Result<Message, String> {
        let (recipient, email) = (job.recipient(), body.prepared());
        let campaign = job.chunk.campaign;
        let domain = email.from().domain();
        let message_id = MessageId::of(&self.key, campaign, &recipient.address.key(), domain);
        let heading = Heading {
            to: &recipient.address,
            message_id: &message_id,
            date: job.chunk.started_at,
            campaign,
        };
        email
            .render_signed(&recipient.variables, &heading, &self.settings.identities)
            .map_err(|error| report::chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use postrider_message::dkim::{Identities, Identity, SigningKey};
    use postrider_message::{Limits, Prepared, codec, verp};
    use postrider_store::request::Claimed;
    use postrider_types::{
        Attachment, CampaignId, ChunkId, ChunkRecipient, Email, LaneName, LeaseToken, RecipientId,
        TenantId, Timestamp, Variables,
    };

    use super::*;

    const KEY: MessageKey = MessageKey([7; 32]);
    const ED25519: &str = include_str!("../../postrider-message/src/dkim/test_keys/ed25519.pem");

    fn composer(settings: MessageSettings) -> Composer {
        Composer {
            key: KEY,
            settings: Arc::new(settings),
            solo: Arc::default(),
            in_hand: None,
        }
    }

    fn plain() -> MessageSettings {
        MessageSettings {
            return_path: None,
            identities: Identities::default(),
        }
    }

    /// A job for each of some recipients of campaign 3, numbered from 40.
    fn jobs(names: &[&str]) -> Vec<Job> {
        let recipient = |(number, name): (u32, &&str)| ChunkRecipient {
            recipient: RecipientId(number),
            address: format!("{name}@receiver.test").parse().unwrap(),
            variables: Variables::from_json_object(format!("{{\"name\":\"{name}\"}}")).unwrap(),
            attempts: 0,
            first_attempt_at: None,
            deaths: 0,
        };
        let chunk = Arc::new(Claimed {
            token: LeaseToken(1),
            until: Timestamp::NEVER,
            chunk: ChunkId(1),
            tenant: TenantId::DEFAULT,
            campaign: CampaignId(3),
            email: EmailId::of(b""),
            started_at: Timestamp::from_micros(1_700_000_000_000_000),
            running_since: Timestamp::from_micros(1_700_000_000_000_000),
            lane: LaneName::from_stored("receiver.test"),
            recipients: (40..).zip(names).map(recipient).collect(),
        });
        let job = |index| Job {
            chunk: Arc::clone(&chunk),
            index,
        };
        (0..names.len()).map(job).collect()
    }

    fn body(attached: usize) -> Body {
        let from = "News <news@example.test>".parse().unwrap();
        let mut email = Email::html(from, "Hi {{ name }}", "<p>Hi {{ name }}");
        email.attachments.push(Attachment {
            filename: "a.bin".to_owned(),
            content_type: "application/octet-stream".to_owned(),
            content: Bytes::from(vec![7; attached]),
        });
        Body::new(Prepared::new(&email, Limits::STANDARD).unwrap())
    }

    #[test]
    fn bounces_go_to_the_sender_unless_a_return_path_says_otherwise() {
        let (jobs, body) = (jobs(&["ada", "eve"]), body(1));
        let (envelope, _) = composer(plain()).build(&jobs[0], &body).unwrap();
        assert_eq!(envelope.reverse_path.unwrap().as_str(), "news@example.test");
        assert_eq!(envelope.forward_path.as_str(), "ada@receiver.test");

        let return_path: verp::ReturnPath = "b+{token}@bounces.test".parse().unwrap();
        let composer = composer(MessageSettings {
            return_path: Some(return_path.clone()),
            ..plain()
        });
        for (number, job) in (40..).zip(&jobs) {
            let (envelope, _) = composer.build(job, &body).unwrap();
            let reverse_path = envelope.reverse_path.unwrap();
            let token = return_path.token_in(&reverse_path).unwrap();
            let expect = Some((CampaignId(3), RecipientId(number)));
            assert_eq!(verp::decode(&KEY, token), expect);
        }
    }

    #[test]
    fn a_message_of_a_domain_with_a_key_is_signed_and_is_the_same_at_every_attempt() {
        let (jobs, body) = (jobs(&["ada"]), body(1));
        let key = SigningKey::from_pem(&ED25519.into()).unwrap();
        let (domain, selector) = ("example.test".parse().unwrap(), "s1".parse().unwrap());
        let identity = Identity::new(domain, selector, key);
        let composer = composer(MessageSettings {
            identities: Identities::new([identity]).unwrap(),
            ..plain()
        });
        let bytes = || composer.message(&jobs[0], &body).unwrap().to_vec();
        assert!(bytes().starts_with(b"DKIM-Signature: "));
        assert_eq!(bytes(), bytes());
        let (_, content) = composer.build(&jobs[0], &body).unwrap();
        assert_eq!(content.bytes(), bytes().len() as u64);
    }

    #[test]
    fn what_cannot_be_rendered_says_why() {
        let mut job = jobs(&["ada"]).remove(0);
        let mut chunk = (*job.chunk).clone();
        chunk.recipients[0].variables = Variables::default();
        job.chunk = Arc::new(chunk);
        let reason = composer(plain()).build(&job, &body(1)).unwrap_err();
        assert!(reason.contains("\"name\" is not defined"), "{reason}");
    }

    #[test]
    fn a_trial_prepares_and_renders_and_says_what_is_wrong() {
        let from = "News <news@example.test>".parse().unwrap();
        let email = Email::html(from, "Hi {{ name }}", "<p>Hi {{ surname }}");
        let content = Bytes::from(codec::encode(&email));
        let job = &jobs(&["ada"])[0];
        let tried = |content: &Bytes, job| {
            let bytes_max = Limits::STANDARD.email_bytes_max;
            try_alone(content.clone(), job, KEY.0, bytes_max, &plain())
        };
        assert_eq!(tried(&content, None), Ok(()));
        let reason = tried(&content, Some(job)).unwrap_err();
        assert!(reason.contains("\"surname\" is not defined"), "{reason}");
        let damaged = content.slice(..content.len() / 2);
        tried(&damaged, None).unwrap_err();
        let email = Email {
            html: Some("<p>Hi {{ name }}".to_owned()),
            ..email
        };
        let content = Bytes::from(codec::encode(&email));
        assert_eq!(tried(&content, Some(job)), Ok(()));
    }
}
