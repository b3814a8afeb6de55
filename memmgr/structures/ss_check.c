// SPDX-License-Identifier: MIT
/*
 * Owns the list of defects, the reporting of findings, and the check of all memories of an image.
 * Reads only.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "memmgr/structures/ss.h"

enum { SHOWN = 8 }; /* findings of one defect in one memory that are told one by one */

const struct mm_defect ss_defects[] = {
	[D_HEADER] = {"structure-header", MM_ERROR, false,
		      "a memory begins like a structure, but its header cannot be true"},
	[D_VERSION] = {"structure-version", MM_WARNING, false,
		       "a structure is of a version that is not known"},
	[D_NODE] = {"btree-node", MM_ERROR, false, "a node of a map cannot be read"},
	[D_NODE_FILL] = {"btree-node-fill", MM_ERROR, false,
			 "a node other than the root has fewer than 5 entries"},
	[D_DEPTH] = {"btree-depth", MM_ERROR, false, "the leaves of a map are not equally deep"},
	[D_POINTER] = {"btree-pointer", MM_ERROR, false,
		       "a node of a map is said to be where no page in use is"},
	[D_SHARED] = {"btree-shared", MM_ERROR, false, "a page of a map is reached twice"},
	[D_OVERFLOW] = {"btree-overflow", MM_ERROR, false,
			"a node's overflow pages do not fit its entries"},
	[D_ORDER] = {"btree-order", MM_ERROR, false, "a key of a map does not follow the last one"},
	[D_OWN_ORDER] = {"btree-own-order", MM_NOTE, false,
			 "the keys of a map follow no order known, so it was not checked"},
	[D_DUPLICATE] = {"btree-duplicate", MM_ERROR, false, "a map has a key twice in a row"},
	[D_COUNT] = {"btree-count", MM_ERROR, false,
		     "a map's header counts other entries than its nodes hold"},
	[D_WIDTH] = {"btree-key-width", MM_NOTE, false,
		     "the width of a map's keys cannot be told, so its entries were not checked"},
	[D_CHUNK_HEADER] = {"chunk-header", MM_ERROR, false,
			    "a page in use has a chunk header that is none or says it is free"},
	[D_CHUNK_IN_USE] = {"chunk-in-use", MM_ERROR, false,
			    "a page in use is in the list of free chunks"},
	[D_FREE_LIST] = {"chunk-free-list", MM_ERROR, false,
			 "the list of free chunks is broken or does not end at the last chunk"},
	[D_CHUNK_COUNT] = {"chunk-count", MM_ERROR, false,
			   "a map's allocator counts fewer chunks in use than there are"},
	[D_LEAK] = {"chunk-leaked", MM_NOTE, false, "chunks of a map are neither in use nor free"},
	[D_ENTRY] = {"vec-entry", MM_ERROR, false,
		     "an entry of a vector or heap is longer than the longest, or cut off"},
	[D_HEAP_ORDER] = {"heap-order", MM_ERROR, false,
			  "an entry of a heap is smaller than its parent"},
	[D_LOG_ALONE] = {"log-alone", MM_WARNING, false,
			 "the index or the data of a log has no counterpart"},
	[D_LOG_INDEX] = {"log-index", MM_ERROR, false,
			 "an entry of a log ends before it begins, or behind the data"},
	[D_COUNT_OF_DEFECTS] = {NULL},
};

static void PRINTF(3, 0)
	send(struct ss_report *r, enum ss_defect defect, const char *fmt, va_list args)
{
	const struct mm_defect *d = &ss_defects[defect];
	struct mm_finding finding = {.id = d->id, .severity = d->severity, .mm_id = r->mm_id};
	int used = 0;

	if (r->mm_id >= 0)
		used = snprintf(finding.text, sizeof(finding.text), "memory %d: ", r->mm_id);
	vsnprintf(finding.text + used, sizeof(finding.text) - (size_t)used, fmt, args);
	r->fn(r->ctx, &finding);
}

void ss_find_fault(struct ss_report *r, enum ss_defect defect, const char *fmt, ...)
{
	va_list args;

	if (++r->times[defect] > SHOWN || !r->fn)
		return;
	va_start(args, fmt);
	send(r, defect, fmt, args);
	va_end(args);
}

PRINTF(3, 4)
static void tell(struct ss_report *r, enum ss_defect defect, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	send(r, defect, fmt, args);
	va_end(args);
}

void ss_report_end(struct ss_report *r)
{
	for (unsigned d = 0; r->fn && d < D_COUNT_OF_DEFECTS; d++)
		if (r->times[d] > SHOWN)
			tell(r, d, "the same %" PRIu64 " more times", r->times[d] - SHOWN);
}

int ss_measure(struct ss *ss, int mm_id, struct ss_usage *out, mm_finding_fn *fn, void *ctx,
	       struct err *err)
{
	struct ss_report r = {.fn = fn, .ctx = ctx, .mm_id = mm_id};
	int rc;

	*out = (struct ss_usage){.order = ss->facts.order};
	rc = ss->ops->measure(ss, out, &r, err);
	ss_report_end(&r);
	return rc;
}

/* ---- all memories ---- */

struct checker {
	struct mm *mm;
	ss_options_fn *opts;
	void *opts_ctx;
	mm_finding_fn *fn;
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
	return ss_measure(ss, r->mm_id, &usage, count_and_pass, k, err);
}

static int check_one(struct checker *k, int mm_id, struct store *s, struct err *err)
{
	struct ss_report r = {.fn = count_and_pass, .ctx = k, .mm_id = mm_id};
	auto_store struct store *data = NULL;
	struct ss_content content;
	enum ss_kind kind;
	int rc = ss_recognise(s, &content, err);

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

int ss_check(struct mm *mm, struct store *s, ss_options_fn *opts, void *opts_ctx, mm_finding_fn *fn,
	     void *ctx, struct mm_check_result *result, struct err *err)
{
	struct checker k = {.mm = mm,
			    .opts = opts,
			    .opts_ctx = opts_ctx,
			    .fn = fn,
			    .ctx = ctx,
			    .result = result};

	if (!mm)
		return check_one(&k, -1, s, err);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		auto_store struct store *memory = NULL;
		struct mm_memory facts;
		int rc;

		mm_memory(mm, id, &facts);
		if (facts.pages == 0)
			continue;
		rc = ss_memory_store(mm, id, false, &memory, err);
		if (rc == 0)
			rc = check_one(&k, (int)id, memory, err);
		if (rc < 0)
			return err_prefix(err, rc, "memory %u", id);
	}
	return 0;
}
