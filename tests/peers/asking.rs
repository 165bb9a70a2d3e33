//! A Python program of ours that is asked about messages, and answers with a line of JSON for each.

use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::READY_WITHIN;

/// Asks about messages in one run; the answers are in the order of the questions.
pub(super) async fn ask<T: DeserializeOwned, M: AsRef<[u8]>>(
    mut command: Command,
    messages: &[M],
) -> Vec<T> {
    let input: String = messages
        .iter()
        .map(|message| {
            format!(
                "{{\"data_base64\":\"{}\"}}\n",
                BASE64_STANDARD.encode(message)
            )
        })
        .collect();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = child.stdin.take().expect("stdin was piped");
    // Writing and reading go on together, or both pipes fill up and wait for each other.
    let talk = async {
        let (written, output) = tokio::join!(
            async {
                let written = stdin.write_all(input.as_bytes()).await;
                drop(stdin);
                written
            },
            child.wait_with_output()
        );
        written.expect("Python reads the messages");
        output.expect("its output can be read")
    };
    let output = timeout(READY_WITHIN, talk)
        .await
        .expect("Python answers in time");
    assert!(
        output.status.success(),
        "the program ended with {}",
        output.status
    );
    let answers: Vec<T> = String::from_utf8(output.stdout)
        .expect("JSON in UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("an answer a line"))
        .collect();
    assert_eq!(answers.len(), messages.len(), "one answer a message");
    answers
}
