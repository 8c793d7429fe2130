#!/usr/bin/env python3
"""A worker: claims documents from a Reprise server, runs a program over each, and reports what came of it.

    worker.py http://127.0.0.1:7171 NAME UNIT/SCOPE OUTPUT_SCOPE PROGRAM [ARGUMENT...]

The program reads a document on stdin and writes its result to stdout, which is kept as OUTPUT_SCOPE of the same key.
The server may be killed at any moment: the worker asks again until it is back, and the fencing token keeps order.
"""
import base64, http.client, json, os, subprocess, sys, threading, time, urllib.error, urllib.request

SERVER, NAME, QUEUE, OUTPUT_SCOPE, *PROGRAM = sys.argv[1:]
UNIT, SCOPE = QUEUE.split("/")


def ask(path, body=None):
    """Sends JSON, or nothing; gives status and bytes. Asks again while there is no server, or it is busy."""
    data = None if body is None else json.dumps({"worker": NAME, **body}).encode()
    while True:
        request = urllib.request.Request(SERVER + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500:
                return refusal.code, refusal.read()
        except (OSError, http.client.HTTPException):
            pass  # There is no server, or it went away in the middle of its reply.
        time.sleep(0.1)


def keep_alive(place, lease_ms, done):
    """Extends the lease until the work is done, or the lease is somebody else's."""
    while not done.wait(lease_ms / 3000):
        if ask("/v1/leases/extend", {**place, "lease_ms": lease_ms})[0] == 409:
            return


def process(lease):
    """Runs the program over the document; gives what to report, and with what."""
    status, document = ask(lease["input_url"])
    if status != 200:
        return "fail", {"code": "input", "text": json.loads(document)["detail"]}
    environment = {**os.environ, "REPRISE_KEY": lease["key"]}
    ran = subprocess.run(PROGRAM, input=document, capture_output=True, env=environment)
    if ran.returncode:
        return "fail", {"code": f"exit_{ran.returncode}", "text": ran.stderr.decode(errors="replace")[:4000]}
    content = base64.b64encode(ran.stdout).decode()
    module = lease["modules"][0]["module"]
    return "complete", {"outputs": [{"module": module, "scope": OUTPUT_SCOPE, "content_base64": content}]}


def work_on(lease):
    place = {name: lease[name] for name in ("unit", "scope", "key", "token")}
    done = threading.Event()
    threading.Thread(target=keep_alive, args=(place, lease["lease_ms"], done), daemon=True).start()
    word, result = process(lease)
    done.set()
    status, reply = ask("/v1/leases/" + word, {**place, **result})
    print(word if status == 200 else json.loads(reply)["code"], lease["key"], flush=True)


while True:
    status, reply = ask("/v1/leases", {"queues": [{"unit": UNIT, "scope": SCOPE}], "wait_ms": 30000})
    if status != 200:
        sys.exit(reply.decode())
    for lease in json.loads(reply)["leases"]:
        work_on(lease)
