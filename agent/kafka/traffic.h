/* Traffic: what all clients of the process have met on their connections to one side. */
#ifndef KAFKA_TRAFFIC_H
#define KAFKA_TRAFFIC_H

#include <stdint.h>

enum client_side { CLIENT_SOURCE, CLIENT_TARGET, CLIENT_SIDES };

/* Both only grow. */
struct client_traffic {
	uint64_t connects;    /* connections begun, those that came to nothing included */
	uint64_t throttle_ms; /* for which brokers' quotas held answers back, summed over brokers
				 and clients */
};

/* Of streams and look-ups, those that are gone included. @thread any */
void client_traffic(enum client_side side, struct client_traffic *ret);

#endif
