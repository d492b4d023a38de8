/* The one place where error sentences are written: always cut to the buffer, errno left alone for "%m". */
#include "trace/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	int saved_errno = errno;
	va_list args;

	if (!err)
		return code;
	err->code = code;
	va_start(args, format);
	errno = saved_errno;
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return code;
}
