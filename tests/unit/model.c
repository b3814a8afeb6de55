// SPDX-License-Identifier: MIT
/* Owns the model of model.h. Single-threaded. */
#include "tests/unit/model.h"
#include "tests/unit/blocks.h"

#include <stdio.h>

const unsigned model_ids[MODEL_MEMORIES] = {0, 1, 7, 200, 254};

/* ---- states ---- */

static struct model_bytes *bytes_new(uint64_t pages)
{
	struct model_bytes *bytes = block_new(sizeof(*bytes) + pages * MODEL_PAGE);

	bytes->users = 1;
	bytes->pages = pages;
	return bytes;
}

static struct model_bytes *bytes_resized(const struct model_bytes *old, uint64_t pages)
{
	struct model_bytes *bytes = bytes_new(pages);

	memcpy(bytes->bytes, old->bytes, MIN(pages, old->pages) * MODEL_PAGE);
	return bytes;
}

static void bytes_drop(struct model_bytes *bytes)
{
	if (--bytes->users == 0)
		block_free(bytes);
}

static void put_bytes(struct model_state *state, unsigned place, struct model_bytes *bytes)
{
	bytes_drop(state->of[place]);
	state->of[place] = bytes;
}

struct model_state model_empty(void)
{
	struct model_state state;

	for (unsigned i = 0; i < MODEL_MEMORIES; i++)
		state.of[i] = bytes_new(0);
	return state;
}

struct model_state model_copy(const struct model_state *state)
{
	for (unsigned i = 0; i < MODEL_MEMORIES; i++)
		state->of[i]->users++;
	return *state;
}

void model_free(struct model_state *state)
{
	for (unsigned i = 0; i < MODEL_MEMORIES; i++)
		bytes_drop(state->of[i]);
}

/* ---- operations ---- */

static void choose_range(const struct model_state *state, struct model_op *op, struct rng *rng)
{
	uint64_t len = state->of[op->a]->pages * MODEL_PAGE, most;

	if (len == 0)
		return;
	op->off = rng_below(rng, len);
	if (rng_one_in(rng, 2))
		op->off = round_down(op->off, 4096);
	most = rng_below(rng, rng_one_in(rng, 2) ? 9000 : 200000);
	op->len = MIN(len - op->off, 1 + most);
}

struct model_op model_op_random(const struct model_state *state, struct rng *rng)
{
	static const enum model_kind kinds[] = {
		MODEL_RESIZE,  MODEL_RESIZE,   MODEL_RESIZE,   MODEL_RESIZE,  MODEL_RESIZE,
		MODEL_WRITE,   MODEL_WRITE,    MODEL_WRITE,    MODEL_WRITE,   MODEL_WRITE,
		MODEL_ZERO,    MODEL_RENUMBER, MODEL_EXCHANGE, MODEL_REPLACE, MODEL_FILL,
		MODEL_REPLACE, MODEL_SYNC,     MODEL_SYNC,     MODEL_REOPEN,  MODEL_DROP,
	};
	struct model_op op = {
		.kind = kinds[rng_below(rng, ARRAY_LEN(kinds))],
		.a = (unsigned)rng_below(rng, MODEL_MEMORIES),
		.b = (unsigned)rng_below(rng, MODEL_MEMORIES),
		.pages = rng_below(rng, MODEL_MAX_PAGES + 1),
		.seed = rng_next(rng),
	};

	if (op.kind == MODEL_WRITE || op.kind == MODEL_ZERO)
		choose_range(state, &op, rng);
	else if (op.kind == MODEL_REPLACE)
		op.len = rng_below(rng, MODEL_MAX_PAGES * MODEL_PAGE + 1);
	return op;
}

const char *model_op_name(const struct model_op *op)
{
	static const char *const names[] = {"resize",  "write", "zero", "renumber", "exchange",
					    "replace", "fill",  "sync", "reopen",   "drop"};

	return names[op->kind];
}

bool model_is_atomic(const struct model_op *op)
{
	return op->kind != MODEL_WRITE && op->kind != MODEL_ZERO;
}

/* The bytes [off, off + len) of what an operation writes. */
static void fill_bytes(const struct model_op *op, uint8_t *buf, size_t len)
{
	struct rng rng = {.state = op->seed};

	rng_fill(&rng, buf, len);
}

struct model_state model_apply(const struct model_state *state, const struct model_op *op)
{
	struct model_state out = model_copy(state);
	struct model_bytes *changed;

	switch (op->kind) {
	case MODEL_RESIZE:
		put_bytes(&out, op->a, bytes_resized(state->of[op->a], op->pages));
		break;
	case MODEL_WRITE:
	case MODEL_ZERO:
		changed = bytes_resized(state->of[op->a], state->of[op->a]->pages);
		memset(changed->bytes + op->off, 0, op->len);
		if (op->kind == MODEL_WRITE)
			fill_bytes(op, changed->bytes + op->off, op->len);
		put_bytes(&out, op->a, changed);
		break;
	case MODEL_REPLACE:
		changed = bytes_new(div_up(op->len, MODEL_PAGE));
		fill_bytes(op, changed->bytes, op->len);
		put_bytes(&out, op->a, changed);
		break;
	case MODEL_RENUMBER:
		if (op->a == op->b)
			break;
		state->of[op->a]->users++;
		put_bytes(&out, op->b, state->of[op->a]);
		put_bytes(&out, op->a, bytes_new(0));
		break;
	case MODEL_EXCHANGE:
		out.of[op->a] = state->of[op->b];
		out.of[op->b] = state->of[op->a];
		break;
	case MODEL_FILL:
	case MODEL_SYNC:
	case MODEL_REOPEN:
	case MODEL_DROP:
		break;
	}
	return out;
}

static int replace_source(void *ctx, void *buf, size_t len, uint64_t off, size_t *got,
			  struct err *err)
{
	const uint8_t *content = ctx;

	memcpy(buf, content + off, len);
	*got = len;
	return 0;
}

static int run_with_bytes(struct mm *mm, const struct model_op *op, struct err *err)
{
	auto_block uint8_t *content = block_new(op->len);
	unsigned id = model_ids[op->a];

	fill_bytes(op, content, op->len);
	return op->kind == MODEL_WRITE ? mm_write(mm, id, content, op->len, op->off, err)
				       : mm_replace(mm, id, op->len, replace_source, content, err);
}

static int open_again(struct mm **mm, struct store *s, bool clean, struct err *err)
{
	int rc = 0;

	if (clean)
		rc = mm_close(*mm, err);
	else
		mm_drop(*mm);
	*mm = NULL;
	return rc ? rc : mm_open(s, mm, err);
}

int model_run(struct mm **mm, struct store *s, const struct model_op *op, struct err *err)
{
	unsigned a = model_ids[op->a], b = model_ids[op->b];

	switch (op->kind) {
	case MODEL_RESIZE:
		return mm_resize(*mm, a, op->pages, err);
	case MODEL_WRITE:
	case MODEL_REPLACE:
		return run_with_bytes(*mm, op, err);
	case MODEL_ZERO:
		return mm_zero(*mm, a, op->off, op->len, err);
	case MODEL_RENUMBER:
		return mm_renumber(*mm, a, b, err);
	case MODEL_EXCHANGE:
		return mm_exchange(*mm, a, b, err);
	case MODEL_FILL:
		return mm_fill_holes(*mm, err);
	case MODEL_SYNC:
		return mm_sync(*mm, err);
	case MODEL_REOPEN:
		return open_again(mm, s, true, err);
	case MODEL_DROP:
		return open_again(mm, s, false, err);
	}
	return -EINVAL;
}

/* ---- comparing ---- */

struct model_state model_read(struct mm *mm)
{
	struct model_state state;

	for (unsigned i = 0; i < MODEL_MEMORIES; i++) {
		struct mm_memory memory;
		struct err err;

		mm_memory(mm, model_ids[i], &memory);
		assert_true(memory.pages <= MODEL_MAX_PAGES + 4);
		state.of[i] = bytes_new(memory.pages);
		assert_ok_err(mm_read(mm, model_ids[i], state.of[i]->bytes,
				      memory.pages * MODEL_PAGE, 0, &err),
			      &err);
	}
	return state;
}

static bool bytes_equal(const struct model_bytes *a, const struct model_bytes *b)
{
	return a == b ||
	       (a->pages == b->pages && memcmp(a->bytes, b->bytes, a->pages * MODEL_PAGE) == 0);
}

static bool state_equals(const struct model_state *a, const struct model_state *b)
{
	for (unsigned i = 0; i < MODEL_MEMORIES; i++)
		if (!bytes_equal(a->of[i], b->of[i]))
			return false;
	return true;
}

static uint8_t byte_at(const struct model_bytes *bytes, uint64_t off)
{
	return off < bytes->pages * MODEL_PAGE ? bytes->bytes[off] : 0;
}

static bool byte_is_among(uint8_t byte, uint64_t off, unsigned place,
			  const struct model_state *states, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (byte_at(states[i].of[place], off) == byte)
			return true;
	return false;
}

static bool memory_is_among(const struct model_state *got, unsigned place,
			    const struct model_state *states, size_t count)
{
	const struct model_bytes *bytes = got->of[place];
	bool size_known = false;

	for (size_t i = 0; i < count; i++) {
		if (bytes_equal(bytes, states[i].of[place]))
			return true;
		size_known |= bytes->pages == states[i].of[place]->pages;
	}
	if (!size_known) {
		print_error("memory %u has %u pages\n", model_ids[place], (unsigned)bytes->pages);
		return false;
	}
	for (uint64_t off = 0; off < bytes->pages * MODEL_PAGE; off++) {
		if (byte_is_among(bytes->bytes[off], off, place, states, count))
			continue;
		print_error("memory %u has 0x%02x at %u\n", model_ids[place], bytes->bytes[off],
			    (unsigned)off);
		return false;
	}
	return true;
}

bool model_is_among(const struct model_state *got, const struct model_state *states, size_t count,
		    bool whole)
{
	for (size_t i = 0; whole && i < count; i++)
		if (state_equals(got, &states[i]))
			return true;
	if (whole)
		print_error("the memories are of no one moment\n");
	for (unsigned i = 0; i < MODEL_MEMORIES; i++)
		if (!memory_is_among(got, i, states, count))
			return false;
	return !whole;
}
