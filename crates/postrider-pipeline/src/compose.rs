//! From a job to the message that goes over the wire: who it is for, what it says, who signs it,
//! and where its bounces go.
//!
//! Composing is CPU only, and a function of the job and its body: no I/O, no clock, no chance. So
//! a retry of the same delivery is the same message, byte for byte.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use postrider_message::{Heading, Message, MessageId, MessageKey};
use postrider_smtp::{Content, Envelope};

use crate::core::Job;
use crate::rehydrate::Body;
use crate::report;
use crate::settings::MessageSettings;

/// Makes messages.
#[derive(Clone)]
pub(crate) struct Composer {
    /// The key of all Message-IDs and return paths.
    pub(crate) key: MessageKey,
    /// Where bounces go, and who signs.
    pub(crate) settings: Arc<MessageSettings>,
}

impl Composer {
    /// The message of one delivery. A panic inside is one failed delivery: it would otherwise end
    /// the task of its connection without a word, and the message would be under way for ever.
    ///
    /// # Errors
    /// The reason why it cannot be built, for people.
    pub(crate) fn compose(&self, job: &Job, body: &Body) -> Result<(Envelope, Content), String> {
        let compose = || {
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
    use bytes::Bytes;
    use postrider_message::dkim::{Identities, Identity, SigningKey};
    use postrider_message::{Limits, Prepared, verp};
    use postrider_store::request::Claimed;
    use postrider_types::{
        Attachment, CampaignId, ChunkId, ChunkRecipient, Email, EmailId, LaneName, LeaseToken,
        RecipientId, TenantId, Timestamp, Variables,
    };

    use super::*;

    const KEY: MessageKey = MessageKey([7; 32]);
    const ED25519: &str = include_str!("../../postrider-message/src/dkim/test_keys/ed25519.pem");

    fn composer(settings: MessageSettings) -> Composer {
        Composer {
            key: KEY,
            settings: Arc::new(settings),
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
        let (envelope, _) = composer(plain()).compose(&jobs[0], &body).unwrap();
        assert_eq!(envelope.reverse_path.unwrap().as_str(), "news@example.test");
        assert_eq!(envelope.forward_path.as_str(), "ada@receiver.test");

        let return_path: verp::ReturnPath = "b+{token}@bounces.test".parse().unwrap();
        let composer = composer(MessageSettings {
            return_path: Some(return_path.clone()),
            ..plain()
        });
        for (number, job) in (40..).zip(&jobs) {
            let (envelope, _) = composer.compose(job, &body).unwrap();
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
        let (_, content) = composer.compose(&jobs[0], &body).unwrap();
        assert_eq!(content.bytes(), bytes().len() as u64);
    }

    #[test]
    fn what_cannot_be_rendered_says_why() {
        let mut job = jobs(&["ada"]).remove(0);
        let mut chunk = (*job.chunk).clone();
        chunk.recipients[0].variables = Variables::default();
        job.chunk = Arc::new(chunk);
        let reason = composer(plain()).compose(&job, &body(1)).unwrap_err();
        assert!(reason.contains("\"name\" is not defined"), "{reason}");
    }
}
