/* ecma_property.c - the names that \p{...} takes: exact ones, unlike PCRE2's. */
#include "schema/ecma.h"

/* General categories: short, then the other names of Unicode. */
static const char *const categories[][4] = {
	{"C", "Other"}, {"Cc", "Control", "cntrl"}, {"Cf", "Format"}, {"Cn", "Unassigned"}, {"Co", "Private_Use"},
	{"Cs", "Surrogate"}, {"L", "Letter"}, {"L&", "Cased_Letter", "LC"}, {"Ll", "Lowercase_Letter"}, {"Lm", "Modifier_Letter"},
	{"Lo", "Other_Letter"}, {"Lt", "Titlecase_Letter"}, {"Lu", "Uppercase_Letter"}, {"M", "Mark", "Combining_Mark"},
	{"Mc", "Spacing_Mark"}, {"Me", "Enclosing_Mark"}, {"Mn", "Nonspacing_Mark"}, {"N", "Number"},
	{"Nd", "Decimal_Number", "digit"}, {"Nl", "Letter_Number"}, {"No", "Other_Number"}, {"P", "Punctuation", "punct"},
	{"Pc", "Connector_Punctuation"}, {"Pd", "Dash_Punctuation"}, {"Pe", "Close_Punctuation"}, {"Pf", "Final_Punctuation"},
	{"Pi", "Initial_Punctuation"}, {"Po", "Other_Punctuation"}, {"Ps", "Open_Punctuation"}, {"S", "Symbol"},
	{"Sc", "Currency_Symbol"}, {"Sk", "Modifier_Symbol"}, {"Sm", "Math_Symbol"}, {"So", "Other_Symbol"}, {"Z", "Separator"},
	{"Zl", "Line_Separator"}, {"Zp", "Paragraph_Separator"}, {"Zs", "Space_Separator"},
};

/* Binary properties of table 69, each with its alias; PCRE2 reads both. */
static const char *const binaries[] = {
	"ASCII", "ASCII_Hex_Digit", "AHex", "Alphabetic", "Alpha", "Bidi_Control", "Bidi_C", "Bidi_Mirrored", "Bidi_M",
	"Case_Ignorable", "CI", "Cased", "Changes_When_Casefolded", "CWCF", "Changes_When_Casemapped", "CWCM",
	"Changes_When_Lowercased", "CWL", "Changes_When_NFKC_Casefolded", "CWKCF", "Changes_When_Titlecased", "CWT",
	"Changes_When_Uppercased", "CWU", "Dash", "Default_Ignorable_Code_Point", "DI", "Deprecated", "Dep", "Diacritic", "Dia",
	"Emoji", "Emoji_Component", "EComp", "Emoji_Modifier", "EMod", "Emoji_Modifier_Base", "EBase", "Emoji_Presentation",
	"EPres", "Extended_Pictographic", "ExtPict", "Extender", "Ext", "Grapheme_Base", "Gr_Base", "Grapheme_Extend", "Gr_Ext",
	"Hex_Digit", "Hex", "IDS_Binary_Operator", "IDSB", "IDS_Trinary_Operator", "IDST", "ID_Continue", "IDC", "ID_Start",
	"IDS", "Ideographic", "Ideo", "Join_Control", "Join_C", "Logical_Order_Exception", "LOE", "Lowercase", "Lower", "Math",
	"Noncharacter_Code_Point", "NChar", "Pattern_Syntax", "Pat_Syn", "Pattern_White_Space", "Pat_WS", "Quotation_Mark",
	"QMark", "Radical", "Regional_Indicator", "RI", "Sentence_Terminal", "STerm", "Soft_Dotted", "SD", "Terminal_Punctuation",
	"Term", "Unified_Ideograph", "UIdeo", "Uppercase", "Upper", "Variation_Selector", "VS", "White_Space", "space",
	"XID_Continue", "XIDC", "XID_Start", "XIDS",
};

static const char *category(struct str name)
{
	for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++)
		for (size_t k = 0; k < 4 && categories[i][k]; k++)
			if (str_is(name, categories[i][k]) && strcmp(categories[i][k], "L&") != 0)
				return categories[i][0];
	return NULL;
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_')
			return false;
	}
	return s.n > 0;
}

static bool lone(struct str name, struct buf *out, bool *negate)
{
	const char *short_name = category(name);

	if (short_name) {
		buf_adds(out, short_name);
		return true;
	}
	if (str_is(name, "Any") || str_is(name, "Assigned")) {
		*negate = str_is(name, "Assigned");
		buf_adds(out, *negate ? "Cn" : "Any");
		return true;
	}
	for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
		if (str_is(name, binaries[i])) {
			buf_addstr(out, name);
			return true;
		}
	return false;
}

bool ecma_property(struct str name, struct buf *out, bool *negate)
{
	ptrdiff_t equals = str_chr(name, '=');
	struct str key, value;

	*negate = false;
	if (equals < 0)
		return lone(name, out, negate);
	key = str_sub(name, 0, (size_t)equals);
	value = str_sub(name, (size_t)equals + 1, name.n);
	if (str_is(key, "General_Category") || str_is(key, "gc")) {
		const char *short_name = category(value);

		if (short_name)
			buf_adds(out, short_name);
		return short_name != NULL;
	}
	if (!is_word(value))
		return false;
	if (str_is(key, "Script") || str_is(key, "sc"))
		buf_adds(out, "sc:");
	else if (str_is(key, "Script_Extensions") || str_is(key, "scx"))
		buf_adds(out, "scx:");
	else
		return false;
	buf_addstr(out, value);
	return true;
}
