// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program, cuts the power just before its nth call that changes a file: $POWER_AT
 * says n, from 1. What the disk then holds of the directory $POWER_DIR goes to the directory
 * $POWER_OUT, and the program is killed. See tests/unit/power_disk.h. With $POWER_REBOOTED the
 * program sees another boot.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/power_disk.h"

static atomic_long calls;
static pid_t watched;

static void count_call(void)
{
	if (getpid() != watched || atomic_fetch_add(&calls, 1) + 1 != atol(getenv("POWER_AT")))
		return;
	power.watching = false;
	power_cut_to(getenv("POWER_OUT"));
	kill(getpid(), SIGKILL);
}

__attribute__((constructor)) static void begin(void)
{
	power_set_rebooted(getenv("POWER_REBOOTED") != NULL);
	if (!getenv("POWER_AT"))
		return;
	watched = getpid();
	power.rng = rng_start("power_at");
	power.before_call = count_call;
	power_begin(getenv("POWER_DIR"));
	power.watching = true;
}
