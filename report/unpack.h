/* Compressed files, as kernel modules often are: unpacked by the programs that people have for it. */
#ifndef SLABREC_REPORT_UNPACK_H
#define SLABREC_REPORT_UNPACK_H

#include "trace/error.h"

/*
 * The contents of the file, which the caller closes: a file in memory where it begins as gzip, xz and zstd do, else fd itself.
 * -ENOPKG: the program is not here; -EBADMSG: it could not unpack it.
 */
int unpack(int fd, struct error *err);

#endif
