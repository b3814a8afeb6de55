// SPDX-License-Identifier: MIT
/*
 * The sandbox: what a process can still do, tried in a child each. Whatever a hostile file might
 * make canisterfs try is refused by the kernel; reading and printing go on.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/test.h"
#include "tools/sandbox/sandbox.h"

static int dir_fd, file_fd;

/* Each returns 0 when it could be done. */
static int write_file(void)
{
	return openat(dir_fd, "file", O_WRONLY);
}
static int truncate_file(void)
{
	return openat(dir_fd, "file", O_RDONLY | O_TRUNC);
}
static int make_file(void)
{
	return openat(dir_fd, "new", O_RDONLY | O_CREAT, 0600);
}
static int make_nameless(void)
{
	return openat(dir_fd, ".", O_TMPFILE | O_RDWR, 0600);
}
static int make_dir(void)
{
	return mkdirat(dir_fd, "new", 0700);
}
static int make_link(void)
{
	return symlinkat("x", dir_fd, "new");
}
static int make_second_name(void)
{
	return linkat(dir_fd, "file", dir_fd, "new", 0);
}
static int make_fifo(void)
{
	return mknodat(dir_fd, "new", S_IFIFO | 0600, 0);
}
static int remove_file(void)
{
	return unlinkat(dir_fd, "file", 0);
}
static int rename_file(void)
{
	return renameat(dir_fd, "file", dir_fd, "new");
}
static int change_mode(void)
{
	return fchmodat(dir_fd, "file", 0777, 0);
}
static int change_mode_of_open(void)
{
	return fchmod(file_fd, 0777);
}
static int change_owner(void)
{
	return fchown(file_fd, getuid(), getgid());
}
static int change_time(void)
{
	return futimens(file_fd, NULL);
}
static int run_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}
static int reach_network(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
static int reach_service(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int end_parent(void)
{
	return kill(getppid(), 0);
}
static int trace_parent(void)
{
	return (int)ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}
static int read_file(void)
{
	char byte;
	int fd = openat(dir_fd, "file", O_RDONLY);

	return fd < 0 || read(fd, &byte, 1) != 1 ? -1 : 0;
}
static int read_beneath(void)
{
	return open_beneath("/proc/self", "status", O_RDONLY) < 0 ? -1 : 0;
}
static int list_dir(void)
{
	return openat(dir_fd, ".", O_RDONLY | O_DIRECTORY);
}
static int read_open_file(void)
{
	char byte;

	return pread(file_fd, &byte, 1, 0) == 1 ? 0 : -1;
}
static int print(void)
{
	int null[2];

	return pipe(null) == 0 && write(null[1], "x", 1) == 1 ? 0 : -1;
}
static int take_memory(void)
{
	return mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static const struct act {
	const char *name;
	int (*try)(void);
	bool begun, closed; /* can be done in a sandbox; when all inputs are open */
} acts[] = {
	{"write", write_file, false, false},
	{"truncate", truncate_file, false, false},
	{"make", make_file, false, false},
	{"make nameless", make_nameless, false, false},
	{"mkdir", make_dir, false, false},
	{"symlink", make_link, false, false},
	{"link", make_second_name, false, false},
	{"mknod", make_fifo, false, false},
	{"unlink", remove_file, false, false},
	{"rename", rename_file, false, false},
	{"chmod", change_mode, false, false},
	{"fchmod", change_mode_of_open, false, false},
	{"chown", change_owner, false, false},
	{"utimens", change_time, false, false},
	{"exec", run_program, false, false},
	{"socket", reach_network, false, false},
	{"unix socket", reach_service, false, false},
	{"kill", end_parent, false, false},
	{"ptrace", trace_parent, false, false},
	{"open", read_file, true, false},
	{"open beneath", read_beneath, true, false},
	{"list", list_dir, true, false},
	{"read", read_open_file, true, true},
	{"print", print, true, true},
	{"memory", take_memory, true, true},
};

enum level { FREE, BEGUN, CLOSED };

/* In a child, which says by its exit status whether the act could be done. */
static bool can(const struct act *act, enum level level)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (level >= BEGUN && sandbox_begin(NULL) != 0)
			_exit(2);
		if (level >= CLOSED && sandbox_inputs_open(NULL) != 0)
			_exit(2);
		_exit(act->try() < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) > 1)
		skip();
	return WEXITSTATUS(status) == 0;
}

/* What the acts work on, made anew. */
static void set_up(void)
{
	unlinkat(dir_fd, "new", 0);
	unlinkat(dir_fd, "new", AT_REMOVEDIR);
	file_fd = openat(dir_fd, "file", O_RDWR | O_CREAT, 0600);
	assert_true(file_fd >= 0);
	assert_ok(pwrite_all(file_fd, "x", 1, 0));
}

static void holds_off(enum level level)
{
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		const struct act *act = &acts[i];
		bool want = level == FREE ? true : level == BEGUN ? act->begun : act->closed;

		set_up();
		if (level == FREE && strcmp(act->name, "ptrace") == 0)
			continue; /* some systems forbid it to all */
		if (can(act, level) != want)
			fail_msg("%s: %s", act->name, want ? "is refused" : "can be done");
		close(file_fd);
	}
}

static void without_a_sandbox_each_act_can_be_done(void **state)
{
	holds_off(FREE);
}

static void in_a_sandbox_files_can_only_be_read(void **state)
{
	holds_off(BEGUN);
}

static void when_all_inputs_are_open_no_other_can_be_opened(void **state)
{
	holds_off(CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_sandbox_each_act_can_be_done),
		cmocka_unit_test(in_a_sandbox_files_can_only_be_read),
		cmocka_unit_test(when_all_inputs_are_open_no_other_can_be_opened),
	};
	char path[] = "/tmp/canisterfs-sandbox.XXXXXX";
	int rc;

	if (!mkdtemp(path))
		return 99;
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlinkat(dir_fd, "new", 0);
	unlinkat(dir_fd, "new", AT_REMOVEDIR);
	unlinkat(dir_fd, "file", 0);
	rmdir(path);
	return rc;
}
