// SPDX-License-Identifier: MIT
/*
 * Damaged structures, at random: headers, nodes, overflow pages, chunks and entries are overwritten
 * in all of the ways below, and whatever comes of it, every call returns, with what it read, an
 * error or findings. What the check finds nothing wrong with can be read to its end.
 */
#include <stdio.h>

#include "memmgr/structures/structures.h"
#include "tests/unit/golden.h"
#include "tests/unit/stores.h"

enum { MUTATIONS = 10000 }; /* all kinds together; CANISTERFS_TEST_ROUNDS=10 makes it 100,000 */

/* A sound structure in one page or few. */
struct subject {
	const char *name;
	struct store *s, *data; /* data: of a log */
	uint64_t used_len;      /* what is behind is not worth hitting */
	uint64_t chunk_len;     /* of a map */
};

/* ---- subjects ---- */

static struct store *golden_memory(const char *image, unsigned mm_id)
{
	struct store *s = golden_image(image), *memory, *copy;
	struct mm *mm;

	assert_ok(mm_open(s, &mm, NULL));
	assert_ok(ss_memory_store(mm, mm_id, false, &memory, NULL));
	copy = mem_store_new(NULL, memory->len);
	assert_ok(store_read(memory, mem_store_bytes(copy), memory->len, 0, NULL));
	store_close(memory);
	mm_drop(mm);
	store_close(s);
	return copy;
}

/* An empty version 2 map with pages of 128 bytes, filled: nearly every node overflows. */
static struct store *map_of_overflows(struct rng *rng)
{
	struct store *s = mem_store_new(NULL, MM_PAGE_LEN);
	uint8_t *b = mem_store_bytes(s), value[400], key[12];
	const struct ss_options opts = {.key_width = SS_WIDTH_PREFIXED,
					.sort = {.order = SS_ORDER_BYTES}};
	struct ss *ss;
	bool changed;

	memcpy(b, "BTR\2", 4);
	put_le32(b + 4, 128);
	put_le32(b + 8, 0xffffffff);
	memcpy(b + 52, "BTA\1", 4);
	put_le64(b + 60, 128);
	put_le64(b + 76, 100);
	memcpy(b + 100, "CHK\1", 4);
	assert_ok(ss_open(s, NULL, &opts, &ss, NULL));
	for (unsigned i = 0; i < 120; i++) {
		size_t len = rng_below(rng, sizeof(value));

		rng_fill(rng, value, len);
		rng_fill(rng, key, sizeof(key));
		assert_ok(ss_put(ss, (struct ss_bytes){key, rng_below(rng, sizeof(key) + 1)},
				 (struct ss_bytes){value, len}, &changed, NULL));
	}
	ss_close(ss);
	return s;
}

static uint64_t used_len(struct store *s)
{
	uint64_t len = s->len;

	while (len > 0 && mem_store_bytes(s)[len - 1] == 0)
		len--;
	return len;
}

static struct subject map_subject(const char *name, struct store *s)
{
	return (struct subject){.name = name,
				.s = s,
				.used_len = used_len(s),
				.chunk_len = get_le64(mem_store_bytes(s) + 60) + 16};
}

static struct subject subject(const char *name, struct store *s, struct store *data)
{
	return (struct subject){.name = name, .s = s, .data = data, .used_len = used_len(s)};
}

static size_t make_subjects(struct subject *out, struct rng *rng)
{
	size_t n = 0;

	out[n++] = map_subject("version 1", golden_image("g_raw_btree"));
	out[n++] = map_subject("both versions", golden_memory("g_btree_v1", 2));
	out[n++] = map_subject("set", golden_memory("h_structs", 7));
	out[n++] = map_subject("overflows", map_of_overflows(rng));
	out[n++] = map_subject("principals", golden_memory("f_btree_unbounded", 3));
	out[n++] = subject("vector", golden_memory("h_structs", 3), NULL);
	out[n++] = subject("heap", golden_memory("h_structs", 4), NULL);
	out[n++] = subject("cell", golden_memory("h_structs", 0), NULL);
	out[n++] = subject("cbor", golden_memory("i_upgrade", 0), NULL);
	out[n++] = subject("log", golden_memory("h_structs", 5), golden_memory("h_structs", 6));
	return n;
}

/* ---- damage ---- */

static uint64_t random_place(const struct subject *s, struct rng *rng)
{
	uint64_t chunk, chunks = s->chunk_len ? (s->used_len - 100) / s->chunk_len : 0;

	if (rng_one_in(rng, 4))
		return rng_below(rng, MIN(s->used_len, UINT64_C(116)));
	if (chunks == 0)
		return rng_below(rng, s->used_len);
	/* A chunk: its header, the head of the node in it, or anywhere in it. */
	chunk = 100 + rng_below(rng, chunks) * s->chunk_len;
	switch (rng_below(rng, 3)) {
	case 0:
		return chunk + rng_below(rng, 16);
	case 1:
		return chunk + 16 + rng_below(rng, 40);
	default:
		return chunk + rng_below(rng, s->chunk_len);
	}
}

static uint64_t random_word(const struct subject *s, struct rng *rng)
{
	switch (rng_below(rng, 6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2: /* a page of the map, or close to one */
		return s->chunk_len
			       ? 116 + rng_below(rng, s->used_len / s->chunk_len) * s->chunk_len
			       : rng_below(rng, s->used_len);
	case 3:
		return s->s->len - rng_below(rng, 64);
	case 4:
		return rng_below(rng, 16);
	default:
		return rng_next(rng);
	}
}

static void damage(const struct subject *s, struct rng *rng)
{
	uint64_t hits = 1 + rng_below(rng, 3);

	for (uint64_t i = 0; i < hits; i++) {
		uint64_t off = random_place(s, rng), word = random_word(s, rng);
		static const size_t widths[] = {1, 2, 4, 8};
		size_t len = widths[rng_below(rng, 4)];
		uint8_t bytes[8];

		put_le64(bytes, rng_one_in(rng, 4) ? rng_next(rng) : word);
		len = MIN(len, s->s->len - off);
		memcpy(mem_store_bytes(s->s) + off, bytes, len);
	}
}

/* ---- everything that can be called ---- */

/* False: an error on the way. */
static bool walk(struct ss *ss, uint64_t *count)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct err err = {""};
	bool more = true;
	int rc = ss_first(ss, &c, &err);

	*count = 0;
	while (rc == 0) {
		struct ss_record rec;
		struct ss_bytes value;

		rc = ss_next(c, &rec, &more, &err);
		if (rc == 0 && !more)
			return true;
		if (rc == 0)
			rc = ss_value(c, &value, &err);
		++*count;
	}
	assert_true(err.text[0] != '\0');
	return false;
}

static void look_up(struct ss *ss, struct rng *rng)
{
	auto_ss_cursor struct ss_cursor *found = NULL, *sought = NULL, *resumed = NULL,
					*before = NULL;
	struct ss_record rec;
	uint64_t place;
	uint8_t key[16];
	bool more;

	rng_fill(rng, key, sizeof(key));
	(void)!ss_find(ss, (struct ss_bytes){key, rng_below(rng, 17)}, &found, NULL);
	if (ss_seek(ss, (struct ss_bytes){key, rng_below(rng, 17)}, &sought, NULL) == 0)
		(void)!ss_next(sought, &rec, &more, NULL);
	rng_fill(rng, (uint8_t *)&place, sizeof(place));
	place >>= rng_below(rng, 64);
	if (ss_resume(ss, place, &resumed, NULL) == 0 && ss_next(resumed, &rec, &more, NULL) == 0 &&
	    more && place < SS_NO_PLACE)
		assert_true(rec.place > place || place >= UINT64_C(1) << 52);
	if (ss_back(ss, place, rng_below(rng, 100), &before, NULL) == 0)
		(void)!ss_next(before, &rec, &more, NULL);
}

static void change(struct ss *ss, struct rng *rng)
{
	uint8_t bytes[32];
	bool changed;

	rng_fill(rng, bytes, sizeof(bytes));
	(void)!ss_put(ss, (struct ss_bytes){bytes, rng_below(rng, 17)},
		      (struct ss_bytes){bytes, rng_below(rng, 25)}, &changed, NULL);
	(void)!ss_remove(ss, (struct ss_bytes){bytes, rng_below(rng, 17)}, &changed, NULL);
	(void)!ss_set(ss, rng_below(rng, 1000), (struct ss_bytes){bytes, 8}, &changed, NULL);
	(void)!ss_cut(ss, rng_below(rng, 1000), NULL);
}

/* Takes the first or the last records out, through the nodes that are damaged. */
static void remove_some(struct ss *ss)
{
	for (unsigned i = 0; i < 20; i++) {
		auto_ss_cursor struct ss_cursor *c = NULL;
		struct ss_record rec;
		uint8_t key[64];
		bool more = false, found;

		if (ss_first(ss, &c, NULL) < 0 || ss_next(c, &rec, &more, NULL) < 0 || !more ||
		    !ss_facts(ss)->keyed || rec.key.len > sizeof(key))
			return;
		memcpy(key, rec.key.data, rec.key.len);
		(void)!ss_remove(ss, (struct ss_bytes){key, rec.key.len}, &found, NULL);
	}
}

struct findings {
	unsigned count;
};

static void count_findings(void *ctx, const struct mm_finding *f)
{
	((struct findings *)ctx)->count++;
	assert_true(f->text[0] != '\0');
}

static void try_all(const struct subject *s, struct rng *rng)
{
	struct findings found = {0};
	struct ss_content content;
	struct ss_usage usage;
	struct err err = {""};
	struct ss *ss;
	uint64_t count;
	int rc;

	assert_ok_err(ss_recognise(s->s, &content, &err), &err);
	rc = ss_open(s->s, s->data, NULL, &ss, &err);
	if (rc < 0) {
		assert_true(err.text[0] != '\0');
		return;
	}
	assert_ok_err(ss_measure(ss, 3, &usage, count_findings, &found, &err), &err);
	/* Several widths of keys can fit what was damaged; then findings and walk may differ. */
	if (walk(ss, &count) && found.count == 0)
		assert_int_equal(count, usage.entries);
	else if (found.count == 0)
		fail_msg("%s: no findings, but it cannot be read", s->name);
	look_up(ss, rng);
	if (rng_one_in(rng, 4)) {
		change(ss, rng);
		remove_some(ss);
	}
	ss_close(ss);
}

static void damaged_structures_end_in_errors_or_findings(void **state)
{
	struct rng rng = rng_start(__func__);
	struct subject subjects[16];
	size_t n = make_subjects(subjects, &rng);
	unsigned mutations = test_rounds(MUTATIONS);

	for (size_t i = 0; i < n; i++) {
		struct subject *s = &subjects[i];
		struct store *sound = s->s;

		for (unsigned k = 0; k < mutations / n; k++) {
			s->s = mem_store_new(mem_store_bytes(sound), sound->len);
			mem_store_limit(s->s, 1 << 22);
			damage(s, &rng);
			try_all(s, &rng);
			store_close(s->s);
		}
		store_close(sound);
		store_close(s->data);
	}
}

/* A sparse store of a tebibyte whose header promises much takes no time and no memory. */
static int read_sparse(struct store *s, void *buf, size_t len, uint64_t off, struct err *err);
static int next_none(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
		     struct err *err);

static const struct store_ops sparse_ops = {
	.name = "sparse",
	.read_at = read_sparse,
	.next_data = next_none,
};

struct sparse {
	struct store s;
	const uint8_t *head;
	size_t head_len;
};

static int read_sparse(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	const struct sparse *sparse = (const struct sparse *)s;

	memset(buf, 0, len);
	if (off < sparse->head_len)
		memcpy(buf, sparse->head + off, MIN(len, sparse->head_len - off));
	return 0;
}

static int next_none(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	*start = *end = s->len;
	return 0;
}

static void a_small_head_of_a_huge_store_costs_little(void **state)
{
	static const char *const heads[] = {"SVC\1", "SMH\1", "SCL\1", "GLI\1", "DIDL", "\x9b"};
	unsigned opened = 0;

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		uint8_t head[64] = {0};
		struct sparse sparse = {
			{&sparse_ops, UINT64_C(1) << 40, false}, head, sizeof(head)};
		struct ss_content content;
		struct ss_cursor *c;
		struct ss_record rec;
		struct ss_bytes value;
		struct ss *ss;
		bool more;

		memcpy(head, heads[i], strlen(heads[i]));
		memset(head + 4, 0xff, 7);
		head[16] = 1;
		assert_ok(ss_recognise(&sparse.s, &content, NULL));
		if (ss_open(&sparse.s, NULL, NULL, &ss, NULL) < 0)
			continue;
		opened++;
		assert_ok(ss_first(ss, &c, NULL));
		assert_ok(ss_next(c, &rec, &more, NULL));
		assert_errno(EFBIG, ss_value(c, &value, NULL));
		ss_cursor_close(c);
		ss_close(ss);
	}
	assert_int_equal(opened, 1); /* the cell: four gibibytes of value can be true */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_structures_end_in_errors_or_findings),
		cmocka_unit_test(a_small_head_of_a_huge_store_costs_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
