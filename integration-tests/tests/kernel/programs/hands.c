/* A server whose connections change hands. It answers every request with the name that it runs by.
 *
 * Usage: hands HOW
 *   fork    a child answers on the connection that its parent accepted
 *   pass    the connection is passed to a process that never saw the listener
 *   exec    another program answers on the connection that was accepted before it began
 *   threads two threads take turns on one connection, one reads and one writes
 *   answer  (what `exec` runs: answers on descriptor 3)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t asked, answered;
static int shared;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Reads a request without a body; returns whether there was one. */
static int take(int connection)
{
    char head[4096];
    size_t got = 0;
    while (got < 4 || memcmp(head + got - 4, "\r\n\r\n", 4)) {
        ssize_t some = read(connection, head + got, 1);
        if (some <= 0)
            return 0;
        got += some;
    }
    return 1;
}

static void give(int connection)
{
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    if (write(connection, answer, strlen(answer)) < 0)
        fail("write");
}

static void serve(int connection)
{
    while (take(connection))
        give(connection);
}

static void *writes(void *unused)
{
    while (sem_wait(&asked) == 0) {
        give(shared);
        sem_post(&answered);
    }
    return NULL;
}

static void by_threads(int connection)
{
    pthread_t writer;
    shared = connection;
    sem_init(&asked, 0, 0);
    sem_init(&answered, 0, 0);
    pthread_create(&writer, NULL, writes, NULL);
    while (take(connection)) {
        sem_post(&asked);
        sem_wait(&answered);
    }
}

/* Sends a descriptor, or receives one if `descriptor` is -1. */
static int pass(int over, int descriptor)
{
    char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof(control)};
    if (descriptor < 0) {
        if (recvmsg(over, &message, 0) != 1)
            fail("recvmsg");
        memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
        return descriptor;
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    if (sendmsg(over, &message, 0) != 1)
        fail("sendmsg");
    return descriptor;
}

int main(int count, char **args)
{
    const char *how = args[1];
    int ends[2];
    pid_t taker = 0;

    setlinebuf(stdout);
    if (!strcmp(how, "answer")) {
        serve(3);
        return 0;
    }
    if (!strcmp(how, "pass")) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
            fail("socketpair");
        taker = fork();
        if (taker == 0) {
            serve(pass(ends[0], -1));
            return 0;
        }
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, size) || listen(listener, 8))
        fail("listen");
    getsockname(listener, (void *)&address, &size);
    printf("listening on port %d\n", ntohs(address.sin_port));
    int connection = accept(listener, NULL, NULL);
    if (!strcmp(how, "fork")) {
        taker = fork();
        if (taker == 0) {
            serve(connection);
            return 0;
        }
    } else if (!strcmp(how, "pass")) {
        pass(ends[1], connection);
    } else if (!strcmp(how, "exec")) {
        dup2(connection, 3);
        if (connection != 3)
            close(connection);
        execl(args[2], "answerer", "answer", NULL);
        fail("exec");
    } else {
        by_threads(connection);
    }
    close(connection);
    if (taker)
        printf("by process %d\n", taker);
    if (taker)
        waitpid(taker, NULL, 0);
}
