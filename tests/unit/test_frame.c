/* kafka/frame, kafka/wire: requests byte by byte, and answers that may hold anything. */
#include "kafka/frame.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* What the other side of a connection says. */
struct peer {
	int listener;
	const char *answer;
	size_t size;
	char request[256];
	ssize_t request_size;
};

static void *
serve(void *arg)
{
	struct peer *p = arg;
	int fd = accept(p->listener, NULL, NULL);

	p->request_size = recv(fd, p->request, sizeof(p->request), 0);
	if (p->size)
		CHECK(send(fd, p->answer, p->size, MSG_NOSIGNAL) == (ssize_t)p->size);
	close(fd);
	return NULL;
}

/* Asks a peer that answers with these bytes; gives how it ended. @gives *ret */
static enum wire_end
ask(struct peer *p, struct text *request, struct answer *ret)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	struct addrinfo one = {
		.ai_family = AF_INET, .ai_addr = (struct sockaddr *)&address, .ai_addrlen = size};
	struct wire *wire;
	struct err err;
	enum wire_end end;
	pthread_t thread;

	p->listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(p->listener, (struct sockaddr *)&address, size) == 0);
	CHECK(listen(p->listener, 1) == 0);
	CHECK(getsockname(p->listener, (struct sockaddr *)&address, &size) == 0);
	CHECK(pthread_create(&thread, NULL, serve, p) == 0);
	CHECK(wire_open(&one, 10000, &wire, &err) == WIRE_OPEN);
	wire_allow(wire, 10000);
	end = frame_ask(wire, request, ret);
	pthread_join(thread, NULL);
	wire_close(&wire);
	close(p->listener);
	return end;
}

#define ANSWER(bytes)                                        \
	{                                                    \
		.answer = (bytes), .size = sizeof(bytes) - 1 \
	}

TEST(a_request_and_its_answer)
{
	struct peer peer = ANSWER("\0\0\0\x1c" /* length */
				  "\0\0\0\1"   /* which request it answers */
				  "\xff\xff\0\2ab\xff\xff\0\0\0\2\0\0\0\7\0\0\0\0\0\0\0\x9");
	static const char head[] = "\0\0\0\x1f\0\3\0\1\0\0\0\1\0\x0d"
				   "reflejo-check\0\1t\xff\xff";
	struct text request;
	struct answer answer;
	char *text;

	frame_begin(&request, FRAME_METADATA, 1);
	frame_put_text(&request, "t");
	frame_put_text(&request, NULL);
	CHECK(ask(&peer, &request, &answer) == WIRE_OPEN);
	CHECK(peer.request_size > 0 && (size_t)peer.request_size == sizeof(head) - 1);
	CHECK(!memcmp(peer.request + 4, head + 4, sizeof(head) - 5));
	CHECK(frame_get16(&answer) == -1);
	text = frame_get_text(&answer);
	CHECK_STR(text, "ab");
	free(text);
	CHECK(!frame_get_text(&answer));
	CHECK(frame_get_count(&answer, 4) == 2);
	CHECK(frame_get32(&answer) == 7);
	CHECK(frame_get64(&answer) == 9);
	CHECK(!answer.is_short && answer.at == answer.size);
	CHECK(frame_get8(&answer) == 0 && answer.is_short);
	answer_fini(&answer);
}

TEST(answers_that_are_none)
{
	static struct {
		struct peer peer;
		enum wire_end end;
	} cases[] = {
		{ANSWER(""), WIRE_CLOSED},
		{ANSWER("\0\0"), WIRE_CLOSED},
		{ANSWER("HTTP/1.1 400 Bad Request"), WIRE_FAILED},
		{ANSWER("\0\0\0\x8\0\0\0\1"), WIRE_CLOSED},
		{ANSWER("\0\0\0\2\0\0"), WIRE_FAILED},
		{ANSWER("\0\0\0\4\0\0\0\2"), WIRE_FAILED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text request;
		struct answer answer;

		frame_begin(&request, FRAME_API_VERSIONS, 0);
		CHECK(ask(&cases[i].peer, &request, &answer) == cases[i].end);
		if (i == 2)
			CHECK(answer.size == 4 && !memcmp(answer.bytes, "HTTP", 4));
		answer_fini(&answer);
	}
}

TEST(what_an_answer_announces_and_does_not_have)
{
	char bytes[] = "\x7f\xff\xff\xff\0\0";
	struct answer answer = {.bytes = bytes, .size = 6};
	size_t n;
	char *text;

	CHECK(frame_get_count(&answer, 1) == 0 && answer.is_short);
	answer = (struct answer){.bytes = bytes, .size = 6};
	text = frame_get_text(&answer);
	CHECK_STR(text, "");
	CHECK(answer.is_short);
	free(text);
	answer = (struct answer){.bytes = bytes, .size = 6};
	frame_get_bytes(&answer, &n);
	CHECK(n == 0 && answer.is_short);
}
