/*
 * floor
 *
 * The least that a chat server can do, and do it in C: one process, one epoll, and for whatever
 * comes from one, a loop of send(2) to all. With one client, an echo. Greets everybody with
 * "hello". Prints its port, ends with its standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char data[1 << 16];
static int clients[20000];

int
main(void)
{
	struct sockaddr_in where = { .sin_family = AF_INET };
	socklen_t length = sizeof(where);
	int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
	int count = 0, one = 1;

	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&where, sizeof(where)) || listen(listener, 1024) ||
	    getsockname(listener, (struct sockaddr *)&where, &length)) {
		perror("listen");
		return 1;
	}
	printf("%d\n", ntohs(where.sin_port));
	fflush(stdout);

	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[256];

	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	event.data.fd = STDIN_FILENO;
	epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (;;) {
		int ready = epoll_wait(poller, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;

			if (fd == STDIN_FILENO)
				return 0;
			if (fd == listener) {
				int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

				if (client < 0)
					continue;
				setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				event.data.fd = clients[count++] = client;
				epoll_ctl(poller, EPOLL_CTL_ADD, client, &event);
				send(client, "hello\n", 6, MSG_NOSIGNAL);
				continue;
			}
			ssize_t size = recv(fd, data, sizeof(data), 0);

			if (size <= 0) {
				close(fd);
				for (int j = 0; j < count; j++)
					if (clients[j] == fd)
						clients[j--] = clients[--count];
				continue;
			}
			for (int j = 0; j < count; j++)
				send(clients[j], data, size, MSG_NOSIGNAL);
		}
	}
}
