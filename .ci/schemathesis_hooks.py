"""What the description cannot say, told to schemathesis: which values are good only once, or only if a reply gave them."""

import os
import re
import uuid

import schemathesis

POSITION = re.compile(r"[0-9]{1,19}(\.[0-9]{1,19})?", re.ASCII)
CURSOR = re.compile(r"([0-9a-f]{2})+", re.ASCII)
URL = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]*", re.ASCII)
KEY = re.compile(r"(?!\.\.?$)[!-~]([ -~]*[!-~])?", re.ASCII)

MOMENT = re.compile(r"v[0-9]+|p?[0-9]+(\.[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].+", re.ASCII)

# How long a claim may wait here, in milliseconds: to wait until nothing has come tells no more after half a minute.
WAIT_MS_MAX = 100
# Pages whose `after` is a cursor; that of the others is a position or a number.
WITH_CURSOR = {"/v1/storage-units", "/v1/key-scopes", "/v1/campaigns", "/v1/keys", "/v1/workers", "/v1/workspaces", "/v1/batches", "/v1/diff"}


def replace(values, name, form, known):
    """Puts a value that is known to be good in place of one that only looks so. What is wrong stays wrong."""
    if values and isinstance(values.get(name), str) and form.fullmatch(values[name]):
        values[name] = known


def whole_numbers(value):
    """JSON Schema calls 1.0 a whole number; the API, as most typed languages, takes it for another kind of number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {name: whole_numbers(item) for name, item in value.items()}
    return value


def first_modules(value):
    """The first module of a scope has none before it whose result it could be given. Leaves out what is wrong there, and the
    default, which a command does not repeat."""
    if isinstance(value, dict):
        for item in value.values():
            first_modules(item)
    if isinstance(value, list) and value and isinstance(value[0], dict) and "module" in value[0]:
        if value[0].get("input") in ("previous", "document"):
            del value[0]["input"]


def is_right(case):
    """Whether a request is meant to be accepted."""
    return case.meta is not None and case.meta.generation.mode.value == "positive"


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, (dict, list)):
        case.body = whole_numbers(case.body)
    body = case.body
    first_modules(body)
    if isinstance(body, dict) and type(body.get("wait_ms")) is int and WAIT_MS_MAX < body["wait_ms"] <= 30_000:
        body["wait_ms"] = WAIT_MS_MAX
    # A cursor comes from the page before: the key of a row in hexadecimal. It belongs to the question that gave it, so one
    # that narrows the keys goes without.
    if case.operation.path in WITH_CURSOR:
        replace(case.query, "after", CURSOR, "646f63732f7261772f612e747874")
        narrows = case.operation.path == "/v1/key-scopes" and {"unit", "scope", "key_prefix"} & set(case.query or {})
        if narrows and case.query.get("after") == "646f63732f7261772f612e747874":
            del case.query["after"]
    elif case.operation.path == "/v1/tasks":
        # Here it carries the order as well, so each question has its own.
        if case.query and isinstance(case.query.get("after"), str) and CURSOR.fullmatch(case.query["after"]):
            del case.query["after"]
    else:
        replace(case.query, "after", POSITION, "1")
    # A position that the log has not reached is refused, since it comes from another log. The first is always there.
    replace(case.query, "min_position", POSITION, "1")
    replace(case.query, "until", POSITION, "1")
    replace(case.headers, "last-event-id", POSITION, "1")
    # Moments that the log has not reached are refused, and versions are of one thing. Only one of the two says what to show.
    for name in ["at", "from", "to"]:
        replace(case.query, name, MOMENT, "p1")
    if case.query and case.query.get("at") == "p1":
        case.query.pop("min_position", None)
    # What names of streams consist of is more than a pattern says.
    if case.operation.path == "/v1/proof" and case.query and is_right(case):
        case.query["stream"] = "storage_unit-docs"
    # A key is good for one request; sent again with another it is refused. A header and a member say the same.
    fresh = str(uuid.uuid4())
    key = case.headers.get("idempotency-key") if case.headers else None
    if isinstance(key, str) and len(key) <= 255 and KEY.fullmatch(key):
        case.headers["idempotency-key"] = fresh
    if isinstance(body, dict) and "stream" in body and isinstance(body.get("id"), str) and 0 < len(body["id"]) <= 255:
        body["id"] = fresh

    # Which URLs name a place is more than a pattern says, and only those below a configured base are allowed.
    if isinstance(body, dict):
        command = body.get("command")
        settings = command.get("body") if isinstance(command, dict) else None
        for content in [body, body.get("content"), settings, settings.get("content") if isinstance(settings, dict) else None]:
            if isinstance(content, dict):
                replace(content, "url", URL, os.environ["REPRISE_DOCUMENTS"])
                # Which brackets of a glob fit together is more than a pattern says, too.
                if isinstance(content.get("include"), str):
                    content["include"] = re.sub(r"[\[\]{}\\]", "x", content["include"])
    # The list of workers shows those of the server, whose names nobody else may use.
    if isinstance(body, dict) and isinstance(body.get("worker"), str) and body["worker"].startswith("built-in/"):
        body["worker"] = "me"
    # A campaign visits the keys of a unit's scope or tasks, never both or neither.
    if case.operation.path == "/v1/campaigns" and case.operation.method.upper() == "POST" and type(body).__name__ == "NotSet":
        case.body, case.media_type = {"unit": "docs", "scope": "raw"}, "application/json"
    if case.operation.path == "/v1/campaigns" and isinstance(body, dict):
        if isinstance(body.get("tasks"), dict):
            for member in ["unit", "scope", "filter", "canary"]:
                body.pop(member, None)
        else:
            for member, known in [("unit", "docs"), ("scope", "raw")]:
                if body.get(member) is None:
                    body[member] = known
    # Either a webhook or modules export.
    if isinstance(body, dict) and body.get("webhook") and isinstance(body.get("modules"), dict):
        if isinstance(body["modules"].get("export"), list):
            del body["modules"]["export"]
    # A plan with an export needs a webhook beside it.
    if isinstance(body, dict) and isinstance(body.get("plan"), dict) and not body.get("webhook"):
        if body["plan"].get("export") is True:
            body["plan"]["export"] = False
    # Recorded commands come line by line, which is asked by the project's own tests.
    if case.operation.path == "/v1/commands" and case.query and isinstance(body, dict):
        case.query.pop("context", None)
    # Which commands there are to leave out or to edit, no schema says.
    if case.operation.path == "/v1/replays" and isinstance(body, dict) and isinstance(body.get("changes"), dict):
        for member in ["skip", "edit"]:
            if isinstance(body["changes"].get(member), list):
                del body["changes"][member]
    # Only what-if takes changes, and only a reissue goes somewhere: where to, only the configuration says, so that is asked by
    # the project's own tests.
    if case.operation.path == "/v1/replays" and isinstance(body, dict):
        if body.get("mode") == "reissue" and is_right(case):
            body["mode"] = "verify"
        if body.get("mode") in ("verify", "reissue"):
            body.pop("changes", None)
        if body.get("mode") in ("verify", "what_if") and is_right(case):
            body.pop("reissue", None)
    # A pause needs a reason, in its body or in the query string.
    if case.operation.path == "/v1/system/pause" and isinstance(body, dict):
        reason = body.get("reason")
        if reason is None or isinstance(reason, str) and not reason.strip():
            body["reason"] = "a test"


@schemathesis.deserializer("application/x-ndjson", "application/octet-stream", "application/openmetrics-text")
def as_text(context, response):
    """All of them are texts to the description; what is in the lines is checked by the project's own tests."""
    return response.content.decode("utf-8", errors="replace")
