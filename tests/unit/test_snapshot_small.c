// SPDX-License-Identifier: MIT
/* The small pieces of snapshot/: the cache, spilled bytes, relative names, the state. */
#include <stdio.h>
#include <sys/stat.h>

#include "snapshot/qcow2/boot.h"
#include "snapshot/qcow2/cache.h"
#include "snapshot/qcow2/state.h"
#include "snapshot/relative.h"
#include "snapshot/spill.h"
#include "tests/unit/test.h"

static void a_cache_gives_back_what_was_put_or_nothing(void **state)
{
	struct cache c;
	uint64_t key;

	(void)state;
	assert_ok(cache_init(&c, 8, 16));
	cache_lock(&c);
	for (key = 0; key < 100; key++) {
		uint8_t *block = cache_put(&c, key * 4096);

		memset(block, (int)key, 16);
		assert_ptr_equal(cache_find(&c, key * 4096), block);
	}
	for (key = 0; key < 100; key++) {
		const uint8_t *block = cache_find(&c, key * 4096);

		assert_true(!block || (block[0] == key && block[15] == key));
	}
	assert_non_null(cache_find(&c, 99 * 4096));
	cache_drop(&c, 99 * 4096);
	assert_null(cache_find(&c, 99 * 4096));
	cache_unlock(&c);
	cache_free(&c);
	cache_free(&c);
}

static void spilled_bytes_come_back(void **state)
{
	struct rng rng = rng_start("spilled_bytes_come_back");
	char *dir = test_dir_make(), *path = test_path(dir, "out");
	uint8_t *all = malloc(1 << 20), *back = malloc(1 << 20);
	struct spill s;
	uint64_t len = 0;

	(void)state;
	rng_fill(&rng, all, 1 << 20);
	assert_ok(spill_open(&s, path));
	while (len < 900000) {
		size_t n = 1 + rng_below(&rng, 5000);

		assert_ok(spill_add(&s, all + len, n));
		len += n;
	}
	assert_ok(spill_end(&s));
	assert_int_equal(s.len, len);
	assert_ok(spill_read(&s, back, len, 0));
	assert_memory_equal(all, back, len);
	assert_ok(spill_read(&s, back, 7, 65533));
	assert_memory_equal(all + 65533, back, 7);
	spill_close(&s);
	spill_close(&s);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
	free(all);
	free(back);
	test_dir_remove(dir); /* fails where something is left in it that cannot be removed */
}

static void assert_between(const char *dir, const char *to, const char *want)
{
	char *is = relative_between(dir, to);

	assert_string_equal(is, want);
	free(is);
}

static void names_lead_from_one_file_to_another(void **state)
{
	(void)state;
	assert_between("/a/b", "/a/b/c", "c");
	assert_between("/a/b", "/a/b/c/d", "c/d");
	assert_between("/a/b", "/a/c", "../c");
	assert_between("/a/b", "/a/bc", "../bc");
	assert_between("/a/b/c", "/x/y", "../../../x/y");
	assert_between("/", "/x", "x");
	assert_between("/", "/x/y", "x/y");
	assert_between("/x", "/y", "../y");
	/* Else qemu would look for a protocol of that name. */
	assert_between("/a", "/a/nbd:x", "./nbd:x");
	assert_between("/a", "/a/b/nbd:x", "b/nbd:x");
}

static void names_of_files_are_resolved_first(void **state)
{
	char *dir = test_dir_make(), *sub = test_path(dir, "sub"), *file = test_path(dir, "file");
	char *from, *dotted, *is;

	(void)state;
	assert_int_equal(mkdir(sub, 0777), 0);
	fclose(fopen(file, "w"));
	from = test_path(sub, "new");
	dotted = test_path(sub, "../sub/./../file");
	assert_ok(relative_path(from, dotted, &is));
	assert_string_equal(is, "../file");
	free(is);
	assert_errno(ENOENT, relative_path(from, "/nowhere/at/all", &is));
	free(from);
	free(dotted);
	free(sub);
	free(file);
	test_dir_remove(dir);
}

static void a_state_comes_back(void **state)
{
	struct state st = {.in_use = true, .len = 12345, .synced_end = 1 << 20, .record_len = 3};
	struct state back;
	uint8_t buf[STATE_LEN];
	struct err err = {""};

	(void)state;
	boot_id(st.boot);
	memcpy(st.record, "abc", 3);
	state_encode(&st, buf);
	assert_ok_err(state_decode(buf, sizeof(buf), &back, &err), &err);
	assert_memory_equal(&st, &back, sizeof(st));
	assert_false(state_lost_power(&back));
	back.boot[3] ^= 1;
	assert_true(state_lost_power(&back));
	back.in_use = false;
	assert_false(state_lost_power(&back));

	assert_errno(EUCLEAN, state_decode(buf, sizeof(buf) - 1, &back, &err));
	put_be32(buf + 40, STATE_RECORD_MAX + 1);
	assert_errno(EUCLEAN, state_decode(buf, sizeof(buf), &back, &err));
	put_be32(buf, 2);
	assert_errno(ENOTSUP, state_decode(buf, sizeof(buf), &back, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cache_gives_back_what_was_put_or_nothing),
		cmocka_unit_test(spilled_bytes_come_back),
		cmocka_unit_test(names_lead_from_one_file_to_another),
		cmocka_unit_test(names_of_files_are_resolved_first),
		cmocka_unit_test(a_state_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
