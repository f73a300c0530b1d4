/* Preloaded into a child engine (LD_PRELOAD), this answers for names that end in `.test` as no real resolver would on
 * demand. Every other name goes to the system's resolver. It also makes SIGUSR1 a signal that does nothing but
 * interrupt system calls.
 *
 *   hang.test    no answer within a minute
 *   slow.test    127.0.0.1 after two seconds
 *   both.test    ::1, then 127.0.0.1
 *   moves.test   127.0.0.2 when it is asked for first, 127.0.0.3 afterwards
 *   none.test    no such name
 *
 * The names in ODD_NAMES, a comma behind each, are 127.0.0.1 too, as if a hosts file had them.
 *
 * With RESOLVER_LOG set to a path, each name is appended to that file, in a line of its own, before it is answered.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef int (*resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static void nothing(int signal) { (void)signal; }

__attribute__((constructor)) static void install_handler(void) {
	/* Without SA_RESTART, so that calls end with EINTR. */
	struct sigaction action = {.sa_handler = nothing};
	sigaction(SIGUSR1, &action, NULL);
}

static void wait_seconds(time_t seconds) {
	struct timespec left = {seconds, 0};
	while (nanosleep(&left, &left) != 0 && errno == EINTR) {
	}
}

static void write_down(const char *name) {
	const char *path = getenv("RESOLVER_LOG");
	int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	if (file < 0)
		return;
	char line[256] = "";
	strncat(line, name, sizeof line - 2);
	strcat(line, "\n");
	if (write(file, line, strlen(line)) < 0)
		abort();
	close(file);
}

/* Appends the numeric address `text` to the list at `*end`. */
static void append(const char *text, const struct addrinfo *wanted, struct addrinfo **end) {
	resolver next = (resolver)dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	if (wanted) {
		hints.ai_family = wanted->ai_family;
		hints.ai_socktype = wanted->ai_socktype;
		hints.ai_protocol = wanted->ai_protocol;
	}
	while (*end)
		end = &(*end)->ai_next;
	next(text, NULL, &hints, end);
}

static int is_odd(const char *node) {
	const char *names = getenv("ODD_NAMES");
	size_t length = node ? strlen(node) : 0;
	for (const char *found = names; length && found && (found = strstr(found, node)); found++)
		if ((found == names || found[-1] == ',') && found[length] == ',')
			return 1;
	return 0;
}

/* Makes the library `map`, and it alone, call our getaddrinfo: its relocations are done again. */
static void redirect(const struct link_map *map) {
	const ElfW(Dyn) *entry;
	const ElfW(Sym) *symbols = NULL;
	const char *names = NULL;
	struct {
		const ElfW(Rela) *start;
		size_t size;
	} tables[2] = {{NULL, 0}, {NULL, 0}};
	for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_SYMTAB: symbols = (const ElfW(Sym) *)entry->d_un.d_ptr; break;
		case DT_STRTAB: names = (const char *)entry->d_un.d_ptr; break;
		case DT_RELA: tables[0].start = (const ElfW(Rela) *)entry->d_un.d_ptr; break;
		case DT_RELASZ: tables[0].size = entry->d_un.d_val; break;
		case DT_JMPREL: tables[1].start = (const ElfW(Rela) *)entry->d_un.d_ptr; break;
		case DT_PLTRELSZ: tables[1].size = entry->d_un.d_val; break;
		}
	}
	for (int i = 0; symbols && names && i < 2; i++) {
		for (size_t j = 0; j < tables[i].size / sizeof(ElfW(Rela)); j++) {
			const ElfW(Rela) *rela = &tables[i].start[j];
			size_t symbol = ELF64_R_SYM(rela->r_info);
			if (symbol == 0 || strcmp(names + symbols[symbol].st_name, "getaddrinfo") != 0)
				continue;
			uintptr_t slot = map->l_addr + rela->r_offset;
			uintptr_t page = slot & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
			mprotect((void *)page, slot - page + sizeof(void *), PROT_READ | PROT_WRITE);
			*(void **)slot = (void *)getaddrinfo;
		}
	}
}

/* The engine opens extensions in a way that lets them find the system's functions before preloaded ones. */
void *dlopen(const char *file, int flags) {
	void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	void *library = next(file, flags);
	if (library && file && (flags & RTLD_DEEPBIND))
		redirect((const struct link_map *)library);
	return library;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
	static atomic_int asked_for_moves;
	size_t length = node ? strlen(node) : 0;
	if (is_odd(node)) {
		*result = NULL;
		append("127.0.0.1", hints, result);
		return 0;
	}
	if (length < 5 || strcmp(node + length - 5, ".test") != 0)
		return ((resolver)dlsym(RTLD_NEXT, "getaddrinfo"))(node, service, hints, result);
	write_down(node);
	*result = NULL;
	if (strcmp(node, "hang.test") == 0) {
		wait_seconds(60);
	} else if (strcmp(node, "slow.test") == 0) {
		wait_seconds(2);
		append("127.0.0.1", hints, result);
	} else if (strcmp(node, "both.test") == 0) {
		append("::1", hints, result);
		append("127.0.0.1", hints, result);
	} else if (strcmp(node, "moves.test") == 0) {
		append(atomic_fetch_add(&asked_for_moves, 1) ? "127.0.0.3" : "127.0.0.2", hints, result);
	}
	return *result ? 0 : EAI_NONAME;
}
