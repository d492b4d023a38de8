/* The C library gives so much in pages that nobody has touched: there is time to ask for larger ones. */
#include "report/huge_pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u
#define LARGE_BYTES ((size_t)4 << 20)
#define HUGE_PAGE_BYTES ((uintptr_t)2 << 20)

/* Only what is whole inside, so that no more memory is used; a kernel without huge pages says no, and nothing is lost. */
static void ask_for_huge_pages(void *memory, size_t size_bytes)
{
	uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
	uintptr_t end = ((uintptr_t)memory + size_bytes) & ~(HUGE_PAGE_BYTES - 1);

	if (begin < end)
		madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

void *huge_pages_array(size_t count, size_t element_bytes)
{
	volatile unsigned char *memory = calloc(count, element_bytes);
	size_t size_bytes = memory ? count * element_bytes : 0;

	if (size_bytes < LARGE_BYTES)
		return (void *)memory;
	ask_for_huge_pages((void *)memory, size_bytes);
	/* A page that is read before it is written to is given twice: as one that all of zeros share, then as its own. */
	for (size_t at = 0; at < size_bytes; at += PAGE_BYTES)
		memory[at] = 0;
	return (void *)memory;
}
