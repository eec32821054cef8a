"""OpenAI's own Python client, unchanged, against the OpenAI-compatible routes: prints "ok NAME" or "not ok NAME<tab>WHY".

door_openai.py BASE_URL TOKEN       with the package openai; t/lib/door.sh says what the tiers are
"""
import asyncio
import struct
import sys

import openai
from openai import OpenAI

BASE, TOKEN = sys.argv[1], sys.argv[2]
HELLO = "Hello from the stub."
ASK = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Say hello."}]
TOOLS = [{"type": "function", "function": {"name": name, "description": "A tool.", "parameters": {
    "type": "object", "properties": {"a": {"type": "integer"}}}}} for name in ("first", "second")]
client = OpenAI(base_url=BASE, api_key=TOKEN, timeout=20)
patient = client.with_options(max_retries=2)
once = client.with_options(max_retries=0)


def check(name, good, why=""):
    print(f"ok {name}" if good else f"not ok {name}\t{why!r}", flush=True)


def raised(kind, call):
    """The error of that very class, or what came instead."""
    try:
        return None, call()
    except openai.APIError as e:
        return (e, e) if type(e) is kind else (None, e)


def chat(client=once, model="hello", **more):
    return client.chat.completions.create(model=model, messages=more.pop("messages", ASK), **more)


def plain():
    c = chat(max_tokens=50, max_completion_tokens=20, temperature=0.5, seed=1, user="somebody")
    check("an answer", c.choices[0].message.content == HELLO and c.choices[0].finish_reason == "stop", c)
    check("its usage adds up", c.usage.total_tokens == c.usage.prompt_tokens + c.usage.completion_tokens and c.usage.completion_tokens == 3, c.usage)
    check("its model is the one that was asked", c.model == "hello" and c.object == "chat.completion" and c.id.startswith("chatcmpl-"), c)
    raw = once.chat.completions.with_raw_response.create(model="hello", messages=ASK, seed=1)
    check("what has no effect is named", raw.headers["x-agentd-ignored"] == "seed", dict(raw.headers))
    check("the route, the step and the cost", (raw.headers["x-agentd-route"], raw.headers["x-agentd-step"]) == ("hello", "hello")
          and float(raw.headers["x-agentd-cost-usd"]) > 0, dict(raw.headers))
    check("the client knows the id", raw.parse()._request_id == raw.headers["x-request-id"], raw.headers["x-request-id"])
    c = chat(model="echo", messages=[{"role": "user", "content": [{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}]}])
    check("parts of text are one text", c.choices[0].message.content == "two parts", c)
    check("a tier falls back", chat(model="falls").choices[0].message.content == HELLO)


def streams():
    for model in ("hello", "bytes"):
        chunks = list(chat(model=model, stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        check(f"{model}: the pieces are the answer", text == HELLO, chunks)
        check(f"{model}: the first has the role", chunks[0].choices[0].delta.role == "assistant", chunks[0])
        check(f"{model}: the one before the last has the reason", chunks[-2].choices[0].finish_reason == "stop", chunks[-2])
        check(f"{model}: the last has the usage", not chunks[-1].choices and chunks[-1].usage.completion_tokens == 3, chunks[-1])
        check(f"{model}: no other has", all(c.usage is None for c in chunks[:-1]), chunks)
        check(f"{model}: all have one id", len({(c.id, c.created, c.model) for c in chunks}) == 1, chunks)
    chunks = list(chat(stream=True))
    check("no usage where none was asked for", all(c.choices and c.usage is None for c in chunks), chunks)
    with once.chat.completions.stream(model="hello", messages=ASK) as s:
        check("the helper for streams", s.get_final_completion().choices[0].message.content == HELLO)


def cut():
    for model, code in (("error-late", "provider_stream_error"), ("reset", "provider_truncated_stream"),
                        ("close", "provider_truncated_stream"), ("late-falls", "provider_stream_error")):
        pieces = []

        def read():
            for c in chat(patient, model=model, stream=True):
                pieces.append(c)
            return "the stream ended well"
        e, got = raised(openai.APIError, read)
        text = "".join(c.choices[0].delta.content or "" for c in pieces)
        check(f"{model}: a stream that is cut raises", e is not None and e.code == code, got)
        check(f"{model}: behind what came", text and HELLO.startswith(text) and not any(c.choices[0].finish_reason for c in pieces), pieces)
    check("late-falls: without a stream another model is asked", chat(model="late-falls").choices[0].message.content == HELLO)
    e, got = raised(openai.InternalServerError, lambda: list(chat(model="s500", stream=True)))
    check("what fails before the first piece is a status", e and e.status_code == 502 and e.code == "provider_error", got)


def tools():
    c = chat(model="tools", tools=TOOLS)
    calls = c.choices[0].message.tool_calls
    check("calls of tools", [(t.function.name, t.function.arguments) for t in calls] == [("first", '{"a":1}'), ("second", '{"b":2}')], c)
    check("without a text", c.choices[0].message.content is None and c.choices[0].finish_reason == "tool_calls", c)
    results = [{"role": "tool", "tool_call_id": t.id, "content": "done"} for t in calls]
    again = chat(model="echo", tools=TOOLS, messages=[*ASK, c.choices[0].message, *results])
    check("their results go back", again.choices[0].message.content == "done", again)
    with once.chat.completions.stream(model="tools", messages=ASK, tools=TOOLS) as s:
        deltas = [d for e in s if e.type == "chunk" and e.chunk.choices for d in e.chunk.choices[0].delta.tool_calls or []]
        last = s.get_final_completion().choices[0]
    check("in a stream, with their index", [d.index for d in deltas] == [0, 1], deltas)
    check("put together by the client", [t.function.name for t in last.message.tool_calls] == ["first", "second"] and
          last.finish_reason == "tool_calls", last)
    e, got = raised(openai.BadRequestError, lambda: chat(model="echo", tools=TOOLS, messages=[*ASK, c.choices[0].message, results[0]]))
    check("a call without its result", e and e.param == "messages", got)


def structured():
    try:
        from pydantic import BaseModel
    except ImportError:
        return

    class Event(BaseModel):
        name: str
        day: str

    said = '{"name":"fair","day":"friday"}'
    c = once.chat.completions.parse(model="echo", messages=[{"role": "user", "content": said}], response_format=Event)
    check("structured output", c.choices[0].message.parsed == Event(name="fair", day="friday"), c)
    c = chat(model="echo", messages=[{"role": "user", "content": said}], response_format={"type": "json_object"})
    check("an object", c.choices[0].message.content == said, c)


def models():
    ids = [m.id for m in once.models.list()]
    check("models: tiers and workflows", {"hello", "falls", "workflow:greet"} <= set(ids) and len(set(ids)) == len(ids), ids)
    check("one tier", once.models.retrieve("hello").owned_by == "agentd")
    check("one workflow", once.models.retrieve("workflow:greet").id == "workflow:greet")
    e, got = raised(openai.NotFoundError, lambda: once.models.retrieve("nothing"))
    check("no such model", e and e.code == "model_not_found", got)


def embeddings():
    def embed(texts, **more):
        return [v.embedding for v in once.embeddings.create(model="vectors", input=texts, **more).data]
    r = once.embeddings.create(model="vectors", input=["one", "two", "one"])
    got = [v.embedding for v in r.data]
    check("vectors, as the client asks by itself (base64)", [v.index for v in r.data] == [0, 1, 2] and all(len(v) == 8 for v in got), r)
    check("of length 1", all(abs(sum(x * x for x in v) - 1) < 1e-5 for v in got), got)
    check("in the order of the texts", got == [embed("one")[0], embed("two")[0], got[0]] and got[0] != got[1], got)
    check("their tokens", r.object == "list" and r.model == "vectors" and r.usage.prompt_tokens == r.usage.total_tokens > 0, r.usage)
    check("as numbers, the same", [struct.unpack("<8f", struct.pack("<8f", *v)) for v in embed(["one", "two"], encoding_format="float")] ==
          [tuple(v) for v in got[:2]], got)
    check("of the length that they have", embed("one", dimensions=8)[0] == got[0])
    raw = once.embeddings.with_raw_response.create(model="vectors", input="one", user="somebody")
    check("the headers of vectors", (raw.headers["x-agentd-route"], raw.headers["x-agentd-step"], raw.headers["x-agentd-ignored"]) ==
          ("vectors", "vectors", "user") and float(raw.headers["x-agentd-cost-usd"]) > 0, dict(raw.headers))
    check("2048 texts", len(embed([f"text {i}" for i in range(2048)])) == 2048)
    check("a tier of vectors is a model", once.models.retrieve("vectors").id == "vectors")
    for name, kind, code, param, model, more in (
            ("of an unknown model", openai.NotFoundError, "model_not_found", "model", "text-embedding-3-small", {"input": "one"}),
            ("of a tier that chats", openai.NotFoundError, "model_not_found", "model", "hello", {"input": "one"}),
            ("of an empty text", openai.BadRequestError, "invalid_value", "input", "vectors", {"input": ""}),
            ("of tokens", openai.BadRequestError, "unsupported_value", "input", "vectors", {"input": [[1, 2], [3]]}),
            ("of another length", openai.BadRequestError, "unsupported_value", "dimensions", "vectors", {"input": "one", "dimensions": 4}),
            ("of a text that is too long", openai.BadRequestError, "context_length_exceeded", "input", "vectors", {"input": "x" * 100000}),
            ("that are too few", openai.InternalServerError, "provider_bad_body", None, "v-count", {"input": ["one", "two"]}),
            ("of a provider in trouble", openai.InternalServerError, "provider_error", None, "v-s500", {"input": "one"})):
        e, got = raised(kind, lambda: once.embeddings.create(model=model, **more))
        check(f"vectors {name}", e and (e.code, e.param) == (code, param) and e.message, (got, getattr(got, "code", 0), getattr(got, "param", 0)))
    e, got = raised(openai.NotFoundError, lambda: chat(model="vectors"))
    check("a tier of vectors does not chat", e and e.param == "model" and "/v1/embeddings" in e.message, got)


def errors():
    for name, kind, code, param, call in (
            ("no key", openai.AuthenticationError, "invalid_api_key", None, lambda: chat(once.with_options(api_key="sk-not-ours"))),
            ("an unknown model", openai.NotFoundError, "model_not_found", "model", lambda: chat(model="gpt-4")),
            ("an unknown workflow", openai.NotFoundError, "model_not_found", "model", lambda: chat(model="workflow:none")),
            ("a wrong type", openai.BadRequestError, "invalid_type", "temperature", lambda: chat(temperature="hot")),
            ("two choices", openai.BadRequestError, "unsupported_value", "n", lambda: chat(n=2)),
            ("an image", openai.BadRequestError, "unsupported_value", "messages[0].content[0].type", lambda: chat(messages=[
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}])),
            ("a tool that has to be called", openai.BadRequestError, "unsupported_value", "tool_choice",
             lambda: chat(tools=TOOLS, tool_choice="required")),
            ("too long", openai.BadRequestError, "context_length_exceeded", "messages", lambda: chat(messages=[
                {"role": "user", "content": "x" * 100000}])),
            ("too long, as the provider says", openai.BadRequestError, "context_length_exceeded", "messages", lambda: chat(model="s400-context")),
            ("a filter", openai.BadRequestError, "content_filter", None, lambda: chat(model="filter")),
            ("a rate limit", openai.RateLimitError, "rate_limit_exceeded", None, lambda: chat(model="s429-after")),
            ("a quota", openai.RateLimitError, "insufficient_quota", None, lambda: chat(model="s429-perday")),
            ("our money at the provider", openai.InternalServerError, "provider_billing", None, lambda: chat(model="s429-quota")),
            ("the provider's trouble", openai.InternalServerError, "provider_error", None, lambda: chat(model="s500")),
            ("our key at the provider", openai.InternalServerError, "provider_auth", None, lambda: chat(model="s401")),
            ("nobody to ask", openai.InternalServerError, "no_model_available", None, lambda: chat(model="unset"))):
        e, got = raised(kind, call)
        check(f"error: {name}", e and (e.code, e.param) == (code, param) and e.message, (got, getattr(got, "code", 0), getattr(got, "param", 0)))
    e, got = raised(openai.RateLimitError, lambda: chat(model="s429-after"))
    check("a rate limit says when to come again", e and int(e.response.headers["retry-after"]) == 2, got and got.response.headers)
    e, got = raised(openai.InternalServerError, lambda: chat(patient, model="unset"))
    check("what cannot help is not tried again", e and e.response.headers["x-should-retry"] == "false" and
          e.response.request.headers["x-stainless-retry-count"] == "0", got.response.request.headers)
    e, got = raised(openai.InternalServerError, lambda: chat(patient, model="s500"))
    check("what may is, twice", e and e.response.request.headers["x-stainless-retry-count"] == "2", got.response.request.headers)


def workflows():
    c = chat(model="workflow:greet", messages=[{"role": "user", "content": "you"}])
    check("a workflow as a model: one property", c.choices[0].message.content == "Hello, you.", c)
    raw = once.chat.completions.with_raw_response.create(model="workflow:greet", messages=[{"role": "user", "content": '{"name":"all","loud":true}'}])
    check("an object", raw.parse().choices[0].message.content == "Hello, all!", raw.text)
    check("its task", len(raw.headers["x-agentd-task"]) == 36, raw.headers)
    c = chat(model="workflow:count", messages=ASK)
    check("the whole conversation", c.choices[0].message.content == '{"messages":2,"last":"Say hello."}', c)
    c = chat(model="workflow:say")
    check("its models' tokens", c.choices[0].message.content == HELLO and c.usage.completion_tokens == 3, c)
    text = "".join(x.choices[0].delta.content or "" for x in chat(model="workflow:greet", messages=[{"role": "user", "content": "you"}], stream=True))
    check("in pieces", text == "Hello, you.", text)
    e, got = raised(openai.BadRequestError, lambda: chat(model="workflow:greet", messages=[{"role": "user", "content": "x" * 21}]))
    check("an input that does not fit", e and e.param == "messages" and "/name" in e.message, got)
    e, got = raised(openai.InternalServerError, lambda: chat(patient, model="workflow:fails"))
    check("one that fails is not tried again", e and e.code == "task_failed" and "gone_wrong: as it should" in e.message and
          e.response.request.headers["x-stainless-retry-count"] == "0", got)
    e, got = raised(openai.InternalServerError, lambda: chat(patient, model="workflow:sleeps"))
    check("one that takes too long goes on", e and e.status_code == 504 and e.code == "task_timeout" and
          e.response.headers["x-agentd-task"] in e.message, got)
    same = {"extra_headers": {"Idempotency-Key": "the-same"}, "model": "workflow:greet", "messages": [{"role": "user", "content": "you"}]}
    tasks = {once.chat.completions.with_raw_response.create(**same).headers["x-agentd-task"] for _ in range(2)}
    check("the same key is the same task", len(tasks) == 1, tasks)


def many():
    async def all_at_once():
        c = openai.AsyncOpenAI(base_url=BASE, api_key=TOKEN, timeout=20, max_retries=0)
        return await asyncio.gather(*[c.chat.completions.create(model="delay-300", messages=ASK) for _ in range(40)])
    answers = asyncio.run(all_at_once())
    check("forty at once", all(a.choices[0].message.content == HELLO for a in answers) and len({a.id for a in answers}) == 40)


for part in (plain, streams, cut, tools, structured, models, embeddings, errors, workflows, many):
    part()
