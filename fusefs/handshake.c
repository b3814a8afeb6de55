// SPDX-License-Identifier: MIT
/*
 * Answers the kernel's first request, INIT, and says in the answer what libfuse has no words for:
 *
 * - FUSE_HANDLE_KILLPRIV_V2, before libfuse 3.17. Without it the kernel asks before every single
 *   write(2) whether the file has capabilities to be dropped, one GETXATTR each: writes of 4 KiB
 *   take four times as long. The promise is that we drop set-id bits and capabilities ourselves; it
 *   costs nothing, since our files never have any (attr.c refuses to set them). Kernels before 5.11
 *   ignore it.
 * - passthrough (passthrough.c)
 * - for page accounting, that files which are not cached can be mapped
 *
 * That is done before the daemon goes to the background, so that what follows from the kernel's
 * offer can still be said on the terminal.
 */
#include <limits.h>
#include <linux/fuse.h>
#include <sys/uio.h>

#include "fusefs/core/account.h"
#include "fusefs/view/passthrough.h"

/* Of flags2, since Linux 6.6: a file that is not cached can be mapped all the same. */
#define DIRECT_IO_ALLOW_MMAP_FLAG2 (1u << 4)

static void see_account_offer(struct fs *fs, const void *request, size_t len)
{
	const struct fuse_in_header *header = request;
	const struct fuse_init_in *init = (const void *)(header + 1);

	if (fs->account && len >= sizeof(*header) + sizeof(*init) && header->opcode == FUSE_INIT)
		fs->account->cached = !(init->flags & FUSE_INIT_EXT) ||
				      !(init->flags2 & DIRECT_IO_ALLOW_MMAP_FLAG2);
}

static void accept_for_account(const struct fs *fs, struct fuse_init_out *init, size_t len)
{
	if (!fs->account || fs->account->cached ||
	    len < offsetof(struct fuse_init_out, flags2) + sizeof(init->flags2))
		return;
	init->flags |= FUSE_INIT_EXT;
	init->flags2 |= DIRECT_IO_ALLOW_MMAP_FLAG2;
}

static void add_words(struct fs *fs, const struct iovec *iov, int count)
{
	const struct fuse_out_header *header = iov[0].iov_base;
	struct fuse_init_out *init = count == 2 ? iov[1].iov_base : NULL;

	if (!init || header->error != 0 ||
	    iov[1].iov_len < offsetof(struct fuse_init_out, flags) + sizeof(init->flags))
		return;
	init->flags |= FUSE_HANDLE_KILLPRIV_V2;
	passthrough_accept(fs, init, iov[1].iov_len);
	accept_for_account(fs, init, iov[1].iov_len);
}

static ssize_t send_reply(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fs *fs = userdata;

	/* Until it is answered, INIT is the only request. */
	if (!fs->greeted) {
		fs->greeted = true;
		add_words(fs, iov, count);
	}
	return writev(fd, iov, count);
}

static ssize_t receive(int fd, void *buf, size_t len, void *userdata)
{
	struct fs *fs = userdata;
	ssize_t got = read(fd, buf, len);

	if (!fs->greeted && got > 0) {
		passthrough_see_offer(fs, buf, (size_t)got);
		see_account_offer(fs, buf, (size_t)got);
	}
	return got;
}

/* False: the mount is gone already, or something is wrong that the loop will meet, too. */
static bool answer_one(struct fuse_session *session)
{
	struct fuse_buf buf = {.mem = NULL};
	int got = fuse_session_receive_buf(session, &buf);

	if (got > 0)
		fuse_session_process_buf(session, &buf);
	free(buf.mem);
	return got > 0 || got == -EINTR;
}

int fs_handshake(struct fs *fs, struct err *err)
{
	static const struct fuse_custom_io io = {.writev = send_reply, .read = receive};
	int rc = fuse_session_custom_io(fs->session, &io, fuse_session_fd(fs->session));

	if (rc)
		return err_set(err, -EIO, "cannot talk to the kernel");
	while (!fs->greeted && answer_one(fs->session))
		;
	return passthrough_start(fs, err);
}
