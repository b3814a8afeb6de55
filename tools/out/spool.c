// SPDX-License-Identifier: MIT
/* Owns making temporary files that go away by themselves. */
#include "tools/out/spool.h"

#include <fcntl.h>
#include <stdio.h>

int spool_open(struct err *err)
{
	const char *dir = getenv("TMPDIR");
	auto_free char *name = NULL;
	int fd;

	if (!dir || !*dir)
		dir = "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (asprintf(&name, "%s/canisterfs-XXXXXX", dir) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, -errno, "cannot make a temporary file in %s", dir);
	unlink(name);
	return fd;
}
