/* Any bytes as a broker's registration in ZooKeeper. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/zookeeper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was found must be able to stand in a list of brokers. */
static void
check_address(const char *address)
{
	const char *colon = strrchr(address, ':');

	if (!colon || colon == address || strpbrk(address, ", /\"'\n\t"))
		abort();
	if (atoi(colon + 1) < 1 || atoi(colon + 1) > 65535)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const protocols[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		char *address = NULL, offered[24] = "";
		struct err err;

		if (!zookeeper_parse_broker((const char *)data, size, protocols[i], &address,
			    offered, sizeof(offered), &err) &&
			address)
			check_address(address);
		free(address);
	}
	return 0;
}
