/* wire.c - the table of wires. */
#include "gateway/wire.h"

static const struct wire wire_gemini = {
	.name = "gemini",
	.kind = WIRE_GEMINI,
	.missing = "wire \"gemini\" is not part of this version; use wire: openai with base_url: "
		   "https://generativelanguage.googleapis.com/v1beta/openai",
};

static const struct wire wire_anthropic = {
	.name = "anthropic",
	.kind = WIRE_ANTHROPIC,
	.missing = "wire \"anthropic\" is not part of this version; use wire: openai with base_url: "
		   "https://api.anthropic.com/v1",
};

static const struct wire *const wires[] = {
	&wire_openai, &wire_openrouter, &wire_gemini, &wire_anthropic, &wire_replay,
};

const struct wire *wire_of(enum wire_kind kind)
{
	for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++)
		if (wires[i]->kind == kind)
			return wires[i];
	return NULL;
}
