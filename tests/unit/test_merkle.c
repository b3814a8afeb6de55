// SPDX-License-Identifier: MIT
/* The content hash: against a tree built leaf by leaf, and for what must not change it. */
#include "snapshot/merkle.h"
#include "tests/unit/test.h"

enum { MAX_LEAVES = 70 };

static struct sha *sha;

static void leaf_of(uint64_t index, uint8_t *leaf)
{
	uint8_t number[8];

	put_be64(number, index + 1);
	assert_ok(sha_of(sha, number, sizeof(number), leaf));
}

/* The definition: all leaves, pairs of them, pairs of those, ... */
static void by_definition(const bool *used, uint64_t len, uint8_t *hash)
{
	static const uint8_t zeros[MERKLE_LEAF_LEN];
	static const char prefix[] = "canisterfs content 1";
	size_t count = 1, leaves = div_up(len, MERKLE_LEAF_LEN);
	uint8_t(*node)[SHA_LEN];
	uint8_t number[8];

	while (count < leaves)
		count *= 2;
	node = calloc(count, SHA_LEN);
	for (size_t i = 0; i < count; i++) {
		if (i < leaves && used[i])
			leaf_of(i, node[i]);
		else
			assert_ok(sha_of(sha, zeros, sizeof(zeros), node[i]));
	}
	for (; count > 1; count /= 2)
		for (size_t i = 0; i < count / 2; i++) {
			uint8_t joined[1 + 2 * SHA_LEN] = {1};

			memcpy(joined + 1, node[2 * i], SHA_LEN);
			memcpy(joined + 1 + SHA_LEN, node[2 * i + 1], SHA_LEN);
			assert_ok(sha_of(sha, joined, sizeof(joined), node[i]));
		}
	put_be64(number, len);
	sha_begin(sha);
	sha_add(sha, prefix, strlen(prefix));
	sha_add(sha, number, sizeof(number));
	sha_add(sha, node[0], SHA_LEN);
	assert_ok(sha_end(sha, hash));
	free(node);
}

static void in_one_pass(const bool *used, uint64_t len, uint8_t *hash)
{
	uint64_t leaves = div_up(len, MERKLE_LEAF_LEN);
	struct merkle m;
	uint8_t leaf[SHA_LEN];

	assert_ok(merkle_begin(&m, sha));
	for (uint64_t i = 0; i < leaves; i++) {
		if (!used[i])
			continue;
		leaf_of(i, leaf);
		assert_ok(merkle_add(&m, i, leaf));
	}
	assert_ok(merkle_end(&m, len, hash));
}

static void one_pass_gives_what_the_definition_says(void **state)
{
	struct rng rng = rng_start("one_pass_gives_what_the_definition_says");
	uint8_t a[SHA_LEN], b[SHA_LEN];

	(void)state;
	for (uint64_t leaves = 0; leaves < MAX_LEAVES; leaves++)
		for (int round = 0; round < 3; round++) {
			uint64_t len =
				leaves * MERKLE_LEAF_LEN - (leaves ? rng_below(&rng, 65536) : 0);
			bool used[MAX_LEAVES];

			for (int i = 0; i < MAX_LEAVES; i++)
				used[i] = round == 0 ? false : rng_one_in(&rng, (uint64_t)round);
			by_definition(used, len, a);
			in_one_pass(used, len, b);
			assert_memory_equal(a, b, SHA_LEN);
		}
}

static void the_hash_of_nothing_is_known(void **state)
{
	struct merkle m;
	uint8_t hash[SHA_LEN];
	char text[SHA_TEXT_LEN];

	(void)state;
	assert_ok(merkle_begin(&m, sha));
	/* sha256sum of 65,536 zero bytes */
	assert_string_equal(sha_text(merkle_zero_leaf(&m), text),
			    "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31");
	/* ... and of the prefix, eight zero bytes, and that hash */
	assert_ok(merkle_end(&m, 0, hash));
	assert_string_equal(sha_text(hash, text),
			    "1013b1c79b9dbc67014a6411c706cdeab7b8343b188b925262f7b0f6a7cb6344");
}

static void length_and_place_both_count(void **state)
{
	bool first[4] = {true}, second[4] = {false, true};
	uint8_t a[SHA_LEN], b[SHA_LEN];

	(void)state;
	in_one_pass(first, 4 * MERKLE_LEAF_LEN, a);
	in_one_pass(second, 4 * MERKLE_LEAF_LEN, b);
	assert_memory_not_equal(a, b, SHA_LEN);
	in_one_pass(first, 4 * MERKLE_LEAF_LEN - 1, b);
	assert_memory_not_equal(a, b, SHA_LEN);
}

static void the_largest_image_costs_nothing_while_empty(void **state)
{
	struct merkle m;
	uint8_t leaf[SHA_LEN] = {1}, hash[SHA_LEN];

	(void)state;
	assert_ok(merkle_begin(&m, sha));
	assert_ok(merkle_add(&m, (UINT64_C(1) << 46) + 5, leaf));
	assert_ok(merkle_end(&m, INT64_MAX, hash));
	assert_ok(merkle_begin(&m, sha));
	assert_errno(EFBIG, merkle_add(&m, UINT64_C(1) << 48, leaf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pass_gives_what_the_definition_says),
		cmocka_unit_test(the_hash_of_nothing_is_known),
		cmocka_unit_test(length_and_place_both_count),
		cmocka_unit_test(the_largest_image_costs_nothing_while_empty),
	};
	int failed;

	if (sha_new(&sha) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sha_free(sha);
	return failed;
}
