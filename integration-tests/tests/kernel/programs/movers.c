/* Moves one HTTP exchange over a socket in every way that Linux has, then a plain one over the same
 * connection, which only comes out right if every byte of the first was counted.
 *
 * Usage: movers FAMILY:WRITER:READER...
 *
 * A child answers, the parent asks `POST /f0b2/FAMILY:WRITER:READER/`; both use the same two ways.
 * Prints `ok FAMILY:WRITER:READER` for each, or `no ...: why` where the kernel lacks something.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ASKED_BODY = 3000, ANSWERED_BODY = 5000, MESSAGE_MAX = 16384, PIECES = 100 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static size_t must(ssize_t moved, const char *what)
{
    if (moved <= 0)
        fail(what);
    return moved;
}

/* Memory that a 32-bit call can name. */
static char *low_memory(void)
{
    static char *low;
    if (!low)
        low = mmap(NULL, 2 * MESSAGE_MAX, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    return low;
}

/* === Ways to write === */

typedef void writer(int socket, char *data, size_t len, size_t head);

static void w_plain(int socket, char *data, size_t len)
{
    while (len > 0) {
        size_t moved = must(send(socket, data, len, 0), "send");
        data += moved;
        len -= moved;
    }
}

static void w_send(int socket, char *data, size_t len, size_t head)
{
    w_plain(socket, data, len);
}

static void w_write(int socket, char *data, size_t len, size_t head)
{
    while (len > 0) {
        size_t moved = must(write(socket, data, len), "write");
        data += moved;
        len -= moved;
    }
}

static void w_sendto(int socket, char *data, size_t len, size_t head)
{
    must(sendto(socket, data, head, MSG_MORE, NULL, 0), "sendto");
    must(sendto(socket, data + head, len - head, MSG_NOSIGNAL, NULL, 0), "sendto");
}

static void w_bytes(int socket, char *data, size_t len, size_t head)
{
    for (size_t i = 0; i < len; i++)
        must(write(socket, data + i, 1), "write");
}

/* Cuts data into pieces; the last takes the rest. */
static size_t cut(struct iovec *pieces, size_t count, size_t size, char *data, size_t len)
{
    count = len < count * size ? 1 : count;
    for (size_t i = 0; i < count; i++) {
        pieces[i].iov_base = data + i * size;
        pieces[i].iov_len = i + 1 < count ? size : len - i * size;
    }
    return count;
}

static void w_writev(int socket, char *data, size_t len, size_t head)
{
    struct iovec pieces[2] = {{data, head}, {data + head, len - head}};
    if (must(writev(socket, pieces, 2), "writev") != len)
        fail("short writev");
}

/* The head lies in many pieces, the first of them empty. */
static void w_writev100(int socket, char *data, size_t len, size_t head)
{
    struct iovec pieces[PIECES + 1] = {{data, 0}};
    cut(pieces + 1, PIECES, 2, data, len);
    if (must(writev(socket, pieces, PIECES + 1), "writev") != len)
        fail("short writev");
}

static void w_writev1000(int socket, char *data, size_t len, size_t head)
{
    static struct iovec pieces[1000];
    cut(pieces, 1000, 1, data, len);
    if (must(writev(socket, pieces, 1000), "writev") != len)
        fail("short writev");
}

static void w_pwritev2(int socket, char *data, size_t len, size_t head)
{
    struct iovec pieces[2] = {{data, head}, {data + head, len - head}};
    if (must(pwritev2(socket, pieces, 2, -1, 0), "pwritev2") != len)
        fail("short pwritev2");
}

static void w_sendmsg(int socket, char *data, size_t len, size_t head)
{
    struct iovec pieces[PIECES];
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = cut(pieces, PIECES, 3, data, len)};
    if (must(sendmsg(socket, &message, 0), "sendmsg") != len)
        fail("short sendmsg");
}

/* Several messages in a call, and the array used again by the next call. */
static void w_sendmmsg(int socket, char *data, size_t len, size_t head)
{
    enum { CALL = 3 };
    struct mmsghdr messages[CALL] = {0};
    struct iovec pieces[CALL];
    size_t step = len / (2 * CALL), at = 0;
    for (int call = 0; call < 2; call++) {
        for (int i = 0; i < CALL; i++) {
            bool last = call == 1 && i == CALL - 1;
            pieces[i] = (struct iovec){data + at, last ? len - at : step};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = pieces + i, .msg_iovlen = 1};
            at += step;
        }
        if (sendmmsg(socket, messages, CALL, 0) != CALL)
            fail("sendmmsg");
    }
}

static int file_of(const char *data, size_t len)
{
    int file = memfd_create("body", 0);
    if (file < 0 || write(file, data, len) != (ssize_t)len)
        fail("memfd");
    lseek(file, 0, SEEK_SET);
    return file;
}

static void w_sendfile(int socket, char *data, size_t len, size_t head)
{
    int file = file_of(data + head, len - head);
    must(send(socket, data, head, MSG_MORE), "send");
    for (size_t left = len - head; left > 0;)
        left -= must(sendfile(socket, file, NULL, left), "sendfile");
    close(file);
}

static void w_splice(int socket, char *data, size_t len, size_t head)
{
    int ends[2];
    if (pipe(ends) || write(ends[1], data + head, len - head) != (ssize_t)(len - head))
        fail("pipe");
    must(send(socket, data, head, 0), "send");
    for (size_t left = len - head; left > 0;)
        left -= must(splice(ends[0], NULL, socket, NULL, left, 0), "splice");
    close(ends[0]);
    close(ends[1]);
}

static void w_zerocopy(int socket, char *data, size_t len, size_t head)
{
    int one = 1;
    char control[128];
    struct msghdr done = {.msg_control = control, .msg_controllen = sizeof(control)};
    if (setsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
        fail("SO_ZEROCOPY");
    if (must(send(socket, data, len, MSG_ZEROCOPY), "send") != len)
        fail("short send");
    struct pollfd poll_for = {.fd = socket};
    poll(&poll_for, 1, 5000); /* the kernel is done with the pages */
    if (recvmsg(socket, &done, MSG_ERRQUEUE) < 0)
        fail("MSG_ERRQUEUE");
}

/* A system call as 32-bit programs make it: 4 is write, 3 is read. */
static ssize_t call32(int number, int socket, void *data, size_t len)
{
#ifdef __x86_64__
    long result;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(number), "b"((long)socket), "c"(data), "d"(len)
                 : "memory", "r8", "r9", "r10", "r11");
    errno = result < 0 ? -result : 0;
    return result;
#else
    return number == 4 ? write(socket, data, len) : read(socket, data, len);
#endif
}

static void w_int80(int socket, char *data, size_t len, size_t head)
{
    char *low = low_memory();
    memcpy(low, data, len);
    for (size_t at = 0; at < len;)
        at += must(call32(4, socket, low + at, len - at), "write of 32 bits");
}

/* === Ways to read: some bytes, as many as fit === */

typedef size_t reader(int socket, char *to, size_t room, bool in_body);

static size_t r_recv(int socket, char *to, size_t room, bool in_body)
{
    return must(recv(socket, to, room, 0), "recv");
}

static size_t r_read(int socket, char *to, size_t room, bool in_body)
{
    return must(read(socket, to, room), "read");
}

static size_t r_recvfrom(int socket, char *to, size_t room, bool in_body)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    return must(recvfrom(socket, to, room, 0, (struct sockaddr *)&from, &size), "recvfrom");
}

static size_t r_bytes(int socket, char *to, size_t room, bool in_body)
{
    return must(read(socket, to, 1), "read");
}

static size_t r_readv(int socket, char *to, size_t room, bool in_body)
{
    struct iovec pieces[PIECES];
    return must(readv(socket, pieces, cut(pieces, PIECES, 2, to, room)), "readv");
}

static size_t r_preadv2(int socket, char *to, size_t room, bool in_body)
{
    struct iovec pieces[2];
    return must(preadv2(socket, pieces, cut(pieces, 2, 10, to, room), -1, 0), "preadv2");
}

static size_t r_recvmsg(int socket, char *to, size_t room, bool in_body)
{
    struct iovec pieces[PIECES];
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = cut(pieces, PIECES, 2, to, room)};
    return must(recvmsg(socket, &message, 0), "recvmsg");
}

/* Small buffers, so that a call fills several and ends in the middle of one. */
static size_t r_recvmmsg(int socket, char *to, size_t room, bool in_body)
{
    enum { CALL = 8 };
    struct mmsghdr messages[CALL] = {0};
    struct iovec pieces[CALL];
    size_t size = room / CALL < 700 ? room / CALL : 700, total = 0;
    int count = size ? CALL : 1;
    size = size ? size : room;
    for (int i = 0; i < count; i++) {
        pieces[i] = (struct iovec){to + i * size, size};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = pieces + i, .msg_iovlen = 1};
    }
    int got = recvmmsg(socket, messages, count, MSG_WAITFORONE, NULL);
    if (got <= 0)
        fail("recvmmsg");
    for (int i = 0; i < got; i++) {
        memmove(to + total, to + i * size, messages[i].msg_len);
        total += messages[i].msg_len;
    }
    return total;
}

/* Looks first, takes then. */
static size_t r_peek(int socket, char *to, size_t room, bool in_body)
{
    must(recv(socket, to, 10, MSG_PEEK), "MSG_PEEK");
    must(recv(socket, to, room, MSG_PEEK), "MSG_PEEK");
    return must(recv(socket, to, room / 2 + 1, 0), "recv");
}

/* Throws the body away unread. */
static size_t r_trunc(int socket, char *to, size_t room, bool in_body)
{
    return must(recv(socket, to, in_body ? room : 1, in_body ? MSG_TRUNC : 0), "MSG_TRUNC");
}

/* As much as must come: 64 bytes of every head, and what is missing of the body. */
static size_t r_waitall(int socket, char *to, size_t room, bool in_body)
{
    return must(recv(socket, to, in_body ? room : 64, in_body ? MSG_WAITALL : 0), "MSG_WAITALL");
}

static size_t r_splice(int socket, char *to, size_t room, bool in_body)
{
    int ends[2];
    if (!in_body)
        return must(recv(socket, to, 64, 0), "recv");
    if (pipe(ends))
        fail("pipe");
    size_t moved = must(splice(socket, NULL, ends[1], NULL, room, 0), "splice");
    if (read(ends[0], to, moved) != (ssize_t)moved)
        fail("read of the pipe");
    close(ends[0]);
    close(ends[1]);
    return moved;
}

static size_t r_int80(int socket, char *to, size_t room, bool in_body)
{
    size_t moved = must(call32(3, socket, low_memory(), room), "read of 32 bits");
    memcpy(to, low_memory(), moved);
    return moved;
}

/* === The exchange === */

static const struct {
    const char *name;
    writer *write;
} WRITERS[] = {
    {"send", w_send},         {"write", w_write},         {"sendto", w_sendto},
    {"bytes", w_bytes},       {"writev", w_writev},       {"writev100", w_writev100},
    {"pwritev2", w_pwritev2}, {"writev1000", w_writev1000}, {"sendmsg", w_sendmsg},
    {"sendmmsg", w_sendmmsg}, {"sendfile", w_sendfile},   {"splice", w_splice},
    {"zerocopy", w_zerocopy}, {"int80", w_int80},
};

static const struct {
    const char *name;
    reader *read;
} READERS[] = {
    {"recv", r_recv},         {"read", r_read},       {"recvfrom", r_recvfrom},
    {"bytes", r_bytes},       {"readv", r_readv},     {"preadv2", r_preadv2},
    {"recvmsg", r_recvmsg},   {"recvmmsg", r_recvmmsg}, {"peek", r_peek},
    {"trunc", r_trunc},       {"waitall", r_waitall}, {"splice", r_splice},
    {"int80", r_int80},
};

#define NAMED(table, want)                                                     \
    ({                                                                         \
        size_t at = 0;                                                         \
        while (at < sizeof(table) / sizeof(*table) && strcmp(table[at].name, want)) \
            at++;                                                              \
        if (at == sizeof(table) / sizeof(*table))                              \
            fail(want);                                                        \
        table[at];                                                             \
    })

/* Reads a message to its last byte and no further; every body has a length. */
static void take(int socket, reader *read_some, size_t body)
{
    static char message[MESSAGE_MAX];
    size_t got = 0, whole = 0;
    while (whole == 0 || got < whole) {
        size_t room = whole ? whole - got : MESSAGE_MAX - got;
        got += read_some(socket, message + got, room, whole > 0);
        char *end = whole ? NULL : memmem(message, got, "\r\n\r\n", 4);
        if (end)
            whole = end + 4 - message + body;
    }
    if (got != whole)
        fail("more than a message");
}

static void give(int socket, writer *write_all, const char *head, size_t body)
{
    static char message[MESSAGE_MAX];
    size_t len = sprintf(message, "%sContent-Length: %zu\r\n\r\n", head, body);
    memset(message + len, 'x', body);
    write_all(socket, message, len + body, len);
}

static void answer(int socket, writer *write_all, reader *read_some)
{
    take(socket, read_some, ASKED_BODY);
    give(socket, write_all, "HTTP/1.1 200 OK\r\nX-Pad: 0123456789012345678901234567890123456789\r\n",
         ANSWERED_BODY);
    take(socket, r_recv, 3);
    give(socket, w_send, "HTTP/1.1 201 Made\r\n", 4);
}

static void ask(int socket, writer *write_all, reader *read_some, const char *name)
{
    char head[256];
    sprintf(head, "POST /f0b2/%s/ HTTP/1.1\r\nHost: movers\r\nX-Pad: 01234567890123456789\r\n", name);
    give(socket, write_all, head, ASKED_BODY);
    take(socket, read_some, ANSWERED_BODY);
    sprintf(head, "POST /f0b2-after/%s/ HTTP/1.1\r\nHost: movers\r\n", name);
    give(socket, w_send, head, 3);
    take(socket, r_recv, 4);
}

/* === Sockets === */

static int listening(const char *family, struct sockaddr_storage *address, socklen_t *size)
{
    int kind = SOCK_STREAM, domain;
    memset(address, 0, sizeof(*address));
    if (!strcmp(family, "tcp4")) {
        struct sockaddr_in *in = (void *)address;
        domain = in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        *size = sizeof(*in);
    } else if (!strcmp(family, "tcp6") || !strcmp(family, "mapped")) {
        struct sockaddr_in6 *in6 = (void *)address;
        domain = in6->sin6_family = AF_INET6;
        inet_pton(AF_INET6, family[0] == 't' ? "::1" : "::ffff:127.0.0.1", &in6->sin6_addr);
        *size = sizeof(*in6);
    } else {
        struct sockaddr_un *un = (void *)address;
        domain = un->sun_family = AF_UNIX;
        *size = sizeof(un->sun_family); /* the kernel chooses an abstract name */
        kind = strcmp(family, "seqpacket") ? SOCK_STREAM : SOCK_SEQPACKET;
    }
    int listener = socket(domain, kind, 0);
    if (listener < 0 || bind(listener, (void *)address, *size) || listen(listener, 1))
        fail(family);
    *size = sizeof(*address);
    getsockname(listener, (void *)address, size);
    return listener;
}

/* Returns whether this is the child, which answers; `socket` is the end of whoever it is. */
static bool part(const char *family, int *end)
{
    if (!strcmp(family, "socketpair")) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
            fail("socketpair");
        bool child = fork() == 0;
        *end = ends[child];
        close(ends[!child]);
        return child;
    }
    struct sockaddr_storage address;
    socklen_t size;
    int listener = listening(family, &address, &size);
    if (fork() == 0) {
        *end = accept(listener, NULL, NULL);
        close(listener);
        return true;
    }
    close(listener);
    int kind = strcmp(family, "seqpacket") ? SOCK_STREAM : SOCK_SEQPACKET;
    *end = socket(address.ss_family, kind, 0);
    if (connect(*end, (void *)&address, size))
        fail("connect");
    return false;
}

int main(int count, char **args)
{
    setlinebuf(stdout);
    for (int i = 1; i < count; i++) {
        char *name = strdup(args[i]);
        char *family = strtok(args[i], ":"), *writes = strtok(NULL, ":"), *reads = strtok(NULL, ":");
        writer *write_all = NAMED(WRITERS, writes).write;
        reader *read_some = NAMED(READERS, reads).read;
        int end, status;
        if (part(family, &end)) {
            answer(end, write_all, read_some);
            _exit(0);
        }
        ask(end, write_all, read_some, name);
        close(end);
        wait(&status);
        if (status)
            fail(name);
        printf("ok %s\n", name);
    }
}
