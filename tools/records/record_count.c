// SPDX-License-Identifier: MIT
/* Owns the two structures while they are compared. See record_count.h. */
#include "tools/records/record_count.h"

#include "tools/records/records_choice.h"
#include "tools/records/steps.h"

struct half {
	struct store *memory, *data; /* `data` of a log */
	struct ss *ss;               /* NULL: the memory is empty */
	enum ss_kind kind;
};

static void half_drop(struct half *h)
{
	ss_close(h->ss);
	store_close(h->memory);
	store_close(h->data);
}
#define auto_half __attribute__((cleanup(half_drop)))

static int open_data(struct half *h, struct mm *mm, unsigned mm_id, const struct names *names,
		     struct err *err)
{
	const struct name *name = names && names->id[mm_id].name ? &names->id[mm_id] : NULL;
	unsigned other = name && name->data >= 0 ? (unsigned)name->data : 0;
	int rc = 0;

	if (!name || name->data < 0)
		rc = ss_log_partner(mm, mm_id, &other, err);
	return rc ? rc : ss_memory_store(mm, other, false, &h->data, err);
}

static int half_open(struct half *h, struct mm *mm, unsigned mm_id, struct names *names,
		     struct err *err)
{
	struct ss_options opts = records_name_options(names, (int)mm_id);
	struct ss_content content;
	int rc = ss_memory_store(mm, mm_id, false, &h->memory, err);

	if (!rc)
		rc = ss_recognise(h->memory, &content, err);
	if (rc)
		return rc;
	h->kind = content.kind;
	if (!ss_kind_has_records(h->kind) || h->kind == SS_LOG_DATA)
		return 0;
	if (h->kind == SS_LOG_INDEX)
		rc = open_data(h, mm, mm_id, names, err);
	return rc ? rc : ss_open(h->memory, h->data, &opts, &h->ss, err);
}

static int count(void *ctx, const struct step *old, const struct step *new, struct err *err)
{
	struct record_count *n = ctx;

	if (!old)
		n->added++;
	else if (!new)
		n->removed++;
	else
		n->changed++;
	return 0;
}

static bool is_nothing(const struct half *h)
{
	return h->kind == SS_EMPTY || h->kind == SS_ZEROS;
}

static int refuse_guess(const struct half *h, struct err *err)
{
	struct err text;

	if (!h->ss || !ss_facts(h->ss)->key_width_guessed)
		return 0;
	ss_tell_widths(ss_facts(h->ss), &text);
	return err_set(err, -EDOM, "%s; --names tells", text.text);
}

int record_count(struct mm *was, struct mm *now, unsigned mm_id, struct names *names,
		 struct record_count *out, struct err *err)
{
	auto_half struct half a = {NULL}, b = {NULL};
	struct ss_options opts = records_name_options(names, (int)mm_id);
	int rc = half_open(&a, was, mm_id, names, err);

	*out = (struct record_count){NULL};
	if (!rc)
		rc = half_open(&b, now, mm_id, names, err);
	if (rc || (!a.ss && !b.ss))
		return rc;
	if (a.kind != b.kind && !is_nothing(&a) && !is_nothing(&b))
		return err_set(err, -EINVAL, "it held a %s and holds a %s", ss_kind_name(a.kind),
			       ss_kind_name(b.kind));
	rc = refuse_guess(&a, err);
	if (!rc)
		rc = refuse_guess(&b, err);
	if (!rc)
		rc = steps_walk(a.ss, b.ss, &opts.sort, count, out, err);
	out->kind = ss_kind_name(a.ss ? a.kind : b.kind);
	return rc;
}
