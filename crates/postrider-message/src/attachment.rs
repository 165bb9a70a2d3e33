//! A file as a MIME part: its header, and its bytes in base64.

use encodify::base64;
use mail_builder::headers::Header as _;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use postrider_types::Attachment;

/// Writes the part; its last line ends in CRLF.
pub(crate) fn write(attachment: &Attachment, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Type: ");
    Raw::new(&attachment.content_type).write_header(out, 14);
    write_disposition(&attachment.filename, out);
    out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    base64::MIME.encode_append(&attachment.content, out);
}

fn write_disposition(filename: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Disposition: ");
    // A quoted string would be right, but many readers decode words inside one, and what they
    // find there was looked at by nobody.
    if !filename.contains("=?") {
        ContentType::new("attachment")
            .attribute("filename", filename)
            .write_header(out, 21);
        return;
    }
    // RFC 2231 §4. The longest name takes 765 octets here, which fit on a line.
    out.extend_from_slice(b"attachment;\r\n filename*=utf-8''");
    for byte in filename.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => out.push(byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filename: &str, expect: &str) {
        let mut out = Vec::new();
        write_disposition(filename, &mut out);
        let expect = format!("Content-Disposition: attachment;{expect}\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), expect, "{filename:?}");
    }

    #[test]
    fn what_looks_like_an_encoded_word_is_not_decoded_by_anybody() {
        check("a b.pdf", " filename=\"a b.pdf\"");
        check(
            "=?x?Q?=0A?=",
            "\r\n filename*=utf-8''%3D%3Fx%3FQ%3F%3D0A%3F%3D",
        );
    }
}
