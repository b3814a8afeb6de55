// SPDX-License-Identifier: MIT
/*
 * Everything here speaks with the kernel in its own words, include/uapi/linux/fuse.h, since libfuse
 * before 3.17 has none for it, and the headers before Linux 6.9 neither.
 */
#include "fusefs/view/passthrough.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>

#include "fusefs/view/view.h"

/* The upper half of INIT's flags. */
#define PASSTHROUGH_FLAG2 (1u << 5)

enum {
	OPEN_PASSTHROUGH = 1 << 7,
	/* How deep file systems may stand upon each other below the mount. With 1 the mount can
	 * still be the lower layer of an overlayfs, with 2, the most there is, it cannot. Linux
	 * counts a file-backed EROFS as one of them only in a few versions around 6.18. */
	STACK_DEPTH = 1,
};

/* What INIT's answer has from its flags2 on. */
struct init_out_end {
	uint32_t flags2;
	uint32_t max_stack_depth;
};
#define INIT_OUT_END offsetof(struct fuse_init_out, flags2)

struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN _IOW(229, 1, struct backing_map)

struct open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};
_Static_assert(sizeof(struct open_out) == sizeof(struct fuse_open_out), "FUSE's answer to OPEN");

/* What the kernel was given it may keep: no file will be opened that way. */
static void take_back(struct fs *fs)
{
	for (struct node *node = fs->root.next; node != &fs->root; node = node->next)
		node->backing_id = 0;
}

/* Passthrough is not to be had: either nobody minds, or that is the end of the mount. */
static int give_up(struct fs *fs, int rc, struct err *err)
{
	passthrough_end(fs);
	if (fs->cfg->opts->passthrough != FS_DEMAND)
		return 0;
	return err_set(err, rc, "passthrough=yes: %s", fs->passthrough.why.text);
}

int passthrough_prepare(struct fs *fs, struct err *err)
{
	struct fs_passthrough *p = &fs->passthrough;
	const struct fs_options *opts = fs->cfg->opts;
	int rc;

	fs->view_fd = -1;
	if (opts->passthrough == FS_NEVER)
		return err_set(&p->why, 0, "passthrough=no");
	if (opts->account)
		rc = err_set(&p->why, -EINVAL, "the kernel's own reads could not be counted");
	else if (!opts->read_only)
		rc = err_set(&p->why, -EINVAL, "only a mount with the option ro can have it");
	else
		rc = view_open(fs->mm, fs->store, fs->cfg->image_path, &fs->view_fd, &p->why);
	return rc ? give_up(fs, rc, err) : 0;
}

void passthrough_see_offer(struct fs *fs, const void *request, size_t len)
{
	const struct fuse_in_header *header = request;
	const struct fuse_init_in *init = (const void *)(header + 1);

	if (len >= sizeof(*header) + sizeof(*init) && header->opcode == FUSE_INIT)
		fs->passthrough.offered =
			init->flags & FUSE_INIT_EXT && init->flags2 & PASSTHROUGH_FLAG2;
}

void passthrough_accept(struct fs *fs, struct fuse_init_out *init, size_t len)
{
	struct init_out_end *end = (struct init_out_end *)((char *)init + INIT_OUT_END);

	if (fs->view_fd < 0 || !fs->passthrough.offered || len < INIT_OUT_END + sizeof(*end))
		return;
	init->flags |= FUSE_INIT_EXT;
	end->flags2 |= PASSTHROUGH_FLAG2;
	end->max_stack_depth = STACK_DEPTH;
	fs->passthrough.accepted = true;
}

static int hand_over(struct fs *fs, struct node *node, struct err *err)
{
	auto_close int fd = openat(fs->view_fd, node->name, O_RDONLY | O_CLOEXEC);
	struct backing_map map = {.fd = fd};
	int id;

	if (fd < 0)
		return err_sys(err, -errno, "the view has no file of memory %s", node->name);
	id = ioctl(fuse_session_fd(fs->session), BACKING_OPEN, &map);
	if (id < 0)
		return err_sys(err, -errno, "the kernel does not take the file of memory %s",
			       node->name);
	node->backing_id = id;
	return 0;
}

static int hand_over_all(struct fs *fs, struct err *err)
{
	int rc = 0;

	for (struct node *node = fs->root.next; !rc && node != &fs->root; node = node->next)
		/* The view knows whole pages alone. */
		if (node->kind == NODE_MEMORY && node->size_len > 0 &&
		    node->size_len % MM_PAGE_LEN == 0)
			rc = hand_over(fs, node, err);
	return rc;
}

int passthrough_start(struct fs *fs, struct err *err)
{
	struct fs_passthrough *p = &fs->passthrough;
	auto_unlock pthread_mutex_t *held = NULL;
	int rc = 0;

	if (fs->view_fd < 0)
		return 0;
	held = lock(&fs->tree_lock);
	if (!p->accepted)
		rc = err_set(&p->why, -EOPNOTSUPP, "this kernel has no FUSE passthrough");
	if (!rc)
		rc = hand_over_all(fs, &p->why);
	if (rc) {
		take_back(fs);
		return give_up(fs, rc, err);
	}
	p->active = true;
	passthrough_end(fs);
	return 0;
}

bool passthrough_takes(const struct node *node, const struct fuse_file_info *fi)
{
	return node->backing_id && !(fi->flags & O_DIRECT);
}

int passthrough_reply_open(fuse_req_t req, const struct node *node, const struct fuse_file_info *fi)
{
	const struct open_out out = {
		.fh = fi->fh, .open_flags = OPEN_PASSTHROUGH, .backing_id = node->backing_id};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

void passthrough_end(struct fs *fs)
{
	if (fs->view_fd >= 0)
		close(fs->view_fd);
	fs->view_fd = -1;
}
