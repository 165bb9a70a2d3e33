//! Exim: a process a connection, PIPELINING and CHUNKING, no enhanced codes of its own.

use std::net::SocketAddr;
use std::path::Path;

use super::accepted::{Accepted, with_crlf};
use super::daemon::Daemon;
use super::jail::Jail;
use super::terms::{Account, Terms};

const USER: (&str, u32) = ("Debian-exim", 65_501);
const SPOOL: &str = "var/spool/exim4";

/// A running Exim that keeps what it accepts in its queue, for ever.
#[derive(Debug)]
pub struct Exim(Daemon);

impl Exim {
    /// Starts the server and returns when it greets. It knows nobody whose name begins with `bad`.
    pub async fn start(terms: &Terms) -> Self {
        let daemon = Daemon::start("exim", |folder, address| {
            let jail = Jail::new("exim", folder, &[USER]);
            jail.folder_of(USER.1, SPOOL);
            jail.folder_of(USER.1, "var/log/exim4");
            jail.write("etc/exim4/exim4.conf", config(address, terms));
            if let Some(identity) = &terms.identity {
                jail.folder_of(USER.1, "tls");
                identity.write(&jail.path("tls"));
                for name in ["tls/certificate.pem", "tls/key.pem"] {
                    let user = Some(USER.1);
                    std::os::unix::fs::chown(jail.path(name), user, user).expect("root may");
                }
            }
            jail.command("/usr/sbin/exim4", &["-bdf"])
        });
        Self(daemon.await)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Every message in its queue, in no order.
    pub fn accepted(&self) -> Vec<Accepted> {
        let input = self.0.folder().join("jail").join(SPOOL).join("input");
        let Ok(entries) = std::fs::read_dir(&input) else {
            // Made with the first message.
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.expect("the queue can be read").path());
        let heads = paths.filter(|path| path.to_string_lossy().ends_with("-H"));
        heads.map(|head| message(&head)).collect()
    }
}

/// A message of two files: `…-H` with envelope and header, `…-D` with the body.
fn message(head: &Path) -> Accepted {
    let body = head.to_string_lossy();
    let body = format!("{}-D", body.strip_suffix("-H").expect("a file of a head"));
    let body = std::fs::read(body).expect("a message has a body");
    let head = std::fs::read(head).expect("a message has a head");
    parsed(&head, &body).expect("Exim's files are as its manual says")
}

/// Takes the two files apart as the chapter "Format of spool files" of Exim's manual has them.
fn parsed(head: &[u8], body: &[u8]) -> Option<Accepted> {
    let end = head.windows(2).position(|pair| pair == b"\n\n")?;
    let envelope = std::str::from_utf8(&head[..end]).ok()?;
    let sender = envelope.lines().nth(2)?;
    // `XX` is an empty list of those who have it already; a count, and the recipients follow.
    let mut recipients = envelope.lines().skip_while(|line| *line != "XX").skip(2);
    let mut text = headers(&head[end + 2..])?;
    text.push(b'\n');
    // The first line of the body's file is its name.
    let name_end = body.iter().position(|&byte| byte == b'\n')?;
    text.extend_from_slice(&body[name_end + 1..]);
    Some(Accepted {
        mail_from: sender.trim_matches(['<', '>']).to_owned(),
        rcpt_tos: recipients.by_ref().map(str::to_owned).collect(),
        data: with_crlf(&text),
    })
}

/// Header fields, each behind its length, a letter and a blank; a `*` marks what was taken out.
fn headers(mut fields: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while !fields.is_empty() {
        let digits = fields.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        let length = std::str::from_utf8(&fields[..digits]).ok()?;
        let length: usize = length.parse().ok()?;
        let is_taken_out = *fields.get(digits)? == b'*';
        let start = digits + 2;
        let field = fields.get(start..start + length)?;
        if !is_taken_out {
            text.extend_from_slice(field);
        }
        fields = &fields[start + length..];
    }
    Some(text)
}

/// Nothing is delivered, nothing is looked up, and no header field is added.
fn config(address: SocketAddr, terms: &Terms) -> String {
    let mut config = format!(
        "primary_hostname = exim.test\n\
         local_interfaces = {}\n\
         daemon_smtp_ports = {}\n\
         disable_ipv6 = true\n\
         host_lookup =\n\
         received_header_text =\n\
         keep_environment =\n\
         queue_only = true\n\
         acl_smtp_mail = mail\n\
         acl_smtp_rcpt = rcpt\n",
        address.ip(),
        address.port()
    );
    let mut acl = "begin acl\nmail:\n".to_owned();
    if terms.identity.is_some() {
        config.push_str(
            "tls_advertise_hosts = *\n\
             tls_certificate = /tls/certificate.pem\n\
             tls_privatekey = /tls/key.pem\n",
        );
        acl.push_str("  deny !encrypted = *\n    message = 530 5.7.0 STARTTLS comes first\n");
    } else {
        config.push_str("tls_advertise_hosts =\n");
    }
    if terms.account.is_some() {
        config.push_str("auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}\n");
        acl.push_str("  deny !authenticated = *\n    message = 530 5.7.0 who are you?\n");
    }
    acl.push_str(
        "  accept\nrcpt:\n  deny local_parts = ^bad\n    message = 550 5.1.1 no such user here\n  accept\n",
    );
    let account = terms.account.as_ref().map(authenticators);
    config + &acl + &account.unwrap_or_default()
}

fn authenticators(account: &Account) -> String {
    let mut config = "begin authenticators\n".to_owned();
    for mechanism in &account.mechanisms {
        let (prompts, user, password) = match *mechanism {
            "PLAIN" => (":", "auth2", "auth3"),
            "LOGIN" => ("Username:: : Password::", "auth1", "auth2"),
            other => panic!("{other} is not set up here"),
        };
        let condition = format!(
            "${{if and{{{{eq{{${user}}}{{{}}}}}{{eq{{${password}}}{{{}}}}}}}}}",
            account.user, account.password
        );
        config.push_str(&format!(
            "{}:\n  driver = plaintext\n  public_name = {mechanism}\n  server_prompts = {prompts}\n  \
             server_condition = {condition}\n  server_set_id = ${user}\n",
            mechanism.to_lowercase()
        ));
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelope_header_and_body_are_put_together() {
        let head = b"1x-H\nDebian-exim 1 1\n<n@x.test>\n1795255745 0\n-helo_name c\nXX\n1\n\
            a1@x.test\n\n006* Gone:\n010T To: a1\n\tb\n";
        let whole = parsed(head, b"1x-D\n.dot\n\n").unwrap();
        assert_eq!(whole.mail_from, "n@x.test");
        assert_eq!(whole.rcpt_tos, ["a1@x.test"]);
        assert_eq!(whole.data, b"To: a1\r\n\tb\r\n\r\n.dot\r\n\r\n");
        assert_eq!(parsed(&head[..60], b"1x-D\n"), None);
    }
}
