/* The linked librdkafka: its version, and the calls that only newer ones have. */
#include "kafka/library.h"

#include <dlfcn.h>
#include <librdkafka/rdkafka.h>

#include <string.h>

#include "kafka/client.h"

const char *
library_version(void)
{
	return rd_kafka_version_str();
}

bool
library_at_least(int major, int minor, int patch)
{
	/* 0xMMmmrrxx; xx is ff for a final release and smaller for its candidates. */
	return (rd_kafka_version() >> 8) >= ((major << 16) | (minor << 8) | patch);
}

bool
library_find(const struct library_call *calls, size_t count)
{
	bool is_complete = true;

	for (size_t i = 0; i < count; i++) {
		void *call = dlsym(RTLD_DEFAULT, calls[i].name);

		is_complete = is_complete && call;
		memcpy(calls[i].ret, &call, sizeof(call));
	}
	return is_complete;
}

const char *
library_warning(void)
{
	static const struct {
		int version;
		const char *text;
	} known[] = {
		{0x020100, "librdkafka 2.1.0 can leave the group although it polls and repeats "
			   "records while it validates offsets; use another version"},
		{0x020500, "librdkafka 2.5.0 can assert in its telemetry and cannot fetch from "
			   "brokers with an older inter-broker protocol; use another version"},
		{0x020600, "librdkafka 2.6.0 cannot fetch from brokers before 2.7; use another "
			   "version"},
		{0x020a00, "librdkafka 2.10.0 can corrupt its memory while it updates metadata; "
			   "use another version"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (rd_kafka_version() >> 8 == known[i].version)
			return known[i].text;
	return NULL;
}

const char *
library_scram_trouble(void)
{
	/* It sends its nonce twice. Kafka 4 compares the whole, where 3.9 looks at its end and
	 * 2.1 does not look. */
	if (library_at_least(2, 6, 1))
		return NULL;
	return "if the brokers are Kafka 4, they refuse all logins by SCRAM from librdkafka before "
	       "2.6.1: install a newer one, or use another mechanism there";
}

int
library_knows_property(const char *name, const char *value, char *why, size_t why_size)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, why, why_size);

	rd_kafka_conf_destroy(conf);
	/* Some of its sentences end with a line's end. */
	why[strcspn(why, "\n")] = '\0';
	return res == RD_KAFKA_CONF_OK ? 1 : res == RD_KAFKA_CONF_UNKNOWN ? 0 : -1;
}

bool
library_wait(int timeout_ms)
{
	return client_wait_retired(timeout_ms) == 0;
}
