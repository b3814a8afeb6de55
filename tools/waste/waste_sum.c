// SPDX-License-Identifier: MIT
/*
 * See waste_sum.h. One thread adds.
 */
#include "tools/waste/waste_sum.h"

/* A larger waste first; of equal ones the path that sorts first, so that no order of adding shows.
 */
static bool is_worse(const struct waste_row *a, const struct waste_row *b)
{
	if (waste_len(a) != waste_len(b))
		return waste_len(a) > waste_len(b);
	return strcmp(a->path, b->path) < 0;
}

static void add_worst(struct waste_sum *sum, struct waste_row *row)
{
	size_t at = sum->worst_count;

	while (at > 0 && is_worse(row, &sum->worst[at - 1]))
		at--;
	if (at == WASTE_WORST)
		return;
	if (sum->worst_count == WASTE_WORST)
		waste_row_free(&sum->worst[--sum->worst_count]);
	memmove(&sum->worst[at + 1], &sum->worst[at],
		(sum->worst_count - at) * sizeof(*sum->worst));
	sum->worst[at] = *row;
	sum->worst_count++;
	row->path = NULL;
	row->memory = NULL;
}

static void add_sizes(struct waste_sum *sum, const struct waste_row *row)
{
	size_t best = ADVICE_SIZES;

	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		bool fits = row->at[i] != UINT64_MAX;

		sum->at[i] += fits ? row->at[i] : row->image_len;
		sum->too_small[i] += !fits;
		if (advice_sizes[i] == row->best_pages)
			best = i;
	}
	sum->best_len += row->best_len;
	sum->best_count[best]++;
}

/* Of very many only the first are kept: each was told when it was met. */
static void add_left_out(struct waste_sum *sum, const struct waste_row *row)
{
	uint64_t at = sum->count[row->kind] - 1;

	sum->left_out_len += row->image_len;
	if (at < WASTE_NAMED)
		sum->named[row->kind][at] =
			(struct waste_left_out){strdup(row->path), strdup(row->why.text)};
}

static void add_memories(struct waste_sum *sum, const struct waste_row *row)
{
	for (uint32_t i = 0; i < row->memory_count; i++) {
		const struct waste_memory *m = &row->memory[i];

		sum->by_id[m->id].images++;
		sum->by_id[m->id].data_len += m->data_len;
		sum->by_id[m->id].slack_len += m->slack_len;
	}
}

void waste_sum_add(struct waste_sum *sum, struct waste_row *row)
{
	uint64_t waste = waste_len(row);
	size_t bin;

	sum->count[row->kind]++;
	if (row->kind == WASTE_RAW)
		sum->other_len += row->image_len;
	if (row->kind == WASTE_LINK)
		sum->link_len += row->image_len;
	if (waste_kind_problem(row->kind))
		add_left_out(sum, row);
	if (row->kind != WASTE_MANAGED)
		return;
	sum->image_len += row->image_len;
	sum->data_len += row->data_len;
	sum->slack_len += row->slack_len;
	sum->hole_len += row->hole_len;
	sum->tail_len += row->tail_len;
	sum->memories += row->memories;
	add_sizes(sum, row);
	add_memories(sum, row);
	bin = row->image_len ? (size_t)MIN(waste * WASTE_BINS / row->image_len, WASTE_BINS - 1) : 0;
	sum->bin_count[bin]++;
	sum->bin_len[bin] += waste;
	if (waste > 0)
		add_worst(sum, row);
}

void waste_sum_free(struct waste_sum *sum)
{
	for (size_t i = 0; i < sum->worst_count; i++)
		waste_row_free(&sum->worst[i]);
	sum->worst_count = 0;
	for (size_t kind = 0; kind < WASTE_KINDS; kind++)
		for (size_t i = 0; i < WASTE_NAMED; i++) {
			free(sum->named[kind][i].path);
			free(sum->named[kind][i].why);
		}
}
