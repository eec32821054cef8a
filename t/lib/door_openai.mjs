// OpenAI's own Node client, unchanged, against the OpenAI-compatible routes: prints "ok NAME" or "not ok NAME<tab>WHY".
//
// node door_openai.mjs PACKAGE BASE_URL TOKEN     PACKAGE: the file to import; t/lib/door.sh says what the tiers are

const [file, baseURL, apiKey] = process.argv.slice(2);
const { default: OpenAI } = await import(file);
const HELLO = "Hello from the stub.";
const ASK = [{ role: "system", content: "Be kind." }, { role: "user", content: "Say hello." }];
const TOOLS = ["first", "second"].map((name) => ({ type: "function", function: { name, parameters: { type: "object", properties: { a: { type: "integer" } } } } }));
const once = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20000 });
const patient = new OpenAI({ baseURL, apiKey, maxRetries: 2, timeout: 20000 });

function check(name, good, why = "") {
	console.log(good ? `ok ${name}` : `not ok ${name}\t${JSON.stringify(why, null, 0) ?? String(why)}`);
}

const chat = (more = {}, client = once) => client.chat.completions.create({ model: "hello", messages: ASK, ...more });

// The error of that very class, or what came instead.
async function raised(kind, call) {
	try {
		return [null, await call()];
	} catch (e) {
		return e instanceof kind && e.constructor === kind ? [e, e] : [null, String(e)];
	}
}

async function read(stream) {
	const chunks = [];
	for await (const c of stream) chunks.push(c);
	return chunks;
}

const textOf = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? "").join("");

const { data, response } = await chat({ seed: 1, max_tokens: 20 }).withResponse();
check("an answer", data.choices[0].message.content === HELLO && data.choices[0].finish_reason === "stop", data);
check("its usage", data.usage.completion_tokens === 3 && data.usage.total_tokens === data.usage.prompt_tokens + 3, data.usage);
check("what has no effect is named", response.headers.get("x-agentd-ignored") === "seed");
check("the client knows the id", data._request_id === response.headers.get("x-request-id"), data._request_id);

for (const model of ["hello", "bytes"]) {
	const chunks = await read(await chat({ model, stream: true, stream_options: { include_usage: true } }));
	check(`${model}: the pieces are the answer`, textOf(chunks) === HELLO, chunks);
	check(`${model}: the last has the usage`, chunks.at(-1).choices.length === 0 && chunks.at(-1).usage.completion_tokens === 3, chunks.at(-1));
	check(`${model}: the one before it the reason`, chunks.at(-2).choices[0].finish_reason === "stop", chunks.at(-2));
}
check("the helper for streams", await once.chat.completions.stream({ model: "hello", messages: ASK }).finalContent() === HELLO);

for (const [model, code] of [["error-late", "provider_stream_error"], ["reset", "provider_truncated_stream"], ["close", "provider_truncated_stream"]]) {
	let text = "";
	const [e, got] = await raised(OpenAI.APIError, async () => {
		for await (const c of await chat({ model, stream: true }, patient)) text += c.choices[0]?.delta.content ?? "";
	});
	check(`${model}: a stream that is cut raises`, e && e.code === code, got);
	check(`${model}: behind what came`, text && HELLO.startsWith(text), text);
}

const called = await chat({ model: "tools", tools: TOOLS });
check("calls of tools", JSON.stringify(called.choices[0].message.tool_calls.map((c) => [c.function.name, c.function.arguments])) ===
	JSON.stringify([["first", '{"a":1}'], ["second", '{"b":2}']]), called);
const results = called.choices[0].message.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: "done" }));
const again = await chat({ model: "echo", tools: TOOLS, messages: [...ASK, called.choices[0].message, ...results] });
check("their results go back", again.choices[0].message.content === "done", again);
const put = await once.chat.completions.stream({ model: "tools", messages: ASK, tools: TOOLS }).finalChatCompletion();
check("put together from a stream", put.choices[0].message.tool_calls.map((c) => c.function.name).join() === "first,second", put);

const schema = { type: "object", required: ["n"], additionalProperties: false, properties: { n: { type: "integer" } } };
const parsed = await once.chat.completions.parse({ model: "echo", messages: [{ role: "user", content: '{"n":4}' }],
	response_format: { type: "json_schema", json_schema: { name: "number", strict: true, schema } } });
check("structured output", JSON.parse(parsed.choices[0].message.content).n === 4, parsed);

const ids = [];
for await (const m of once.models.list()) ids.push(m.id);
check("models", ids.includes("hello") && ids.includes("workflow:greet"), ids);
check("one model", (await once.models.retrieve("workflow:greet")).id === "workflow:greet");

const texts = ["one", "two", "one"];
const embed = (more = {}, client = once) => client.embeddings.create({ model: "vectors", input: texts, ...more });
const vectors = await embed();
check("vectors, as the client asks by itself", vectors.data.map((v) => [v.index, v.embedding.length]).join() === "0,8,1,8,2,8", vectors);
check("of length 1", vectors.data.every((v) => Math.abs(v.embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5), vectors);
check("their tokens", vectors.usage.prompt_tokens > 0 && vectors.usage.total_tokens === vectors.usage.prompt_tokens, vectors.usage);
check("as numbers, the same", JSON.stringify((await embed({ encoding_format: "float" })).data.map((v) => v.embedding.map(Math.fround))) ===
	JSON.stringify(vectors.data.map((v) => v.embedding)), vectors);
check("the same text has the same vector", vectors.data[0].embedding.join() === vectors.data[2].embedding.join() &&
	vectors.data[0].embedding.join() !== vectors.data[1].embedding.join(), vectors);
const bytes = (await embed({ encoding_format: "base64" })).data[1].embedding;
check("base64 as it is", new Float32Array(Uint8Array.from(Buffer.from(bytes, "base64")).buffer).join() === vectors.data[1].embedding.join(), bytes);

for (const [name, kind, status, code, param, call] of [
	["vectors of a tier that chats", OpenAI.NotFoundError, 404, "model_not_found", "model", () => embed({ model: "hello" })],
	["a chat of a tier of vectors", OpenAI.NotFoundError, 404, "model_not_found", "model", () => chat({ model: "vectors" })],
	["vectors of an empty text", OpenAI.BadRequestError, 400, "invalid_value", "input[1]", () => embed({ input: ["one", ""] })],
	["vectors of tokens", OpenAI.BadRequestError, 400, "unsupported_value", "input", () => embed({ input: [1, 2] })],
	["vectors of another length", OpenAI.BadRequestError, 400, "unsupported_value", "dimensions", () => embed({ dimensions: 4 })],
	["vectors that are too few", OpenAI.InternalServerError, 502, "provider_bad_body", null, () => embed({ model: "v-count" })],
	["no key", OpenAI.AuthenticationError, 401, "invalid_api_key", null, () => new OpenAI({ baseURL, apiKey: "sk-not-ours" }).models.list()],
	["an unknown model", OpenAI.NotFoundError, 404, "model_not_found", "model", () => chat({ model: "gpt-4" })],
	["a wrong type", OpenAI.BadRequestError, 400, "invalid_type", "stream", () => chat({ stream: "yes" })],
	["two choices", OpenAI.BadRequestError, 400, "unsupported_value", "n", () => chat({ n: 2 })],
	["a rate limit", OpenAI.RateLimitError, 429, "rate_limit_exceeded", null, () => chat({ model: "s429-after" })],
	["the provider's trouble", OpenAI.InternalServerError, 502, "provider_error", null, () => chat({ model: "s500" })],
	["nobody to ask", OpenAI.InternalServerError, 503, "no_model_available", null, () => chat({ model: "unset" }, patient)],
	["a workflow that fails", OpenAI.InternalServerError, 500, "task_failed", null, () => chat({ model: "workflow:fails" }, patient)],
	["a workflow that takes too long", OpenAI.InternalServerError, 504, "task_timeout", null, () => chat({ model: "workflow:sleeps" }, patient)],
]) {
	const [e, got] = await raised(kind, call);
	check(`error: ${name}`, e && e.status === status && e.code === code && e.param === param, got);
}

const greeting = await chat({ model: "workflow:greet", messages: [{ role: "user", content: "you" }] });
check("a workflow as a model", greeting.choices[0].message.content === "Hello, you.", greeting);
check("in pieces", textOf(await read(await chat({ model: "workflow:greet", messages: [{ role: "user", content: "you" }], stream: true }))) === "Hello, you.");

const controller = new AbortController();
const dripping = await once.chat.completions.create({ model: "drip", messages: ASK, stream: true }, { signal: controller.signal });
let pieces = 0;
for await (const c of dripping) {
	if (c.choices[0].delta.content && ++pieces === 1) controller.abort();
}
check("a client that leaves", pieces === 1, pieces);
