"""anthropic_client.py STUB - Anthropic's own client against the stub provider; speaks TAP.

What the client cannot read, refuses to send or classes otherwise would make the stub a witness of our own mistakes.
"""
import json
import subprocess
import sys

import anthropic

KEY = "sk-ant-0123456789"
HELLO = "Hello from the stub."
TOOLS = [
    {"name": "first", "description": "first", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}},
    {"name": "second", "input_schema": {"type": "object"}},
    {"name": "now", "input_schema": {"type": "object"}},
]
USER = {"role": "user", "content": "hello"}

stub = subprocess.Popen([sys.argv[1], "--port", "0", "--key", KEY], stdout=subprocess.PIPE, text=True)
port = stub.stdout.readline().split()[1]
client = anthropic.Anthropic(api_key=KEY, base_url=f"http://127.0.0.1:{port}", max_retries=0, timeout=20)
count = 0


def ok(holds, what, seen=None):
    global count
    count += 1
    print(("ok" if holds else "not ok"), count, "-", what, flush=True)
    if not holds:
        print(f"# {seen!r}")


def ask(model, messages=None, **more):
    return client.messages.create(model=model, max_tokens=more.pop("max_tokens", 100), messages=messages or [USER], **more)


def stream(model, messages=None, **more):
    """What the client gathers from a stream."""
    with client.messages.stream(model=model, max_tokens=more.pop("max_tokens", 100), messages=messages or [USER], **more) as s:
        for _ in s:
            pass
        return s.get_final_message()


def text_of(message):
    return "".join(b.text for b in message.content if b.type == "text")


def plain():
    for name, how in (("whole", ask), ("streamed", stream)):
        m = how("stub/good", system="be brief")
        ok(text_of(m) == HELLO and m.stop_reason == "end_turn" and m.role == "assistant", f"{name}: text and reason", m)
        ok(m.usage.input_tokens > 0 and m.usage.output_tokens == 3, f"{name}: usage", m.usage)
        m = how("stub/other-model")
        ok(m.model == "stub/really-this", f"{name}: another model answers", m.model)
        m = how("stub/length")
        ok(m.stop_reason == "max_tokens" and text_of(m) == "cut sho", f"{name}: max_tokens", m)
        m = how("stub/refusal")
        ok(m.stop_reason == "refusal" and m.stop_details.category == "cyber", f"{name}: refusal and its details", m)
        m = how("stub/cache")
        ok((m.usage.cache_creation_input_tokens, m.usage.cache_read_input_tokens, m.usage.output_tokens) == (12304, 50, 550),
           f"{name}: counts of the cache", m.usage)
    for name in ("bytes", "onewrite", "crlf", "cr", "ping-storm", "unknown-event", "no-done"):
        ok(text_of(stream("stub/" + name)) == HELLO, f"streamed: stub/{name}")
    ok(text_of(stream("stub/utf8")) == "grüß 🌍", "streamed: a character split across writes")
    ok(text_of(stream("stub/echo", [{"role": "user", "content": [{"type": "text", "text": "what I said"}]}])) == "what I said",
       "streamed: blocks as content")


def tools():
    for name, how in (("whole", ask), ("streamed", stream)):
        m = how("stub/tools", tools=TOOLS)
        calls = [b for b in m.content if b.type == "tool_use"]
        ok([(b.name, b.input) for b in calls] == [("first", {"a": 1}), ("second", {"b": 2})] and m.stop_reason == "tool_use",
           f"{name}: two calls", m)
        m = how("stub/tools-empty", tools=TOOLS)
        ok(m.content[0].input == {}, f"{name}: a call without arguments", m)
        results = [{"type": "tool_result", "tool_use_id": b.id, "content": f"result of {b.name}", "is_error": b.name == "second"}
                   for b in calls]
        talk = [USER, {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in calls]}]
        m = how("stub/good", talk + [{"role": "user", "content": results}], tools=TOOLS)
        ok(text_of(m) == HELLO, f"{name}: results of both", m)
        refuses(lambda: how("stub/good", talk + [{"role": "user", "content": results[:1]}], tools=TOOLS), anthropic.BadRequestError,
                "immediately after", f"{name}: one result is missing")
        refuses(lambda: how("stub/good", talk + [{"role": "user", "content": [{"type": "text", "text": "so"}] + results}], tools=TOOLS),
                anthropic.BadRequestError, "behind a text", f"{name}: a text before the results")
    m = stream("stub/tools-interleaved", tools=TOOLS)
    ok([b.input for b in m.content] == [{"a": 1}, {"b": 2}], "streamed: calls whose pieces take turns", m)


def script():
    messages = [{"role": "user", "content": "@say I look.\n@call first {\"a\": 7}\n@call now\n@turn\n@results"}]
    m = stream("stub/script", messages, tools=TOOLS)
    calls = [b for b in m.content if b.type == "tool_use"]
    ok(text_of(m) == "I look." and [b.input for b in calls] == [{"a": 7}, {}], "a script: a text and parallel calls", m)
    messages += [{"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in m.content]},
                 {"role": "user", "content": [{"type": "tool_result", "tool_use_id": b.id, "content": b.name} for b in calls]}]
    ok(text_of(stream("stub/script", messages, tools=TOOLS)) == "first\nnow", "a script: the results come back")


def thinking():
    budget = {"type": "enabled", "budget_tokens": 1024}
    for name, how in (("whole", ask), ("streamed", stream)):
        m = how("stub/thinking", max_tokens=2000, thinking=budget)
        ok(m.content[0].type == "thinking" and m.content[0].signature and text_of(m) == HELLO, f"{name}: thinking and its signature", m)
        ok(m.usage.output_tokens_details.thinking_tokens == 27, f"{name}: tokens of thinking", m.usage)
        first = how("stub/signed", max_tokens=2000, thinking=budget, tools=TOOLS)
        ok([b.type for b in first.content] == ["thinking", "redacted_thinking", "text", "thinking", "tool_use"],
           f"{name}: thinking around a call", first)
        said = [b.model_dump(exclude_none=True) for b in first.content]
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": said[4]["id"], "content": "12:00"}]}

        def go_on(content):
            return how("stub/signed", [USER, {"role": "assistant", "content": content}, result], max_tokens=2000, thinking=budget, tools=TOOLS)

        ok(text_of(go_on(said)) == HELLO, f"{name}: thinking goes back")
        touched = json.loads(json.dumps(said))
        touched[0]["thinking"] += "!"
        refuses(lambda: go_on(touched), anthropic.BadRequestError, "Invalid `signature`", f"{name}: thinking that was touched")
        refuses(lambda: go_on(said[4:]), anthropic.BadRequestError, "Expected `thinking`", f"{name}: thinking that is missing")


def schemas():
    closed = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    m = ask("stub/good", output_config={"format": {"type": "json_schema", "schema": closed}})
    ok(text_of(m) == HELLO, "a schema is taken")
    opened = dict(closed, additionalProperties=True)
    refuses(lambda: ask("stub/good", output_config={"format": {"type": "json_schema", "schema": opened}}), anthropic.BadRequestError,
            "additionalProperties", "an open object is not")


def refuses(call, kind, words, what):
    try:
        seen = call()
    except anthropic.APIError as e:
        seen = e
        if isinstance(e, kind) and words in str(e):
            ok(True, what)
            return
    ok(False, what, seen)


def errors():
    A = anthropic
    for name, kind, error_type in (
        ("400", A.BadRequestError, "invalid_request_error"), ("401", A.AuthenticationError, "authentication_error"),
        ("403", A.PermissionDeniedError, "permission_error"), ("404", A.NotFoundError, "not_found_error"),
        ("409", A.ConflictError, "conflict_error"), ("413", A.APIStatusError, "request_too_large"),
        ("429-after", A.RateLimitError, "rate_limit_error"), ("500", A.InternalServerError, "api_error"),
        ("529", A.APIStatusError, "overloaded_error"), ("502-html", A.InternalServerError, None),
    ):
        for how in (ask, stream):
            try:
                seen = how("stub/" + name)
            except A.APIStatusError as e:
                seen = e
            body = getattr(seen, "body", None)
            found = body["error"]["type"] if isinstance(body, dict) else None
            ok(isinstance(seen, kind) and found == error_type, f"{how.__name__} stub/{name} is {kind.__name__}", (seen, body))
    refuses(lambda: stream("stub/error-late"), A.APIError, "Overloaded", "an error event behind pieces")
    wrong = client.with_options(api_key="sk-wrong")
    refuses(lambda: wrong.messages.create(model="stub/good", max_tokens=1, messages=[USER]), A.AuthenticationError, "invalid x-api-key", "a wrong key")
    patient = client.with_options(max_retries=2)
    m = patient.messages.create(model="stub/fail-1/python", max_tokens=10, messages=[USER])
    ok(text_of(m) == HELLO, "the client's own retry after a 503", m)


try:
    for part in (plain, tools, script, thinking, schemas, errors):
        part()
finally:
    stub.terminate()
    stub.wait()
print(f"1..{count}")
