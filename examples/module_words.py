#!/usr/bin/env python3
"""A long-lived module: counts the words of each document. Standard library only.

reprise.toml:

    [modules.words]
    mode = "stream"
    command = ["python3", "examples/module_words.py"]

Settings of the module: "words_min", below which a document is refused. docs/modules.md describes the messages.
"""

import json
import sys


def say(message):
    print(json.dumps(message), flush=True)


def count(item, settings):
    if "content" not in item:
        return {"failure": {"id": item["id"], "code": "not_text", "text": "the document is no text", "may_pass_later": False}}
    words = item["content"].split()
    words_min = settings.get("words_min", 0)
    if len(words) < words_min:
        text = f"the document has {len(words)} words, fewer than {words_min}"
        return {"failure": {"id": item["id"], "code": "too_short", "text": text, "may_pass_later": False}}
    output = json.dumps({"words": len(words), "distinct": len(set(words))})
    return {"result": {"id": item["id"], "output": output}}


def main():
    settings = {}
    for line in sys.stdin:
        message = json.loads(line)
        if "batch_start" in message:
            # What a whole batch needs, such as a model or a connection, is got ready here.
            settings = message["batch_start"]["settings"]
        elif "item" in message:
            say(count(message["item"], settings))
        elif "batch_end" in message:
            say({"batch_done": {"batch": message["batch_end"]["batch"]}})
    # stdin was closed: the engine stops, and so does this program.


if __name__ == "__main__":
    main()
