//! Signatures as receivers verify them: by dkimpy and by OpenDKIM, which share no code.
//!
//! The public keys come from a file in the place of DNS; nobody is asked.

use std::fmt::Write as _;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::timeout;

use super::asking::ask;
use super::{READY_WITHIN, debian, python};

/// What became of one signature of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verdict {
    /// The selector of its key.
    pub selector: String,
    /// Whether it verifies.
    pub is_valid: bool,
}

/// What dkimpy says of each signature of each message. `keys` are names in DNS with their records.
pub async fn verify_by_dkimpy<M: AsRef<[u8]>>(
    messages: &[M],
    keys: &[(String, String)],
) -> Vec<Vec<Verdict>> {
    let folder = folder_with(keys);
    let mut command = python("verify_signatures.py");
    command.arg(folder.path().join("keys"));
    ask(command, messages).await
}

/// The same of OpenDKIM.
pub async fn verify_by_opendkim<M: AsRef<[u8]>>(
    messages: &[M],
    keys: &[(String, String)],
) -> Vec<Vec<Verdict>> {
    let folder = folder_with(keys);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let settings = format!("Mode v\nSyslog no\nTestPublicKeys {}\n", path("keys"));
    std::fs::write(path("opendkim.conf"), settings).expect("the folder can be written to");
    let mut names = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let name = path(&number.to_string());
        std::fs::write(&name, message).expect("the folder can be written to");
        names.push(name);
    }
    let mut command = tokio::process::Command::new(debian("opendkim", "opendkim"));
    command
        .kill_on_drop(true)
        .args(["-x", &path("opendkim.conf"), "-vv", "-t", &names.join(",")]);
    let output = timeout(READY_WITHIN, command.output()).await;
    let output = output.expect("OpenDKIM answers in time");
    let text = String::from_utf8(output.expect("OpenDKIM starts").stdout).expect("UTF-8");
    let verdicts: Vec<_> = text
        .split("### INSHEADER")
        .skip(1)
        .map(verdicts_in)
        .collect();
    assert_eq!(
        verdicts.len(),
        messages.len(),
        "one answer a message: {text}"
    );
    verdicts
}

/// The verdicts in an Authentication-Results (RFC 8601): `dkim=pass … header.s=s1 …;` for each.
fn verdicts_in(results: &str) -> Vec<Verdict> {
    results
        .split(';')
        .filter_map(|result| {
            let (_, result) = result.split_once("dkim=")?;
            let (_, selector) = result.split_once("header.s=")?;
            Some(Verdict {
                selector: selector.split_whitespace().next()?.to_owned(),
                is_valid: result.starts_with("pass"),
            })
        })
        .collect()
}

/// A folder with a file `keys`: a line `name record` for each.
fn folder_with(keys: &[(String, String)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let mut text = String::new();
    for (name, record) in keys {
        writeln!(text, "{name} {record}").expect("a String takes all");
    }
    std::fs::write(folder.path().join("keys"), text).expect("the folder can be written to");
    folder
}
