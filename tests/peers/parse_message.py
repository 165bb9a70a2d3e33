"""What a mail program sees in a message: Python's email package takes it apart.

    parse_message.py < JSON lines, each with "data_base64"

The journal of aiosmtpd_sink.py is such an input. Prints one JSON line a message:
{"headers": [[name, value]…], "structure": [content type…], "parts": [part…], "defects": [text…]}.
Header values are decoded and unfolded; `structure` names every part in order, multiparts too.
A part that holds content is {"content_type", "charset", "filename", "disposition",
"content_base64"}, its content without transfer encoding and otherwise untouched.
"""

import base64
import json
import sys
from email import message_from_bytes
from email.policy import default


def parse(data):
    message = message_from_bytes(data, policy=default)
    walk = list(message.walk())
    return {
        "headers": headers(message),
        "structure": [part.get_content_type() for part in walk],
        "parts": [content(part) for part in walk if not part.is_multipart()],
        "defects": [defect for part in walk for defect in defects(part)],
    }


def headers(message):
    return [[name, clean(value)] for name, value in message.items()]


def content(part):
    return {
        "content_type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "filename": clean(part.get_filename()),
        "disposition": part.get_content_disposition(),
        "content_base64": base64.b64encode(part.get_payload(decode=True)).decode("ascii"),
    }


def defects(part):
    """Everything that the parser had to forgive, in the headers and in the body."""
    found = list(part.defects)
    for value in part.values():
        found += value.defects
    return [f"{type(defect).__name__}: {defect}" for defect in found]


def clean(text):
    """Text that any JSON reader takes: undecodable bytes become question marks."""
    return None if text is None else str(text).encode("utf-8", "replace").decode("utf-8")


def main():
    for line in sys.stdin:
        print(json.dumps(parse(base64.b64decode(json.loads(line)["data_base64"]))))


if __name__ == "__main__":
    main()
