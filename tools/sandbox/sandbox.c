// SPDX-License-Identifier: MIT
/* See sandbox.h. Keeps whether there is one. Before any thread is started. */
#include "tools/sandbox/sandbox.h"

#include <sys/prctl.h>

#include "tools/sandbox/layers.h"

static bool begun;

int sandbox_begin(struct err *err)
{
	bool landlocked = false;
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "no sandbox: cannot give up new privileges");
	rc = landlock_no_changes(&landlocked);
	if (!rc)
		rc = seccomp_only_reading(landlocked);
	if (rc)
		return err_sys(err, rc, "no sandbox");
	begun = true;
	return 0;
}

int sandbox_inputs_open(struct err *err)
{
	int rc = 0;

	if (!begun)
		return 0;
	/* Fails where the inputs of two images are opened one after the other: only once. */
	begun = false;
	rc = landlock_no_opening();
	if (!rc)
		rc = seccomp_no_opening();
	return rc ? err_sys(err, rc, "the sandbox cannot be closed") : 0;
}
