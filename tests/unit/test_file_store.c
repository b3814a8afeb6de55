// SPDX-License-Identifier: MIT
#include "memmgr/store.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { MIB = 1 << 20 };

struct fixture {
	char *dir, *path;
};

static int setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));
	auto_close int fd = -1;

	assert_non_null(fx);
	fx->dir = test_dir_make();
	fx->path = test_path(fx->dir, "image");
	fd = open(fx->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	test_dir_remove(fx->dir);
	free(fx->path);
	free(fx);
	return 0;
}

static struct store *open_store(void **state, bool writable)
{
	struct fixture *fx = *state;
	struct store *s = NULL;
	struct err err;

	assert_ok_err(file_store_open(fx->path, writable, &s, &err), &err);
	return s;
}

static uint64_t host_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : UINT64_MAX;
}

/* True when [off, off + len) reads as `byte`. -1 in `byte` is impossible: reading failed. */
static bool range_is(struct store *s, uint64_t off, size_t len, uint8_t byte)
{
	auto_free uint8_t *buf = malloc(len);

	if (!buf || store_read(s, buf, len, off, NULL) < 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (buf[i] != byte)
			return false;
	return true;
}

static int fill(struct store *s, uint64_t off, size_t len, uint8_t byte, unsigned flags)
{
	auto_free uint8_t *buf = malloc(len);

	if (!buf)
		return -ENOMEM;
	memset(buf, byte, len);
	return store_write(s, buf, len, off, flags, NULL);
}

static void what_is_written_is_there_when_it_is_opened_again(void **state)
{
	struct store *s = open_store(state, true);

	assert_int_equal(s->len, 0);
	assert_ok(store_resize(s, 100000, NULL));
	assert_ok(fill(s, 65530, 12, 1, 0));
	assert_ok(fill(s, 99999, 1, 2, STORE_DURABLE));
	assert_ok(store_sync(s, NULL));
	store_close(s);
	s = open_store(state, false);
	assert_int_equal(s->len, 100000);
	assert_true(range_is(s, 0, 65530, 0));
	assert_true(range_is(s, 65530, 12, 1));
	assert_true(range_is(s, 99999, 1, 2));
	store_close(s);
}

static void what_was_cut_off_comes_back_as_zeros(void **state)
{
	auto_store struct store *s = open_store(state, true);

	assert_ok(store_resize(s, 9000, NULL));
	assert_ok(fill(s, 0, 9000, 1, 0));
	assert_ok(store_resize(s, 5000, NULL));
	assert_int_equal(s->len, 5000);
	assert_ok(store_resize(s, 9000, NULL));
	assert_true(range_is(s, 0, 5000, 1));
	assert_true(range_is(s, 5000, 4000, 0));
}

static void zeroing_gives_space_back_and_touches_nothing_beside(void **state)
{
	struct fixture *fx = *state;
	auto_store struct store *s = open_store(state, true);

	assert_ok(store_resize(s, 4 * MIB, NULL));
	assert_ok(fill(s, MIB, 2 * MIB, 1, 0));
	assert_ok(store_sync(s, NULL));
	assert_true(host_bytes(fx->path) >= 2 * MIB);
	assert_ok(store_zero(s, MIB + 5, 2 * MIB - 10, NULL));
	assert_ok(store_sync(s, NULL));
	assert_true(host_bytes(fx->path) <= MIB / 2);
	assert_true(range_is(s, MIB, 5, 1));
	assert_true(range_is(s, MIB + 5, 2 * MIB - 10, 0));
	assert_true(range_is(s, 3 * MIB - 5, 5, 1));
	assert_int_equal(s->len, 4 * MIB);
}

static void data_is_told_from_holes(void **state)
{
	auto_store struct store *s = open_store(state, true);
	uint64_t start, end;

	assert_ok(store_resize(s, 4 * MIB, NULL));
	assert_ok(fill(s, MIB, 65536, 1, 0));
	assert_ok(store_next_data(s, 10, &start, &end, NULL));
	assert_int_equal(start, MIB);
	assert_int_equal(end, MIB + 65536);
	assert_ok(store_next_data(s, MIB + 7, &start, &end, NULL));
	assert_int_equal(start, MIB + 7);
	assert_ok(store_next_data(s, end, &start, &end, NULL));
	assert_int_equal(start, 4 * MIB);
	assert_int_equal(end, 4 * MIB);
}

enum { BLOCK_LEN = 4096, BLOCKS = 96 };

/* Which blocks the store says may be data; it is asked about `first` first. */
static void ask_blocks(struct store *s, unsigned first, bool *data)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		unsigned b = (first + i) % BLOCKS;
		uint64_t off = (uint64_t)b * BLOCK_LEN, start, end;

		assert_ok(store_next_data(s, off, &start, &end, NULL));
		assert_true(start >= off && end >= start && end <= s->len);
		data[b] = start < off + BLOCK_LEN;
	}
}

/* The same, as the host says. */
static void ask_host(struct store *s, bool *data)
{
	int fd = store_host_at(s, 0).fd;
	off_t start, end = 0;

	memset(data, 0, BLOCKS * sizeof(*data));
	while ((start = lseek(fd, end, SEEK_DATA)) >= 0) {
		end = lseek(fd, start, SEEK_HOLE);
		for (off_t b = start / BLOCK_LEN; b < (end + BLOCK_LEN - 1) / BLOCK_LEN; b++)
			data[b] = true;
	}
	assert_int_equal(errno, ENXIO);
}

/* Returns the first block that may have changed. */
static unsigned change_at_random(struct rng *rng, struct store *s, uint8_t *model)
{
	uint8_t bytes[3 * BLOCK_LEN];
	uint64_t off = rng_below(rng, s->len), start, end;
	size_t len = 1 + (size_t)rng_below(rng, sizeof(bytes));

	len = MIN(len, (size_t)(s->len - off));
	switch (rng_below(rng, 4)) {
	case 0:
		rng_fill(rng, bytes, len);
		assert_ok(store_write(s, bytes, len, off, 0, NULL));
		memcpy(model + off, bytes, len);
		break;
	case 1:
		assert_ok(store_zero(s, off, len, NULL));
		memset(model + off, 0, len);
		break;
	case 2:
		assert_ok(store_next_data(s, off, &start, &end, NULL));
		break;
	default:
		if (!rng_one_in(rng, 4))
			break;
		memset(model + off, 0, BLOCKS * BLOCK_LEN - off);
		assert_ok(store_resize(s, off + 1, NULL));
		assert_ok(store_resize(s, BLOCKS * BLOCK_LEN, NULL));
		assert_ok(store_zero(s, off, 1, NULL));
	}
	return (unsigned)(off / BLOCK_LEN);
}

static void data_and_holes_are_those_of_now(void **state)
{
	struct rng rng = rng_start("data_and_holes_are_those_of_now");
	auto_free uint8_t *model = calloc(BLOCKS, BLOCK_LEN);
	auto_store struct store *s = open_store(state, true);

	assert_non_null(model);
	assert_ok(store_resize(s, BLOCKS * BLOCK_LEN, NULL));
	for (unsigned i = 0; i < test_rounds(400); i++) {
		bool asked[BLOCKS], fresh[BLOCKS];

		ask_blocks(s, change_at_random(&rng, s, model), asked);
		ask_host(s, fresh);
		assert_memory_equal(asked, fresh, sizeof(asked));
		for (unsigned b = 0; b < BLOCKS; b++)
			assert_true(asked[b] || is_zero(model + b * BLOCK_LEN, BLOCK_LEN));
	}
}

static void its_bytes_lie_in_the_host_file_at_the_same_place(void **state)
{
	auto_store struct store *s = open_store(state, true);
	struct store_host host;
	char byte = 0;

	assert_ok(store_resize(s, 100, NULL));
	assert_ok(fill(s, 60, 1, 'x', 0));
	host = store_host_at(s, 60);
	assert_int_equal(host.len, 40);
	assert_ok(pread_all(host.fd, &byte, 1, host.off));
	assert_int_equal(byte, 'x');
}

static void what_cannot_be_an_image_is_refused(void **state)
{
	struct fixture *fx = *state;
	auto_free char *fifo = test_path(fx->dir, "fifo");
	auto_free char *missing = test_path(fx->dir, "missing");
	struct store *s;
	struct err err;

	assert_errno(ENOENT, file_store_open(missing, false, &s, &err));
	assert_says(err.text, "No such file");
	assert_errno(EINVAL, file_store_open(fx->dir, false, &s, &err));
	assert_says(err.text, "neither a plain file nor a block device");
	assert_errno(EISDIR, file_store_open(fx->dir, true, &s, NULL));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_errno(EINVAL, file_store_open(fifo, false, &s, NULL));
	assert_errno(EINVAL, file_store_open("/dev/null", false, &s, NULL));
}

static void a_descriptor_it_cannot_use_is_closed(void **state)
{
	struct fixture *fx = *state;
	int fd = open(fx->path, O_RDONLY | O_CLOEXEC);
	struct store *s;

	assert_errno(EBADF, file_store_from_fd(fd, true, &s, NULL));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* ---- locks ---- */

static int try_open(const char *path, bool writable)
{
	struct store *s = NULL;
	struct err err;
	int rc = file_store_open(path, writable, &s, &err);

	store_close(s);
	if (rc == -EWOULDBLOCK && !strstr(err.text, "in use (mounted or open elsewhere)"))
		return -EPROTO;
	return rc;
}

static int find_all_locked(const char *path)
{
	CHILD_CHECK(try_open(path, true) == -EWOULDBLOCK);
	CHILD_CHECK(try_open(path, false) == -EWOULDBLOCK);
	return 0;
}

static int find_writing_locked(const char *path)
{
	CHILD_CHECK(try_open(path, true) == -EWOULDBLOCK);
	CHILD_CHECK(try_open(path, false) == 0);
	return 0;
}

static void a_writer_excludes_every_other_process(void **state)
{
	auto_store struct store *s = open_store(state, true);

	assert_child_ok(child_run(find_all_locked, ((struct fixture *)*state)->path));
}

static void readers_share_and_exclude_a_writer(void **state)
{
	auto_store struct store *s = open_store(state, false);

	assert_child_ok(child_run(find_writing_locked, ((struct fixture *)*state)->path));
}

static void a_second_opening_in_the_same_process_is_refused_too(void **state)
{
	auto_store struct store *s = open_store(state, true);

	assert_errno(EWOULDBLOCK, try_open(((struct fixture *)*state)->path, false));
}

/* As a daemon does it: the parent opens and goes away, the child keeps the image. */
static void the_lock_survives_a_fork_and_ends_with_its_last_holder(void **state)
{
	const char *path = ((struct fixture *)*state)->path;
	struct store *s = open_store(state, true);
	int pipe_fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char byte;

		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &byte, 1) != 0);
	}
	close(pipe_fds[0]);
	store_close(s);
	assert_errno(EWOULDBLOCK, try_open(path, false));
	close(pipe_fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_ok(try_open(path, true));
}

/* ---- hosts that are full, or cannot do what others can ---- */

static int meet_the_file_size_limit(const char *path)
{
	struct rlimit limit = {.rlim_cur = MIB, .rlim_max = MIB};
	auto_store struct store *s = NULL;

	signal(SIGXFSZ, SIG_IGN);
	CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB + 1, NULL) == -EFBIG);
	CHILD_CHECK(s->len == MIB);
	return 0;
}

static void a_refused_growth_changes_nothing(void **state)
{
	assert_child_ok(child_run(meet_the_file_size_limit, ((struct fixture *)*state)->path));
}

/* A file on a disk of 1 MiB that is mounted nowhere and goes away with it; -1: we may not. */
static int open_on_a_small_disk(void)
{
	auto_close int disk = fsopen("tmpfs", FSOPEN_CLOEXEC);
	auto_close int root = -1;

	if (disk < 0 || fsconfig(disk, FSCONFIG_SET_STRING, "size", "1m", 0) < 0 ||
	    fsconfig(disk, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	root = fsmount(disk, FSMOUNT_CLOEXEC, 0);
	return root < 0 ? -1 : openat(root, "small", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static void a_full_disk_is_said_to_be_full(void **state)
{
	auto_store struct store *s = NULL;
	int fd = open_on_a_small_disk();

	if (fd < 0)
		skip();
	assert_ok(file_store_from_fd(fd, true, &s, NULL));
	assert_ok(store_resize(s, 4 * MIB, NULL));
	assert_ok(fill(s, 0, MIB / 2, 1, 0));
	assert_errno(ENOSPC, fill(s, 2 * MIB, MIB, 2, 0));
	assert_true(range_is(s, 0, MIB / 2, 1));
	/* Punching needs no space, and makes some. */
	assert_ok(store_zero(s, 2 * MIB, MIB, NULL));
	assert_ok(store_zero(s, 0, MIB / 2, NULL));
	assert_ok(fill(s, 3 * MIB, MIB / 2, 3, 0));
}

/* From one half of a file to the other. */
static int copy_here_and_there(const char *path)
{
	auto_store struct store *s = NULL;

	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	CHILD_CHECK(fill(s, 70000, 100000, 1, 0) == 0);
	CHILD_CHECK(fill(s, 600000, 200000, 2, 0) == 0);
	CHILD_CHECK(store_copy(s, 600001, s, 65536, 131072, NULL) == 0);
	CHILD_CHECK(range_is(s, 600000, 1, 2));
	CHILD_CHECK(range_is(s, 600001, 70000 - 65536, 0));
	CHILD_CHECK(range_is(s, 600001 + 70000 - 65536, 100000, 1));
	CHILD_CHECK(range_is(s, 600001 + 170000 - 65536, 131072 - 104464, 0));
	CHILD_CHECK(range_is(s, 600001 + 131072, 1000, 2));
	CHILD_CHECK(store_copy(s, 0, s, MIB - 10, 11, NULL) == -EIO);
	CHILD_CHECK(store_copy(s, MIB - 10, s, 0, 11, NULL) == -EINVAL);
	return 0;
}

static int copy_without_help(const char *path)
{
	CHILD_CHECK(deny_syscall_value(SYS_copy_file_range, 5, 0, EXDEV));
	return copy_here_and_there(path);
}

static int copy_onto_a_full_disk(const char *path)
{
	auto_store struct store *s = NULL;

	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	CHILD_CHECK(deny_syscall_value(SYS_copy_file_range, 5, 0, ENOSPC));
	CHILD_CHECK(store_copy(s, 600000, s, 0, 1000, NULL) == -ENOSPC);
	return 0;
}

static void a_copy_is_what_was_there_whoever_makes_it(void **state)
{
	const char *path = ((struct fixture *)*state)->path;

	assert_child_ok(child_run(copy_here_and_there, path));
	assert_child_ok(child_run(copy_without_help, path));
	assert_child_ok(child_run(copy_onto_a_full_disk, path));
}

static int write_durably_without_help(const char *path)
{
	auto_store struct store *s = NULL;

	CHILD_CHECK(deny_syscall(SYS_pwritev2, 5, RWF_DSYNC, EOPNOTSUPP));
	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	for (uint8_t byte = 1; byte < 3; byte++) {
		CHILD_CHECK(fill(s, 10, 100, byte, STORE_DURABLE) == 0);
		CHILD_CHECK(range_is(s, 10, 100, byte));
	}
	return 0;
}

static void a_durable_write_needs_no_help_of_the_kernel(void **state)
{
	assert_child_ok(child_run(write_durably_without_help, ((struct fixture *)*state)->path));
}

static int sync_where_the_disk_fails(const char *path)
{
	auto_store struct store *s = NULL;
	uint32_t fd;

	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	CHILD_CHECK(fill(s, 10, 100, 1, 0) == 0);
	fd = (uint32_t)store_host_at(s, 0).fd;
	CHILD_CHECK(deny_syscall_value(SYS_fdatasync, 0, fd, EIO));
	/* All of it, after a change of length or of holes; the data alone, after a write. */
	for (int i = 0; i < 2; i++) {
		CHILD_CHECK(store_sync_data(s, NULL) == 0);
		CHILD_CHECK(store_sync_data(s, NULL) == 0);
		CHILD_CHECK(fill(s, 10, 100, 1, 0) == 0);
		CHILD_CHECK(store_sync_data(s, NULL) == -EIO);
		CHILD_CHECK(store_sync_data(s, NULL) == -EIO);
		/* What a failed sync may have lost is written again. */
		CHILD_CHECK(fill(s, 10, 100, 1, 0) == 0);
		CHILD_CHECK((i ? store_zero(s, 0, 20, NULL) : store_resize(s, 9000, NULL)) == 0);
	}
	CHILD_CHECK(store_sync_data(s, NULL) == 0);
	return 0;
}

static void what_was_synced_is_not_synced_again(void **state)
{
	assert_child_ok(child_run(sync_where_the_disk_fails, ((struct fixture *)*state)->path));
}

static int sync_data_then_all(const char *path)
{
	auto_store struct store *s = NULL;

	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	for (int i = 0; i < 2; i++) {
		CHILD_CHECK(fill(s, 10, 100, 1, 0) == 0);
		CHILD_CHECK(store_sync_data(s, NULL) == 0);
	}
	CHILD_CHECK(deny_syscall_value(SYS_fsync, 0, (uint32_t)store_host_at(s, 0).fd, EIO));
	CHILD_CHECK(store_sync_data(s, NULL) == 0);
	CHILD_CHECK(store_sync(s, NULL) == -EIO);
	return 0;
}

static void the_time_of_a_change_is_owed_to_a_whole_sync(void **state)
{
	assert_child_ok(child_run(sync_data_then_all, ((struct fixture *)*state)->path));
}

/* An overlay knows by it that its base has changed. */
static int sync_first_write(const char *path)
{
	auto_store struct store *s = NULL;

	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	CHILD_CHECK(store_sync(s, NULL) == 0);
	CHILD_CHECK(deny_syscall_value(SYS_fsync, 0, (uint32_t)store_host_at(s, 0).fd, EIO));
	CHILD_CHECK(fill(s, 10, 100, 1, 0) == 0);
	CHILD_CHECK(store_sync_data(s, NULL) == -EIO);
	return 0;
}

static void the_time_of_the_first_write_comes_with_its_data(void **state)
{
	assert_child_ok(child_run(sync_first_write, ((struct fixture *)*state)->path));
}

static int sync_what_others_wrote(const char *path)
{
	auto_store struct store *s = NULL;

	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, MIB, NULL) == 0);
	CHILD_CHECK(store_sync(s, NULL) == 0);
	store_close(s);
	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(deny_syscall_value(SYS_fsync, 0, (uint32_t)store_host_at(s, 0).fd, EIO));
	CHILD_CHECK(store_sync(s, NULL) == -EIO);
	return 0;
}

static void the_first_sync_is_for_what_was_there_too(void **state)
{
	assert_child_ok(child_run(sync_what_others_wrote, ((struct fixture *)*state)->path));
}

static int zero_without_punching(const char *path)
{
	auto_store struct store *s = NULL;

	CHILD_CHECK(deny_syscall(SYS_fallocate, 1, FALLOC_FL_PUNCH_HOLE, EOPNOTSUPP));
	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, 8 * MIB, NULL) == 0);
	CHILD_CHECK(fill(s, MIB, 3 * MIB, 1, 0) == 0);
	for (int i = 0; i < 2; i++) {
		CHILD_CHECK(store_zero(s, MIB + 7, 6 * MIB, NULL) == 0);
		CHILD_CHECK(range_is(s, MIB, 7, 1));
		CHILD_CHECK(range_is(s, MIB + 7, 6 * MIB, 0));
	}
	/* What was a hole stayed one. */
	CHILD_CHECK(store_sync(s, NULL) == 0);
	CHILD_CHECK(host_bytes(path) < 4 * MIB);
	return 0;
}

static void where_nothing_can_be_punched_zeros_are_written(void **state)
{
	assert_child_ok(child_run(zero_without_punching, ((struct fixture *)*state)->path));
}

static int work_without_holes(const char *path)
{
	auto_store struct store *s = NULL;
	uint64_t start, end;

	CHILD_CHECK(deny_syscall_value(SYS_lseek, 2, SEEK_DATA, EINVAL));
	CHILD_CHECK(deny_syscall(SYS_fallocate, 1, FALLOC_FL_PUNCH_HOLE, EOPNOTSUPP));
	CHILD_CHECK(file_store_open(path, true, &s, NULL) == 0);
	CHILD_CHECK(store_resize(s, 4 * MIB, NULL) == 0);
	CHILD_CHECK(store_next_data(s, 10, &start, &end, NULL) == 0);
	CHILD_CHECK(start == 10 && end == 4 * MIB);
	CHILD_CHECK(fill(s, 0, 100, 1, 0) == 0);
	CHILD_CHECK(store_zero(s, 1, 4 * MIB - 1, NULL) == 0);
	CHILD_CHECK(range_is(s, 0, 1, 1) && range_is(s, 1, 4 * MIB - 1, 0));
	/* What is zero already takes up no space by being zeroed. */
	CHILD_CHECK(store_sync(s, NULL) == 0);
	CHILD_CHECK(host_bytes(path) < 2 * MIB);
	return 0;
}

static void where_the_host_knows_no_holes_all_is_data(void **state)
{
	assert_child_ok(child_run(work_without_holes, ((struct fixture *)*state)->path));
}

/* ---- a block device ---- */

/* A loop device on the file, which goes away by itself with its last user; -1: none to be had. */
static int loop_open(const char *path, char *device, size_t device_len)
{
	struct loop_config config = {.info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
	auto_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	auto_close int file = open(path, O_RDWR | O_CLOEXEC);
	int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	int fd;

	if (number < 0 || file < 0)
		return -1;
	snprintf(device, device_len, "/dev/loop%d", number);
	fd = open(device, O_RDWR | O_CLOEXEC);
	config.fd = (uint32_t)file;
	if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void a_block_device_keeps_its_size_and_loses_what_is_cut_off(void **state)
{
	struct fixture *fx = *state;
	auto_close int keep_open = -1;
	auto_store struct store *s = NULL;
	char device[64];
	struct err err;

	assert_int_equal(truncate(fx->path, 4 * MIB), 0);
	keep_open = loop_open(fx->path, device, sizeof(device));
	if (keep_open < 0)
		skip();
	assert_ok_err(file_store_open(device, true, &s, &err), &err);
	assert_string_equal(s->ops->name, "block device");
	assert_int_equal(s->len, 4 * MIB);
	assert_errno(ENOSPC, store_resize(s, 4 * MIB + 1, &err));
	assert_says(err.text, "holds 4194304 bytes");
	assert_ok(fill(s, 0, 4 * MIB, 1, 0));
	assert_ok(fill(s, 5, 10, 2, STORE_DURABLE));
	assert_ok(store_resize(s, MIB + 100, NULL));
	assert_int_equal(s->len, MIB + 100);
	assert_errno(EIO, store_read(s, device, 1, MIB + 100, NULL));
	assert_ok(store_resize(s, 4 * MIB, NULL));
	assert_true(range_is(s, 15, MIB + 85, 1));
	assert_true(range_is(s, MIB + 100, 3 * MIB - 100, 0));
	assert_ok(store_zero(s, 1000, 50, NULL));
	assert_true(range_is(s, 999, 1, 1) && range_is(s, 1000, 50, 0) && range_is(s, 1050, 1, 1));
	assert_ok(store_sync(s, NULL));
	assert_errno(EWOULDBLOCK, try_open(device, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(what_is_written_is_there_when_it_is_opened_again),
		CASE(what_was_cut_off_comes_back_as_zeros),
		CASE(zeroing_gives_space_back_and_touches_nothing_beside),
		CASE(data_is_told_from_holes),
		CASE(data_and_holes_are_those_of_now),
		CASE(its_bytes_lie_in_the_host_file_at_the_same_place),
		CASE(what_cannot_be_an_image_is_refused),
		CASE(a_descriptor_it_cannot_use_is_closed),
		CASE(a_writer_excludes_every_other_process),
		CASE(readers_share_and_exclude_a_writer),
		CASE(a_second_opening_in_the_same_process_is_refused_too),
		CASE(the_lock_survives_a_fork_and_ends_with_its_last_holder),
		CASE(a_refused_growth_changes_nothing),
		CASE(a_full_disk_is_said_to_be_full),
		CASE(a_copy_is_what_was_there_whoever_makes_it),
		CASE(a_durable_write_needs_no_help_of_the_kernel),
		CASE(what_was_synced_is_not_synced_again),
		CASE(the_time_of_a_change_is_owed_to_a_whole_sync),
		CASE(the_time_of_the_first_write_comes_with_its_data),
		CASE(the_first_sync_is_for_what_was_there_too),
		CASE(where_nothing_can_be_punched_zeros_are_written),
		CASE(where_the_host_knows_no_holes_all_is_data),
		CASE(a_block_device_keeps_its_size_and_loses_what_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
