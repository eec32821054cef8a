/* metaschema.c - the schema of schemas, as one document: the vocabularies of the draft with their references made local. */
#include "base/err.h"
#include "base/json.h"
#include "schema/program.h"

static const char address[] = "https://json-schema.org/draft/2020-12/schema";

static const char text[] =
	"{\"$id\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":[\"object\",\"boolean\"],\"properties\":{"
	/* core */
	"\"$id\":{\"type\":\"string\",\"pattern\":\"^[^#]*#?$\"},\"$schema\":{\"type\":\"string\"},\"$ref\":{\"type\":\"string\"},"
	"\"$anchor\":{\"$ref\":\"#/$defs/anchor\"},\"$dynamicRef\":{\"type\":\"string\"},\"$dynamicAnchor\":{\"$ref\":\"#/$defs/anchor\"},"
	"\"$vocabulary\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"}},\"$comment\":{\"type\":\"string\"},"
	"\"$defs\":{\"$ref\":\"#/$defs/map\"},\"definitions\":{\"$ref\":\"#/$defs/map\"},"
	/* applicators, unevaluated */
	"\"prefixItems\":{\"$ref\":\"#/$defs/list\"},\"items\":{\"$ref\":\"#\"},\"contains\":{\"$ref\":\"#\"},"
	"\"additionalProperties\":{\"$ref\":\"#\"},\"properties\":{\"$ref\":\"#/$defs/map\"},"
	"\"patternProperties\":{\"$ref\":\"#/$defs/map\"},\"dependentSchemas\":{\"$ref\":\"#/$defs/map\"},"
	"\"propertyNames\":{\"$ref\":\"#\"},\"if\":{\"$ref\":\"#\"},\"then\":{\"$ref\":\"#\"},\"else\":{\"$ref\":\"#\"},"
	"\"allOf\":{\"$ref\":\"#/$defs/list\"},\"anyOf\":{\"$ref\":\"#/$defs/list\"},\"oneOf\":{\"$ref\":\"#/$defs/list\"},"
	"\"not\":{\"$ref\":\"#\"},\"unevaluatedItems\":{\"$ref\":\"#\"},\"unevaluatedProperties\":{\"$ref\":\"#\"},"
	"\"dependencies\":{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#/$defs/names\"}]}},"
	/* validation */
	"\"type\":{\"anyOf\":[{\"$ref\":\"#/$defs/type\"},"
	"{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/type\"},\"minItems\":1,\"uniqueItems\":true}]},"
	"\"enum\":{\"type\":\"array\"},\"multipleOf\":{\"type\":\"number\",\"exclusiveMinimum\":0},\"maximum\":{\"type\":\"number\"},"
	"\"exclusiveMaximum\":{\"type\":\"number\"},\"minimum\":{\"type\":\"number\"},\"exclusiveMinimum\":{\"type\":\"number\"},"
	"\"maxLength\":{\"$ref\":\"#/$defs/count\"},\"minLength\":{\"$ref\":\"#/$defs/count\"},\"pattern\":{\"type\":\"string\"},"
	"\"maxItems\":{\"$ref\":\"#/$defs/count\"},\"minItems\":{\"$ref\":\"#/$defs/count\"},\"uniqueItems\":{\"type\":\"boolean\"},"
	"\"maxContains\":{\"$ref\":\"#/$defs/count\"},\"minContains\":{\"$ref\":\"#/$defs/count\"},"
	"\"maxProperties\":{\"$ref\":\"#/$defs/count\"},\"minProperties\":{\"$ref\":\"#/$defs/count\"},"
	"\"required\":{\"$ref\":\"#/$defs/names\"},"
	"\"dependentRequired\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/names\"}},"
	/* annotations */
	"\"title\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},\"deprecated\":{\"type\":\"boolean\"},"
	"\"readOnly\":{\"type\":\"boolean\"},\"writeOnly\":{\"type\":\"boolean\"},\"examples\":{\"type\":\"array\"},"
	"\"format\":{\"type\":\"string\"},\"contentEncoding\":{\"type\":\"string\"},\"contentMediaType\":{\"type\":\"string\"},"
	"\"contentSchema\":{\"$ref\":\"#\"}},"
	"\"$defs\":{\"anchor\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"},"
	"\"map\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#\"}},"
	"\"list\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#\"}},"
	"\"names\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true},"
	"\"count\":{\"type\":\"integer\",\"minimum\":0},"
	"\"type\":{\"enum\":[\"array\",\"boolean\",\"integer\",\"null\",\"number\",\"object\",\"string\"]}}}";

const struct json *metaschema(struct arena *a, struct str uri)
{
	const struct json *v = NULL;
	struct err err;

	if (!str_is(uri, address))
		return NULL;
	if (json_parse(a, STR(text), NULL, &v, &err) < 0)
		fatal("the metaschema: %s", err.msg);
	return v;
}
