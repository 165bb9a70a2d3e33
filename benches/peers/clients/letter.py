"""What the Python peers share: the newsletter, and how smtplib sends it to some recipients."""

import os
import smtplib
from email.message import EmailMessage
from pathlib import Path

FOLDER = Path(os.environ["PEERS_LETTER"])
PORT = int(os.environ["PEERS_PORT"])
REDIS = os.environ["PEERS_REDIS"]
RECIPIENTS_PER_JOB = 100

HTML = (FOLDER / "letter.html").read_text()
TEXT = (FOLDER / "letter.txt").read_text()


def jobs(count):
    """The numbers of all recipients, in slices for one job each."""
    for first in range(0, count, RECIPIENTS_PER_JOB):
        yield list(range(first, min(first + RECIPIENTS_PER_JOB, count)))


def send(numbers):
    """A connection for the job, and a message built for each recipient."""
    with smtplib.SMTP("127.0.0.1", PORT) as server:
        for number in numbers:
            name = f"Reader {number}"
            message = EmailMessage()
            message["From"] = "News <news@example.test>"
            message["To"] = f"reader{number}@dest.test"
            message["Subject"] = f"Hello {name}"
            message.set_content(TEXT.replace("{{ name }}", name))
            message.add_alternative(HTML.replace("{{ name }}", name), subtype="html")
            server.send_message(message)
