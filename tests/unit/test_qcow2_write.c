// SPDX-License-Identifier: MIT
/*
 * The writable qcow2 store against plain arrays: random changes, killed at any step, without power
 * at any step.
 */
#include "tests/unit/qcow2_files.h"

enum {
	CLUSTER = 65536,
	MAX_LEN = 12 * CLUSTER,
	BACKING_LEN = 7 * CLUSTER + 5 * 512,
};

/* What the disk holds. Bytes behind len are zero. The last change made a range durable, or not. */
struct model {
	uint64_t len;
	uint64_t durable_off, durable_len;
	uint8_t bytes[MAX_LEN];
};

static void fill(struct rng *rng, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 4096)
		if (!rng_one_in(rng, 3))
			rng_fill(rng, bytes + i, MIN(4096, len - i));
}

static struct store *new_backing(struct rng *rng)
{
	struct store *s = mem_store_new(NULL, BACKING_LEN);

	fill(rng, mem_store_bytes(s), BACKING_LEN);
	return s;
}

static struct model *new_model(struct store *backing, uint64_t len)
{
	struct model *m = calloc(1, sizeof(*m));

	m->len = len;
	if (backing)
		memcpy(m->bytes, mem_store_bytes(backing), MIN(len, backing->len));
	return m;
}

static struct model *copy_model(const struct model *m)
{
	struct model *copy = malloc(sizeof(*copy));

	memcpy(copy, m, sizeof(*copy));
	return copy;
}

static void assert_reads(struct store *s, const struct model *m)
{
	uint8_t *now = malloc(m->len + 1);
	uint64_t off = 0, start, end;

	assert_int_equal(s->len, m->len);
	assert_ok(store_read(s, now, m->len, 0, NULL));
	assert_memory_equal(now, m->bytes, m->len);
	while (off < m->len) {
		assert_ok(store_next_data(s, off, &start, &end, NULL));
		assert_true(start >= off && end >= start && end <= m->len);
		assert_true(is_zero(m->bytes + off, start - off));
		if (start == end)
			break;
		off = end;
	}
	free(now);
}

/* A range that often lies on clusters. */
static void pick(struct rng *rng, uint64_t limit, uint64_t *off, uint64_t *len)
{
	uint64_t unit = rng_one_in(rng, 3) ? CLUSTER : rng_one_in(rng, 2) ? 512 : 1;

	*off = rng_below(rng, limit) / unit * unit;
	*len = (1 + rng_below(rng, 3 * CLUSTER) / unit) * unit;
	*len = MIN(*len, limit - *off);
}

static int change(struct rng *rng, struct store *s, struct model *m, struct err *err)
{
	uint64_t off, len, old = m->len;
	int rc;

	m->durable_len = 0;
	if (rng_one_in(rng, 8)) {
		len = rng_one_in(rng, 2) ? rng_below(rng, MAX_LEN) : rng_below(rng, 12) * CLUSTER;
		rc = store_resize(s, len, err);
		m->len = len;
		if (len < old)
			memset(m->bytes + len, 0, old - len);
		return rc;
	}
	if (m->len == 0)
		return 0;
	pick(rng, m->len, &off, &len);
	if (rng_one_in(rng, 4)) {
		memset(m->bytes + off, 0, len);
		return store_zero(s, off, len, err);
	}
	fill(rng, m->bytes + off, len);
	if (rng_one_in(rng, 6)) {
		m->durable_off = off;
		m->durable_len = len;
	}
	return store_write(s, m->bytes + off, len, off, m->durable_len ? STORE_DURABLE : 0, err);
}

static struct store *open_writable(struct store *file, struct store *backing)
{
	struct err err = {""};
	struct store *s = NULL;

	assert_ok_err(snap_open_on(file, backing, SNAP_WRITABLE, &s, &err), &err);
	return s;
}

static void random_changes_read_back(void **state)
{
	struct rng rng = rng_start("random_changes_read_back");
	struct err err = {""};

	(void)state;
	for (unsigned round = 0; round < test_rounds(12); round++) {
		struct store *backing = round % 3 ? new_backing(&rng) : NULL;
		uint64_t len = rng_below(&rng, backing ? BACKING_LEN + 1 : MAX_LEN);
		struct model *m = new_model(backing, len);
		struct store *under = qcow2_new_file(len, backing);

		for (unsigned session = 0; session < 4; session++) {
			struct store *file = faulty_store_new(under);
			struct store *s = open_writable(file, backing);

			assert_reads(s, m);
			for (unsigned i = 0; i < 12; i++) {
				assert_ok_err(change(&rng, s, m, &err), &err);
				assert_reads(s, m);
				if (rng_one_in(&rng, 5))
					assert_ok(store_sync(s, NULL));
			}
			assert_counts_cover(s);
			assert_ok(store_sync(s, NULL));
			store_close(s);
			file = faulty_store_new(under);
			assert_ok(snap_open_on(file, backing, 0, &s, NULL));
			assert_reads(s, m);
			assert_counts_exact(s);
			assert_false(qcow2_of(s)->state.in_use);
			store_close(s);
		}
		store_close(under);
		store_close(backing);
		free(m);
	}
}

/* Every version of the disk, and after how many steps of the file it was reached. */
struct history {
	size_t count;
	struct model *version[64];
	size_t steps[64];
	bool synced[64];
};

static void note(struct history *h, const struct model *m, size_t steps, bool synced)
{
	h->version[h->count] = copy_model(m);
	h->steps[h->count] = steps;
	h->synced[h->count++] = synced;
}

static void history_free(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->version[i]);
	h->count = 0;
}

static struct store *run_and_record(struct rng *rng, struct store *under, struct store *backing,
				    struct model *m, struct history *h)
{
	struct store *file = faulty_store_new(under);
	struct err err = {""};
	struct store *s;

	faulty_record(file);
	s = open_writable(file, backing);
	note(h, m, 0, true);
	for (unsigned i = 0; i < 16; i++) {
		bool synced = rng_one_in(rng, 4);

		m->durable_len = 0;
		if (synced)
			assert_ok(store_sync(s, NULL));
		else
			assert_ok_err(change(rng, s, m, &err), &err);
		note(h, m, faulty_steps(file), synced);
	}
	return s;
}

/* The last version up to `last`, not below `first`, that made this byte durable; or `first`. */
static size_t first_for(const struct history *h, size_t first, size_t last, uint64_t off)
{
	for (size_t v = last; v > first; v--) {
		const struct model *m = h->version[v];

		if (off >= m->durable_off && off - m->durable_off < m->durable_len)
			return v;
	}
	return first;
}

/* Every byte is one of versions first to last; so is the length. The change that led to version
 * `last` may not have returned. */
static void assert_one_of(struct store *s, const struct history *h, size_t first, size_t last)
{
	uint8_t *now = malloc(s->len + 1);
	bool len_known = false;

	assert_ok(store_read(s, now, s->len, 0, NULL));
	for (size_t v = first; v <= last; v++)
		len_known |= h->version[v]->len == s->len;
	assert_true(len_known);
	for (uint64_t i = 0; i < s->len; i++) {
		bool known = false;

		for (size_t v = first_for(h, first, MAX(last, 1) - 1, i); v <= last && !known; v++)
			known = h->version[v]->bytes[i] == now[i];
		if (!known)
			print_error("byte %lu of cluster %lu\n", i % CLUSTER, i / CLUSTER);
		assert_true(known);
	}
	free(now);
}

static void look_and_mend(struct store *left, struct store *backing, const struct history *h,
			  size_t first, size_t last)
{
	struct store *file = faulty_store_new(left);
	struct store *s;

	assert_ok(snap_open_on(file, backing, 0, &s, NULL));
	assert_one_of(s, h, first, last);
	store_close(s);
	s = open_writable(faulty_store_new(left), backing);
	assert_one_of(s, h, first, last);
	assert_counts_exact(s);
	store_close(s);
	assert_ok(snap_open_on(left, backing, 0, &s, NULL));
	assert_one_of(s, h, first, last);
	assert_counts_exact(s);
	store_close(s);
}

static void a_kill_at_any_step_loses_nothing(void **state)
{
	struct rng rng = rng_start("a_kill_at_any_step_loses_nothing");

	(void)state;
	for (unsigned round = 0; round < test_rounds(6); round++) {
		struct store *backing = round % 3 ? new_backing(&rng) : NULL;
		struct model *m = new_model(backing, BACKING_LEN);
		struct store *under = qcow2_new_file(BACKING_LEN, backing);
		struct history h = {0};
		struct store *s = run_and_record(&rng, under, backing, m, &h);
		struct store *file = qcow2_of(s)->file;

		for (unsigned i = 0; i < 12; i++) {
			size_t n = rng_below(&rng, faulty_steps(file));
			struct store *left =
				faulty_after_kill(file, n, (unsigned)rng_below(&rng, 17));
			struct store *t;
			size_t first = 0;

			while (first + 1 < h.count && h.steps[first + 1] <= n)
				first++;
			assert_ok(snap_open_on(faulty_store_new(left), backing, 0, &t, NULL));
			assert_counts_cover(t);
			store_close(t);
			look_and_mend(left, backing, &h, first, MIN(first + 1, h.count - 1));
		}
		store_close(s);
		store_close(under);
		store_close(backing);
		history_free(&h);
		free(m);
	}
}

static void a_power_cut_at_any_step_leaves_what_was_synced(void **state)
{
	struct rng rng = rng_start("a_power_cut_at_any_step_leaves_what_was_synced");

	(void)state;
	for (unsigned round = 0; round < test_rounds(8); round++) {
		struct store *backing = round % 3 ? new_backing(&rng) : NULL;
		struct model *m = new_model(backing, BACKING_LEN);
		struct store *under = qcow2_new_file(BACKING_LEN, backing);
		struct history h = {0};
		struct store *s = run_and_record(&rng, under, backing, m, &h);
		struct store *file = qcow2_of(s)->file;

		for (unsigned i = 0; i < 12; i++) {
			size_t n = rng_below(&rng, faulty_steps(file));
			struct store *left = faulty_after_power_cut(file, n, &rng);
			size_t first = 0, last = 0;

			while (last + 1 < h.count && h.steps[last] <= n)
				last++;
			for (size_t v = 0; v < h.count && h.steps[v] <= n; v++)
				if (h.synced[v])
					first = v;
			qcow2_set_other_boot(left);
			look_and_mend(left, backing, &h, first, last);
		}
		store_close(s);
		store_close(under);
		store_close(backing);
		history_free(&h);
		free(m);
	}
}

static void a_full_disk_fails_the_write_and_nothing_else(void **state)
{
	struct rng rng = rng_start("a_full_disk_fails_the_write_and_nothing_else");
	struct store *backing = new_backing(&rng);
	struct model *m = new_model(backing, BACKING_LEN);
	struct store *under = qcow2_new_file(BACKING_LEN, true);
	struct store *file = faulty_store_new(under);
	struct store *s = open_writable(file, backing);
	uint8_t *bytes = calloc(1, CLUSTER);

	(void)state;
	memset(bytes, 7, CLUSTER);
	for (unsigned nth = 1; nth < 8; nth++) {
		faulty_fail(file, FAULTY_WRITE | FAULTY_RESIZE, nth, -ENOSPC);
		if (store_write(s, bytes, 100, nth * 512, 0, NULL) == 0)
			memcpy(m->bytes + nth * 512, bytes, 100);
		faulty_heal(file);
		assert_reads(s, m);
	}
	assert_counts_cover(s);
	assert_ok(store_sync(s, NULL));
	store_close(s);
	assert_ok(snap_open_on(under, backing, 0, &s, NULL));
	assert_reads(s, m);
	assert_counts_exact(s);
	store_close(s);
	store_close(backing);
	free(bytes);
	free(m);
}

/* The image below changes under a live snapshot, which still reads as it was. */
static void kept_clusters_stay_as_they_were(void **state)
{
	struct rng rng = rng_start("kept_clusters_stay_as_they_were");
	struct store *image = new_backing(&rng);
	struct model *then = new_model(image, BACKING_LEN);
	struct store *under = qcow2_new_file(BACKING_LEN, true);
	uint64_t start, end;
	struct store *s;
	bool held;

	(void)state;
	assert_ok(snap_open_on(under, image, SNAP_WRITABLE | SNAP_LIVE_BACKING, &s, NULL));
	assert_ok(store_resize(image, MAX_LEN, NULL));
	assert_ok(snap_next_held(s, 0, &start, &end, NULL));
	assert_int_equal(start, s->len);
	for (unsigned i = 0; i < 60; i++) {
		uint64_t off = rng_below(&rng, 12) * CLUSTER;

		assert_ok(snap_keep(s, off, image, NULL));
		assert_ok(snap_holds(s, off + 17, &held, NULL));
		assert_true(held == (off < BACKING_LEN));
		memset(mem_store_bytes(image) + off, rng_one_in(&rng, 3) ? 0 : (int)i, CLUSTER);
		assert_reads(s, then);
		assert_int_equal(store_host_at(s, 0).fd, -1);
	}
	assert_ok(snap_next_held(s, 0, &start, &end, NULL));
	assert_int_equal(start, 0);
	assert_ok(store_sync(s, NULL));
	assert_counts_cover(s);
	store_close(s);
	store_close(image);
	free(then);
}

static void the_record_and_the_backing_file_can_be_changed(void **state)
{
	struct rng rng = rng_start("the_record_and_the_backing_file_can_be_changed");
	struct store *a = new_backing(&rng), *b = new_backing(&rng);
	struct store *under = qcow2_new_file(BACKING_LEN, true);
	struct model *m = new_model(b, BACKING_LEN);
	uint8_t record[SNAP_RECORD_MAX];
	struct store *s;

	(void)state;
	s = open_writable(faulty_store_new(under), a);
	assert_int_equal(snap_record(s, record), 0);
	assert_ok(snap_set_record(s, "who made it", 11, NULL));
	assert_errno(EINVAL, snap_set_record(s, record, SNAP_RECORD_MAX + 1, NULL));
	assert_ok(snap_set_backing(s, "dir/other.qcow2", "qcow2", b, NULL));
	assert_reads(s, m);
	store_close(s);
	s = open_writable(under, b);
	assert_int_equal(snap_record(s, record), 11);
	assert_memory_equal(record, "who made it", 11);
	assert_string_equal(qcow2_of(s)->h.backing, "dir/other.qcow2");
	assert_string_equal(qcow2_of(s)->h.backing_format, "qcow2");
	assert_reads(s, m);
	store_close(s);
	store_close(a);
	store_close(b);
	free(m);
}

static void a_disk_has_a_greatest_length(void **state)
{
	struct store *s = open_writable(qcow2_new_file(0, false), NULL);
	uint64_t max = UINT64_C(4) << 40;

	(void)state;
	assert_errno(EFBIG, store_resize(s, max + 1, NULL));
	assert_ok(store_resize(s, max, NULL));
	assert_ok(store_write(s, "end", 3, max - 3, 0, NULL));
	assert_ok(store_sync(s, NULL));
	assert_counts_cover(s);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes_read_back),
		cmocka_unit_test(a_kill_at_any_step_loses_nothing),
		cmocka_unit_test(a_power_cut_at_any_step_leaves_what_was_synced),
		cmocka_unit_test(a_full_disk_fails_the_write_and_nothing_else),
		cmocka_unit_test(kept_clusters_stay_as_they_were),
		cmocka_unit_test(the_record_and_the_backing_file_can_be_changed),
		cmocka_unit_test(a_disk_has_a_greatest_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
