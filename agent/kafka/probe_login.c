/* The probe's login: which mechanisms a broker offers, and PLAIN and SCRAM spoken with it. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "kafka/library.h"
#include "kafka/probe_state.h"

/* Kafka's numbers of errors. */
enum { UNSUPPORTED_MECHANISM = 33, ILLEGAL_SASL_STATE = 34 };
/* A broker that asks for more rounds of hashing is none. */
#define ROUNDS_MOST 1000000

/* A login under way. */
struct login {
	struct probe_broker *broker;
	struct wire *wire;
	const char *mechanism, *user, *password;
	bool is_bare; /* as before Kafka 1.0 */
	bool is_said; /* why it failed was said */
};

bool
probe_has_sasl(const struct client_settings *settings)
{
	const char *protocol = client_settings_get(settings, "security.protocol");

	return protocol && strcasestr(protocol, "sasl") != NULL;
}

bool
probe_speaks_mechanism(const char *mechanism)
{
	return !strcmp(mechanism, "PLAIN") || !strncmp(mechanism, "SCRAM-SHA-", 10);
}

static const char *
protocol_of(const struct probe_broker *b, bool has_sasl)
{
	if (b->tls)
		return has_sasl ? "SASL_SSL" : "SSL";
	return has_sasl ? "SASL_PLAINTEXT" : "PLAINTEXT";
}

/* "PLAIN, SCRAM-SHA-512" @gives a string */
static char *
take_mechanisms(struct answer *answer)
{
	struct text text = {0};
	size_t count = frame_get_count(answer, 2);

	for (size_t i = 0; i < count && !answer->is_short; i++) {
		char *name = frame_get_text(answer);

		text_printf(&text, "%s%s", i ? ", " : "", name ? name : "");
		free(name);
	}
	return text_take(&text);
}

/* A listener that wants a login from whoever has none, or none from whoever has one. Returns 1 to
   go on, 0 when all is done, -1 when it was said what is wrong. */
static int
judge_handshake(struct login *l, bool wants, int code, const char *offered)
{
	struct probe_broker *b = l->broker;

	if (!wants) {
		if (code && code != UNSUPPORTED_MECHANISM)
			return 0;
		PROBE_SAY(b, "login", FAILED,
			"this port wants a login, by %s: write security.protocol=%s with "
			"sasl.mechanism and sasl.jaas.config, or use a port without",
			offered, protocol_of(b, true));
		return -1;
	}
	if (code == UNSUPPORTED_MECHANISM)
		PROBE_SAY(b, "login", FAILED,
			"the broker does not offer %s but %s: change sasl.mechanism, or enable it "
			"at the brokers (sasl.enabled.mechanisms)",
			l->mechanism, *offered ? offered : "nothing");
	else if (code == ILLEGAL_SASL_STATE)
		PROBE_SAY(b, "login", FAILED,
			"this port takes no logins: use one that does, or write "
			"security.protocol=%s",
			protocol_of(b, false));
	else if (code)
		PROBE_SAY(b, "login", FAILED,
			"the broker answered with error %d to sasl.mechanism=%s: look into its "
			"log",
			code, l->mechanism);
	return code ? -1 : 1;
}

static void
say_no_answer(struct login *l, enum wire_end end)
{
	if (l->is_said)
		return;
	l->is_said = true;
	if (end == WIRE_SILENT)
		PROBE_SAY(l->broker, "login", FAILED,
			"no answer to the login within %d seconds: look whether the broker "
			"reaches what it asks about users",
			PROBE_ANSWER_MS / 1000);
	else
		PROBE_SAY(l->broker, "login", FAILED,
			"the broker ended the connection during the login by %s: check user name "
			"and password",
			l->mechanism);
}

/* Asks for the mechanism; as judge_handshake. */
static int
shake_hands(struct login *l, bool wants)
{
	struct text request;
	struct answer answer;
	enum wire_end end;
	char *offered;
	int code, rc = -1;

	frame_begin(&request, FRAME_SASL_HANDSHAKE, l->is_bare ? 0 : 1);
	frame_put_text(&request, wants ? l->mechanism : "");
	end = frame_ask(l->wire, &request, &answer);
	if (end == WIRE_OPEN) {
		code = frame_get16(&answer);
		offered = take_mechanisms(&answer);
		rc = judge_handshake(l, wants, code, offered);
		free(offered);
	} else {
		say_no_answer(l, end);
	}
	answer_fini(&answer);
	return rc;
}

/* Sends one message of the mechanism and gets the broker's. @gives *ret, NULL after an error, which
   was said */
static int
exchange(struct login *l, const struct text *message, char **ret)
{
	struct text request = {0};
	struct answer answer;
	enum wire_end end;
	const char *bytes;
	const char *also = *l->mechanism == 'S' ? library_scram_trouble() : NULL;
	char *why = NULL;
	size_t n;
	int code = 0;

	if (!l->is_bare) {
		frame_begin(&request, FRAME_SASL_AUTHENTICATE, 0);
		frame_put32(&request, (int32_t)message->length);
	}
	text_add(&request, message->s, message->length);
	end = l->is_bare ? frame_ask_bare(l->wire, &request, &answer)
			 : frame_ask(l->wire, &request, &answer);
	*ret = NULL;
	if (end != WIRE_OPEN) {
		say_no_answer(l, end);
	} else if (l->is_bare) {
		*ret = mem_strndup(answer.bytes ? answer.bytes : "", answer.size);
	} else if ((code = frame_get16(&answer)) != 0) {
		why = frame_get_text(&answer);
		PROBE_SAY(l->broker, "login", FAILED,
			"%s refuses %s: check user name and password (sasl.jaas.config), and that "
			"the user was made for %s%s%s%s%s",
			l->broker->place, l->user, l->mechanism, why ? "; it says: " : "",
			why ? why : "", also ? "; " : "", also ? also : "");
		l->is_said = true;
	} else {
		free(frame_get_text(&answer));
		bytes = frame_get_bytes(&answer, &n);
		*ret = mem_strndup(bytes, n);
	}
	free(why);
	answer_fini(&answer);
	return *ret ? 0 : -1;
}

static int
log_in_plain(struct login *l)
{
	struct text message = {0};
	char *answer;
	int rc;

	text_putc(&message, '\0');
	text_puts(&message, l->user);
	text_putc(&message, '\0');
	text_puts(&message, l->password);
	rc = exchange(l, &message, &answer);
	explicit_bzero(message.s, message.length);
	text_fini(&message);
	free(answer);
	return rc;
}

static void
put_base64(struct text *text, const unsigned char *bytes, size_t n)
{
	char room[4 * EVP_MAX_MD_SIZE];

	EVP_EncodeBlock((unsigned char *)room, bytes, (int)n);
	text_puts(text, room);
}

/* What stands behind "r=" and the like in a message of SCRAM; NULL: it is not there. @gives a
 * string */
static char *
attribute(const char *message, char name)
{
	while (message && *message) {
		const char *comma = strchr(message, ',');

		if (message[0] == name && message[1] == '=')
			return comma ? mem_strndup(message + 2, (size_t)(comma - message - 2))
				     : mem_strdup(message + 2);
		message = comma ? comma + 1 : NULL;
	}
	return NULL;
}

/* What a login by SCRAM goes on with. */
struct scram {
	const EVP_MD *md;
	char *nonce, *salt; /* the broker's, as it wrote them */
	int rounds;
	struct text first, bare; /* our first message, and what of it counts */
	char *answer;		 /* to that */
};

/* @borrows s->bare */
static const char *
own_nonce(const struct scram *s)
{
	return strstr(s->bare.s, ",r=") + 3;
}

static void
mac(const EVP_MD *md, const unsigned char *key, const char *text, size_t n, unsigned char *ret)
{
	unsigned size;

	HMAC(md, key, EVP_MD_get_size(md), (const unsigned char *)text, n, ret, &size);
}

/* Our last message: the proof that we know the password, with the nonce as the library would send
   it, or a broker that refuses the mirror would let us in. server is what the broker must prove.
   @gives *ret */
static int
prove(const struct login *l, const struct scram *s, struct text *ret, unsigned char *server)
{
	unsigned char salt[256], salted[EVP_MAX_MD_SIZE], key[EVP_MAX_MD_SIZE],
		stored[EVP_MAX_MD_SIZE], sign[EVP_MAX_MD_SIZE];
	size_t size = (size_t)EVP_MD_get_size(s->md), n = strlen(s->salt);
	struct text all = {0};
	int salt_size = n % 4 == 0 && n <= sizeof(salt)
				? EVP_DecodeBlock(salt, (const unsigned char *)s->salt, (int)n)
				: -1;

	while (salt_size > 0 && n && s->salt[n - 1] == '=')
		salt_size--, n--;
	if (salt_size <= 0)
		return -1;
	text_printf(ret, "c=biws,r=%s%s", library_scram_trouble() ? own_nonce(s) : "", s->nonce);
	text_printf(&all, "%s,%s,%s", s->bare.s, s->answer, ret->s);
	PKCS5_PBKDF2_HMAC(l->password, (int)strlen(l->password), salt, salt_size, s->rounds, s->md,
		(int)size, salted);
	mac(s->md, salted, "Client Key", 10, key);
	EVP_Digest(key, size, stored, NULL, s->md, NULL);
	mac(s->md, stored, all.s, all.length, sign);
	for (size_t i = 0; i < size; i++)
		key[i] ^= sign[i];
	text_puts(ret, ",p=");
	put_base64(ret, key, size);
	mac(s->md, salted, "Server Key", 10, key);
	mac(s->md, key, all.s, all.length, server);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(key, sizeof(key));
	text_fini(&all);
	return 0;
}

/* "n,,n=USER,r=NONCE", and the same from "n=" on */
static void
begin_scram(const struct login *l, struct scram *s)
{
	unsigned char chance[24];

	RAND_bytes(chance, sizeof(chance));
	text_puts(&s->bare, "n=");
	for (const char *c = l->user; *c; c++) {
		if (*c == '=' || *c == ',')
			text_puts(&s->bare, *c == '=' ? "=3D" : "=2C");
		else
			text_putc(&s->bare, *c);
	}
	text_puts(&s->bare, ",r=");
	put_base64(&s->bare, chance, sizeof(chance));
	text_printf(&s->first, "n,,%s", s->bare.s);
}

/* The broker's answer to our first message. */
static bool
take_challenge(struct scram *s)
{
	char *rounds = attribute(s->answer, 'i');
	const char *own = own_nonce(s);

	s->nonce = attribute(s->answer, 'r');
	s->salt = attribute(s->answer, 's');
	s->rounds = rounds ? atoi(rounds) : 0;
	free(rounds);
	return s->nonce && s->salt && s->rounds > 0 && s->rounds <= ROUNDS_MOST &&
	       !strncmp(s->nonce, own, strlen(own));
}

static void
say_odd(struct login *l)
{
	if (!l->is_said)
		PROBE_SAY(l->broker, "login", FAILED,
			"the broker's side of %s does not fit: check the user and that this is "
			"the right cluster",
			l->mechanism);
	l->is_said = true;
}

static int
log_in_scram(struct login *l)
{
	struct scram s = {.md = strstr(l->mechanism, "512") ? EVP_sha512() : EVP_sha256()};
	unsigned char server[EVP_MAX_MD_SIZE];
	struct text last = {0}, proof = {0};
	char *answer = NULL, *given = NULL;
	int rc = -1;

	begin_scram(l, &s);
	if (exchange(l, &s.first, &s.answer) == 0 && take_challenge(&s) &&
		prove(l, &s, &last, server) == 0 && exchange(l, &last, &answer) == 0) {
		given = attribute(answer, 'v');
		put_base64(&proof, server, (size_t)EVP_MD_get_size(s.md));
		rc = given && !strcmp(given, proof.s) ? 0 : -1;
	}
	if (rc < 0)
		say_odd(l);
	free(given);
	free(answer);
	free(s.answer);
	free(s.nonce);
	free(s.salt);
	text_fini(&s.first);
	text_fini(&s.bare);
	text_fini(&last);
	text_fini(&proof);
	return rc;
}

int
probe_log_in(struct probe_broker *broker, struct wire *wire)
{
	const struct client_settings *settings = broker->settings;
	bool wants = probe_has_sasl(settings);
	const char *mechanism = client_settings_get(settings, "sasl.mechanism");
	const char *user = client_settings_get(settings, "sasl.username");
	const char *password = client_settings_get(settings, "sasl.password");
	struct login l = {.broker = broker,
		.wire = wire,
		.mechanism = mechanism ? mechanism : "GSSAPI",
		.user = user ? user : "",
		.password = password ? password : "",
		.is_bare = broker->versions[FRAME_SASL_AUTHENTICATE] < 0};
	int rc;

	wire_allow(wire, PROBE_ANSWER_MS);
	if (broker->versions[FRAME_SASL_HANDSHAKE] < 0) {
		if (wants)
			PROBE_SAY(broker, "login", FAILED,
				"the broker has no request to log in by (SaslHandshake): use a "
				"port that takes logins, or write security.protocol=%s",
				protocol_of(broker, false));
		return wants ? -1 : 0;
	}
	rc = shake_hands(&l, wants);
	if (rc <= 0)
		return rc;
	if (!probe_speaks_mechanism(l.mechanism)) {
		PROBE_SAY(broker, "login", OK, "%s is offered", l.mechanism);
		return 1;
	}
	rc = !strcmp(l.mechanism, "PLAIN") ? log_in_plain(&l) : log_in_scram(&l);
	if (rc == 0)
		PROBE_SAY(broker, "login", OK, "%s as %s", l.mechanism, l.user);
	return rc;
}
