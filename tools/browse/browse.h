/* SPDX-License-Identifier: MIT */
/* Shows an image in the terminal until the user has seen enough. */
#ifndef CANISTERFS_BROWSE_H
#define CANISTERFS_BROWSE_H

#include "tools/records/records_choice.h"

/* `args` say what is shown first and how. `beside` are images and checkpoints that the image is
 * compared with. -ENOTTY, -ENOTSUP: not in this terminal. */
int MUST_CHECK browse(const struct records_args *args, const struct cmd_list *beside,
		      struct err *err);

#endif
