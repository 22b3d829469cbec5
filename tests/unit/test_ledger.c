/* Unit tests of the ledger's records. */
#include "tests/unit/unit.h"

#include "tests/unit/config_rig.h"

#include <stdlib.h>
#include <string.h>

#include "kafka/admin.h"
#include "kafka/ledger.h"
#include "kafka/library.h"
#include "kafka/mock.h"

static bool
parse(const char *key, const char *value, struct ledger_entry *e)
{
	return ledger_parse(key, strlen(key), value, value ? strlen(value) : 0, e);
}

TEST(a_position_is_read_as_it_was_written)
{
	char *key = ledger_position_key("cluster\"1", "a.\"b\"", 2147483647);
	char *value = ledger_position_value(INT64_C(9007199254740991));
	struct ledger_entry e;

	CHECK(parse(key, value, &e));
	CHECK(!e.is_claim);
	CHECK_STR(e.source, "cluster\"1");
	CHECK_STR(e.topic, "a.\"b\"");
	CHECK_INT(e.partition, 2147483647);
	CHECK_INT(e.next, INT64_C(9007199254740991));
	CHECK(e.writer == NULL);
	ledger_entry_fini(&e);
	/* Taken out. */
	CHECK(parse(key, NULL, &e));
	CHECK_INT(e.next, -1);
	ledger_entry_fini(&e);
	free(key);
	free(value);
}

TEST(a_claim_names_its_writer)
{
	char *key = ledger_claim_key("", "t", 0, "group.reflejo.1.0.1");
	struct ledger_entry e;

	CHECK(parse(key, "{}", &e));
	CHECK(e.is_claim);
	CHECK_STR(e.source, "");
	CHECK_STR(e.writer, "group.reflejo.1.0.1");
	CHECK_INT(e.next, 0);
	ledger_entry_fini(&e);
	CHECK(parse(key, NULL, &e));
	CHECK_INT(e.next, -1);
	ledger_entry_fini(&e);
	free(key);
}

TEST(what_is_none_of_ours_is_left)
{
	static const char *const keys[] = {"", "x", "[]", "{}", "[\"position\"]",
		"[\"position\",\"s\",\"t\"]", "[\"position\",\"s\",\"t\",-1]",
		"[\"position\",\"s\",\"t\",1.5]", "[\"position\",\"s\",\"t\",2147483648]",
		"[\"position\",\"s\",\"t\",\"0\"]", "[\"position\",\"s\",7,0]",
		"[\"position\",\"s\",\"t\",0,\"w\"]", "[\"claim\",\"s\",\"t\",0]",
		"[\"claim\",\"s\",\"t\",0,5]", "[\"other\",\"s\",\"t\",0]", "[5,\"s\",\"t\",0]"};
	struct ledger_entry e;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK(!parse(keys[i], "{\"next\":1}", &e));
	CHECK(!ledger_parse(NULL, 0, "{\"next\":1}", 10, &e));
}

TEST(a_position_without_a_whole_number_is_none)
{
	static const char *const values[] = {
		"", "x", "{}", "{\"next\":-5}", "{\"next\":1.5}", "{\"next\":\"1\"}", "[1]"};
	struct ledger_entry e;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		CHECK(parse("[\"position\",\"s\",\"t\",0]", values[i], &e));
		CHECK_INT(e.next, -1);
		ledger_entry_fini(&e);
	}
}

/* The id that a source at this address tells, *ret as it was where that is not known. Returns what
   admin_cluster_id does. */
static int
ask_id(const char *brokers, int timeout_ms, char *ret, size_t size)
{
	struct config *config = load_between(brokers, brokers, NULL);
	struct err err = {""};
	struct admin *admin = config ? admin_open_source(config, brokers, &err) : NULL;
	int rc = CHECK(admin) ? admin_cluster_id(admin, timeout_ms, ret, size, &err) : 0;

	CHECK_INT(rc != 0, err.text[0] != '\0');
	admin_close(&admin);
	config_free(&config);
	return rc;
}

/* Positions are kept by the source's id: a source that does not answer is not one without an id. */
TEST(the_id_of_a_source_that_does_not_answer_is_not_known)
{
	struct err err;
	struct mock *mock = mock_start(1, "t", 1, &err);
	char id[LEDGER_SOURCE] = "as it was";

	CHECK_INT(ask_id("127.0.0.1:1", 200, id, sizeof(id)), -1);
	CHECK_STR(id, "as it was");
	CHECK_INT(ask_id(mock_brokers(mock), 20000, id, sizeof(id)), 0);
	CHECK(!strncmp(id, "mockCluster", strlen("mockCluster")));
	mock_stop(&mock);
	CHECK(library_wait(10000));
}
