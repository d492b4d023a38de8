/* Knows how distributions call their debug packages. */
#include "report/symbol_advice.h"

#include <string.h>

struct distribution {
	const char *id; /* as in os-release, or in its ID_LIKE */
	const char *kernel; /* printf formats; %s the kernel's release, of SUSE its flavour */
	const char *file;   /* %s the path */
};

#define FIND_DBGSYM "apt install debian-goodies && find-dbgsym-packages --install %s"

/* The first that fits: Ubuntu is like Debian. */
static const struct distribution distributions[] = {
	{"ubuntu", "apt install linux-image-%s-dbgsym", FIND_DBGSYM},
	{"debian", "apt install linux-image-%s-dbg", FIND_DBGSYM},
	{"fedora", "dnf debuginfo-install kernel-%s", "dnf debuginfo-install $(rpm -qf %s)"},
	{"rhel", "dnf debuginfo-install kernel-%s", "dnf debuginfo-install $(rpm -qf %s)"},
	{"suse", "zypper install kernel-%s-debuginfo", "zypper install $(rpm -qf --qf %%{name} %s)-debuginfo"},
	{"arch", "pacman -S debuginfod && . /etc/profile.d/debuginfod.sh", "pacman -S debuginfod && . /etc/profile.d/debuginfod.sh"},
};

const char *symbol_source_name(enum symbol_source source)
{
	static const char *const names[] = {[SYMBOL_SOURCE_NONE] = "none",
					    [SYMBOL_SOURCE_KALLSYMS] = "kallsyms",
					    [SYMBOL_SOURCE_SYMTAB] = "symtab",
					    [SYMBOL_SOURCE_DWARF] = "dwarf"};

	return names[source];
}

const char *symbol_object_kind_name(enum symbol_object_kind kind)
{
	static const char *const names[] = {
		[SYMBOL_OBJECT_KERNEL] = "kernel", [SYMBOL_OBJECT_MODULE] = "module", [SYMBOL_OBJECT_FILE] = "file"};

	return names[kind];
}

const char *symbol_object_label(const struct model_object *object)
{
	const char *slash = strrchr(object->name, '/');

	if (object->kind == SYMBOL_OBJECT_KERNEL)
		return "linux";
	return slash && slash[1] ? slash + 1 : object->name;
}

/* Whether the list of words has the word. */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

static const struct distribution *distribution_of(const struct model *model)
{
	const char *id = model_fact(model, "os.id"), *like = model_fact(model, "os.id_like");

	for (uint32_t pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++)
			if (has_word(pass ? like : id, distributions[i].id))
				return &distributions[i];
	return NULL;
}

/* A trace may come from anybody, and people paste commands. */
static bool is_harmless(const char *text)
{
	return *text && *text != '-' && strlen(text) < 200 &&
	       !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~/-@:")];
}

/* "6.4.0-150600.21-default" is of the flavour "default". */
static const char *flavour(const char *release)
{
	const char *dash = strrchr(release, '-');

	return dash && dash[1] ? dash + 1 : release;
}

const char *symbol_advice(struct arena *arena, const struct model *model, const struct model_object *object)
{
	const struct distribution *distribution = distribution_of(model);
	bool is_file = object->kind == SYMBOL_OBJECT_FILE;
	const char *what = is_file ? object->name : model_fact(model, "kernel.release");

	if (object->source == SYMBOL_SOURCE_DWARF || !distribution || !is_harmless(what) || (is_file && *what != '/'))
		return "";
	if (!is_file && !strcmp(distribution->id, "suse"))
		what = flavour(what);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return arena_format(arena, is_file ? distribution->file : distribution->kernel, what);
#pragma GCC diagnostic pop
}

const char *symbol_sentence(struct arena *arena, const struct model *model)
{
	static const enum symbol_source sources[] = {SYMBOL_SOURCE_DWARF, SYMBOL_SOURCE_SYMTAB, SYMBOL_SOURCE_KALLSYMS,
						     SYMBOL_SOURCE_NONE};
	const char *text = "";

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const char *list = "";
		uint32_t count = 0;

		for (uint32_t j = 0; j < model->object_count; j++) {
			const struct model_object *object = &model->objects[j];

			if (object->source == sources[i] && ++count <= 4)
				list = arena_format(arena, "%s%s%.40s", list, count > 1 ? ", " : "", symbol_object_label(object));
		}
		if (count > 4)
			list = arena_format(arena, "%s and %u more", list, count - 4);
		if (count)
			text = arena_format(arena, "%s%s%s for %s", text, *text ? "; " : "Names come from ",
					    symbol_source_name(sources[i]), list);
	}
	return *text ? arena_format(arena, "%s.", text) : "";
}
