// SPDX-License-Identifier: MIT
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

/* Names in a directory, hidden ones too; -1 when it cannot be read. */
static int count_names(const char *dir)
{
	DIR *d = opendir(dir);
	int count = -2; /* "." and ".." */

	if (!d)
		return -1;
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static void put_file(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_ok(pwrite_all(fd, text, strlen(text), 0));
}

static bool file_holds(const char *path, const char *text)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[100];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static void it_appears_when_it_is_complete(void **state)
{
	auto_free char *path = test_path(*state, "new");
	auto_new_file struct new_file nf = NEW_FILE_NONE;

	assert_ok(new_file_open(&nf, path, false, NULL));
	assert_ok(pwrite_all(nf.fd, "content", 7, 0));
	assert_int_equal(access(path, F_OK), -1);
	assert_ok(new_file_commit(&nf, NULL));
	assert_int_equal(nf.fd, -1);
	assert_true(file_holds(path, "content"));
	assert_int_equal(count_names(*state), 1);
}

static void dropped_it_leaves_nothing(void **state)
{
	auto_free char *path = test_path(*state, "new");

	for (int force = 0; force < 2; force++) {
		auto_new_file struct new_file nf = NEW_FILE_NONE;

		assert_ok(new_file_open(&nf, path, force, NULL));
		assert_ok(pwrite_all(nf.fd, "content", 7, 0));
	}
	assert_int_equal(count_names(*state), 0);
}

static void an_existing_file_needs_force(void **state)
{
	auto_free char *path = test_path(*state, "old");
	struct new_file nf;
	struct err err;

	put_file(path, "old");
	assert_errno(EEXIST, new_file_open(&nf, path, false, &err));
	assert_says(err.text, "exists already");
	assert_true(file_holds(path, "old"));
	assert_int_equal(nf.fd, -1);
}

static void a_file_that_came_in_between_is_kept(void **state)
{
	auto_free char *path = test_path(*state, "late");
	auto_new_file struct new_file nf = NEW_FILE_NONE;

	assert_ok(new_file_open(&nf, path, false, NULL));
	put_file(path, "theirs");
	assert_errno(EEXIST, new_file_commit(&nf, NULL));
	new_file_drop(&nf);
	assert_true(file_holds(path, "theirs"));
	assert_int_equal(count_names(*state), 1);
}

static void force_replaces_and_keeps_the_mode(void **state)
{
	auto_free char *path = test_path(*state, "old");
	auto_new_file struct new_file nf = NEW_FILE_NONE;
	struct stat st;

	put_file(path, "old");
	assert_int_equal(chmod(path, 0640), 0);
	assert_ok(new_file_open(&nf, path, true, NULL));
	assert_ok(pwrite_all(nf.fd, "new", 3, 0));
	assert_true(file_holds(path, "old"));
	assert_ok(new_file_commit(&nf, NULL));
	assert_true(file_holds(path, "new"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(count_names(*state), 1);
}

static void through_a_symbolic_link_the_target_is_replaced(void **state)
{
	auto_free char *path = test_path(*state, "target");
	auto_free char *name = test_path(*state, "link");
	auto_new_file struct new_file nf = NEW_FILE_NONE;
	struct stat st;

	put_file(path, "old");
	assert_int_equal(symlink("target", name), 0);
	assert_ok(new_file_open(&nf, name, true, NULL));
	assert_ok(pwrite_all(nf.fd, "new", 3, 0));
	assert_ok(new_file_commit(&nf, NULL));
	assert_true(file_holds(path, "new"));
	assert_int_equal(lstat(name, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void only_regular_files_are_replaced(void **state)
{
	auto_free char *fifo = test_path(*state, "fifo");
	auto_free char *dangling = test_path(*state, "dangling");
	struct new_file nf;
	struct err err;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("nowhere", dangling), 0);
	assert_errno(EINVAL, new_file_open(&nf, fifo, true, &err));
	assert_says(err.text, "not a regular file");
	assert_errno(EINVAL, new_file_open(&nf, *state, true, NULL));
	assert_errno(EINVAL, new_file_open(&nf, "/dev/null", true, NULL));
	assert_errno(ENOENT, new_file_open(&nf, dangling, true, NULL));
	assert_int_equal(count_names(*state), 2);
}

static void where_there_is_no_directory_it_says_so(void **state)
{
	auto_free char *path = test_path(*state, "missing/new");
	struct new_file nf;
	struct err err;

	assert_errno(ENOENT, new_file_open(&nf, path, false, &err));
	assert_says(err.text, "No such file");
	assert_errno(ENOENT, new_file_open(&nf, "", true, NULL));
}

static int write_and_die(const char *dir)
{
	auto_free char *path = NULL;
	struct new_file nf;

	CHILD_CHECK(asprintf(&path, "%s/new", dir) > 0);
	CHILD_CHECK(new_file_open(&nf, path, true, NULL) == 0);
	CHILD_CHECK(pwrite_all(nf.fd, "half", 4, 0) == 0);
	raise(SIGKILL);
	return 0;
}

static void killed_it_leaves_nothing(void **state)
{
	int status = child_run(write_and_die, *state);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(count_names(*state), 0);
}

static void killed_it_leaves_the_old_file(void **state)
{
	auto_free char *path = test_path(*state, "new");

	put_file(path, "old");
	assert_true(WIFSIGNALED(child_run(write_and_die, *state)));
	assert_true(file_holds(path, "old"));
	assert_int_equal(count_names(*state), 1);
}

/* What a file system without nameless files does: all of it once more. */
static int work_under_a_hidden_name(const char *dir)
{
	auto_free char *path = NULL;
	struct new_file nf;

	CHILD_CHECK(asprintf(&path, "%s/new", dir) > 0);
	CHILD_CHECK(new_file_open(&nf, path, false, NULL) == 0);
	CHILD_CHECK(nf.tmp_path && count_names(dir) == 1 && access(path, F_OK) < 0);
	new_file_drop(&nf);
	CHILD_CHECK(count_names(dir) == 0);

	CHILD_CHECK(new_file_open(&nf, path, false, NULL) == 0);
	CHILD_CHECK(pwrite_all(nf.fd, "one", 3, 0) == 0);
	CHILD_CHECK(new_file_commit(&nf, NULL) == 0);
	CHILD_CHECK(file_holds(path, "one") && count_names(dir) == 1);

	CHILD_CHECK(new_file_open(&nf, path, true, NULL) == 0);
	CHILD_CHECK(pwrite_all(nf.fd, "two", 3, 0) == 0);
	CHILD_CHECK(new_file_commit(&nf, NULL) == 0);
	CHILD_CHECK(file_holds(path, "two") && count_names(dir) == 1);

	CHILD_CHECK(unlink(path) == 0);
	CHILD_CHECK(new_file_open(&nf, path, false, NULL) == 0);
	CHILD_CHECK(mkdir(path, 0700) == 0);
	CHILD_CHECK(new_file_commit(&nf, NULL) == -EEXIST);
	new_file_drop(&nf);
	CHILD_CHECK(count_names(dir) == 1);
	return 0;
}

static int without_nameless_files(const char *dir)
{
	CHILD_CHECK(deny_syscall(SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP));
	return work_under_a_hidden_name(dir);
}

static int without_rename_noreplace(const char *dir)
{
	CHILD_CHECK(deny_syscall(SYS_renameat2, 4, RENAME_NOREPLACE, EINVAL));
	return without_nameless_files(dir);
}

static void without_nameless_files_a_hidden_one_serves(void **state)
{
	assert_child_ok(child_run(without_nameless_files, *state));
}

static void without_a_rename_that_never_replaces_a_link_serves(void **state)
{
	assert_child_ok(child_run(without_rename_noreplace, *state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(it_appears_when_it_is_complete),
		CASE(dropped_it_leaves_nothing),
		CASE(an_existing_file_needs_force),
		CASE(a_file_that_came_in_between_is_kept),
		CASE(force_replaces_and_keeps_the_mode),
		CASE(through_a_symbolic_link_the_target_is_replaced),
		CASE(only_regular_files_are_replaced),
		CASE(where_there_is_no_directory_it_says_so),
		CASE(killed_it_leaves_nothing),
		CASE(killed_it_leaves_the_old_file),
		CASE(without_nameless_files_a_hidden_one_serves),
		CASE(without_a_rename_that_never_replaces_a_link_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
