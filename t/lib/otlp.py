#!/usr/bin/env python3
"""otlp.py - is a document what a strict receiver of OTLP/HTTP JSON takes? (gateway: traces)

usage: otlp.py < DOCUMENT

Checks the text rule by rule, and reads it with the official messages too where the package opentelemetry-proto is installed. Prints what is
wrong, a line each, and a last line "N spans"; ends with 1 where anything was wrong. With --tree it prints the spans instead, a line each,
indented: name, then the attributes that were asked for by the arguments that follow.
"""
import json
import re
import sys

SPAN = {"traceId": str, "spanId": str, "parentSpanId": str, "flags": int, "name": str, "kind": int, "startTimeUnixNano": str,
        "endTimeUnixNano": str, "attributes": list, "events": list, "links": list, "status": dict, "traceState": str}
NEEDED = ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"]
# Types of what OpenTelemetry names; agentd.* may be any.
TYPES = {"stringValue": "gen_ai.operation.name gen_ai.provider.name gen_ai.conversation.id gen_ai.workflow.name gen_ai.agent.name gen_ai.tool.name "
         "gen_ai.tool.type gen_ai.tool.call.id gen_ai.request.model gen_ai.response.model gen_ai.response.id error.type service.name service.version",
         "intValue": "gen_ai.request.max_tokens gen_ai.usage.input_tokens gen_ai.usage.output_tokens gen_ai.usage.cache_read.input_tokens "
         "gen_ai.usage.cache_creation.input_tokens gen_ai.usage.reasoning.output_tokens http.response.status_code",
         "doubleValue": "gen_ai.request.temperature gen_ai.response.time_to_first_chunk gen_ai.usage.cost",
         "boolValue": "gen_ai.request.stream", "arrayValue": "gen_ai.response.finish_reasons"}
TYPE_OF = {name: kind for kind, line in TYPES.items() for name in line.split()}
REQUIRED = {"chat": ["gen_ai.provider.name", "gen_ai.request.model"], "embeddings": ["gen_ai.provider.name", "gen_ai.request.model"], "execute_tool": ["gen_ai.tool.name"], "invoke_workflow": [],
            "invoke_agent": ["gen_ai.agent.name"]}
faults = []


def wrong(where, what):
    faults.append(f"{where}: {what}")


def pairs(items):
    keys = [k for k, _ in items]
    for k in set(keys):
        if keys.count(k) > 1:
            wrong(k, "stands twice in an object")
    return dict(items)


def plain(v, where):
    """No nulls, keys in lowerCamelCase."""
    if v is None:
        wrong(where, "null")
    elif isinstance(v, dict):
        for k, x in v.items():
            if not re.fullmatch("[a-z][a-zA-Z]*", k):
                wrong(f"{where}.{k}", "is not lowerCamelCase")
            plain(x, f"{where}.{k}")
    elif isinstance(v, list):
        for i, x in enumerate(v):
            plain(x, f"{where}[{i}]")


def whole(v, where):
    if not (isinstance(v, str) and re.fullmatch("0|-?[1-9][0-9]*", v) and -2**63 <= int(v) < 2**64):
        return wrong(where, f"{v!r} is no decimal text of 64 bits")
    return True


def value(v, where):
    if not isinstance(v, dict) or len(v) != 1:
        return wrong(where, f"{v!r} is not one value")
    (kind, x), = v.items()
    if kind == "stringValue":
        isinstance(x, str) or wrong(where, "is no text")
    elif kind == "intValue":
        whole(x, where)
    elif kind == "doubleValue":
        isinstance(x, (int, float)) and not isinstance(x, bool) or wrong(where, "is no number")
    elif kind == "boolValue":
        isinstance(x, bool) or wrong(where, "is no bool")
    elif kind == "arrayValue":
        for y in x["values"]:
            value(y, where)
    else:
        wrong(where, f"{kind}: no value of that kind is sent")
    return kind


def attributes(items, where):
    keys = [a["key"] for a in items]
    for a in items:
        if sorted(a) != ["key", "value"] or not a["key"]:
            wrong(where, f"{a!r} is no attribute")
            continue
        kind = value(a["value"], f"{where} {a['key']}")
        if TYPE_OF.get(a["key"], kind) != kind:
            wrong(where, f"{a['key']} is a {kind}")
        if a["key"] not in TYPE_OF and not a["key"].startswith("agentd."):
            wrong(where, f"{a['key']} is not known")
        if keys.count(a["key"]) > 1:
            wrong(where, f"{a['key']} stands twice")
    return {a["key"]: next(iter(a["value"].values())) for a in items}


def span(s, where):
    s["a"] = {}
    for k, v in s.items():
        if k != "a" and (k not in SPAN or not isinstance(v, SPAN[k]) or isinstance(v, bool)):
            wrong(where, f"{k} is not known, or of a wrong type")
    for k in NEEDED:
        if k not in s:
            wrong(where, f"no {k}")
    for k, n in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16)):
        if k in s and not (re.fullmatch(f"[0-9a-f]{{{n}}}", str(s[k])) and s[k].strip("0")):
            wrong(where, f"{k} {s[k]!r} is not {n} digits")
    if not (whole(s["startTimeUnixNano"], where) and whole(s["endTimeUnixNano"], where)):
        return
    if not 10**18 < int(s["startTimeUnixNano"]) <= int(s["endTimeUnixNano"]) < 10**19:
        wrong(where, f"from {s['startTimeUnixNano']} to {s['endTimeUnixNano']}")
    a = attributes(s["attributes"], where)
    operation = a.get("gen_ai.operation.name")
    if operation:
        if operation not in REQUIRED or not s["name"].startswith(operation + " "):
            wrong(where, f"operation {operation}")
        for k in REQUIRED.get(operation, []):
            if k not in a:
                wrong(where, f"no {k}")
    if s["kind"] != (3 if operation in ("chat", "embeddings") else 1):
        wrong(where, f"kind {s['kind']}")
    status = s.get("status", {})
    if status.get("code", 0) not in (0, 1, 2) or not set(status) <= {"code", "message"} or (status.get("code") == 2) != ("error.type" in a):
        wrong(where, f"status {status}")
    for part in ("cache_read.input", "cache_creation.input", "reasoning.output"):
        if int(a.get(f"gen_ai.usage.{part}_tokens", 0)) > int(a.get(f"gen_ai.usage.{part.split('.')[1]}_tokens", 0)):
            wrong(where, f"{part} is more than all of it")
    s["a"] = a


def document(doc):
    spans = []
    if sorted(doc) != ["resourceSpans"]:
        wrong("document", f"has {sorted(doc)}")
    for r in doc["resourceSpans"]:
        if attributes(r["resource"]["attributes"], "resource").get("service.name", "") == "":
            wrong("resource", "no service.name")
        for sc in r["scopeSpans"]:
            if not re.fullmatch("https://opentelemetry.io/schemas/[0-9.]+", sc["schemaUrl"]):
                wrong("scope", sc["schemaUrl"])
            for s in sc["spans"]:
                span(s, f"span {len(spans)} {s.get('name')}")
                spans.append(s)
    ids = [s["spanId"] for s in spans]
    for i, s in enumerate(spans):
        if ids.index(s["spanId"]) != i:
            wrong(s["name"], "an id stands twice")
        if s.get("parentSpanId") and s["parentSpanId"] not in ids[:i]:
            wrong(s["name"], "its parent does not stand before it")
    if len({s["traceId"] for s in spans}) != 1 or sum("parentSpanId" not in s for s in spans) != 1:
        wrong("document", "is not one trace with one root")
    return spans


def tree(spans, names):
    depth = {}
    for s in spans:
        depth[s["spanId"]] = depth[s["parentSpanId"]] + 1 if "parentSpanId" in s else 0
        print("  " * depth[s["spanId"]] + " | ".join([s["name"]] + [str(s["a"].get(n, "-")) for n in names]))


def official(text):
    try:
        from google.protobuf import json_format
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ImportError:
        return
    try:
        json_format.Parse(text, ExportTraceServiceRequest())
    except json_format.ParseError as e:
        wrong("the official messages", str(e))


text = sys.stdin.read()
doc = json.loads(text, object_pairs_hook=pairs, parse_constant=lambda c: wrong("document", c))
plain(doc, "")
spans = document(doc)
official(text)
if sys.argv[1:2] == ["--tree"]:
    tree(spans, sys.argv[2:])
else:
    print("\n".join(faults + [f"{len(spans)} spans"]))
sys.exit(1 if faults else 0)
