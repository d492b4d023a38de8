/*
 * Knows the places. Paths are patterns: %V the kernel's release, %B the build-id as xx/rest, %P the file's path without its first slash,
 * %D the folder of that path, %N its last part, %L the name that the file itself gives its debug file (.gnu_debuglink).
 */
#include "report/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <gelf.h>

#include "report/debuginfod.h"
#include "report/unpack.h"
#include "trace/cleanup.h"
#include "trace/format.h"

#define SYSTEM_DIRECTORY "/usr/lib/debug"

/* Below each debug folder. */
static const char *const kernel_patterns[] = {
	".build-id/%B.debug",		/* Fedora, RHEL, SUSE, Arch */
	"boot/vmlinux-%V",		/* Debian, Ubuntu */
	"boot/vmlinux-%V.debug",	/* SUSE to 15.2 */
	"lib/modules/%V/vmlinux",	/* Debian, Fedora, RHEL */
	"usr/lib/modules/%V/vmlinux",	/* Fedora, Arch */
	"lib/modules/%V/vmlinux.debug",
	"usr/lib/modules/%V/vmlinux.debug", /* SUSE */
	"vmlinux-%V",
	"vmlinux",
	"usr/lib/debug/.build-id/%B.debug", /* the folder is the root of a machine */
	"usr/lib/debug/boot/vmlinux-%V",
	"usr/lib/debug/lib/modules/%V/vmlinux",
	"usr/lib/debug/usr/lib/modules/%V/vmlinux",
	NULL,
};
/* A kernel that was built here or keeps it beside its modules (Arch, Gentoo). */
static const char *const kernel_system_patterns[] = {
	"/lib/modules/%V/build/vmlinux",
	"/lib/modules/%V/vmlinux",
	"/lib/modules/%V/source/vmlinux",
	"/boot/vmlinux-%V",
	"/usr/src/linux-%V/vmlinux",
	"/usr/src/linux/vmlinux",
	NULL,
};
static const char *const module_patterns[] = {".build-id/%B.debug", "usr/lib/debug/.build-id/%B.debug", NULL};
/* Searched with all below them for the module's name. The first is for a folder with just some modules in it. */
static const char *const module_folders[] = {
	"", "lib/modules/%V", "usr/lib/modules/%V", "usr/lib/debug/lib/modules/%V", "usr/lib/debug/usr/lib/modules/%V", NULL,
};
static const char *const file_patterns[] = {
	".build-id/%B.debug", "%P.debug", "%P",	"%D/%L", "%L", "%N.debug", "%N", "usr/lib/debug/.build-id/%B.debug",
	"usr/lib/debug/%P.debug", "usr/lib/debug/%D/%L", NULL,
};
static const char *const file_system_patterns[] = {"/%P", "/%D/%L", "/%D/.debug/%L", NULL};

struct finding {
	const struct debug_search *search;
	const struct symbol_object *object;
	struct debug_files *files;
	char link[NAME_MAX + 1]; /* "" there is none, or not read yet */
};

static void debug_file_close(struct debug_file *file)
{
	if (file->path && file->fd >= 0)
		close(file->fd);
	free(file->path);
	*file = (struct debug_file){.fd = -1};
}

void debug_files_release(struct debug_files *files)
{
	if (!files)
		return;
	debug_file_close(&files->image);
	debug_file_close(&files->debug);
}

/* A regular file only: a FIFO would wait, a device wake up. */
static int open_regular(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && (fstat(fd, &status) || !S_ISREG(status.st_mode))) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	return fd;
}

struct contents {
	bool is_elf, is_right, has_dwarf, has_text;
};

static void read_sections(Elf *elf, struct contents *contents, char *link, size_t link_bytes)
{
	size_t names;
	GElf_Word crc;

	if (elf_getshdrstrndx(elf, &names))
		return;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (!name || header.sh_type == SHT_NOBITS)
			continue;
		contents->has_dwarf |= !strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info");
		contents->has_text |= header.sh_flags & SHF_EXECINSTR;
	}
	const char *debug_link = dwelf_elf_gnu_debuglink(elf, &crc);
	if (debug_link && link && !strchr(debug_link, '/'))
		snprintf(link, link_bytes, "%s", debug_link);
}

static struct contents examine(int fd, const uint8_t *build_id, uint32_t build_id_bytes, char *link, size_t link_bytes)
{
	struct contents contents = {0};
	const void *id;

	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return contents;
	contents.is_elf = elf_kind(elf) == ELF_K_ELF;
	if (contents.is_elf) {
		ssize_t size_bytes = dwelf_elf_gnu_build_id(elf, &id);

		contents.is_right = size_bytes == (ssize_t)build_id_bytes && !memcmp(id, build_id, build_id_bytes);
	}
	if (contents.is_right)
		read_sections(elf, &contents, link, link_bytes);
	elf_end(elf);
	return contents;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void keep(struct debug_file *file, int fd, const char *path, bool has_dwarf)
{
	if (file->path)
		return;
	file->path = strdup(path);
	file->fd = file->path ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	file->has_dwarf = has_dwarf;
}

/* Why a file is not used; the first is told, and one of another build rather than one that says nothing. */
static void complain(struct finding *finding, const char *path, const char *why)
{
	if (!*finding->files->problem)
		snprintf(finding->files->problem, sizeof(finding->files->problem), "%.150s %.100s", last_part(path), why);
}

static void take_unpacked(struct finding *finding, int fd, const char *path)
{
	struct contents contents =
		examine(fd, finding->object->build_id, finding->object->build_id_bytes, finding->link, sizeof(finding->link));

	if (!contents.is_elf)
		return complain(finding, path, "is not used: it is damaged or no ELF file");
	if (!contents.is_right)
		return complain(finding, path, "is not used: its build-id is not that of what was recorded");
	if (!contents.has_text && !contents.has_dwarf)
		return complain(finding, path, "is not used: it has neither code nor DWARF, or was cut");
	if (contents.has_text)
		keep(&finding->files->image, fd, path, contents.has_dwarf);
	if (contents.has_dwarf)
		keep(&finding->files->debug, fd, path, true);
}

static void take(struct finding *finding, int fd, const char *path)
{
	struct error err = {0};
	int unpacked = unpack(fd, &err);

	if (unpacked < 0)
		complain(finding, path, err.message);
	else
		take_unpacked(finding, unpacked, path);
	if (unpacked >= 0 && unpacked != fd)
		close(unpacked);
}

/* Appends to the path and keeps its size; false where it is too long or there is nothing to put in. */
static bool append(char *path, size_t *used, const char *text, size_t length)
{
	if (!length || *used + length >= PATH_MAX)
		return false;
	memcpy(path + *used, text, length);
	*used += length;
	path[*used] = '\0';
	return true;
}

static bool append_build_id(char *path, size_t *used, const uint8_t *build_id, uint32_t size_bytes)
{
	char hex[2 * TRACE_BUILD_ID_MAX_BYTES + 2] = "";
	size_t length = 0;

	for (uint32_t i = 0; i < size_bytes && i < TRACE_BUILD_ID_MAX_BYTES; i++)
		length += (size_t)sprintf(hex + length, i == 1 ? "/%02x" : "%02x", build_id[i]);
	return append(path, used, hex, length);
}

static bool append_field(const struct finding *finding, char field, char *path, size_t *used)
{
	const struct symbol_object *object = finding->object;
	const char *name = object->name + (*object->name == '/');
	const char *last = last_part(name);

	switch (field) {
	case 'V':
		/* A hostile trace must not lead out of the folder. */
		return !strchr(object->kernel_release, '/') &&
		       append(path, used, object->kernel_release, strlen(object->kernel_release));
	case 'B':
		return append_build_id(path, used, object->build_id, object->build_id_bytes);
	case 'P':
		return !strstr(name, "../") && append(path, used, name, strlen(name));
	case 'D':
		return !strstr(name, "../") && append(path, used, last > name ? name : ".", last > name ? (size_t)(last - name) : 1);
	case 'N':
		return append(path, used, last, strlen(last));
	case 'L':
		return append(path, used, finding->link, strlen(finding->link));
	default:
		return false;
	}
}

static bool expand(const struct finding *finding, const char *directory, const char *pattern, char path[PATH_MAX])
{
	size_t used = 0;

	path[0] = '\0';
	if (*directory && (!append(path, &used, directory, strlen(directory)) || !append(path, &used, "/", 1)))
		return false;
	for (; *pattern; pattern++) {
		if (*pattern != '%' ? !append(path, &used, pattern, 1) : !append_field(finding, *++pattern, path, &used))
			return false;
	}
	return true;
}

static void try_path(struct finding *finding, const char *path)
{
	int fd CLEANUP(cleanup_close) = open_regular(path);

	if (fd >= 0)
		take(finding, fd, path);
	else if (errno == EACCES)
		complain(finding, path, "is not used: you may not read it");
}

static void try_patterns(struct finding *finding, const char *directory, const char *const *patterns)
{
	char path[PATH_MAX];

	for (; *patterns && !finding->files->debug.path; patterns++)
		if (expand(finding, directory, *patterns, path))
			try_path(finding, path);
}

/* nftw has no context. Searches run one at a time. */
static struct finding *walking;

/* "nf_conntrack" names nf-conntrack.ko, nf_conntrack.ko.xz and nf_conntrack.ko.debug. */
static bool is_module_file(const char *file, const char *module)
{
	for (; *module; file++, module++)
		if (*file != *module && !(*file == '-' && *module == '_'))
			return false;
	return !strcmp(file, ".ko") || !strncmp(file, ".ko.", 4);
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	if (type == FTW_F && is_module_file(path + at->base, walking->object->name))
		try_path(walking, path);
	return walking->files->debug.path != NULL;
}

static void walk_modules(struct finding *finding, const char *directory)
{
	char path[PATH_MAX];

	for (const char *const *folder = module_folders; *folder && !finding->files->debug.path; folder++) {
		if (!expand(finding, directory, *folder, path))
			continue;
		/* All of /usr/lib/debug is much, and the whole of a machine more. */
		if (!**folder && (!strcmp(directory, SYSTEM_DIRECTORY) || !strcmp(directory, "/")))
			continue;
		walking = finding;
		nftw(path, visit, 16, FTW_PHYS);
		walking = NULL;
	}
}

static void try_directory(struct finding *finding, const char *directory)
{
	static const char *const *const patterns[] = {
		[SYMBOL_OBJECT_KERNEL] = kernel_patterns,
		[SYMBOL_OBJECT_MODULE] = module_patterns,
		[SYMBOL_OBJECT_FILE] = file_patterns,
	};

	try_patterns(finding, directory, patterns[finding->object->kind]);
	if (finding->object->kind == SYMBOL_OBJECT_MODULE && !finding->files->debug.path)
		walk_modules(finding, directory);
}

static void try_system(struct finding *finding)
{
	char path[PATH_MAX];

	if (finding->object->kind == SYMBOL_OBJECT_KERNEL)
		try_patterns(finding, "", kernel_system_patterns);
	if (finding->object->kind == SYMBOL_OBJECT_FILE)
		try_patterns(finding, "", file_system_patterns);
	if (finding->object->kind == SYMBOL_OBJECT_MODULE && expand(finding, "", "/lib/modules/%V", path)) {
		walking = finding;
		nftw(path, visit, 16, FTW_PHYS);
		walking = NULL;
	}
}

static void try_debuginfod(struct finding *finding)
{
	const struct symbol_object *object = finding->object;
	struct error err = {0};

	if (finding->search->no_debuginfod || !debuginfod_is_set())
		return;
	int fd CLEANUP(cleanup_close) = debuginfod_find(object->build_id, object->build_id_bytes,
							*object->name ? last_part(object->name) : "the kernel", &err);
	if (fd >= 0)
		take(finding, fd, "the server's file");
	else if (fd != -ENOENT && !*finding->files->problem)
		snprintf(finding->files->problem, sizeof(finding->files->problem), "%.200s", err.message);
}

void debug_files_find(struct debug_files *files, const struct debug_search *search, const struct symbol_object *object)
{
	struct finding finding = {.search = search, .object = object, .files = files};

	*files = (struct debug_files){.image = {.fd = -1}, .debug = {.fd = -1}};
	if (!object->build_id_bytes || (object->kind == SYMBOL_OBJECT_FILE && *object->name == '['))
		return;
	/* The file itself first: it names its debug file. */
	if (object->kind == SYMBOL_OBJECT_FILE)
		try_system(&finding);
	for (size_t i = 0; i < search->directory_count && !files->debug.path; i++)
		try_directory(&finding, search->directories[i]);
	if (!files->debug.path)
		try_directory(&finding, SYSTEM_DIRECTORY);
	if (!files->debug.path && object->kind != SYMBOL_OBJECT_FILE)
		try_system(&finding);
	if (!files->debug.path)
		try_debuginfod(&finding);
	/* Symbols are better than nothing. */
	if (!files->debug.path && files->image.path)
		keep(&files->debug, files->image.fd, files->image.path, false);
	/* A file of another build is no news where the right one was found. */
	if (files->debug.path && files->debug.has_dwarf)
		*files->problem = '\0';
}

int debug_file_find_shared(const struct debug_search *search, const char *debug_path, const char *name, const uint8_t *build_id,
			   uint32_t build_id_bytes)
{
	const struct symbol_object object = {.kind = SYMBOL_OBJECT_FILE, .name = name, .build_id = build_id,
					     .build_id_bytes = build_id_bytes, .kernel_release = ""};
	struct debug_files files = {.image = {.fd = -1}, .debug = {.fd = -1}};
	struct finding finding = {.search = search, .object = &object, .files = &files};
	char path[PATH_MAX];

	/* Relative to the file that names it. */
	if (*name != '/' && (size_t)snprintf(path, sizeof(path), "%.*s%s", (int)(last_part(debug_path) - debug_path), debug_path,
					     name) < sizeof(path))
		try_path(&finding, path);
	for (size_t i = 0; i < search->directory_count && !files.debug.path; i++)
		try_directory(&finding, search->directories[i]);
	if (!files.debug.path)
		try_directory(&finding, SYSTEM_DIRECTORY);
	if (!files.debug.path && *name == '/')
		try_path(&finding, name);
	if (!files.debug.path)
		try_debuginfod(&finding);
	int fd = files.debug.path ? fcntl(files.debug.fd, F_DUPFD_CLOEXEC, 3) : -1;
	debug_files_release(&files);
	return fd;
}
