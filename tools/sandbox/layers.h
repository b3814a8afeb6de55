/* SPDX-License-Identifier: MIT */
/* What the sandbox is made of: two layers each of Landlock and seccomp. All return 0 or -errno. */
#ifndef CANISTERFS_SANDBOX_LAYERS_H
#define CANISTERFS_SANDBOX_LAYERS_H

#include "memmgr/util.h"

/* landlock.c. *active: the kernel has it; without, nothing is done. */
int MUST_CHECK landlock_no_changes(bool *active);
int MUST_CHECK landlock_no_opening(void);

/* seccomp.c. `landlocked`: Landlock looks at what openat2 opens, whose words no filter sees. */
int MUST_CHECK seccomp_only_reading(bool landlocked);
int MUST_CHECK seccomp_no_opening(void);

#endif
