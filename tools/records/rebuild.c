// SPDX-License-Identifier: MIT
/* Owns the old map, and the new one on a stage, until the memory is replaced. See rebuild.h. */
#include "tools/records/rebuild.h"

#include <inttypes.h>

#include "tools/out/spool.h"

struct rebuild {
	struct store *memory, *stage;
	struct ss *old, *new;
};

static void rebuild_end(struct rebuild *r)
{
	ss_close(r->old);
	ss_close(r->new);
	store_close(r->stage);
	store_close(r->memory);
}
#define auto_rebuild __attribute__((cleanup(rebuild_end)))

bool rebuild_has_lost(const struct ss_salvaged *s)
{
	return s->broken > 0 || s->walked + s->found != s->counted;
}

void rebuild_tell(const struct ss_salvaged *s, struct err *out)
{
	uint64_t got = s->walked + s->found;

	err_set(out, 0,
		"%" PRIu64 " of %" PRIu64 " records were read, %" PRIu64
		" of them from nodes that are damaged or that nothing leads to; %" PRIu64
		" are lost",
		got, s->counted, s->found, s->counted > got ? s->counted - got : 0);
	if (got > s->counted)
		err_set(out, 0,
			"%" PRIu64 " records were read, %" PRIu64
			" of them from nodes that are damaged or that nothing leads to; the map counts %" PRIu64,
			got, s->found, s->counted);
	if (s->broken > 0) {
		struct err more = *out;

		err_set(out, 0, "%.200s; %" PRIu64 " places could not be read, the first: %.200s",
			more.text, s->broken, s->first.text);
	}
}

static void count_error(void *ctx, const struct mm_finding *f)
{
	if (f->severity == MM_ERROR)
		++*(unsigned *)ctx;
}

/* A map that opens and has no defect is left alone. */
static int check_damaged(struct rebuild *r, unsigned mm_id, const struct ss_options *opts,
			 struct err *err)
{
	struct ss_usage usage;
	unsigned errors = 0;
	auto_ss struct ss *ss = NULL;
	int rc = ss_open(r->memory, NULL, opts, &ss, NULL);

	if (rc == -EUCLEAN)
		return 0;
	if (!rc)
		rc = ss_measure(ss, (int)mm_id, &usage, count_error, &errors, err);
	if (!rc && errors == 0)
		rc = err_set(err, -EALREADY, "memory %u is sound: there is nothing to rebuild",
			     mm_id);
	return rc == -EDOM ? 0 : rc;
}

static int check_told(const struct ss_facts *f, unsigned mm_id, struct err *err)
{
	struct err text;

	if (f->key_width_guessed) {
		ss_tell_widths(f, &text);
		return err_set(err, -EDOM, "memory %u: %s; --names tells", mm_id, text.text);
	}
	if (!f->sort_told)
		return err_set(err, -EDOM,
			       "memory %u: nobody tells the order of its keys; --names does",
			       mm_id);
	return 0;
}

static int put(void *ctx, struct ss_bytes key, struct ss_bytes value, struct err *err)
{
	bool changed;

	return ss_put(ctx, key, value, &changed, err);
}

static int open_both(struct rebuild *r, const struct ss_options *opts, struct err *err)
{
	struct ss_options lenient = *opts;
	int fd, rc;

	lenient.salvage = true;
	rc = ss_open(r->memory, NULL, &lenient, &r->old, err);
	fd = rc ? -1 : spool_open(err);
	if (!rc)
		rc = fd < 0 ? fd : ss_stage_open(NULL, fd, &r->stage, err);
	if (!rc)
		rc = ss_salvage_into(r->old, r->stage, err);
	return rc ? rc : ss_open(r->stage, NULL, opts, &r->new, err);
}

static int source(void *ctx, void *buf, size_t len, uint64_t off, size_t *got, struct err *err)
{
	struct store *stage = ctx;

	*got = (size_t)MIN((uint64_t)len, stage->len - MIN(off, stage->len));
	return store_read(stage, buf, *got, off, err);
}

static int judge(struct rebuild *r, unsigned mm_id, struct err *err)
{
	struct ss_usage usage;
	unsigned errors = 0;
	int rc = ss_measure(r->new, (int)mm_id, &usage, count_error, &errors, err);

	if (!rc && errors > 0)
		rc = err_set(err, -EUCLEAN, "memory %u would not be sound, so it is as it was",
			     mm_id);
	return rc;
}

int rebuild_map(struct image *img, unsigned mm_id, struct names *names, struct ss_salvaged *out,
		struct err *err)
{
	auto_rebuild struct rebuild r = {NULL};
	struct ss_options opts = records_name_options(names, (int)mm_id);
	int rc = ss_memory_store(img->mm, mm_id, false, &r.memory, err);

	if (!rc)
		rc = check_damaged(&r, mm_id, &opts, err);
	if (!rc)
		rc = open_both(&r, &opts, err);
	/* The old one tells the width where the file does not. */
	if (!rc)
		rc = check_told(ss_facts(r.old), mm_id, err);
	if (!rc)
		rc = ss_salvage(r.old, put, r.new, out, err);
	if (!rc)
		rc = judge(&r, mm_id, err);
	if (rc)
		return rc;
	ss_close(r.new);
	r.new = NULL;
	return mm_replace(img->mm, mm_id, r.stage->len, source, r.stage, err);
}
