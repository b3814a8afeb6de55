#!/bin/bash
# SPDX-License-Identifier: MIT
# A mount for reading: EROFS from everything that would change something; the image stays as it is.
. "${0%/*}/../lib.sh"

golden c_interleaved
sum=$(sha256sum <"$IMG")
chmod 444 "$IMG"
for how in ro,noatime ro; do
	start -o $how
	f=$MNT/3
	probe "EROFS EROFS EROFS EROFS" open "$f" O_RDWR : open "$f" 'O_WRONLY|O_TRUNC' \
		: open "$MNT/9" 'O_RDWR|O_CREAT' : open "$MNT/s" 'O_RDWR|O_CREAT'
	probe "EROFS EROFS EROFS EROFS" unlink "$f" : rename "$f" "$MNT/9" - : truncate "$f" 0 \
		: mkdir "$MNT/dir"
	probe "EROFS EROFS EROFS EROFS" chmod "$f" 0600 : utimens "$f" 1 1 \
		: setxattr "$f" user.canisterfs.id 1 : mknod "$MNT/9" REG
	probe "0 EINVAL 65536 0" open "$f" O_RDONLY : ftruncate 0 5 : fstat 0 size : fsync 0
	is 444 "$(stat -c %a "$f")" "mode"
	cat "$MNT"/? >/dev/null
	stop
done
is "$sum" "$(sha256sum <"$IMG")" "image"
