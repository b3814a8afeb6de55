// SPDX-License-Identifier: MIT
/*
 * The file system that a view of an image is, read back by another's reader: fsck.erofs unpacks it
 * with the device beside it.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>

#include "fusefs/view/erofs.h"

enum { DEVICE_LEN = 4 << 20 };

static int setup(void **state)
{
	*state = test_dir_make();
	return 0;
}

static int teardown(void **state)
{
	test_dir_remove(*state);
	return 0;
}

static int make(const char *dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

/* Blocks of the device anywhere and in any order, no file's length but a multiple of a page. */
static void choose(struct rng *rng, struct erofs_file *file, unsigned number)
{
	uint64_t chunk_len, chunks;

	*file = (struct erofs_file){.number = number, .chunk_bits = (unsigned)rng_below(rng, 6)};
	chunk_len = (uint64_t)EROFS_BLOCK_LEN << file->chunk_bits;
	file->len = (1 + rng_below(rng, 12)) * 65536;
	chunks = div_up(file->len, chunk_len);
	file->block = calloc(chunks, sizeof(*file->block));
	for (uint64_t i = 0; i < chunks; i++)
		file->block[i] =
			(uint32_t)rng_below(rng, (DEVICE_LEN - chunk_len) / EROFS_BLOCK_LEN + 1);
}

static void assert_unpacked(const char *dir, const struct erofs_file *file, const uint8_t *device)
{
	const uint64_t chunk_len = (uint64_t)EROFS_BLOCK_LEN << file->chunk_bits;
	auto_free uint8_t *got = malloc(file->len);
	auto_close int fd = -1;
	char path[512];

	snprintf(path, sizeof(path), "%s/out/%u", dir, file->number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)file->len);
	assert_ok(pread_all(fd, got, file->len, 0));
	for (uint64_t off = 0; off < file->len; off += chunk_len)
		assert_memory_equal(got + off,
				    device + (uint64_t)file->block[off / chunk_len] *
						     EROFS_BLOCK_LEN,
				    MIN(chunk_len, file->len - off));
}

static bool can_fsck(void)
{
	return system("command -v fsck.erofs >/dev/null && fsck.erofs --help 2>&1 | "
		      "grep -q -- --device") == 0;
}

static void every_file_is_found_with_the_bytes_of_its_chunks(void **state)
{
	struct rng rng = rng_start("erofs");
	auto_free uint8_t *device = malloc(DEVICE_LEN);
	auto_close int device_fd = make(*state, "device");
	auto_close int fd = make(*state, "view");
	struct erofs_file file[EROFS_FILES_MAX];
	char command[2048];
	const char *dir = *state;

	if (!can_fsck())
		skip();
	rng_fill(&rng, device, DEVICE_LEN);
	assert_ok(pwrite_all(device_fd, device, DEVICE_LEN, 0));
	for (unsigned i = 0; i < EROFS_FILES_MAX; i++)
		choose(&rng, &file[i], i);
	assert_ok(erofs_write(fd, file, EROFS_FILES_MAX, DEVICE_LEN, NULL));
	snprintf(
		command, sizeof(command),
		"fsck.erofs --device=%s/device --extract=%s/out --no-preserve %s/view >%s/said 2>&1",
		dir, dir, dir, dir);
	assert_int_equal(system(command), 0);
	for (unsigned i = 0; i < EROFS_FILES_MAX; i++) {
		assert_unpacked(dir, &file[i], device);
		free(file[i].block);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_file_is_found_with_the_bytes_of_its_chunks,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
