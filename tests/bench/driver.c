/*
 * driver PROTOCOL PORT CLIENTS SENDERS LINES WINDOW SIZE
 *
 * Everybody who is in one room: CLIENTS connections in one process, of which the first SENDERS say
 * LINES lines of SIZE bytes between them, with at most WINDOW lines under way at once. With a
 * WINDOW of 1, the next line is said when everybody has heard the last one.
 *
 * PROTOCOL is one of
 *   text  chatd's; everybody hears every line, its sender too
 *   irc   one channel; everybody but its sender hears a line
 *   raw   the floors' (floor.c, floor.py): as text, and everybody is greeted with "hello"
 *
 * Prints "ready" when everybody is in and quiet, begins at a line on standard input, and prints
 * one line of NAME=NUMBER: seconds, lines and bytes that were heard, and for a WINDOW of 1 the
 * microseconds until a line's sender heard it (own_*) and until everybody had (all_*). Stays
 * connected until its standard input ends.
 *
 * Counts newlines and looks at nothing else, so that it is not what is measured.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 20000
#define DEADLINE 120 /* seconds for all of it; then SIGALRM ends us */

enum protocol { TEXT, IRC, RAW };

struct sender {
	const char *rest;
	size_t left;
};

static enum protocol protocol;
static int descriptors[MOST];
static long heard[MOST];
static struct sender senders[MOST];
static char buffer[1 << 20];

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void
say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("write");
}

/* Read until a whole line with `pattern` in it has come. */
static void
await(int fd, const char *pattern)
{
	size_t size = 0;
	ssize_t got;
	char *found;

	for (;;) {
		if (size == sizeof(buffer) - 1)
			size = 0;
		got = read(fd, buffer + size, sizeof(buffer) - 1 - size);
		if (got <= 0)
			fail("the server has closed");
		size += got;
		buffer[size] = 0;
		found = strstr(buffer, pattern);
		if (found && strchr(found, '\n'))
			return;
	}
}

static int
enter(int number, int port)
{
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	char text[100];

	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof(where)))
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	switch (protocol) {
	case TEXT:
		await(fd, "/help lists the commands");
		break;
	case RAW:
		await(fd, "hello");
		break;
	case IRC:
		snprintf(text, sizeof(text), "NICK b%d\r\nUSER b 0 * :b\r\n", number);
		say(fd, text);
		await(fd, " 001 ");
		say(fd, "JOIN #bench\r\n");
		await(fd, " 366 ");
	}
	return fd;
}

/* Have `speaker` say `word`, and everybody hear it: what was said before has come then, too. */
static void
hush(int speaker, const char *word, int clients)
{
	char text[100];

	snprintf(text, sizeof(text), "%s%s\r\n", protocol == IRC ? "PRIVMSG #bench :" : "", word);
	say(descriptors[speaker], text);
	for (int i = 0; i < clients; i++)
		if (protocol != IRC || i != speaker)
			await(descriptors[i], word);
}

static long
newlines(const char *data, ssize_t size)
{
	long count = 0;

	for (ssize_t i = 0; i < size; i++)
		count += data[i] == '\n';
	return count;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_times(const char *name, double *times, long count)
{
	qsort(times, count, sizeof(*times), ascending);
	printf(" %s_p50=%.2f %s_p99=%.2f %s_max=%.2f", name, times[count / 2] * 1e6, name,
	    times[count * 99 / 100] * 1e6, name, times[count - 1] * 1e6);
}

/* Go on with what `sender` has to say; tell whether it is all written. */
static int
push(int fd, struct sender *sender)
{
	while (sender->left) {
		ssize_t sent = send(fd, sender->rest, sender->left, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN)
			return 0;
		if (sent < 0)
			fail("send");
		sender->rest += sent;
		sender->left -= sent;
	}
	return 1;
}

int
main(int argc, char **argv)
{
	if (argc != 8)
		return 2;
	protocol = !strcmp(argv[1], "irc") ? IRC : !strcmp(argv[1], "raw") ? RAW : TEXT;
	int port = atoi(argv[2]), clients = atoi(argv[3]), speaking = atoi(argv[4]);
	long lines = atol(argv[5]), window = atol(argv[6]);
	int size = atoi(argv[7]);

	alarm(DEADLINE);
	for (int i = 0; i < clients; i++)
		descriptors[i] = enter(i, port);
	hush(0, "quiet-please", clients);
	if (protocol == IRC)
		hush(1, "thank-you", clients);

	/* One burst is what a sender says at a time. */
	long burst = window / (2 * speaking) > 1 ? window / (2 * speaking) : 1;
	int line_size = size + 64;
	char *said = malloc(burst * line_size), *end = said;
	size_t one_line = 0;
	for (long i = 0; i < burst; i++) {
		end += sprintf(end, "%s%0*d%s", protocol == IRC ? "PRIVMSG #bench :" : "", size - 1, 0,
		    protocol == IRC ? "\r\n" : "\n");
		if (!i)
			one_line = end - said;
	}

	int poller = epoll_create1(0);
	for (int i = 0; i < clients; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptors[i], &event))
			fail("epoll_ctl");
	}
	double *own = calloc(lines, sizeof(*own)), *all = calloc(lines, sizeof(*all));
	printf("ready\n");
	fflush(stdout);
	if (getchar() == EOF)
		return 1;

	/* Who listens only tells how far the server is; alone, the sender does. */
	int observer = clients - 1, speaker = 0, pending = 0;
	long receivers = protocol == IRC ? clients - 1 : clients;
	long sent = 0, total = 0, bytes = 0;
	double began = now(), line_began = began;
	struct epoll_event events[256];

	while (total < lines * receivers) {
		pending = 0;
		for (int i = 0; i < speaking; i++)
			pending += !push(descriptors[i], &senders[i]);
		while (sent < lines && !senders[speaker].left) {
			long count = burst < lines - sent ? burst : lines - sent;

			if (window == 1 ? total < sent * receivers
			                : sent + count - heard[observer] > window)
				break;
			line_began = now();
			senders[speaker] = (struct sender){ said, count * one_line };
			sent += count;
			pending += !push(descriptors[speaker], &senders[speaker]);
			speaker = (speaker + 1) % speaking;
		}
		int ready = epoll_wait(poller, events, 256, pending ? 1 : -1);
		for (int i = 0; i < ready; i++) {
			int who = events[i].data.u32;
			ssize_t got = recv(descriptors[who], buffer, sizeof(buffer), MSG_DONTWAIT);

			if (got <= 0) {
				if (got < 0 && errno == EAGAIN)
					continue;
				fail("the server has closed");
			}
			long count = newlines(buffer, got);

			bytes += got;
			total += count;
			heard[who] += count;
			if (window == 1 && count) {
				if (!who)
					own[sent - 1] = now() - line_began;
				if (total == sent * receivers)
					all[sent - 1] = now() - line_began;
			}
		}
	}
	printf("seconds=%.6f heard=%ld bytes=%ld", now() - began, total, bytes);
	if (window == 1) {
		print_times("own", own, lines);
		print_times("all", all, lines);
	}
	printf("\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
