// SPDX-License-Identifier: MIT
/*
 * Owns the list of defects that a structure can have, and hands findings on: the first few of each
 * defect, and then how many more there were.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "memmgr/structures/ss.h"

enum { SHOWN = 8 }; /* findings of one defect in one memory that are told one by one */

const struct mm_defect ss_defects[] = {
	[D_HEADER] = {"structure-header", MM_ERROR, false,
		      "a memory begins like a structure, but its header cannot be true"},
	[D_SECOND] = {"structure-second", MM_NOTE, false,
		      "the header of another structure lies inside a memory"},
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
			 "the keys of a map follow no order that has a name, so it was not "
			 "checked"},
	[D_DUPLICATE] = {"btree-duplicate", MM_ERROR, false, "a map has a key twice in a row"},
	[D_COUNT] = {"btree-count", MM_ERROR, false,
		     "a map's header counts other entries than its nodes hold"},
	[D_WIDTH] = {"btree-key-width", MM_NOTE, false,
		     "the width of a map's keys cannot be told, so what rests on that is not "
		     "judged"},
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
	[D_HEAP_OWN_ORDER] = {"heap-own-order", MM_NOTE, false,
			      "the entries of a heap follow no order that has a name, so it was "
			      "not checked"},
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

/* What is only seen by the width of keys. */
static bool rests_on_width(enum ss_defect defect)
{
	return defect == D_OVERFLOW || defect == D_ORDER || defect == D_OWN_ORDER ||
	       defect == D_DUPLICATE;
}

void ss_find_fault(struct ss_report *r, enum ss_defect defect, const char *fmt, ...)
{
	va_list args;

	if (r->guessed && rests_on_width(defect))
		defect = D_WIDTH;
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
