/* Unit tests of the JSON writer. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "base/document.h"

TEST(commas_stand_between_values_only)
{
	struct document d = {0};
	char *text;

	document_open(&d, '{');
	document_open_named(&d, "empty", '[');
	document_close(&d, ']');
	document_open_named(&d, "list", '[');
	document_int(&d, -1);
	document_open(&d, '{');
	document_add_bool(&d, "a", true);
	document_close(&d, '}');
	document_null(&d);
	document_close(&d, ']');
	document_add_string(&d, "s", "x\"\n");
	document_close(&d, '}');
	text = document_take(&d);
	CHECK_STR(text, "{\"empty\":[],\"list\":[-1,{\"a\":true},null],\"s\":\"x\\\"\\u000a\"}");
	free(text);
}

TEST(what_is_unknown_is_null)
{
	struct document d = {0};
	char *text;

	document_open(&d, '{');
	document_add_known_int(&d, "a", -1);
	document_add_known_int(&d, "b", 0);
	document_add_known_real(&d, "c", -1);
	document_add_known_real(&d, "d", 0.25);
	document_add_real(&d, "e", NAN);
	document_add_real(&d, "f", INFINITY);
	document_add_string(&d, "g", NULL);
	document_add_time(&d, "h", 0);
	document_add_time(&d, "i", 1000);
	document_add_uint(&d, "j", UINT64_MAX);
	document_add_real(&d, "k", 12345678901);
	document_add_real(&d, "l", -0.125);
	document_close(&d, '}');
	text = document_take(&d);
	CHECK_STR(text,
		"{\"a\":null,\"b\":0,\"c\":null,\"d\":0.25,\"e\":null,\"f\":null,\"g\":null,"
		"\"h\":null,\"i\":\"1970-01-01T00:00:01.000Z\",\"j\":18446744073709551615,"
		"\"k\":12345678901,\"l\":-0.125}");
	free(text);
}

TEST(a_taken_document_leaves_an_empty_one)
{
	struct document d = {0};
	char *text;

	document_int(&d, 1);
	free(document_take(&d));
	document_int(&d, 2);
	text = document_take(&d);
	CHECK_STR(text, "2");
	free(text);
}
