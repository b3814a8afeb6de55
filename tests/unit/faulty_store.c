// SPDX-License-Identifier: MIT
/* Owns the faulty store: what it lets through, what it remembers, and what a crash makes of it. */
#include "tests/unit/blocks.h"
#include "tests/unit/stores.h"

enum { BLOCK_LEN = 4096 };

/* One change or sync that succeeded. `len` of a resize is the new length, `old_len` the one before.
 */
struct step {
	enum faulty_call call;
	bool durable;
	uint64_t off, len, old_len;
	uint8_t *bytes; /* of a write */
};

struct faulty_store {
	struct store s;
	struct store *under;
	unsigned counts[6]; /* by the bit of enum faulty_call */

	unsigned fail_calls, fail_in; /* fail_calls 0: nothing fails */
	int fail_rc;
	bool fail_late;
	bool cut_armed, cut;
	unsigned cut_in;
	size_t torn_len;

	bool recording;
	uint8_t *begin;
	bool *begin_data; /* of each block of `begin`: it is not all zero */
	uint64_t begin_len;
	struct step *steps;
	size_t step_count;
};

static struct faulty_store *faulty_of(struct store *s)
{
	return (struct faulty_store *)s;
}

/* ---- failing ---- */

/* What is to become of a call. */
struct fate {
	int rc;       /* to be returned; 0: whatever the call itself returns */
	bool carried; /* it has its effect */
	bool torn;    /* it is the write that power is cut in */
};

static struct fate fate_of(struct faulty_store *fs, enum faulty_call call, struct err *err)
{
	struct fate fate = {.rc = fs->cut ? -EIO : 0};

	fs->counts[__builtin_ctz(call)]++;
	if (fate.rc == 0 && fs->cut_armed && (call & FAULTY_CHANGE) && fs->cut_in-- == 0) {
		fs->cut = true;
		fate.torn = call == FAULTY_WRITE;
		fate.rc = -EIO;
	}
	fate.carried = fate.rc == 0;
	if (fate.rc == 0 && (fs->fail_calls & call) && fs->fail_in-- == 0) {
		fs->fail_calls = 0;
		fate.rc = fs->fail_rc;
		fate.carried = fs->fail_late;
	}
	if (fate.rc < 0)
		err_set(err, fate.rc, "the test made this call fail");
	return fate;
}

static void remember(struct faulty_store *fs, struct step step, const void *bytes)
{
	struct step *kept;

	if (!fs->recording)
		return;
	fs->steps = realloc(fs->steps, (fs->step_count + 1) * sizeof(*fs->steps));
	assert_non_null(fs->steps);
	kept = &fs->steps[fs->step_count++];
	*kept = step;
	if (bytes) {
		kept->bytes = block_new(step.len);
		memcpy(kept->bytes, bytes, step.len);
	}
}

static int faulty_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct faulty_store *fs = faulty_of(s);
	struct fate fate = fate_of(fs, FAULTY_READ, err);

	return fate.rc ? fate.rc : store_read(fs->under, buf, len, off, err);
}

static int faulty_write_at(struct store *s, const void *buf, size_t len, uint64_t off,
			   unsigned flags, struct err *err)
{
	struct faulty_store *fs = faulty_of(s);
	struct fate fate = fate_of(fs, FAULTY_WRITE, err);
	int rc = 0;

	if (fate.torn)
		assert_ok(store_write(fs->under, buf, MIN(len, fs->torn_len), off, 0, NULL));
	if (fate.carried)
		rc = store_write(fs->under, buf, len, off, flags, err);
	if (fate.carried && rc == 0)
		remember(fs,
			 (struct step){.call = FAULTY_WRITE,
				       .off = off,
				       .len = len,
				       .durable = flags & STORE_DURABLE},
			 buf);
	return fate.rc ? fate.rc : rc;
}

static int faulty_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	struct faulty_store *fs = faulty_of(s);
	struct fate fate = fate_of(fs, FAULTY_ZERO, err);
	int rc = 0;

	if (fate.carried)
		rc = store_zero(fs->under, off, len, err);
	if (fate.carried && rc == 0)
		remember(fs, (struct step){.call = FAULTY_ZERO, .off = off, .len = len}, NULL);
	return fate.rc ? fate.rc : rc;
}

static int faulty_resize(struct store *s, uint64_t len, struct err *err)
{
	struct faulty_store *fs = faulty_of(s);
	struct fate fate = fate_of(fs, FAULTY_RESIZE, err);
	int rc = 0;

	if (fate.carried)
		rc = store_resize(fs->under, len, err);
	if (fate.carried && rc == 0) {
		remember(fs, (struct step){.call = FAULTY_RESIZE, .len = len, .old_len = s->len},
			 NULL);
		s->len = len;
	}
	return fate.rc ? fate.rc : rc;
}

static int faulty_sync(struct store *s, struct err *err)
{
	struct faulty_store *fs = faulty_of(s);
	struct fate fate = fate_of(fs, FAULTY_SYNC, err);
	int rc = 0;

	if (fate.carried)
		rc = store_sync(fs->under, err);
	if (fate.carried && rc == 0)
		remember(fs, (struct step){.call = FAULTY_SYNC}, NULL);
	return fate.rc ? fate.rc : rc;
}

static int faulty_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			    struct err *err)
{
	struct faulty_store *fs = faulty_of(s);
	struct fate fate = fate_of(fs, FAULTY_NEXT_DATA, err);

	return fate.rc ? fate.rc : store_next_data(fs->under, off, start, end, err);
}

static void forget(struct faulty_store *fs)
{
	for (size_t i = 0; i < fs->step_count; i++)
		block_free(fs->steps[i].bytes);
	free(fs->steps);
	block_free(fs->begin);
	free(fs->begin_data);
	fs->steps = NULL;
	fs->begin = NULL;
	fs->begin_data = NULL;
	fs->step_count = 0;
}

static void faulty_close(struct store *s)
{
	forget(faulty_of(s));
	free(s);
}

static const struct store_ops faulty_ops = {
	.name = "faulty",
	.read_at = faulty_read_at,
	.write_at = faulty_write_at,
	.zero_at = faulty_zero_at,
	.resize = faulty_resize,
	.sync = faulty_sync,
	.next_data = faulty_next_data,
	.close = faulty_close,
};

struct store *faulty_store_new(struct store *under)
{
	struct faulty_store *fs = calloc(1, sizeof(*fs));

	assert_non_null(fs);
	fs->s = (struct store){.ops = &faulty_ops, .len = under->len, .writable = under->writable};
	fs->under = under;
	return &fs->s;
}

unsigned faulty_count(struct store *s, unsigned calls)
{
	unsigned sum = 0;

	for (unsigned bit = 0; bit < ARRAY_LEN(faulty_of(s)->counts); bit++)
		if (calls & 1U << bit)
			sum += faulty_of(s)->counts[bit];
	return sum;
}

void faulty_fail(struct store *s, unsigned calls, unsigned nth, int rc)
{
	struct faulty_store *fs = faulty_of(s);

	fs->fail_calls = calls;
	fs->fail_in = nth;
	fs->fail_rc = rc;
	fs->fail_late = false;
}

void faulty_fail_late(struct store *s, unsigned calls, unsigned nth, int rc)
{
	faulty_fail(s, calls, nth, rc);
	faulty_of(s)->fail_late = true;
}

void faulty_cut(struct store *s, unsigned nth, size_t torn_len)
{
	struct faulty_store *fs = faulty_of(s);

	fs->cut_armed = true;
	fs->cut_in = nth;
	fs->torn_len = torn_len;
}

void faulty_heal(struct store *s)
{
	struct faulty_store *fs = faulty_of(s);

	fs->fail_calls = 0;
	fs->cut_armed = fs->cut = false;
}

/* ---- remembering ---- */

void faulty_record(struct store *s)
{
	struct faulty_store *fs = faulty_of(s);

	forget(fs);
	fs->begin = block_new(s->len);
	fs->begin_data = calloc(div_up(s->len, BLOCK_LEN) + 1, sizeof(bool));
	assert_non_null(fs->begin_data);
	fs->begin_len = s->len;
	for (uint64_t off = 0; off < s->len;) {
		uint64_t end;

		assert_ok(store_next_data(fs->under, off, &off, &end, NULL));
		assert_ok(store_read(fs->under, fs->begin + off, end - off, off, NULL));
		memset(fs->begin_data + off / BLOCK_LEN, true,
		       div_up(end, BLOCK_LEN) - off / BLOCK_LEN);
		off = end;
	}
	fs->recording = true;
}

/* Writes a block of `begin` to where it lay, as far as `s` reaches. */
static void put_begin_block(const struct faulty_store *fs, struct store *s, uint64_t off)
{
	uint64_t end = MIN(MIN(fs->begin_len, s->len), off + BLOCK_LEN);

	if (off < end && fs->begin_data[off / BLOCK_LEN])
		assert_ok(store_write(s, fs->begin + off, end - off, off, 0, NULL));
}

size_t faulty_steps(struct store *s)
{
	return faulty_of(s)->step_count;
}

struct store *faulty_after_kill(struct store *s, size_t n, unsigned torn_blocks)
{
	struct faulty_store *fs = faulty_of(s);
	struct store *out = mem_store_new(NULL, fs->begin_len);
	const struct step *torn = n < fs->step_count ? &fs->steps[n] : NULL;

	for (uint64_t off = 0; off < fs->begin_len; off += BLOCK_LEN)
		put_begin_block(fs, out, off);
	for (const struct step *step = fs->steps; step < fs->steps + n; step++) {
		if (step->call == FAULTY_WRITE)
			assert_ok(store_write(out, step->bytes, step->len, step->off, 0, NULL));
		else if (step->call == FAULTY_ZERO)
			assert_ok(store_zero(out, step->off, step->len, NULL));
		else if (step->call == FAULTY_RESIZE)
			assert_ok(store_resize(out, step->len, NULL));
	}
	if (torn && torn->call == FAULTY_WRITE && torn_blocks > 0) {
		uint64_t end = round_down(torn->off, BLOCK_LEN) + (uint64_t)torn_blocks * BLOCK_LEN;

		assert_ok(store_write(out, torn->bytes, MIN(torn->len, end - torn->off), torn->off,
				      0, NULL));
	}
	return out;
}

/* ---- a power cut ---- */

/* The bytes that a step changes, [*off, *end); empty for a sync and for growing. */
static void step_range(const struct step *step, uint64_t *off, uint64_t *end)
{
	*off = *end = 0;
	if (step->call == FAULTY_WRITE || step->call == FAULTY_ZERO) {
		*off = step->off;
		*end = step->off + step->len;
	} else if (step->call == FAULTY_RESIZE && step->len < step->old_len) {
		*off = step->len;
		*end = step->old_len;
	}
}

/* How many steps the length on disk has seen at least, when n are done. */
static size_t length_floor(const struct faulty_store *fs, size_t n)
{
	size_t floor = 0;

	for (size_t i = 0; i < n; i++) {
		const struct step *step = &fs->steps[i];

		if (step->call == FAULTY_SYNC)
			floor = i + 1;
		if (!step->durable)
			continue;
		for (size_t k = i; k > floor; k--) {
			const struct step *grow = &fs->steps[k - 1];

			if (grow->call == FAULTY_RESIZE && grow->old_len < grow->len) {
				floor = k;
				break;
			}
		}
	}
	return floor;
}

static bool touches(const struct step *step, uint64_t block_off)
{
	uint64_t off, end;

	step_range(step, &off, &end);
	return off < block_off + BLOCK_LEN && end > block_off;
}

static bool zeroes_all(const struct step *step, uint64_t block_off)
{
	return step->call == FAULTY_ZERO && step->off <= block_off &&
	       step->off + step->len >= block_off + BLOCK_LEN;
}

/* Which steps a block on disk must have seen and which it cannot have, when n are done, `begun`
 * have begun, and the length has seen `length_seen`. */
static void block_limits(const struct faulty_store *fs, size_t n, size_t begun, uint64_t block_off,
			 size_t length_seen, size_t *floor, size_t *ceiling)
{
	size_t zeroed = 0;

	*floor = 0;
	*ceiling = begun;
	for (size_t i = 0; i < begun; i++) {
		const struct step *step = &fs->steps[i];

		if (step->durable && i < n)
			*floor = MAX(*floor, zeroed);
		if (step->call == FAULTY_SYNC && i < n)
			*floor = i + 1;
		if (!touches(step, block_off))
			continue;
		if ((step->durable && i < n) || (step->call == FAULTY_RESIZE && i < length_seen))
			*floor = i + 1;
		if (zeroes_all(step, block_off))
			zeroed = i + 1;
		if (step->call == FAULTY_RESIZE && i >= length_seen)
			*ceiling = MIN(*ceiling, i);
	}
}

/* How many steps a block on disk has seen: each version that it has had is as likely. */
static size_t block_seen(const struct faulty_store *fs, size_t floor, size_t ceiling,
			 uint64_t block_off, struct rng *rng)
{
	size_t versions = 1, chosen, seen = floor;

	for (size_t i = floor; i < ceiling; i++)
		versions += touches(&fs->steps[i], block_off);
	chosen = rng_below(rng, versions);
	for (size_t i = floor; chosen > 0; i++) {
		chosen -= touches(&fs->steps[i], block_off);
		seen = i + 1;
	}
	return seen;
}

/* What of a step falls into the block. */
static void apply_to_block(const struct step *step, uint64_t block_off, uint8_t *block)
{
	uint64_t off, end;

	step_range(step, &off, &end);
	off = MAX(off, block_off);
	end = MIN(end, block_off + BLOCK_LEN);
	if (off >= end)
		return;
	if (step->call == FAULTY_WRITE)
		memcpy(block + off - block_off, step->bytes + (off - step->off), end - off);
	else
		memset(block + off - block_off, 0, end - off);
}

/* How many steps the length has seen: each that it has had since `floor` is as likely. */
static size_t choose_length(const struct faulty_store *fs, size_t floor, size_t begun,
			    struct rng *rng)
{
	size_t lengths = 1, chosen, seen = floor;

	for (size_t i = floor; i < begun; i++)
		lengths += fs->steps[i].call == FAULTY_RESIZE;
	chosen = rng_below(rng, lengths);
	for (size_t i = floor; chosen > 0; i++) {
		chosen -= fs->steps[i].call == FAULTY_RESIZE;
		seen = i + 1;
	}
	return seen;
}

static uint64_t length_after(const struct faulty_store *fs, size_t seen)
{
	uint64_t len = fs->begin_len;

	for (size_t i = 0; i < seen; i++)
		if (fs->steps[i].call == FAULTY_RESIZE)
			len = fs->steps[i].len;
	return len;
}

/* Of each block below `len`: whether one of the first `begun` steps changes it. */
static bool *changed_blocks(const struct faulty_store *fs, size_t begun, uint64_t len)
{
	uint64_t blocks = div_up(len, BLOCK_LEN);
	bool *changed = calloc(blocks + 1, sizeof(*changed));

	assert_non_null(changed);
	for (size_t i = 0; i < begun; i++) {
		uint64_t off, end;

		step_range(&fs->steps[i], &off, &end);
		for (uint64_t n = off / BLOCK_LEN; n < MIN(div_up(end, BLOCK_LEN), blocks); n++)
			changed[n] = true;
	}
	return changed;
}

/* The limits of a block as block_limits gives them: a version between them, at random. */
static void put_changed_block(const struct faulty_store *fs, struct store *out, size_t n,
			      uint64_t off, size_t length_seen, struct rng *rng)
{
	size_t begun = MIN(n + 1, fs->step_count), floor, ceiling, seen;
	uint8_t block[BLOCK_LEN] = {0};

	block_limits(fs, n, begun, off, length_seen, &floor, &ceiling);
	seen = block_seen(fs, floor, ceiling, off, rng);
	if (off < fs->begin_len)
		memcpy(block, fs->begin + off, MIN(BLOCK_LEN, fs->begin_len - off));
	for (size_t i = 0; i < seen; i++)
		apply_to_block(&fs->steps[i], off, block);
	if (!is_zero(block, sizeof(block)))
		assert_ok(store_write(out, block, MIN(BLOCK_LEN, out->len - off), off, 0, NULL));
}

struct store *faulty_after_power_cut(struct store *s, size_t n, struct rng *rng)
{
	struct faulty_store *fs = faulty_of(s);
	size_t floor = length_floor(fs, n), begun = MIN(n + 1, fs->step_count);
	size_t length_seen = choose_length(fs, floor, begun, rng);
	uint64_t len = length_after(fs, length_seen);
	struct store *out = mem_store_new(NULL, len);
	auto_free bool *changed = changed_blocks(fs, begun, len);

	for (uint64_t off = 0; off < len; off += BLOCK_LEN) {
		if (changed[off / BLOCK_LEN])
			put_changed_block(fs, out, n, off, length_seen, rng);
		else
			put_begin_block(fs, out, off);
	}
	return out;
}
