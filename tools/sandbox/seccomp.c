// SPDX-License-Identifier: MIT
/*
 * seccomp, by libseccomp: the system calls that a verb needs that reads files, uses threads and
 * memory, and prints. Any other answers EPERM, as for a user who may not.
 */
#include "tools/sandbox/layers.h"

#ifdef HAVE_SECCOMP
#include <fcntl.h>
#include <seccomp.h>

static const char *const allowed[] = {
	/* files that are open, and what is known of others */
	"read",
	"pread64",
	"readv",
	"preadv",
	"preadv2",
	"write",
	"pwrite64",
	"writev",
	"pwritev",
	"lseek",
	"close",
	"close_range",
	"fstat",
	"newfstatat",
	"stat",
	"lstat",
	"statx",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getcwd",
	"getdents64",
	"fcntl",
	"ioctl",
	"dup",
	"dup2",
	"dup3",
	"flock",
	"fadvise64",
	"fsync",
	"fdatasync",
	"ftruncate",
	"fallocate",
	"memfd_create",
	"copy_file_range",
	"sendfile",
	"splice",
	"pipe2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"umask",
	"statfs",
	"fstatfs",
	"chdir",
	"fchdir",
	/* memory */
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"brk",
	"membarrier",
	"mincore",
	/* threads, and this process */
	"clone",
	"clone3",
	"futex",
	"futex_waitv",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"set_tid_address",
	"arch_prctl",
	"sched_yield",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"getpid",
	"gettid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getgroups",
	"prlimit64",
	"getrlimit",
	"setrlimit",
	"getrusage",
	"sysinfo",
	"uname",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"tgkill",
	"restart_syscall",
	"exit",
	"exit_group",
	"prctl",
	/* time, chance */
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"timer_create",
	"timer_settime",
	"timer_delete",
	"getrandom",
	/* the second layer */
	"seccomp",
	"landlock_create_ruleset",
	"landlock_restrict_self",
};

static const char *const opening[] = {"open", "openat", "openat2", "creat"};

static int allow(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	/* What this machine does not have need not be allowed. */
	return call == __NR_SCMP_ERROR || call < 0
		       ? 0
		       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

/* For reading alone. */
static int allow_opening(scmp_filter_ctx filter, bool landlocked)
{
	const scmp_datum_t changes = O_ACCMODE | O_CREAT | O_TRUNC;
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				  SCMP_A2(SCMP_CMP_MASKED_EQ, changes, 0));

	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				      SCMP_A1(SCMP_CMP_MASKED_EQ, changes, 0));
	if (!rc)
		rc = seccomp_rule_add(filter, landlocked ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS),
				      SCMP_SYS(openat2), 0);
	return rc;
}

int seccomp_only_reading(bool landlocked)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < ARRAY_LEN(allowed); i++)
		rc = allow(filter, allowed[i]);
	if (!rc)
		rc = allow_opening(filter, landlocked);
	if (!rc)
		rc = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return rc;
}

int seccomp_no_opening(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < ARRAY_LEN(opening); i++) {
		int call = seccomp_syscall_resolve_name(opening[i]);

		if (call >= 0)
			rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), call, 0);
	}
	if (!rc)
		rc = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return rc;
}
#else
int seccomp_only_reading(bool landlocked)
{
	return -ENOTSUP;
}

int seccomp_no_opening(void)
{
	return -ENOTSUP;
}
#endif
