"""An SMTP server that we did not write: Python's aiosmtpd, keeping what it accepts.

    aiosmtpd_sink.py JOURNAL [PORT]

Listens on 127.0.0.1, on a free port unless one is given, and prints the port as its first line.
It knows nobody whose name begins with "bad": 550 5.1.1. Each accepted message is a JSON line in JOURNAL before the client reads its 250:
{"mail_from", "mail_options", "rcpt_tos", "data_base64"}, the data without dot-stuffing.
Ends when its standard input ends, so that it never outlives the test that started it.
"""

import asyncio
import base64
import json
import sys

from aiosmtpd.smtp import SMTP


class Journal:
    """Writes every accepted message, refuses the bad, and lets aiosmtpd decide everything else."""

    def __init__(self, file):
        self.file = file

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("bad"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        entry = {
            "mail_from": envelope.mail_from,
            "mail_options": envelope.mail_options,
            "rcpt_tos": envelope.rcpt_tos,
            "data_base64": base64.b64encode(envelope.original_content).decode("ascii"),
        }
        self.file.write(json.dumps(entry) + "\n")
        self.file.flush()
        return "250 2.0.0 kept"


async def serve(journal, port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(journal, hostname="aiosmtpd.test", enable_SMTPUTF8=True),
        host="127.0.0.1",
        port=port,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


def main():
    path, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with open(path, "a", encoding="ascii") as file:
        asyncio.run(serve(Journal(file), port))


if __name__ == "__main__":
    main()
