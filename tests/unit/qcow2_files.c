// SPDX-License-Identifier: MIT
#include "tests/unit/qcow2_files.h"

#include "snapshot/qcow2/qcow2_count.h"

struct store *qcow2_new_file(uint64_t len, bool has_backing)
{
	struct snap_new what = {
		.len = len,
		.backing = has_backing ? "below" : NULL,
		.backing_format = has_backing ? "raw" : NULL,
	};
	char *dir = test_dir_make();
	char *path = test_path(dir, "new.qcow2");
	struct store *file, *mem;
	uint8_t *bytes;

	assert_ok(snap_create(path, false, &what, NULL));
	assert_ok(file_store_open(path, false, &file, NULL));
	bytes = malloc(file->len);
	assert_ok(store_read(file, bytes, file->len, 0, NULL));
	mem = mem_store_new(bytes, file->len);
	free(bytes);
	store_close(file);
	free(path);
	test_dir_remove(dir);
	return mem;
}

void qcow2_set_other_boot(struct store *file)
{
	uint8_t *head = mem_store_bytes(file);
	struct qcow2_header h;

	assert_ok(qcow2_header_decode(head, 65536, file->len, &h, NULL));
	assert_int_not_equal(h.state.len, 0);
	memset(head + h.state.off + 24, 0x5a, STATE_BOOT_LEN);
}

static void assert_counts(struct store *s, bool exact)
{
	struct qcow2 *q = qcow2_of(s);
	auto_counts struct qcow2_counts c = {.count = NULL};
	uint64_t cluster_len = qcow2_cluster_len(&q->h);
	uint64_t per_block = cluster_len / 2;
	uint8_t *block = malloc(cluster_len);
	uint64_t last = UINT64_MAX;
	struct err err = {""};

	assert_int_equal(q->h.refcount_order, 4);
	assert_ok_err(qcow2_count(q, &c, &err), &err);
	for (uint64_t i = 0; i < c.clusters; i++) {
		uint8_t entry[8];
		uint64_t stored;

		if (i / per_block != last) {
			last = i / per_block;
			assert_ok(
				store_read(q->file, entry, 8, q->h.refcount_off + last * 8, NULL));
			memset(block, 0, cluster_len);
			if (get_be64(entry))
				assert_ok(store_read(q->file, block, cluster_len, get_be64(entry),
						     NULL));
		}
		stored = get_be16(block + i % per_block * 2);
		if (exact)
			assert_int_equal(stored, c.count[i]);
		else
			assert_true(stored >= c.count[i]);
	}
	free(block);
}

void assert_counts_exact(struct store *s)
{
	assert_counts(s, true);
}

void assert_counts_cover(struct store *s)
{
	assert_counts(s, false);
}

struct store *open_path(const char *path)
{
	struct err err = {""};
	struct store *s = NULL;

	assert_ok_err(snap_open(path, 0, &s, &err), &err);
	return s;
}

int give_up(void *ctx, uint64_t done_len, uint64_t total_len)
{
	assert_true(done_len <= total_len);
	return (*(unsigned *)ctx)-- == 0;
}
