"""Sends messages by Python's smtplib.

    smtplib_client.py HOST:PORT '{"to": [address…], "from": address, "subject": text, "text": text,
        "campaign": name, "messages": n, "ca": file?, "user": name?, "password": word?}'

Each message goes to the addresses of "to", with its number in place of {n}. With "ca" it goes
through STARTTLS, verified by that certificate; with "user" after AUTH. Ends with 1 if a recipient
was refused.
"""

import json
import smtplib
import ssl
import sys
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8


def message(order, number, to):
    needs_utf8 = not (order["from"] + "".join(to)).isascii()
    email = EmailMessage(policy=SMTPUTF8 if needs_utf8 else SMTP)
    email["From"], email["To"] = order["from"], ", ".join(to)
    email["Subject"] = order["subject"]
    email["Message-ID"] = f"<{order['campaign']}.{number}@client.test>"
    email["X-Postrider-Campaign"] = order["campaign"]
    email.set_content(order["text"])
    return email


def main():
    (host, port), order = sys.argv[1].rsplit(":", 1), json.loads(sys.argv[2])
    with smtplib.SMTP(host, int(port), local_hostname="client.test") as server:
        if "ca" in order:
            server.starttls(context=ssl.create_default_context(cafile=order["ca"]))
        if "user" in order:
            server.login(order["user"], order["password"])
        for number in range(order["messages"]):
            to = [address.replace("{n}", str(number)) for address in order["to"]]
            server.send_message(message(order, number, to))


if __name__ == "__main__":
    main()
