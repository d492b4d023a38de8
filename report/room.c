/* The pointer is read and written as bytes: its type is the caller's. */
#include "report/room.h"

#include <stdlib.h>
#include <string.h>

#include "report/arena.h"

#define FIRST_CAPACITY 64u
#define INDEX_MAX (UINT32_MAX / 4)

bool room_for(void *array, uint32_t index, uint32_t *capacity, size_t element_bytes)
{
	uint32_t wanted = *capacity ? *capacity : FIRST_CAPACITY;
	char *items;

	if (index < *capacity)
		return true;
	if (index > INDEX_MAX)
		return false;
	while (wanted <= index)
		wanted *= 2;
	/* The address sanitizer ends a program that asks reallocarray for more than there can be. */
	if (wanted > PTRDIFF_MAX / element_bytes)
		return false;
	memcpy(&items, array, sizeof(items));
	items = reallocarray(items, wanted, element_bytes);
	if (!items)
		return false;
	memset(items + *capacity * element_bytes, 0, (wanted - *capacity) * element_bytes);
	memcpy(array, &items, sizeof(items));
	*capacity = wanted;
	return true;
}

bool room_in_arena(struct arena *arena, void *array, uint32_t used, uint32_t more, uint32_t *capacity, size_t element_bytes)
{
	const void *old;

	if (*capacity - used >= more)
		return true;
	uint32_t wanted = 2 * *capacity + more + FIRST_CAPACITY;
	void *items = arena_array(arena, wanted, element_bytes);
	if (!items)
		return false;
	memcpy(&old, array, sizeof(old));
	if (used)
		memcpy(items, old, used * element_bytes);
	memcpy(array, &items, sizeof(items));
	*capacity = wanted;
	return true;
}
