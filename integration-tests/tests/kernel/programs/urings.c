/* Moves two HTTP exchanges over one connection with io_uring alone, both ends, in a way it is told.
 *
 * Usage: urings CONTEXT:WRITER:READER...
 *
 * A child answers, the parent asks `POST /f0b3/CONTEXT:WRITER:READER/1` and `/2`; each has a ring of
 * its own. Prints `ok CONTEXT:WRITER:READER` for each. No library: the system calls are three.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ASKED_BODY = 3000, ANSWERED_BODY = 5000, MESSAGE_MAX = 16384, PIECES = 100 };
enum { ENTRIES = 16, BUFFERS = 8, BUFFER_SIZE = 1500, GROUP = 7 };
/* Of before Linux 5.19, which Debian's headers may be, and later. */
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

static struct {
    int fd;
    unsigned *sq_head, *sq_tail, *sq_mask, *sq_flags, *cq_head, *cq_tail, *cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    bool polled, async, armed;
    struct io_uring_buf_ring *buffers;
    unsigned short buffers_tail;
    char *memory;
} ring;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void set_up(const char *context)
{
    struct io_uring_params p = {0};
    ring.async = !strcmp(context, "async");
    ring.polled = !strcmp(context, "sqpoll");
    if (ring.polled)
        p.flags = IORING_SETUP_SQPOLL, p.sq_thread_idle = 1000;
    if (!strcmp(context, "defer"))
        p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    ring.fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
    if (ring.fd < 0)
        fail("io_uring_setup");
    size_t size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
    ring.sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
                     MAP_SHARED, ring.fd, IORING_OFF_SQES);
    ring.sq_head = (void *)(at + p.sq_off.head);
    ring.sq_tail = (void *)(at + p.sq_off.tail);
    ring.sq_mask = (void *)(at + p.sq_off.ring_mask);
    ring.sq_flags = (void *)(at + p.sq_off.flags);
    ring.cq_head = (void *)(at + p.cq_off.head);
    ring.cq_tail = (void *)(at + p.cq_off.tail);
    ring.cq_mask = (void *)(at + p.cq_off.ring_mask);
    ring.cqes = (void *)(at + p.cq_off.cqes);
    unsigned *array = (void *)(at + p.sq_off.array);
    for (unsigned i = 0; i < p.sq_entries; i++)
        array[i] = i;
}

static struct io_uring_sqe *next(unsigned ahead)
{
    struct io_uring_sqe *sqe = &ring.sqes[(*ring.sq_tail + ahead) & *ring.sq_mask];
    memset(sqe, 0, sizeof(*sqe));
    if (ring.async)
        sqe->flags = IOSQE_ASYNC;
    return sqe;
}

static void enter(unsigned submitted, unsigned wanted)
{
    unsigned flags = wanted ? IORING_ENTER_GETEVENTS : 0;
    __atomic_store_n(ring.sq_tail, *ring.sq_tail + submitted, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (ring.polled && (*(volatile unsigned *)ring.sq_flags & IORING_SQ_NEED_WAKEUP))
        flags |= IORING_ENTER_SQ_WAKEUP;
    while (syscall(SYS_io_uring_enter, ring.fd, submitted, wanted, flags, NULL, 0) < 0)
        if (errno != EINTR)
            fail("io_uring_enter");
}

/* Waits for a completion that is no mere notice about memory. */
static struct io_uring_cqe done(void)
{
    for (;;) {
        while (*ring.cq_head == __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE))
            enter(0, 1);
        struct io_uring_cqe cqe = ring.cqes[*ring.cq_head & *ring.cq_mask];
        __atomic_store_n(ring.cq_head, *ring.cq_head + 1, __ATOMIC_RELEASE);
        if (!(cqe.flags & IORING_CQE_F_NOTIF))
            return cqe;
    }
}

static size_t moved(void)
{
    struct io_uring_cqe cqe = done();
    errno = -cqe.res;
    if (cqe.res <= 0)
        fail("request");
    return cqe.res;
}

static struct io_uring_sqe *fill(unsigned ahead, int opcode, int socket, void *address, unsigned len)
{
    struct io_uring_sqe *sqe = next(ahead);
    sqe->opcode = opcode;
    sqe->fd = socket;
    sqe->addr = (unsigned long)address;
    sqe->len = len;
    return sqe;
}

static size_t one(int opcode, int socket, void *address, unsigned len)
{
    fill(0, opcode, socket, address, len);
    enter(1, 1);
    return moved();
}

static size_t cut(struct iovec *pieces, size_t count, size_t size, char *data, size_t len)
{
    count = len < count * size ? 1 : count;
    for (size_t i = 0; i < count; i++) {
        pieces[i].iov_base = data + i * size;
        pieces[i].iov_len = i + 1 < count ? size : len - i * size;
    }
    return count;
}

/* === Writers === */

static void write_with(const char *way, int socket, char *data, size_t len, size_t head)
{
    struct iovec pieces[PIECES];
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = PIECES};
    size_t got = 0;

    cut(pieces, PIECES, 2, data, len);
    if (!strcmp(way, "send"))
        got = one(IORING_OP_SEND, socket, data, len);
    else if (!strcmp(way, "write"))
        got = one(IORING_OP_WRITE, socket, data, len);
    else if (!strcmp(way, "writev"))
        got = one(IORING_OP_WRITEV, socket, pieces, PIECES);
    else if (!strcmp(way, "sendmsg"))
        got = one(IORING_OP_SENDMSG, socket, &message, 1);
    else if (!strcmp(way, "sendmsg1")) {
        message.msg_iovlen = cut(pieces, 1, 0, data, len);
        got = one(IORING_OP_SENDMSG, socket, &message, 1);
    } else if (!strcmp(way, "zerocopy"))
        got = one(IORING_OP_SEND_ZC, socket, data, len);
    else if (!strcmp(way, "linked")) { /* head and body, one after the other, in one call */
        fill(0, IORING_OP_SEND, socket, data, head)->flags |= IOSQE_IO_LINK;
        fill(1, IORING_OP_SEND, socket, data + head, len - head);
        enter(2, 2);
        got = moved();
        got += moved();
    } else
        fail(way);
    if (got != len)
        fail("short write");
}

/* === Readers === */

static void offer(unsigned short buffer)
{
    struct io_uring_buf *entry = &ring.buffers->bufs[ring.buffers_tail & (BUFFERS - 1)];
    entry->addr = (unsigned long)(ring.memory + buffer * BUFFER_SIZE);
    entry->len = BUFFER_SIZE;
    entry->bid = buffer;
    __atomic_store_n(&ring.buffers->tail, ++ring.buffers_tail, __ATOMIC_RELEASE);
}

static void offer_buffers(void)
{
    size_t size = BUFFERS * sizeof(struct io_uring_buf);
    ring.buffers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ring.memory = malloc(BUFFERS * BUFFER_SIZE);
    struct io_uring_buf_reg reg = {.ring_addr = (unsigned long)ring.buffers,
                                   .ring_entries = BUFFERS, .bgid = GROUP};
    if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1))
        fail("buffers");
    for (int i = 0; i < BUFFERS; i++)
        offer(i);
}

/* The kernel chooses the buffer; with `multishot` one request reads again and again. */
static size_t read_selected(int socket, char *to, bool multishot)
{
    if (!ring.buffers)
        offer_buffers();
    if (!multishot || !ring.armed) {
        struct io_uring_sqe *sqe = fill(0, IORING_OP_RECV, socket, NULL, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP;
        sqe->ioprio = multishot ? IORING_RECV_MULTISHOT : 0;
        if (multishot)
            sqe->flags &= ~IOSQE_ASYNC;
        enter(1, 0);
    }
    struct io_uring_cqe cqe = done();
    ring.armed = cqe.flags & IORING_CQE_F_MORE;
    errno = -cqe.res;
    if (cqe.res <= 0)
        fail("recv into a chosen buffer");
    unsigned short buffer = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
    memcpy(to, ring.memory + buffer * BUFFER_SIZE, cqe.res);
    offer(buffer);
    return cqe.res;
}

static size_t read_with(const char *way, int socket, char *to, size_t room, bool in_body)
{
    struct iovec pieces[PIECES];
    size_t count = cut(pieces, PIECES, 2, to, room);
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};

    if (!strcmp(way, "recv"))
        return one(IORING_OP_RECV, socket, to, room);
    if (!strcmp(way, "read"))
        return one(IORING_OP_READ, socket, to, room);
    if (!strcmp(way, "readv"))
        return one(IORING_OP_READV, socket, pieces, count);
    if (!strcmp(way, "recvmsg"))
        return one(IORING_OP_RECVMSG, socket, &message, 1);
    if (!strcmp(way, "selected") || !strcmp(way, "multishot"))
        return read_selected(socket, to, way[0] == 'm');
    fill(0, IORING_OP_RECV, socket, to, in_body ? room : 40)->msg_flags = MSG_WAITALL;
    enter(1, 1);
    return moved();
}

/* === The exchange === */

static void take(int socket, const char *way, size_t body)
{
    static char message[MESSAGE_MAX];
    size_t got = 0, whole = 0;
    while (whole == 0 || got < whole) {
        size_t room = whole ? whole - got : MESSAGE_MAX - got;
        got += read_with(way, socket, message + got, room, whole > 0);
        char *end = whole ? NULL : memmem(message, got, "\r\n\r\n", 4);
        if (end)
            whole = end + 4 - message + body;
    }
    if (got != whole)
        fail("more than a message");
}

static void give(int socket, const char *way, const char *head, size_t body)
{
    static char message[MESSAGE_MAX];
    size_t len = sprintf(message, "%sContent-Length: %zu\r\n\r\n", head, body);
    memset(message + len, 'x', body);
    write_with(way, socket, message, len + body, len);
}

static void answer(int socket, const char *writes, const char *reads)
{
    for (int i = 0; i < 2; i++) {
        take(socket, reads, ASKED_BODY);
        give(socket, writes, "HTTP/1.1 200 OK\r\nX-Pad: 012345678901234567890\r\n", ANSWERED_BODY);
    }
}

static void ask(int socket, const char *writes, const char *reads, const char *name)
{
    char head[256];
    for (int i = 1; i <= 2; i++) {
        sprintf(head, "POST /f0b3/%s/%d HTTP/1.1\r\nHost: urings\r\n", name, i);
        give(socket, writes, head, ASKED_BODY);
        take(socket, reads, ANSWERED_BODY);
    }
}

static void talk(const char *name, const char *context, const char *writes, const char *reads)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, size) || listen(listener, 1))
        fail("listen");
    getsockname(listener, (void *)&address, &size);
    if (fork() == 0) {
        int end = accept(listener, NULL, NULL);
        set_up(context);
        answer(end, writes, reads);
        _exit(0);
    }
    int end = socket(AF_INET, SOCK_STREAM, 0), status;
    if (connect(end, (void *)&address, size))
        fail("connect");
    set_up(context);
    ask(end, writes, reads, name);
    wait(&status);
    exit(status ? 1 : 0);
}

int main(int count, char **args)
{
    setlinebuf(stdout);
    for (int i = 1; i < count; i++) {
        char *name = strdup(args[i]);
        char *context = strtok(args[i], ":"), *writes = strtok(NULL, ":"), *reads = strtok(NULL, ":");
        int status;
        if (fork() == 0)
            talk(name, context, writes, reads); /* a ring of its own, gone with it */
        wait(&status);
        if (status)
            fail(name);
        printf("ok %s\n", name);
    }
}
