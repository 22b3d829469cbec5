/* The pipeline's notes: which offsets records got at the target, where consumer groups move too. */
#include "base/mem.h"
#include "mirror/offset_notes.h"
#include "mirror/pipeline_state.h"

/* Runs that one partition's notes may have between two messages. */
#define NOTE_RUNS 2048

void
pipeline_set_notes(struct pipeline *pl, struct offset_sink *sink)
{
	pl->notes = sink;
}

/* The offset from which on nothing was sent. */
static int64_t
begun(const struct partition *p)
{
	return p->raw > 0 ? p->first_raw->offset : tracker_last_offset(p->tracker) + 1;
}

static void
describe(struct offset_note *note, const struct partition *p)
{
	note->topic = mem_strdup(p->topic);
	note->partition = p->number;
	note->begun = begun(p);
}

void
partition_begin_notes(struct pipeline *pl, struct partition *p)
{
	struct offset_notes *notes;

	if (!pl->notes)
		return;
	p->notes = offset_map_new(NOTE_RUNS);
	notes = offset_notes_new(1);
	describe(&notes->items[notes->count++], p);
	notes->items[0].is_first = true;
	offset_notes_post(notes, pl->notes);
}

static void
end_notes(struct pipeline *pl, struct partition *p, bool is_clean)
{
	struct offset_notes *notes;

	if (!p->notes)
		return;
	notes = offset_notes_new(1);
	describe(&notes->items[notes->count++], p);
	notes->items[0].is_last = true;
	notes->items[0].is_clean = is_clean;
	notes->items[0].map = p->notes;
	p->notes = NULL;
	offset_notes_post(notes, pl->notes);
}

void
partition_end_notes(struct pipeline *pl, struct partition *p)
{
	end_notes(pl, p,
		tracker_count(p->tracker) == p->raw &&
			tracker_position(p->tracker) <= p->committed);
}

/* What was noted is of another log, and must not be gone on from. */
void
partition_restart_notes(struct pipeline *pl, struct partition *p)
{
	end_notes(pl, p, false);
	partition_begin_notes(pl, p);
}

void
partition_note(struct partition *p, const struct flight *f)
{
	offset_map_record(p->notes, f->offset);
	if (f->state != FLIGHT_ACKED)
		return;
	if (f->is_repeated)
		offset_map_repeated(p->notes);
	if (!f->outputs) {
		offset_map_add(p->notes, f->target, target_topic_name(f->target), f->partition,
			f->target_offset);
		return;
	}
	for (uint32_t i = 0; i < f->outputs->count; i++) {
		const struct output *o = &f->outputs->items[i];

		if (o->state == FLIGHT_ACKED && !o->is_dead_letter)
			offset_map_add(p->notes, o->target, target_topic_name(o->target),
				o->partition, o->target_offset);
	}
}

void
pipeline_send_notes(struct pipeline *pl)
{
	struct offset_notes *notes;

	if (!pl->notes || pl->count == 0 || !offset_sink_has_room(pl->notes))
		return;
	notes = offset_notes_new(pl->count);
	for (struct partition *p = pl->partitions; p; p = p->next) {
		struct offset_note *note = &notes->items[notes->count++];

		/* Transaction markers at an idle end are passed as well. At a gap the source counts
		   what was taken from behind it. */
		if (tracker_count(p->tracker) == 0 && !p->gap)
			tracker_advance(p->tracker, partition_read_position(p));
		offset_map_advance(p->notes, tracker_position(p->tracker));
		describe(note, p);
		note->map = p->notes;
		p->notes = offset_map_new(NOTE_RUNS);
	}
	offset_notes_post(notes, pl->notes);
}
