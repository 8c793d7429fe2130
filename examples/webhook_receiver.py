#!/usr/bin/env python3
"""A receiver of exported tasks: verifies each delivery and takes it once. Standard library only.

    WEBHOOK_SECRET='a secret that nobody can guess' python3 examples/webhook_receiver.py 8090

docs/exports.md describes the deliveries. Answers 204 when it has the task, 401 when the signature is wrong: the task then
goes back to its review, with what is answered here. Keep the ids of deliveries where they survive a restart.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

AGE_SECONDS_MAX = 300
SECRET = os.environ["WEBHOOK_SECRET"]
KEY = base64.b64decode(SECRET[6:]) if SECRET.startswith("whsec_") else SECRET.encode()
taken = set()


def problem(headers, body):
    """What is wrong with a delivery, or nothing."""
    delivery, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = b".".join([delivery.encode(), sent_at.encode(), body])
    expected = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    # There may be several signatures, while a secret is being replaced.
    signatures = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected, signature) for signature in signatures):
        return "the signature is wrong"
    if abs(time.time() - int(sent_at)) > AGE_SECONDS_MAX:
        return "the delivery is too old"
    return None


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        wrong = problem(self.headers, body)
        if wrong:
            self.answer(401, wrong.encode())
            return
        delivery = self.headers["webhook-id"]
        # Deliveries come at least once: the same id is the same delivery.
        if delivery not in taken:
            task = json.loads(body)["data"]
            print("task", task["id"], task["context"], task["edits"], sorted(task["outputs"]), flush=True)
            taken.add(delivery)
        self.answer(204, b"")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print("listening on port", server.server_port, flush=True)
    server.serve_forever()
