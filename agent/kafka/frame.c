/* A frame: one request to a broker, byte by byte, and its answer, for the few that librdkafka does
   not send. For kafka/ only. */
#include "kafka/frame.h"

#include <stdlib.h>
#include <string.h>

/* What is larger is no answer of a broker; the topics of a large cluster have some tens of MB. */
#define ANSWER_MOST (64 * 1024 * 1024)
#define CORRELATION 1

static void
put(struct text *request, uint64_t number, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		text_putc(request, (char)(number >> shift & 0xff));
}

void
frame_put8(struct text *request, int number)
{
	put(request, (uint64_t)number, 1);
}

void
frame_put16(struct text *request, int number)
{
	put(request, (uint64_t)number, 2);
}

void
frame_put32(struct text *request, int32_t number)
{
	put(request, (uint64_t)number, 4);
}

void
frame_put64(struct text *request, int64_t number)
{
	put(request, (uint64_t)number, 8);
}

void
frame_put_text(struct text *request, const char *s)
{
	frame_put16(request, s ? (int)strlen(s) : -1);
	if (s)
		text_puts(request, s);
}

void
frame_begin(struct text *request, enum frame_api api, int version)
{
	*request = (struct text){0};
	frame_put16(request, api);
	frame_put16(request, version);
	frame_put32(request, CORRELATION);
	frame_put_text(request, "reflejo-check");
}

static uint64_t
get(struct answer *a, size_t bytes)
{
	uint64_t number = 0;

	if (a->size - a->at < bytes) {
		a->at = a->size;
		a->is_short = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		number = number << 8 | (unsigned char)a->bytes[a->at++];
	return number;
}

int
frame_get8(struct answer *answer)
{
	return (int8_t)get(answer, 1);
}

int
frame_get16(struct answer *answer)
{
	return (int16_t)get(answer, 2);
}

int32_t
frame_get32(struct answer *answer)
{
	return (int32_t)get(answer, 4);
}

int64_t
frame_get64(struct answer *answer)
{
	return (int64_t)get(answer, 8);
}

void
frame_skip(struct answer *answer, size_t n)
{
	if (answer->size - answer->at < n) {
		answer->at = answer->size;
		answer->is_short = true;
	} else {
		answer->at += n;
	}
}

char *
frame_get_text(struct answer *answer)
{
	int n = frame_get16(answer);
	size_t from = answer->at;

	if (n < 0)
		return NULL;
	frame_skip(answer, (size_t)n);
	return answer->is_short ? mem_strdup("") : mem_strndup(answer->bytes + from, (size_t)n);
}

const char *
frame_get_bytes(struct answer *answer, size_t *ret_size)
{
	int32_t n = frame_get32(answer);
	size_t from = answer->at;

	frame_skip(answer, n > 0 ? (size_t)n : 0);
	*ret_size = answer->is_short || n < 0 ? 0 : (size_t)n;
	return answer->bytes + from;
}

size_t
frame_get_count(struct answer *answer, size_t least)
{
	int32_t n = frame_get32(answer);

	if (n < 0)
		return 0;
	if ((size_t)n > (answer->size - answer->at) / least) {
		answer->is_short = true;
		return 0;
	}
	return (size_t)n;
}

/* Reads the length and what it announces. */
static enum wire_end
receive(struct wire *wire, struct answer *ret)
{
	unsigned char head[4] = {0};
	enum wire_end end = wire_read(wire, head, sizeof(head));
	size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	size_t room = 65536, got = 0;

	if (end != WIRE_OPEN || n > ANSWER_MOST) {
		ret->bytes = mem_alloc(sizeof(head));
		memcpy(ret->bytes, head, sizeof(head));
		ret->size = wire_got(wire);
		return end == WIRE_OPEN ? WIRE_FAILED : end;
	}
	/* The length is the other side's: memory is taken for what comes. */
	while (end == WIRE_OPEN && got < n) {
		size_t piece = n - got < room ? n - got : room;

		ret->bytes = mem_resize(ret->bytes, got + piece, 1);
		end = wire_read(wire, ret->bytes + got, piece);
		got += piece;
	}
	ret->size = end == WIRE_OPEN ? n : 0;
	return end;
}

enum wire_end
frame_ask_bare(struct wire *wire, struct text *request, struct answer *ret)
{
	struct text framed = {0};
	enum wire_end end;

	*ret = (struct answer){0};
	frame_put32(&framed, (int32_t)request->length);
	text_add(&framed, request->s ? request->s : "", request->length);
	end = wire_write(wire, framed.s, framed.length);
	explicit_bzero(framed.s, framed.length);
	if (request->s)
		explicit_bzero(request->s, request->length);
	text_fini(&framed);
	text_fini(request);
	return end == WIRE_OPEN ? receive(wire, ret) : end;
}

enum wire_end
frame_ask(struct wire *wire, struct text *request, struct answer *ret)
{
	enum wire_end end = frame_ask_bare(wire, request, ret);

	if (end == WIRE_OPEN && frame_get32(ret) != CORRELATION)
		return WIRE_FAILED;
	return end == WIRE_OPEN && ret->is_short ? WIRE_FAILED : end;
}

void
answer_fini(struct answer *answer)
{
	free(answer->bytes);
	*answer = (struct answer){0};
}
