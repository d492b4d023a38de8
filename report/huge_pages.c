/* The C library gives so much in pages that nobody has touched: there is time to ask for larger ones. */
#include "report/huge_pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((uintptr_t)2 << 20)

void *huge_pages_array(size_t count, size_t element_bytes)
{
	void *memory = calloc(count, element_bytes);
	uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
	uintptr_t end = ((uintptr_t)memory + count * element_bytes) & ~(HUGE_PAGE_BYTES - 1);

	/* Only what is whole inside, so that no more memory is used; a kernel without them says no, and nothing is lost. */
	if (memory && begin < end)
		madvise((void *)begin, end - begin, MADV_HUGEPAGE);
	return memory;
}
