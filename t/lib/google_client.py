# google_client.py - Google's own client against the stub provider, in TAP: is the stub right about the wire, and not only about us?
#
#   python google_client.py STUB_PROVIDER
#
# What the client understands of the stub's answers, and what the stub lets pass of the client's questions, is what the Gemini API
# would do as far as its makers wrote it down in code.
import subprocess
import sys

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

HELLO = "Hello from the stub."
KEY = "client-test-key-1234"
count = failed = 0


def test(fn):
    global count, failed
    count += 1
    name = fn.__name__.replace("_", " ")
    try:
        fn()
        print(f"ok {count} - {name}", flush=True)
    except Exception as e:  # a failed test, whatever it is
        failed += 1
        print(f"not ok {count} - {name}\n# {type(e).__name__}: {str(e)[:600]}", flush=True)


def same(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, expected {want!r}")


def refused(call, code, status):
    try:
        call()
    except errors.APIError as e:
        same((e.code, e.status), (code, status))
        return e
    raise AssertionError(f"expected {code} {status}, it was answered")


stub = subprocess.Popen([sys.argv[1], "--port", "0", "--key", KEY], stdout=subprocess.PIPE, text=True)
base = "http://127.0.0.1:" + stub.stdout.readline().split()[1]


def client_of(key):
    # Every answer is looked at: the client's own retries would hide what a status means.
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base, retry_options=types.HttpRetryOptions(attempts=1)))


client = client_of(KEY)


def ask(model, text="hello", **config):
    return client.models.generate_content(model=model, contents=text, config=types.GenerateContentConfig(**config))


def stream(model, text="hello", **config):
    return list(client.models.generate_content_stream(model=model, contents=text, config=types.GenerateContentConfig(**config)))


def text_of(chunks):
    return "".join(c.text or "" for c in chunks)


TOOLS = [types.Tool(function_declarations=[
    types.FunctionDeclaration(name="kb_read", description="reads", parameters_json_schema={
        "type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"], "additionalProperties": False}),
    types.FunctionDeclaration(name="now", parameters=types.Schema(type="OBJECT", properties={"zone": types.Schema(type="STRING")})),
])]
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


@test
def a_plain_answer():
    r = ask("stub/plain", system_instruction="be brief", temperature=0.5, max_output_tokens=100, top_p=0.9, seed=7,
            stop_sequences=["x"], thinking_config=types.ThinkingConfig(thinking_budget=0))
    same(r.text, HELLO)
    same(r.candidates[0].finish_reason, types.FinishReason.STOP)
    same(r.usage_metadata.candidates_token_count, 3)
    same(r.usage_metadata.total_token_count, r.usage_metadata.prompt_token_count + 3)
    same((r.model_version, r.response_id), ("stub/plain", "stub-response"))


@test
def a_streamed_answer():
    for model in "plain", "bytes", "onewrite", "usage-chunk", "other-model", "delay-20":
        chunks = stream("stub/" + model)
        same(text_of(chunks), HELLO)
        if len(chunks) < 3:
            raise AssertionError(f"{model}: {len(chunks)} responses")
    same(text_of(stream("stub/utf8")), "grüß 🌍")
    same(stream("stub/plain")[-1].usage_metadata.candidates_token_count, 3)


@test
def thoughts_are_told_apart():
    chunks = stream("stub/thoughts", thinking_config=types.ThinkingConfig(include_thoughts=True))
    same(text_of(chunks), HELLO)
    same([p.text for c in chunks for p in (c.candidates[0].content.parts or []) if p.thought], ["**Thinking** of it"])
    same(chunks[-1].usage_metadata.thoughts_token_count, 40)
    u = stream("stub/cached")[-1].usage_metadata
    same((u.prompt_token_count, u.cached_content_token_count, u.candidates_token_count, u.thoughts_token_count, u.total_token_count),
         (120, 64, 18, 210, 348))


@test
def parallel_calls_and_their_results():
    for call in ask, stream:
        r = call("stub/script", text="@call kb_read {\"id\": 1}\n@call now\n", tools=TOOLS, automatic_function_calling=BY_HAND)
        calls = [p.function_call for c in (r if isinstance(r, list) else [r]) for p in (c.candidates[0].content.parts or [])
                 if p.function_call]
        same([(c.name, c.args or {}, c.id) for c in calls], [("kb_read", {"id": 1}, None), ("now", {}, None)])
    script = "@call kb_read {\"id\": 1}\n@call now\n@turn\n@results\n"
    chat = client.chats.create(model="stub/script", config=types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=BY_HAND))
    calls = chat.send_message(script).function_calls
    r = chat.send_message([types.Part.from_function_response(name=c.name, response={"output": f"result of {c.name}"}) for c in calls])
    same(r.text, "result of kb_read\nresult of now")


@test
def a_function_that_the_client_calls_itself():
    def now(zone: str = "UTC") -> str:
        """Tells the time."""
        return f"12:00 {zone}"

    r = ask("stub/script", text="@call now {\"zone\": \"CET\"}\n@turn\n@results\n", tools=[now])
    same(r.text, '{"result":"12:00 CET"}')


@test
def ids_of_calls():
    chat = client.chats.create(model="stub/tools-id")
    calls = chat.send_message("go").function_calls
    same([c.id for c in calls], ["gem-1", "gem-2"])
    back = [types.Part(function_response=types.FunctionResponse(id=c.id, name=c.name, response={})) for c in calls]
    same(len(chat.send_message(back).function_calls), 2)
    for c in back:
        c.function_response.id = "other"
    refused(lambda: chat.send_message(back), 400, "INVALID_ARGUMENT")


@test
def structured_output():
    class City(BaseModel):
        city: str
        people: int

    r = ask("stub/json", response_mime_type="application/json", response_schema=City)
    same(r.parsed, City(city="Bern", people=134794))
    r = ask("stub/json", response_mime_type="application/json", response_json_schema=City.model_json_schema())
    same(r.text, '{"city": "Bern", "people": 134794}')
    refused(lambda: ask("stub/json", response_mime_type="application/json", response_schema=City, tools=TOOLS), 400, "INVALID_ARGUMENT")


@test
def thought_signatures():
    for send in "send_message", "send_message_stream":
        chat = client.chats.create(model="stub/signed", config=types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=BY_HAND))

        def say(what):
            r = getattr(chat, send)(what)
            chunks = [r] if send == "send_message" else list(r)
            parts = [p for c in chunks for p in (c.candidates[0].content.parts or [])]
            return parts, "".join(p.text or "" for p in parts)

        parts, text = say("go")
        same(text, "I look.")
        calls = [p for p in parts if p.function_call]
        same([p.thought_signature is not None for p in calls], [True, False])
        parts, text = say([types.Part.from_function_response(name=p.function_call.name, response={"output": 1}) for p in calls])
        calls = [p for p in parts if p.function_call]
        same([p.thought_signature is not None for p in calls], [True])
        parts, text = say([types.Part.from_function_response(name="now", response={"output": 2})])
        same(text, HELLO)
        same((parts[-1].text, parts[-1].thought_signature is not None), ("", True))
        same(say("and?")[1], "All signatures came back.")
        # Without it, and with another's.
        history = chat.get_history()
        for signature in None, b"another":
            for content in history:
                for part in content.parts:
                    if part.function_call and part.thought_signature:
                        part.thought_signature = signature
            refused(lambda: client.models.generate_content(model="stub/signed", contents=history + [
                types.Content(role="user", parts=[types.Part(text="x")])]), 400, "INVALID_ARGUMENT")


@test
def answers_without_an_answer():
    r = ask("stub/blocked")
    same((r.candidates, r.prompt_feedback.block_reason), (None, types.BlockedReason.PROHIBITED_CONTENT))
    r = ask("stub/filter")
    same((r.text, r.candidates[0].finish_reason), ("half a", types.FinishReason.SAFETY))
    r = ask("stub/length-empty")
    same((r.text, r.candidates[0].finish_reason), (None, types.FinishReason.MAX_TOKENS))
    r = ask("stub/malformed-call")
    same(r.candidates[0].finish_reason, types.FinishReason.MALFORMED_FUNCTION_CALL)
    same(r.function_calls[0].name, "first")
    for word in "RECITATION", "SPII", "BLOCKLIST", "LANGUAGE", "OTHER", "UNEXPECTED_TOOL_CALL":
        same(ask("stub/finish-" + word).candidates[0].finish_reason, types.FinishReason[word])
    same(ask("stub/no-content").text, None)


@test
def refusals():
    for model, code, status in (
            ("429-perminute", 429, "RESOURCE_EXHAUSTED"), ("429-none", 429, "RESOURCE_EXHAUSTED"), ("500", 500, "INTERNAL"),
            ("503", 503, "UNAVAILABLE"), ("504", 504, "DEADLINE_EXCEEDED"), ("400-context", 400, "INVALID_ARGUMENT"),
            ("400-billing", 400, "FAILED_PRECONDITION"), ("403", 403, "PERMISSION_DENIED"), ("404", 404, "NOT_FOUND"),
            ("401", 401, "UNAUTHENTICATED"), ("499", 499, "CANCELLED"), ("fail-1/client", 503, "UNAVAILABLE")):
        refused(lambda: ask("stub/" + model), code, status)
    same(ask("stub/fail-1/client").text, HELLO)
    e = refused(lambda: ask("stub/429-perday"), 429, "RESOURCE_EXHAUSTED")
    details = e.details["error"]["details"]
    same(details[0]["violations"][0]["quotaId"], "GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    same(details[-1], {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36s"})
    refused(lambda: stream("stub/error-late"), 500, "INTERNAL")
    refused(lambda: stream("stub/error-raw"), 503, "UNAVAILABLE")


@test
def keys():
    other = client_of("another-key-12345")
    e = refused(lambda: other.models.generate_content(model="stub/plain", contents="x"), 400, "INVALID_ARGUMENT")
    same(e.details["error"]["details"][0]["reason"], "API_KEY_INVALID")


@test
def questions_that_are_refused():
    def send(**body):
        return client.models.generate_content(model="stub/plain", contents="x", config=types.GenerateContentConfig(
            http_options=types.HttpOptions(extra_body=body)))

    same(send(store=False).text, HELLO)
    for body in ({"foo": 1}, {"generationConfig": {"max_tokens": 1}}, {"generationConfig": {"maxOutputTokens": 0}},
                 {"tools": [{"functionDeclarations": [{"name": "1st"}]}]},
                 {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "$schema": "s"}}]}]},
                 {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "additionalProperties": False}}]}]},
                 {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"const": 1}}}}]}]},
                 {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "ARRAY"}}]}]},
                 {"generationConfig": {"responseJsonSchema": {"type": "object"}}}):
        refused(lambda: send(**body), 400, "INVALID_ARGUMENT")
    call = types.Content(role="model", parts=[types.Part.from_function_call(name="f", args={})] * 2)
    answer = types.Part.from_function_response(name="f", response={})
    user = types.Content(role="user", parts=[types.Part(text="x")])
    for contents in ([call], [user, call], [user, call, user], [user, call, types.Content(role="user", parts=[answer])],
                     [types.Content(role="user", parts=[answer])], [user, call, call]):
        refused(lambda: client.models.generate_content(model="stub/plain", contents=contents), 400, "INVALID_ARGUMENT")
    same(client.models.generate_content(model="stub/plain", contents=[user, call, types.Content(role="user", parts=[answer, answer])]).text, HELLO)


@test
def embeddings():
    r = client.models.embed_content(model="stub/vectors", contents=["one", "two", "one"], config=types.EmbedContentConfig(
        output_dimensionality=5, task_type="RETRIEVAL_DOCUMENT", title="t"))
    same([len(e.values) for e in r.embeddings], [5, 5, 5])
    same(r.embeddings[0].values, r.embeddings[2].values)
    if r.embeddings[0].values == r.embeddings[1].values:
        raise AssertionError("two texts, one vector")
    same(len(client.models.embed_content(model="stub/vectors", contents="one").embeddings[0].values), 8)
    same(len(client.models.embed_content(model="stub/count", contents=["a", "b"]).embeddings), 1)
    refused(lambda: client.models.embed_content(model="stub/429-perday", contents="a"), 429, "RESOURCE_EXHAUSTED")
    refused(lambda: client.models.embed_content(model="stub/vectors", contents=""), 400, "INVALID_ARGUMENT")
    refused(lambda: client.models.embed_content(model="stub/vectors", contents=["x"] * 101), 400, "INVALID_ARGUMENT")


stub.terminate()
stub.wait()
print(f"1..{count}")
sys.exit(1 if failed else 0)
