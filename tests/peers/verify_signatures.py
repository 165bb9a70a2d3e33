"""What a receiver makes of signatures: dkimpy verifies them.

    verify_signatures.py KEYS < JSON lines, each with "data_base64"

KEYS is a file with a line `name value` for each key, as DNS would give them; nobody is asked.
Prints one JSON line a message: [{"selector", "is_valid"}…], one for each signature.
"""

import base64
import json
import sys

import dkim


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        keys = dict(line.rstrip("\n").split(" ", 1) for line in file)

    def record(name, timeout=5):
        return keys.get(name.decode("ascii").rstrip("."), "").encode("ascii")

    for line in sys.stdin:
        print(json.dumps(verify(base64.b64decode(json.loads(line)["data_base64"]), record)))


def verify(message, record):
    count = sum(
        name.lower() == b"dkim-signature" for name, _ in dkim.rfc822_parse(message)[0]
    )
    verdicts = []
    for index in range(count):
        signature = dkim.DKIM(message)
        try:
            is_valid = signature.verify(idx=index, dnsfunc=record)
        except dkim.DKIMException:
            is_valid = False
        selector = signature.signature_fields.get(b"s", b"").decode("ascii")
        verdicts.append({"selector": selector, "is_valid": is_valid})
    return verdicts


if __name__ == "__main__":
    main()
