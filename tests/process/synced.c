/*
 * Keeps what would be left of a journal after a power loss: a copy of each of its files as it is
 * whenever it has been synced, called NANOSECONDS.NAME by the monotonic clock. To be preloaded, see
 * ld.so(8); the copies go into the directory $SYNCED.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void keep(int fd)
{
	char link[64], path[4096], copy[4200], kept[4200], block[1 << 16];
	const char *directory = getenv("SYNCED"), *name;
	struct timespec now;
	ssize_t length;
	off_t at = 0;
	int out;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof path - 1);
	if (directory == NULL || length < 0)
		return;
	path[length] = 0;
	name = strrchr(path, '/');
	if (name == NULL || (strcmp(name, "/journal.db") && strcmp(name, "/journal.db-wal")))
		return;
	snprintf(kept, sizeof kept, "%s/%lld%09ld.%s", directory, (long long)now.tv_sec,
	    now.tv_nsec, name + 1);
	snprintf(copy, sizeof copy, "%s.part", kept);
	out = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		abort();
	while ((length = pread(fd, block, sizeof block, at)) > 0) {
		if (write(out, block, length) != length)
			abort();
		at += length;
	}
	close(out);
	if (rename(copy, kept))
		abort();
}

static int synced(const char *call, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
	int result = real(fd), error = errno;

	if (result == 0)
		keep(fd);
	errno = error;
	return result;
}

int fsync(int fd)
{
	return synced("fsync", fd);
}

int fdatasync(int fd)
{
	return synced("fdatasync", fd);
}
