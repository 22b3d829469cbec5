/* The probe's login through librdkafka, by the mechanisms that the probe does not speak itself. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/admin_state.h"
#include "kafka/probe_state.h"

static void
take_metadata(const struct rd_kafka_metadata *md, struct probe_view *ret)
{
	*ret = (struct probe_view){.controller = -1, .cluster_operations = OPERATIONS_UNKNOWN};
	ret->members = mem_zero((size_t)md->broker_cnt + 1, sizeof(*ret->members));
	ret->topics = mem_zero((size_t)md->topic_cnt + 1, sizeof(*ret->topics));
	ret->operations = mem_zero((size_t)md->topic_cnt + 1, sizeof(*ret->operations));
	for (int i = 0; i < md->broker_cnt; i++)
		ret->members[ret->member_count++] = (struct probe_member){
			md->brokers[i].id, mem_strdup(md->brokers[i].host), md->brokers[i].port};
	for (int i = 0; i < md->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *t = &md->topics[i];

		if (t->partition_cnt == 0)
			continue;
		ret->operations[ret->topic_count] = OPERATIONS_UNKNOWN;
		ret->topics[ret->topic_count++] = (struct probe_topic){
			mem_strdup(t->topic), t->partition_cnt, t->partitions[0].replica_cnt};
	}
}

/* Waits for the list; the library tries again and again by itself. */
static int
list(struct admin *admin, struct probe_view *ret, struct err *err)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code = rd_kafka_metadata(admin->rk, 1, NULL, &md, PROBE_LIST_MS);
	char id[128];

	admin_drop_events(admin);
	if (code)
		return admin_no_answer(admin, code, err);
	take_metadata(md, ret);
	rd_kafka_metadata_destroy(md);
	if (admin_cluster_id(admin, 1000, id, sizeof(id), err) < 0)
		id[0] = '\0';
	ret->id = mem_strdup(id);
	probe_view_sort(ret);
	return 0;
}

int
probe_ask_library(
	const struct probe_request *request, struct probe_view *ret, struct findings *findings)
{
	const struct client_settings *settings =
		request->is_source ? &request->config->consumer : &request->config->producer;
	const char *mechanism = client_settings_get(settings, "sasl.mechanism");
	struct err err;
	struct admin *admin = request->is_source
				      ? admin_open_source(request->config, request->brokers, &err)
				      : admin_open_target(request->config, &err);
	int rc = admin ? list(admin, ret, &err) : -1;

	if (rc == 0)
		findings_add(findings, "", "login", FINDING_OK, "%s, through librdkafka",
			mechanism ? mechanism : "GSSAPI");
	else
		findings_add(findings, "", "login", FINDING_FAILED, "%s", err.text);
	admin_close(&admin);
	return rc;
}
