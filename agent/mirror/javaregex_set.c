/* Character sets of Java's expressions: ASCII members of classes and properties. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "mirror/javaregex_tree.h"

#include <ctype.h>
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LETTERS "A-Za-z"
#define CONTROL "\x01-\x1f\x7f"
#define SPACES "\t-\r "
#define PUNCTUATION "-_!\"#%&'()*,./:;?@[\\]{}"
#define SYMBOLS "$+<=>^`|~"
#define IGNORABLE "\x01-\x08\x0e-\x1b\x7f"
#define ALL "\x01-\x7f"

/* A property and its ASCII members; caseless: those under (?i) when they differ. Sources: the class
   comment of java.util.regex.Pattern, java.lang.Character and the Unicode general categories. */
struct property {
	const char *name, *members, *caseless;
};

/* \p{Name}, the case of the name matters. */
static const struct property properties[] = {
	{"Lu", "A-Z", LETTERS},
	{"Ll", "a-z", LETTERS},
	{"Lt", "", LETTERS},
	{"Lm", "", NULL},
	{"Lo", "", NULL},
	{"L", LETTERS, NULL},
	{"LC", LETTERS, NULL},
	{"LD", LETTERS "0-9", NULL},
	{"L1", ALL, NULL},
	{"Mn", "", NULL},
	{"Me", "", NULL},
	{"Mc", "", NULL},
	{"M", "", NULL},
	{"Nd", "0-9", NULL},
	{"Nl", "", NULL},
	{"No", "", NULL},
	{"N", "0-9", NULL},
	{"Zs", " ", NULL},
	{"Zl", "", NULL},
	{"Zp", "", NULL},
	{"Z", " ", NULL},
	{"Cc", CONTROL, NULL},
	{"Cf", "", NULL},
	{"Cn", "", NULL},
	{"Co", "", NULL},
	{"Cs", "", NULL},
	{"C", CONTROL, NULL},
	{"Pd", "-", NULL},
	{"Ps", "([{", NULL},
	{"Pe", ")]}", NULL},
	{"Pc", "_", NULL},
	{"Po", "!\"#%&'*,./:;?@\\", NULL},
	{"Pi", "", NULL},
	{"Pf", "", NULL},
	{"P", PUNCTUATION, NULL},
	{"Sm", "+<=>|~", NULL},
	{"Sc", "$", NULL},
	{"Sk", "^`", NULL},
	{"So", "", NULL},
	{"S", SYMBOLS, NULL},
	{"all", ALL, NULL},
	{"ASCII", ALL, NULL},
	{"Alnum", LETTERS "0-9", NULL},
	{"Alpha", LETTERS, NULL},
	{"Blank", " \t", NULL},
	{"Cntrl", CONTROL, NULL},
	{"Digit", "0-9", NULL},
	{"Graph", "!-~", NULL},
	{"Lower", "a-z", LETTERS},
	{"Print", " -~", NULL},
	{"Punct", PUNCTUATION SYMBOLS, NULL},
	{"Space", SPACES, NULL},
	{"Upper", "A-Z", LETTERS},
	{"XDigit", "0-9A-Fa-f", NULL},
	{"javaLowerCase", "a-z", LETTERS},
	{"javaUpperCase", "A-Z", LETTERS},
	{"javaTitleCase", "", LETTERS},
	{"javaAlphabetic", LETTERS, NULL},
	{"javaIdeographic", "", NULL},
	{"javaDigit", "0-9", NULL},
	{"javaDefined", ALL, NULL},
	{"javaLetter", LETTERS, NULL},
	{"javaLetterOrDigit", LETTERS "0-9", NULL},
	{"javaJavaIdentifierStart", LETTERS "$_", NULL},
	{"javaJavaIdentifierPart", LETTERS "0-9$_" IGNORABLE, NULL},
	{"javaUnicodeIdentifierStart", LETTERS, NULL},
	{"javaUnicodeIdentifierPart", LETTERS "0-9_" IGNORABLE, NULL},
	{"javaIdentifierIgnorable", IGNORABLE, NULL},
	{"javaSpaceChar", " ", NULL},
	{"javaWhitespace", SPACES "\x1c-\x1f", NULL},
	{"javaISOControl", CONTROL, NULL},
	{"javaMirrored", "()<>[]{}", NULL},
	{NULL, NULL, NULL},
};

/* \p{name} under (?U), and \p{IsName}: POSIX names in Unicode's sense, in any case. */
static const struct property posix_names[] = {
	{"alpha", LETTERS, NULL},
	{"lower", "a-z", LETTERS},
	{"upper", "A-Z", LETTERS},
	{"space", SPACES, NULL},
	{"punct", PUNCTUATION, NULL},
	{"xdigit", "0-9A-Fa-f", NULL},
	{"alnum", LETTERS "0-9", NULL},
	{"cntrl", CONTROL, NULL},
	{"digit", "0-9", NULL},
	{"blank", " \t", NULL},
	{"graph", "!-~", NULL},
	{"print", " -~", NULL},
	{NULL, NULL, NULL},
};

/* \p{IsName}: Unicode's binary properties, in any case. */
static const struct property binary_names[] = {
	{"alphabetic", LETTERS, NULL},
	{"assigned", ALL, NULL},
	{"control", CONTROL, NULL},
	{"hexdigit", "0-9A-Fa-f", NULL},
	{"hex_digit", "0-9A-Fa-f", NULL},
	{"ideographic", "", NULL},
	{"joincontrol", "", NULL},
	{"join_control", "", NULL},
	{"letter", LETTERS, NULL},
	{"lowercase", "a-z", LETTERS},
	{"noncharactercodepoint", "", NULL},
	{"noncharacter_code_point", "", NULL},
	{"titlecase", "", LETTERS},
	{"punctuation", PUNCTUATION, NULL},
	{"uppercase", "A-Z", LETTERS},
	{"whitespace", SPACES, NULL},
	{"white_space", SPACES, NULL},
	{"word", LETTERS "0-9_", NULL},
	{NULL, NULL, NULL},
};

static void
add_one(struct charset *set, int32_t c)
{
	if (c >= 0 && c < 128)
		set->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

bool
charset_has(const struct charset *set, int c)
{
	return set->bits[c >> 6] >> (c & 63) & 1;
}

bool
charset_is_empty(const struct charset *set)
{
	return !set->bits[0] && !set->bits[1];
}

void
charset_negate(struct charset *set)
{
	set->bits[0] = ~set->bits[0];
	set->bits[1] = ~set->bits[1];
}

void
charset_unite(struct charset *set, const struct charset *other)
{
	set->bits[0] |= other->bits[0];
	set->bits[1] |= other->bits[1];
}

void
charset_intersect(struct charset *set, const struct charset *other)
{
	set->bits[0] &= other->bits[0];
	set->bits[1] &= other->bits[1];
}

/* The ASCII letter that equals a letter outside ASCII under (?iu), or the character itself. */
static int32_t
fold_to_ascii(int32_t c)
{
	switch (c) {
	case 0x130: /* capital i with dot */
	case 0x131: /* small i without dot */ return 'i';
	case 0x17f: /* long s */ return 's';
	case 0x212a: /* Kelvin sign */ return 'k';
	default: return c;
	}
}

void
charset_add(struct charset *set, int32_t c, struct charset_case fold)
{
	if (fold.insensitive && fold.unicode)
		c = fold_to_ascii(c);
	add_one(set, c);
	if (!fold.insensitive || c >= 128)
		return;
	add_one(set, tolower(c));
	add_one(set, toupper(c));
}

void
charset_add_range(struct charset *set, int32_t from, int32_t to, struct charset_case fold)
{
	for (int32_t c = from; c <= to && c < 128; c++) {
		add_one(set, c);
		if (!fold.insensitive)
			continue;
		add_one(set, tolower(c));
		add_one(set, toupper(c));
	}
}

void
charset_add_listed(struct charset *set, const char *listed)
{
	static const struct charset_case exact = {0};

	for (const char *s = listed; *s; s++) {
		if (s[1] == '-' && s[2]) {
			charset_add_range(set, *s, s[2], exact);
			s += 2;
		} else {
			add_one(set, *s);
		}
	}
}

static int
add_from(struct charset *set, const struct property *table, const char *name, bool any_case,
	bool caseless)
{
	for (const struct property *p = table; p->name; p++) {
		if (any_case ? strcasecmp(p->name, name) : strcmp(p->name, name))
			continue;
		charset_add_listed(set, caseless && p->caseless ? p->caseless : p->members);
		return 0;
	}
	return -1;
}

/* Does Unicode know this script? PCRE2 has the table of names. */
static bool
is_script(const char *name)
{
	char pattern[80];
	int error;
	size_t at;
	pcre2_code *code;

	for (const char *s = name; *s; s++)
		if (!isalpha((unsigned char)*s) && *s != '_')
			return false;
	if ((size_t)snprintf(pattern, sizeof(pattern), "\\p{sc:%s}", name) >= sizeof(pattern))
		return false;
	code = pcre2_compile(
		(PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &at, NULL);
	pcre2_code_free(code);
	return code != NULL;
}

static int
add_script(struct charset *set, const char *name)
{
	struct charset members = {0};

	if (!strcasecmp(name, "Latin") || !strcasecmp(name, "Latn")) {
		charset_add_listed(set, LETTERS);
		return 0;
	}
	if (!strcasecmp(name, "Common") || !strcasecmp(name, "Zyyy")) {
		charset_add_listed(&members, LETTERS);
		charset_negate(&members);
		charset_unite(set, &members);
		return 0;
	}
	return is_script(name) ? 0 : -1;
}

static int
add_block(struct charset *set, const char *name)
{
	if (strcasecmp(name, "BasicLatin") && strcasecmp(name, "Basic Latin") &&
		strcasecmp(name, "Basic_Latin"))
		return -2;
	charset_add_listed(set, ALL);
	return 0;
}

/* \p{key=value}. */
static int
add_keyed(struct charset *set, const char *key, size_t length, const char *value, bool caseless)
{
	static const struct {
		const char *key;
		char kind;
	} keys[] = {{"sc", 's'}, {"script", 's'}, {"blk", 'b'}, {"block", 'b'}, {"gc", 'g'},
		{"general_category", 'g'}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].key) != length || strncasecmp(keys[i].key, key, length))
			continue;
		if (keys[i].kind == 's')
			return add_script(set, value);
		if (keys[i].kind == 'b')
			return add_block(set, value);
		return add_from(set, properties, value, false, caseless);
	}
	return -1;
}

int
charset_add_property(
	struct charset *set, const char *name, struct charset_case fold, bool unicode_class)
{
	const char *equals = strchr(name, '=');
	bool caseless = fold.insensitive;

	if (equals)
		return add_keyed(set, name, (size_t)(equals - name), equals + 1, caseless);
	if (!strncmp(name, "In", 2))
		return add_block(set, name + 2);
	if (!strncmp(name, "Is", 2)) {
		name += 2;
		if (!add_from(set, binary_names, name, true, caseless) ||
			!add_from(set, posix_names, name, true, caseless) ||
			!add_from(set, properties, name, false, caseless))
			return 0;
		return add_script(set, name);
	}
	if (unicode_class && !add_from(set, posix_names, name, true, caseless))
		return 0;
	return add_from(set, properties, name, false, caseless);
}
