// SPDX-License-Identifier: MIT
/*
 * Checkpoints: out and back, alone and in chains, the same bytes for any number of jobs, and any
 * damage found.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "tests/unit/qcow2_files.h"

enum { CLUSTER = 65536, HEADER_LEN = 65536 };

struct fixture {
	char *dir;
	struct rng rng;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = test_dir_make();
	f->rng = rng_start("checkpoint");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	test_dir_remove(f->dir);
	free(f);
	return 0;
}

/* Clusters of all sorts, zero ones among them, and a last one that is not whole. */
static struct store *random_image(struct rng *rng, uint64_t len)
{
	struct store *s = mem_store_new(NULL, len);
	uint8_t *bytes = mem_store_bytes(s);

	for (uint64_t off = 0; off < len; off += CLUSTER) {
		uint64_t n = MIN(CLUSTER, len - off);

		if (rng_one_in(rng, 3))
			continue;
		if (rng_one_in(rng, 2))
			rng_fill(rng, bytes + off, n);
		else
			for (uint64_t i = 0; i + 16 <= n; i += 16)
				put_le64(bytes + off + i, rng_below(rng, 50));
	}
	s->writable = false;
	return s;
}

static struct snap_exported export(struct store *s, const char *path, const char *base,
				   unsigned level, unsigned jobs)
{
	struct snap_export how = {.base = base, .level = level, .jobs = jobs};
	struct snap_exported out;
	struct err err = {""};

	assert_ok_err(snap_export(s, path, &how, &out, &err), &err);
	return out;
}

static void assert_same_bytes(struct store *a, struct store *b)
{
	uint8_t *x = malloc(a->len + 1), *y = malloc(a->len + 1);

	assert_int_equal(a->len, b->len);
	assert_ok(store_read(a, x, a->len, 0, NULL));
	assert_ok(store_read(b, y, a->len, 0, NULL));
	assert_memory_equal(x, y, a->len);
	free(x);
	free(y);
}

/* In pieces that lie across clusters, and by next_data. */
static void assert_reads_as(struct rng *rng, struct store *s, struct store *image)
{
	uint8_t *x = malloc(3 * CLUSTER), *y = malloc(3 * CLUSTER);
	uint64_t start, end;

	assert_same_bytes(s, image);
	for (int i = 0; i < 50 && s->len > 0; i++) {
		uint64_t off = rng_below(rng, s->len);
		size_t n = rng_below(rng, MIN(3 * CLUSTER, s->len - off) + 1);

		assert_ok(store_read(s, x, n, off, NULL));
		assert_ok(store_read(image, y, n, off, NULL));
		assert_memory_equal(x, y, n);
	}
	for (uint64_t off = 0; off < s->len; off = end) {
		assert_ok(store_next_data(s, off, &start, &end, NULL));
		/* Exact on clusters: what is called data is data. */
		for (uint64_t at = off; at < s->len && at < end; at += CLUSTER - at % CLUSTER) {
			size_t n = MIN(CLUSTER - at % CLUSTER, s->len - at);

			assert_ok(store_read(image, x, n, at, NULL));
			assert_int_equal(is_zero(x, n), at < start);
		}
		if (start == end)
			break;
	}
	free(x);
	free(y);
}

static void collect(void *ctx, const struct snap_finding *finding)
{
	struct snap_finding *last = ctx;

	*last = *finding;
}

static struct snap_verified verify(struct store *s, struct snap_finding *last)
{
	struct snap_work how = {.jobs = 1};
	struct snap_verified out;
	struct err err = {""};

	assert_ok_err(snap_verify(s, &how, collect, last, &out, &err), &err);
	return out;
}

static void assert_clean(struct store *s, unsigned files)
{
	struct snap_finding last = {.text = "none"};
	struct snap_verified out = verify(s, &last);

	if (out.findings > 0)
		print_error("%s: %s\n", last.id, last.text);
	assert_int_equal(out.findings, 0);
	assert_int_equal(out.files, files);
	assert_true(out.proven);
}

static struct snap_restored assert_restores(struct store *s, struct store *image)
{
	struct snap_work how = {.jobs = 2};
	struct store *to = mem_store_new(NULL, 0), *used = mem_store_new(NULL, image->len + 99999);
	struct snap_restored out;
	struct err err = {""};

	assert_ok_err(snap_restore(s, to, true, &how, &out, &err), &err);
	assert_same_bytes(to, image);
	memset(mem_store_bytes(used), 0x77, used->len);
	assert_ok_err(snap_restore(s, used, false, &how, &out, &err), &err);
	assert_same_bytes(used, image);
	assert_true(out.proven);
	store_close(to);
	store_close(used);
	return out;
}

static void images_go_out_and_come_back(void **state)
{
	struct fixture *f = *state;
	static const uint64_t lens[] = {0, 1, 511, 512, 65536, 65537, 10 * 65536, 1000001, 5 << 20};

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct store *image = random_image(&f->rng, lens[i]), *s;
		char *path = test_path(f->dir, "out");
		struct snap_exported out = export(image, path, NULL, (unsigned)i + 1, 0);
		struct snap_restored back;
		struct snap_info info;
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, out.file_len);
		s = open_path(path);
		assert_counts_exact(s);
		assert_reads_as(&f->rng, s, image);
		assert_clean(s, 1);
		back = assert_restores(s, image);
		assert_memory_equal(back.content, out.content, SNAP_HASH_LEN);
		assert_true(snap_info(s, &info));
		assert_true(info.is_checkpoint && !info.has_base);
		assert_memory_equal(info.content, out.content, SNAP_HASH_LEN);
		assert_int_equal(info.image_len, lens[i]);
		assert_int_equal(info.data_len, out.data_len);
		assert_int_equal(info.stored_len, out.data_len);
		store_close(s);
		store_close(image);
		assert_int_equal(unlink(path), 0);
		free(path);
	}
}

static uint8_t *read_file(const char *path, uint64_t *len)
{
	struct store *s;
	uint8_t *bytes;

	assert_ok(file_store_open(path, false, &s, NULL));
	*len = s->len;
	bytes = malloc(s->len);
	assert_ok(store_read(s, bytes, s->len, 0, NULL));
	store_close(s);
	return bytes;
}

static void the_bytes_do_not_depend_on_the_jobs(void **state)
{
	struct fixture *f = *state;
	struct store *image = random_image(&f->rng, 9 << 20);
	char *a = test_path(f->dir, "a"), *b = test_path(f->dir, "b");
	uint64_t len_a, len_b;

	export(image, a, NULL, 0, 1);
	for (unsigned jobs = 2; jobs <= 8; jobs += 3) {
		uint8_t *x, *y;

		export(image, b, NULL, 0, jobs);
		x = read_file(a, &len_a);
		y = read_file(b, &len_b);
		assert_int_equal(len_a, len_b);
		assert_memory_equal(x, y, len_a);
		free(x);
		free(y);
		assert_int_equal(unlink(b), 0);
	}
	store_close(image);
	free(a);
	free(b);
}

static void change_some(struct rng *rng, struct store *s)
{
	uint8_t *bytes = mem_store_bytes(s);

	for (int i = 0; i < 12; i++) {
		uint64_t off = rng_below(rng, s->len), most = 1 + rng_below(rng, 100000);
		size_t n = MIN(most, s->len - off);

		if (rng_one_in(rng, 2))
			rng_fill(rng, bytes + off, n);
		else
			memset(bytes + off, 0, n);
	}
}

static struct store *changed(struct rng *rng, struct store *image, uint64_t len)
{
	struct store *s = mem_store_new(mem_store_bytes(image), image->len);

	assert_ok(store_resize(s, len, NULL));
	if (len > 0)
		change_some(rng, s);
	s->writable = false;
	return s;
}

static void a_chain_of_deltas_reads_as_the_images_were(void **state)
{
	struct fixture *f = *state;
	static const uint64_t lens[] = {
		5 << 20, 5 << 20, (6 << 20) + 12345, (3 << 20) + 999, 4 << 20, 0, 1 << 20};
	struct store *image[ARRAY_LEN(lens)];
	char *path[ARRAY_LEN(lens)];
	char *sub = test_path(f->dir, "sub");

	assert_int_equal(mkdir(sub, 0777), 0);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		char name[16];

		snprintf(name, sizeof(name), "%zu.qcow2", i);
		path[i] = test_path(i % 2 ? sub : f->dir, name);
		image[i] = i == 0 ? random_image(&f->rng, lens[0])
				  : changed(&f->rng, image[i - 1], lens[i]);
		export(image[i], path[i], i ? path[i - 1] : NULL, 0, 2);
	}
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct store *s = open_path(path[i]), *whole;
		struct snap_exported out;
		struct snap_restored back;
		char *alone = test_path(f->dir, "alone");

		assert_reads_as(&f->rng, s, image[i]);
		assert_clean(s, (unsigned)i + 1);
		assert_counts_exact(s);
		back = assert_restores(s, image[i]);
		/* The identity is the image's, not the file's. */
		out = export(s, alone, NULL, 6, 1);
		assert_memory_equal(out.content, back.content, SNAP_HASH_LEN);
		whole = open_path(alone);
		assert_reads_as(&f->rng, whole, image[i]);
		store_close(whole);
		store_close(s);
		assert_int_equal(unlink(alone), 0);
		free(alone);
	}
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		store_close(image[i]);
		free(path[i]);
	}
	free(sub);
}

static void a_delta_stores_only_what_differs(void **state)
{
	struct fixture *f = *state;
	struct store *image = mem_store_new(NULL, 100 * CLUSTER);
	char *base = test_path(f->dir, "base"), *delta = test_path(f->dir, "delta");
	struct snap_exported out;

	rng_fill(&f->rng, mem_store_bytes(image), image->len);
	export(image, base, NULL, 0, 2);
	mem_store_bytes(image)[7 * CLUSTER + 5] ^= 1;
	memset(mem_store_bytes(image) + 50 * CLUSTER, 0, CLUSTER);
	out = export(image, delta, base, 0, 2);
	assert_int_equal(out.stored_len, CLUSTER);
	assert_int_equal(out.data_len, 99 * CLUSTER);
	assert_true(out.file_len < 8 * CLUSTER);
	store_close(image);
	free(base);
	free(delta);
}

static void assert_export_refused(struct store *image, const char *path, const char *base,
				  int error, const char *why)
{
	struct snap_export how = {.base = base, .force = true};
	struct snap_exported out;
	struct err err = {""};

	assert_errno_err(error, snap_export(image, path, &how, &out, &err), &err);
	assert_says(err.text, why);
}

static void a_base_that_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *image = random_image(&f->rng, 1 << 20), *s;
	struct store *other = random_image(&f->rng, 1 << 20);
	char *base = test_path(f->dir, "base"), *delta = test_path(f->dir, "delta");
	char *out = test_path(f->dir, "out"), *plain = test_path(f->dir, "plain");
	struct snap_new what = {.len = 1 << 20};
	struct err err = {""};

	export(image, base, NULL, 0, 1);
	export(image, delta, base, 0, 1);
	assert_ok(snap_create(plain, false, &what, NULL));
	assert_export_refused(image, out, plain, EINVAL, "not a checkpoint");
	assert_export_refused(image, delta, delta, EINVAL, "made from");
	assert_export_refused(image, base, delta, EINVAL, "made from");
	s = open_path(base);
	assert_export_refused(s, base, NULL, EINVAL, "made from");
	store_close(s);

	assert_int_equal(unlink(base), 0);
	assert_errno_err(ENOENT, snap_open(delta, 0, &s, &err), &err);
	assert_says(err.text, "with content ");
	export(other, base, NULL, 0, 1);
	assert_errno_err(EBADMSG, snap_open(delta, 0, &s, &err), &err);
	assert_says(err.text, "has content ");
	assert_int_equal(rename(delta, base), 0);
	assert_errno_err(ELOOP, snap_open(base, 0, &s, &err), &err);
	store_close(image);
	store_close(other);
	free(base);
	free(delta);
	free(out);
	free(plain);
}

/* A file in memory, with a change at `off`. */
struct damaged {
	struct store *under; /* the caller's */
	struct store *image;
};

/* True: opening, verifying or unpacking says that it is not what was written. */
static bool is_found(struct damaged *d, bool restore)
{
	struct store *s, *to;
	struct snap_work how = {.jobs = 1};
	struct snap_finding last;
	struct snap_verified out;
	struct snap_restored back;
	bool found;

	if (snap_open_on(faulty_store_new(d->under), NULL, 0, &s, NULL) < 0)
		return true;
	found = snap_verify(s, &how, collect, &last, &out, NULL) < 0 || out.findings > 0;
	if (restore) {
		to = mem_store_new(NULL, 0);
		if (snap_restore(s, to, true, &how, &back, NULL) == 0 && back.proven)
			assert_same_bytes(to, d->image);
		store_close(to);
	}
	store_close(s);
	return found;
}

static struct damaged new_damaged(struct fixture *f, struct store *image)
{
	char *path = test_path(f->dir, "whole");
	uint64_t len;
	uint8_t *bytes;
	struct damaged d = {.image = image};

	export(image, path, NULL, 0, 1);
	bytes = read_file(path, &len);
	d.under = mem_store_new(bytes, len);
	assert_false(is_found(&d, true));
	assert_int_equal(unlink(path), 0);
	free(bytes);
	free(path);
	return d;
}

static void assert_flip_found(struct damaged *d, uint64_t off, uint8_t flip, bool restore)
{
	mem_store_bytes(d->under)[off] ^= flip;
	if (!is_found(d, restore))
		print_error("byte %lu xor %02x is not found\n", (unsigned long)off, flip);
	assert_true(is_found(d, false));
	mem_store_bytes(d->under)[off] ^= flip;
}

/* Most of a small file is zeros in tables; of these a sample, unless more rounds are asked for. */
static void every_changed_byte_of_a_small_file_is_found(void **state)
{
	struct fixture *f = *state;
	struct store *image = mem_store_new(NULL, 3 * CLUSTER + 700);
	uint64_t step = 1000 / MIN(test_rounds(1), 1000);
	struct damaged d;
	unsigned tried = 0;

	rng_fill(&f->rng, mem_store_bytes(image), 300);
	memset(mem_store_bytes(image) + 2 * CLUSTER, 'x', CLUSTER + 500);
	d = new_damaged(f, image);
	for (uint64_t off = 0; off < d.under->len; off++)
		if (mem_store_bytes(d.under)[off] != 0 || off % step == 0) {
			assert_flip_found(&d, off, (uint8_t)(1 + rng_below(&f->rng, 255)),
					  rng_one_in(&f->rng, 8));
			tried++;
		}
	print_message("%u of %lu bytes changed\n", tried, (unsigned long)d.under->len);
	store_close(d.under);
	store_close(image);
}

static void changed_bytes_of_a_larger_file_are_found(void **state)
{
	struct fixture *f = *state;
	struct store *image = random_image(&f->rng, 2 << 20);
	struct damaged d = new_damaged(f, image);

	for (unsigned i = 0; i < test_rounds(400); i++)
		assert_flip_found(&d, rng_below(&f->rng, d.under->len),
				  (uint8_t)(1u << rng_below(&f->rng, 8)), i % 4 == 0);
	store_close(d.under);
	store_close(image);
}

static void a_cut_file_is_found(void **state)
{
	struct fixture *f = *state;
	struct store *image = random_image(&f->rng, 1 << 20);
	struct damaged d = new_damaged(f, image);
	uint8_t *bytes = malloc(d.under->len);
	uint64_t len = d.under->len;

	memcpy(bytes, mem_store_bytes(d.under), len);
	for (unsigned i = 0; i < test_rounds(200); i++) {
		struct damaged cut = {.image = image};
		uint64_t at = i < 50 ? len - 1 - i : rng_below(&f->rng, len);

		cut.under = mem_store_new(bytes, at);
		assert_true(is_found(&cut, true));
		store_close(cut.under);
	}
	assert_ok(store_resize(d.under, len + 1, NULL));
	assert_true(is_found(&d, true));
	store_close(d.under);
	store_close(image);
	free(bytes);
}

static void a_damaged_cluster_is_named(void **state)
{
	struct fixture *f = *state;
	struct store *image = mem_store_new(NULL, 9 * CLUSTER), *s;
	struct snap_finding last;
	struct damaged d;
	struct qcow2_cluster c;

	memset(mem_store_bytes(image) + 4 * CLUSTER, 'x', 3 * CLUSTER);
	d = new_damaged(f, image);
	assert_ok(snap_open_on(faulty_store_new(d.under), NULL, 0, &s, NULL));
	assert_ok(qcow2_lookup(qcow2_of(s), 5, &c, NULL));
	mem_store_bytes(d.under)[c.off + 20] ^= 4;
	assert_int_equal(verify(s, &last).findings, 1);
	assert_string_equal(last.id, "cluster");
	assert_true(last.has_cluster);
	assert_int_equal(last.cluster, 5);
	assert_int_equal(last.depth, 0);
	store_close(s);
	store_close(d.under);
	store_close(image);
}

static void whoever_watches_can_end_it(void **state)
{
	struct fixture *f = *state;
	struct store *image = random_image(&f->rng, 5 << 20), *to = mem_store_new(NULL, 0), *s;
	char *path = test_path(f->dir, "out"), *old = test_path(f->dir, "old");
	unsigned steps = 2;
	struct snap_watch watch = {give_up, &steps};
	struct snap_export how = {.watch = &watch};
	struct snap_work work = {.watch = &watch};
	struct snap_exported out;
	struct snap_restored back;
	struct snap_verified seen;
	struct snap_side side = {.store = image};
	struct snap_difference differ;

	assert_errno(ECANCELED, snap_export(image, path, &how, &out, NULL));
	assert_int_equal(access(path, F_OK), -1);
	export(image, old, NULL, 0, 1);
	s = open_path(old);
	steps = 2;
	assert_errno(ECANCELED, snap_restore(s, to, true, &work, &back, NULL));
	steps = 2;
	assert_errno(ECANCELED, snap_verify(s, &work, NULL, NULL, &seen, NULL));
	steps = 2;
	assert_errno(ECANCELED, snap_compare(&side, &side, &work, NULL, NULL, &differ, NULL));
	store_close(s);
	store_close(to);
	store_close(image);
	free(path);
	free(old);
}

static void failures_below_are_told(void **state)
{
	struct fixture *f = *state;
	struct store *image = random_image(&f->rng, 3 << 20), *bad = faulty_store_new(image);
	char *path = test_path(f->dir, "out");
	struct snap_export how = {.jobs = 1};
	struct snap_exported out;
	unsigned reads;

	assert_ok(snap_export(bad, path, &how, &out, NULL));
	assert_int_equal(unlink(path), 0);
	reads = faulty_count(bad, FAULTY_READ);
	assert_true(reads > 0);
	for (unsigned nth = 0; nth < reads; nth += 4) {
		faulty_fail(bad, FAULTY_READ, nth, -EIO);
		assert_errno(EIO, snap_export(bad, path, &how, &out, NULL));
		assert_int_equal(access(path, F_OK), -1);
		faulty_heal(bad);
	}
	faulty_fail(bad, FAULTY_NEXT_DATA, 1, -ENXIO);
	assert_errno(ENXIO, snap_export(bad, path, &how, &out, NULL));
	store_close(bad);
	store_close(image);
	free(path);
}

struct seen {
	uint64_t pages[16];
	size_t count;
};

static void see(void *ctx, uint64_t page, uint64_t first_off)
{
	struct seen *seen = ctx;

	assert_int_equal(first_off / CLUSTER, page);
	seen->pages[seen->count++] = page;
}

static void comparing_names_every_page(void **state)
{
	struct fixture *f = *state;
	struct store *a = random_image(&f->rng, 40 * CLUSTER);
	struct store *b = mem_store_new(mem_store_bytes(a), a->len);
	struct snap_side x = {.store = a}, y = {.store = b};
	struct snap_work how = {.jobs = 3};
	struct snap_difference out;
	struct seen seen = {.count = 0};

	assert_ok(snap_compare(&x, &y, &how, see, &seen, &out, NULL));
	assert_int_equal(out.pages, 0);
	assert_int_equal(out.first_off, UINT64_MAX);
	mem_store_bytes(b)[3 * CLUSTER + 77] ^= 1;
	mem_store_bytes(b)[3 * CLUSTER + 78] ^= 1;
	mem_store_bytes(b)[39 * CLUSTER] ^= 1;
	/* Zeros behind the shorter one's end are no difference, other bytes are. */
	assert_ok(store_resize(b, 45 * CLUSTER + 9, NULL));
	mem_store_bytes(b)[45 * CLUSTER + 8] = 1;
	assert_ok(snap_compare(&x, &y, &how, see, &seen, &out, NULL));
	assert_int_equal(out.pages, 3);
	assert_int_equal(out.first_off, 3 * CLUSTER + 77);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.pages[0], 3);
	assert_int_equal(seen.pages[1], 39);
	assert_int_equal(seen.pages[2], 45);
	store_close(a);
	store_close(b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(images_go_out_and_come_back),
		TEST(the_bytes_do_not_depend_on_the_jobs),
		TEST(a_chain_of_deltas_reads_as_the_images_were),
		TEST(a_delta_stores_only_what_differs),
		TEST(a_base_that_cannot_be_is_refused),
		TEST(every_changed_byte_of_a_small_file_is_found),
		TEST(changed_bytes_of_a_larger_file_are_found),
		TEST(a_cut_file_is_found),
		TEST(a_damaged_cluster_is_named),
		TEST(whoever_watches_can_end_it),
		TEST(failures_below_are_told),
		TEST(comparing_names_every_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
