// SPDX-License-Identifier: MIT
/*
 * Owns the check of all memories of an image. Reads only.
 */
#include "memmgr/structures/ss.h"

struct checker {
	struct mm *mm;
	ss_options_fn *opts;
	void *opts_ctx;
	mm_finding_fn *fn;
	ss_measured_fn *measured; /* or NULL */
	void *ctx;
	struct mm_check_result *result;
};

static void count_and_pass(void *ctx, const struct mm_finding *finding)
{
	struct checker *k = ctx;

	switch (finding->severity) {
	case MM_NOTE:
		k->result->notes++;
		break;
	case MM_WARNING:
		k->result->warnings++;
		break;
	case MM_ERROR:
		k->result->errors++;
		break;
	}
	if (finding->severity != MM_NOTE && !finding->repairable)
		k->result->unrepairable++;
	if (k->fn)
		k->fn(k->ctx, finding);
}

/* The store of the data that belongs to the log index in mm_id; NULL and a finding: there is none.
 */
static int open_log_data(struct checker *k, struct ss_report *r, struct store **out,
			 struct err *err)
{
	struct err why = {0};
	unsigned partner;
	int rc = k->mm ? ss_log_partner(k->mm, (unsigned)r->mm_id, &partner, &why)
		       : err_set(&why, -ENOENT, "its counterpart is not in this image");

	*out = NULL;
	if (rc == 0)
		return ss_memory_store(k->mm, partner, false, out, err);
	if (rc != -ENOENT && rc != -ENOTUNIQ)
		return err_set(err, rc, "%s", why.text);
	ss_find_fault(r, D_LOG_ALONE, "%s", why.text);
	return 0;
}

/* True: the failure is the structure's, and reported; false: it goes on to the caller. */
static bool report_failure(struct ss_report *r, int rc, const struct err *why)
{
	switch (rc) {
	case -EDOM:
		ss_find_fault(r, D_WIDTH, "%s", why->text);
		return true;
	case -ENOTSUP:
		ss_find_fault(r, D_VERSION, "%s", why->text);
		return true;
	case -EUCLEAN:
	case -EINVAL:
		ss_find_fault(r, D_HEADER, "%s", why->text);
		return true;
	default:
		return false;
	}
}

static int check_structure(struct checker *k, struct ss_report *r, struct store *s,
			   struct store *data, struct err *err)
{
	struct ss_options opts = k->opts ? k->opts(k->opts_ctx, r->mm_id) : SS_OPTIONS;
	auto_ss struct ss *ss = NULL;
	struct ss_usage usage;
	struct err why = {0};
	int rc = ss_open(s, data, &opts, &ss, &why);

	if (rc < 0)
		return report_failure(r, rc, &why) ? 0 : err_set(err, rc, "%s", why.text);
	rc = ss_measure(ss, r->mm_id, &usage, count_and_pass, k, err);
	if (rc == 0 && k->measured)
		k->measured(k->ctx, r->mm_id, ss_facts(ss), &usage);
	return rc;
}

static int check_one(struct checker *k, int mm_id, struct store *s, struct err *err)
{
	struct ss_report r = {.fn = count_and_pass, .ctx = k, .mm_id = mm_id};
	auto_store struct store *data = NULL;
	struct ss_content content;
	enum ss_kind kind;
	int rc = ss_recognise(s, &content, err);

	if (rc == 0 && k->mm) {
		rc = ss_find_second(&r, s, err);
		ss_report_end(&r);
	}
	if (rc < 0)
		return rc;
	kind = ss_is_container(content.resembles) ? content.resembles : content.kind;
	if (content.resembles == SS_LOG_DATA)
		ss_find_fault(&r, D_HEADER, "%s", content.text);
	if (kind == SS_LOG_INDEX || kind == SS_LOG_DATA) {
		rc = open_log_data(k, &r, &data, err);
		if (rc < 0 || !data || kind == SS_LOG_DATA)
			return rc;
	}
	return ss_kind_has_records(kind) ? check_structure(k, &r, s, data, err) : 0;
}

static int check_all(struct checker *k, struct store *s, struct err *err)
{
	if (!k->mm)
		return check_one(k, -1, s, err);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		auto_store struct store *memory = NULL;
		struct mm_memory facts;
		int rc;

		mm_memory(k->mm, id, &facts);
		if (facts.pages == 0)
			continue;
		rc = ss_memory_store(k->mm, id, false, &memory, err);
		if (rc == 0)
			rc = check_one(k, (int)id, memory, err);
		if (rc < 0)
			return err_prefix(err, rc, "memory %u", id);
	}
	return 0;
}

int ss_survey(struct mm *mm, struct store *s, ss_options_fn *opts, void *opts_ctx,
	      mm_finding_fn *fn, ss_measured_fn *measured, void *ctx,
	      struct mm_check_result *result, struct err *err)
{
	struct checker k = {.mm = mm,
			    .opts = opts,
			    .opts_ctx = opts_ctx,
			    .fn = fn,
			    .measured = measured,
			    .ctx = ctx,
			    .result = result};

	return check_all(&k, s, err);
}

int ss_check(struct mm *mm, struct store *s, ss_options_fn *opts, void *opts_ctx, mm_finding_fn *fn,
	     void *ctx, struct mm_check_result *result, struct err *err)
{
	return ss_survey(mm, s, opts, opts_ctx, fn, NULL, ctx, result, err);
}
