/*
 * Leaves COUNT objects of the cache dentry: asks for as many names that are not there in DIRECTORY, which it makes; the kernel
 * keeps what it did not find until the directory is removed. (Not on tmpfs, which forgets it at once.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct stat found;
	char name[32];

	if (argc != 3) {
		fprintf(stderr, "usage: dentries DIRECTORY COUNT\n");
		return 2;
	}
	if (mkdir(argv[1], 0700) || chdir(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	for (long i = atol(argv[2]); i > 0; i--) {
		snprintf(name, sizeof(name), "%ld", i);
		if (!stat(name, &found))
			return 1;
	}
	return 0;
}
