//! Postfix itself: a private instance with a queue and mailboxes of its own.
//!
//! Its daemons are those of the Debian package, its configuration is all here. Mail takes the way
//! of its users: `smtpd`, `cleanup`, `qmgr`, and `virtual` writes a file for each message.

use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::accepted::{Accepted, split_field, value_of, with_crlf};
use super::daemon::{Daemon, assert_root};
use super::debian;
use super::terms::{Account, Terms};
use crate::until;

/// How long what is in the queue may take to the mailbox; a loaded machine writes 100 a second.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// The user who owns the mailboxes: Debian's `nobody`.
const NOBODY: u32 = 65_534;

/// The folders of a queue, and who may look into them.
const QUEUE: [(&str, u32); 13] = [
    ("active", 0o700),
    ("bounce", 0o700),
    ("corrupt", 0o700),
    ("defer", 0o700),
    ("deferred", 0o700),
    ("flush", 0o700),
    ("hold", 0o700),
    ("incoming", 0o700),
    ("maildrop", 0o730),
    ("private", 0o700),
    ("public", 0o710),
    ("saved", 0o700),
    ("trace", 0o700),
];

const SERVICES: &str = "\
    anvil     unix      - - n - 1 anvil\n\
    bounce    unix      - - n - 0 bounce\n\
    cleanup   unix      n - n - 0 cleanup\n\
    defer     unix      - - n - 0 bounce\n\
    error     unix      - - n - - error\n\
    postlog   unix-dgram n - n - 1 postlogd\n\
    proxymap  unix      - - n - - proxymap\n\
    qmgr      unix      n - n 300 1 qmgr\n\
    rewrite   unix      - - n - - trivial-rewrite\n\
    tlsmgr    unix      - - n 1000? 1 tlsmgr\n\
    trace     unix      - - n - 0 bounce\n\
    virtual   unix      - n n - - virtual\n";

/// A running Postfix.
#[derive(Debug)]
pub struct Postfix(Daemon);

impl Postfix {
    /// Starts the server and returns when it greets. It knows nobody whose name begins with `bad`.
    pub async fn start(terms: &Terms) -> Self {
        assert_root("Postfix");
        let postfix = user_id("postfix");
        let daemon = Daemon::start("Postfix", |folder, address| {
            for (name, owner) in [("config", 0), ("data", postfix), ("mail", NOBODY)] {
                make(&folder.join(name), owner, 0o755);
            }
            for (name, mode) in QUEUE {
                make(&folder.join("queue").join(name), postfix, mode);
            }
            make(&folder.join("queue/pid"), 0, 0o755);
            let config = folder.join("config");
            std::fs::write(config.join("main.cf"), main(folder, terms)).expect("a file");
            let services = format!("{address} inet n - n - - smtpd\n{SERVICES}");
            std::fs::write(config.join("master.cf"), services).expect("a file");
            if let Some(identity) = &terms.identity {
                identity.write(&config);
            }
            if let Some(account) = &terms.account {
                write_account(&config, account, postfix);
            }
            let mut command = Command::new("/usr/lib/postfix/sbin/master");
            // `-d`: in the foreground, and in our process group.
            command.arg("-c").arg(config).arg("-d");
            command
        });
        Self(daemon.await)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Every message that it has accepted, in no order, once its queue is empty.
    ///
    /// # Panics
    /// When the queue does not become empty in time.
    pub async fn accepted(&self) -> Vec<Accepted> {
        let queue = self.0.folder().join("queue");
        until(SETTLED_WITHIN, "an empty queue of Postfix", async || {
            let places = [
                "maildrop", "incoming", "active", "deferred", "hold", "corrupt",
            ];
            // A message moves on in this order, so that none is missed between two looks.
            let waits = places
                .iter()
                .any(|place| !files(&queue.join(place)).is_empty());
            (!waits).then_some(())
        })
        .await;
        let mail = files(&self.0.folder().join("mail/box/new"));
        mail.iter().map(|path| delivered(path)).collect()
    }
}

/// One file of the mailbox: what Postfix put before the message, and the message.
fn delivered(path: &Path) -> Accepted {
    let text = std::fs::read(path).expect("mail can be read");
    let (return_path, rest) = split_field(&text);
    let (original_to, rest) = split_field(rest);
    let (_delivered_to, rest) = split_field(rest);
    let (received, data) = split_field(rest);
    assert!(received.starts_with(b"Received: "), "Postfix adds four");
    Accepted {
        mail_from: value_of(return_path, "Return-Path").expect("the first field"),
        rcpt_tos: vec![value_of(original_to, "X-Original-To").expect("the second field")],
        data: with_crlf(data),
    }
}

/// The configuration; every domain is ours, and all its mail comes into one box.
fn main(folder: &Path, terms: &Terms) -> String {
    let folder = folder.display();
    let mut main = format!(
        "compatibility_level = 3.6\n\
         queue_directory = {folder}/queue\n\
         data_directory = {folder}/data\n\
         maillog_file = {folder}/postfix.log\n\
         maillog_file_prefixes = {folder}\n\
         mail_owner = postfix\n\
         setgid_group = postdrop\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         myhostname = postfix.test\n\
         mydestination =\n\
         mynetworks =\n\
         local_header_rewrite_clients =\n\
         alias_maps =\n\
         alias_database =\n\
         smtpd_peername_lookup = no\n\
         virtual_mailbox_domains = regexp:{{{{/./ any}}}}\n\
         virtual_mailbox_maps = regexp:{{{{!/^bad/ box/}}}}\n\
         virtual_mailbox_base = {folder}/mail\n\
         virtual_uid_maps = static:{NOBODY}\n\
         virtual_gid_maps = static:{NOBODY}\n\
         smtpd_data_restrictions = reject_unauth_pipelining\n"
    );
    if terms.identity.is_some() {
        main.push_str(&format!(
            "smtpd_tls_security_level = encrypt\n\
             smtpd_tls_auth_only = yes\n\
             smtpd_tls_cert_file = {folder}/config/certificate.pem\n\
             smtpd_tls_key_file = {folder}/config/key.pem\n"
        ));
    }
    if terms.account.is_some() {
        main.push_str(
            "smtpd_sasl_auth_enable = yes\n\
             smtpd_sasl_type = cyrus\n\
             smtpd_sasl_path = smtpd\n\
             smtpd_sasl_local_domain = postfix.test\n\
             smtpd_client_restrictions = permit_sasl_authenticated, reject\n",
        );
    }
    main
}

/// A database of users for Cyrus SASL with one user in it, read by `smtpd` alone.
fn write_account(config: &Path, account: &Account, postfix: u32) {
    use std::io::Write as _;
    let database = config.join("users.db");
    let settings = format!(
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\nmech_list: {}\n",
        database.display(),
        account.mechanisms.join(" ")
    );
    // Debian's Postfix looks for it here, whatever `cyrus_sasl_config_path` says.
    make(&config.join("sasl"), 0, 0o755);
    std::fs::write(config.join("sasl/smtpd.conf"), settings).expect("a file");
    let mut child = std::process::Command::new(debian("saslpasswd2", "sasl2-bin"))
        .args(["-c", "-p", "-u", "postfix.test", "-f"])
        .arg(&database)
        .arg(&account.user)
        .stdin(Stdio::piped())
        .spawn()
        .expect("saslpasswd2 starts");
    let mut stdin = child.stdin.take().expect("stdin was piped");
    let written = stdin.write_all(account.password.as_bytes());
    written.expect("saslpasswd2 reads the password");
    drop(stdin);
    let status = child.wait().expect("a child can be waited for");
    assert!(status.success(), "saslpasswd2 ended with {status}");
    chown(&database, Some(postfix), None).expect("root may give it away");
}

fn make(folder: &Path, owner: u32, mode: u32) {
    std::fs::create_dir_all(folder).expect("a folder can be made");
    chown(folder, Some(owner), None).expect("root may give it away");
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(folder, mode).expect("root may say who looks into it");
}

/// The files of a folder; none when there is no such folder yet.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("a folder can be read").path());
    paths.filter(|path| path.is_file()).collect()
}

fn user_id(name: &str) -> u32 {
    let users = std::fs::read_to_string("/etc/passwd").expect("the users can be read");
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let user = fields
        .into_iter()
        .find(|fields| fields.first() == Some(&name));
    user.and_then(|fields| fields.get(2)?.parse().ok())
        .unwrap_or_else(|| {
            panic!("there is no user {name}; `tests/run` installs it, or `apt-get install postfix`")
        })
}
