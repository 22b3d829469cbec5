/* One broker under a probe, and the steps to it. For the files of kafka/probe. */
#ifndef KAFKA_PROBE_STATE_H
#define KAFKA_PROBE_STATE_H

#include "kafka/frame.h"
#include "kafka/probe.h"
#include "kafka/trust.h"

/* Together no step is silent for ten seconds, but for Kerberos's, which librdkafka takes. */
#define PROBE_LOOK_UP_MS 6000
#define PROBE_CONNECT_MS 4000
#define PROBE_TLS_MS 4000
#define PROBE_ANSWER_MS 5000
/* For lists of topics, which may be long. */
#define PROBE_LIST_MS 9000

/* What TLS is begun with, the same for all brokers of a side. */
struct probe_tls {
	SSL_CTX *context;
	struct trust *trust;
	bool verifies,
		names_hosts; /* certificates, and that they are for the name that is called */
};

struct probe;

struct probe_broker {
	char *host, *port, *place; /* place: "kafka1:9093" */
	char *named_by;		   /* "consumer.properties:1"; NULL: the cluster itself */
	bool is_elsewhere;	   /* its cluster is not on this host */
	const struct probe_request *request;
	const struct client_settings *settings;
	const struct probe_tls *tls; /* NULL: plain */
	struct findings findings;
	struct wire *wire; /* logged in; NULL: not reached, or only librdkafka can log in */
	bool is_ready;	   /* all steps were ok */
	bool is_dead;	   /* it has no address, or nothing there listens or answers */
	int16_t versions[FRAME_APIS]; /* the newest that the broker has of each request, -1: none */
	int16_t oldest[FRAME_APIS];
};

/* What the brokers list; -1 where a number is not known. */
struct probe_view {
	char *id;
	int32_t controller;
	struct probe_member {
		int32_t id;
		char *host;
		int32_t port;
	} * members;
	size_t member_count;
	struct probe_topic *topics;
	int32_t *operations; /* of each topic: bits by Kafka's numbers; OPERATIONS_UNKNOWN */
	size_t topic_count;
	int32_t cluster_operations;
};
#define OPERATIONS_UNKNOWN INT32_MIN

/* Makes one. named_by NULL: the cluster itself. @gives; probe_broker_free */
struct probe_broker *probe_broker_new(
	const struct probe *probe, const char *host, const char *port, const char *named_by);
void probe_broker_free(struct probe_broker **broker);

/* Is it the name of every host for itself: localhost, 127.0.0.1? */
bool probe_is_own_host(const char *host);

/* Goes all steps to the broker; is_ready says whether it came to the end. @blocks @thread any */
void probe_broker_look(struct probe_broker *broker);

struct probe {
	struct probe_request request;
	struct probe_tls *tls;
	struct probe_broker **brokers;
	size_t broker_count;
	struct probe_view view;
};

/* Adds what a step found. */
#define PROBE_SAY(broker, step, verdict, ...) \
	findings_add(&(broker)->findings, (broker)->place, step, FINDING_##verdict, __VA_ARGS__)

/* Has the side's security.protocol TLS, or SASL? */
bool probe_has_tls(const struct client_settings *settings);
bool probe_has_sasl(const struct client_settings *settings);

/* From the settings that librdkafka is given. NULL on error. @gives; probe_tls_free */
struct probe_tls *probe_tls_new(const struct client_settings *settings, struct err *err);
void probe_tls_free(struct probe_tls **tls);

/* Begins TLS on the wire and says what is wrong; what is right is said by probe_tls_tell, once the
   broker has answered over it, because only then it has looked at our certificate. @thread any */
int probe_tls_begin(
	struct probe_broker *broker, struct wire *wire, const struct addrinfo *addresses);
void probe_tls_tell(struct probe_broker *broker, struct wire *wire);

/* Why an answer did not come over TLS, where it is about our certificate; NULL: it is not. On the
   thread that began it. */
const char *probe_tls_refusal(
	const struct probe_broker *broker, const struct wire *wire, enum wire_end end);

/* Does something speak TLS there? Kafka without TLS? Over a connection of its own. @blocks */
bool probe_speaks_tls(const struct addrinfo *addresses, const char *host);
bool probe_speaks_kafka(const struct addrinfo *addresses);

/* Takes the answer to ApiVersions. -1 when it is none. */
int probe_take_versions(struct probe_broker *broker, struct answer *answer);

/* Says how old the broker is, and whether it can do what the mirror needs of its side. */
int probe_judge_versions(struct probe_broker *broker);

/* Logs in, or finds out that nobody has to: 0. 1: the broker offers the mechanism, which only
   librdkafka speaks. -1: it was said what is wrong. @blocks */
int probe_log_in(struct probe_broker *broker, struct wire *wire);

/* Can we speak the mechanism ourselves? The others are left to librdkafka. */
bool probe_speaks_mechanism(const char *mechanism);

/* Logs in through librdkafka and lists the cluster; as long as Kerberos's library waits for a KDC,
   where it needs one. @blocks @gives *ret; probe_view_fini */
int probe_ask_library(
	const struct probe_request *request, struct probe_view *ret, struct findings *findings);

/* Lists the cluster over a broker's wire; says why it cannot. @blocks @gives *ret; probe_view_fini
 */
int probe_list(struct probe_broker *broker, struct probe_view *ret);
/* Sorts the topics, which must be done once. */
void probe_view_sort(struct probe_view *view);
void probe_view_fini(struct probe_view *view);

#endif
