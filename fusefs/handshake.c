// SPDX-License-Identifier: MIT
/*
 * Promises the kernel FUSE_HANDLE_KILLPRIV_V2, which libfuse before 3.17 has no word for.
 *
 * Without it the kernel asks before every single write(2) whether the file has capabilities to be
 * dropped, one GETXATTR each: writes of 4 KiB take four times as long. The promise is that we drop
 * set-id bits and capabilities ourselves; it costs nothing, since our files never have any (attr.c
 * refuses to set them).
 *
 * The first reply on the channel is the one to INIT, and the bit goes into it. Kernels before 5.11
 * ignore it.
 */
#include <limits.h>
#include <linux/fuse.h>
#include <sys/uio.h>

#include "fusefs/core/fs.h"

static void add_promise(const struct iovec *iov, int count)
{
	const struct fuse_out_header *header = iov[0].iov_base;
	struct fuse_init_out *init = count == 2 ? iov[1].iov_base : NULL;

	if (init && header->error == 0 &&
	    iov[1].iov_len >= offsetof(struct fuse_init_out, flags) + sizeof(init->flags))
		init->flags |= FUSE_HANDLE_KILLPRIV_V2;
}

static ssize_t send_reply(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fs *fs = userdata;

	/* Until it is answered, INIT is the only request. */
	if (!fs->greeted) {
		fs->greeted = true;
		add_promise(iov, count);
	}
	return writev(fd, iov, count);
}

static ssize_t receive(int fd, void *buf, size_t len, void *userdata)
{
	return read(fd, buf, len);
}

int fs_handshake(struct fuse_session *session, struct err *err)
{
	static const struct fuse_custom_io io = {.writev = send_reply, .read = receive};
	int rc;

	rc = fuse_session_custom_io(session, &io, fuse_session_fd(session));
	return rc ? err_set(err, -EIO, "cannot talk to the kernel") : 0;
}
