/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where the bytes of a request of io_uring are in user memory. No register speaks of them: the
 * request is found that runs, and it knows.
 *
 * A request runs in a worker, which knows what it works on; or in the thread that submitted it, at
 * once (that thread's last request, or one of its last chain), or later, when the socket is ready:
 * then it was seen to wait for that socket. A request counts only if its file is the very socket
 * and its operation goes that way. When in doubt there is no buffer, only a length.
 */
#ifndef TAPLINE_URING_H
#define TAPLINE_URING_H

#include "buffer.h"

#define URING_CHAIN_MAX 4
#define PF_IO_WORKER 0x00000010
#define EAGAIN 11

enum { OP_READV = 1, OP_WRITEV = 2, OP_READ_FIXED = 4, OP_WRITE_FIXED = 5, OP_SENDMSG = 9,
       OP_RECVMSG = 10, OP_READ = 22, OP_WRITE = 23, OP_SEND = 26, OP_RECV = 27, OP_SEND_ZC = 47,
       OP_SENDMSG_ZC = 48, OP_READ_MULTISHOT = 49 };
enum { REQUEST_LINKS = 1 << 2 | 1 << 3 };
enum { RECV_MULTISHOT = 1 << 1 };
enum { MSG_WAITALL = 0x100 };
enum { ITER_UBUF = 0, ITER_IOVEC = 1 }; /* since 6.4; where `iou_vec` is, they are these */

struct io_wq_work {
    int cancel_seq;
} CORE;

struct io_kiocb {
    struct file *file;
    u8 opcode;
    u32 flags;
    void *async_data;
    struct io_wq_work work;
} CORE;

struct io_worker {
    struct io_wq_work *cur_work;
} CORE;

struct iov_iter {
    u8 iter_type;
    u64 iov_offset;
    void *ubuf;
    u64 count;
} CORE;

struct msghdr {
    struct iov_iter msg_iter;
} CORE;

struct iou_vec {
    void *iovec;
    u32 nr;
} CORE;

struct io_async_msghdr {
    struct iou_vec vec; /* 6.15+; without it only plain buffers are read */
    struct msghdr msg;
} CORE;

struct io_async_rw {
    struct iou_vec vec;
    struct iov_iter iter;
} CORE;

struct io_sr_msg {
    void *buf;
    u32 len;
    u32 done_io;
    u32 msg_flags;
    u16 flags;
} CORE;

struct io_rw {
    u64 addr;
} CORE;

/* Reads a field of a struct that only the kernel vouches for. */
#define PEEK(to, field) bpf_probe_read_kernel(to, sizeof(*(to)), &(field))
#define HAS(field) __builtin_preserve_field_info(field, 2 /* whether it exists */)

/* What a thread submitted last. Lives in the thread and dies with it. */
struct uring_thread {
    u64 chain[URING_CHAIN_MAX];
    u8 done[URING_CHAIN_MAX];
    u8 count;
    u8 is_open; /* the next request belongs to the chain */
    u8 pad[2];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_TASK_STORAGE);
    MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
    MAP_TYPE(key, int);
    MAP_TYPE(value, struct uring_thread);
} uring_threads SEC(".maps");

struct uring_wait {
    u64 sk;
    u64 sent;
};

struct uring_waiter {
    u64 request;
    u64 is_doubtful; /* another one waited for the same */
};

/* Requests that wait for a socket. Full: the oldest has no buffer when its turn comes. */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 16384);
    MAP_TYPE(key, struct uring_wait);
    MAP_TYPE(value, struct uring_waiter);
} uring_waiters SEC(".maps");

/* Who submitted what a worker does. Full: the oldest is told of its worker. */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 4096);
    MAP_TYPE(key, u64);
    MAP_TYPE(value, u64);
} uring_submitters SEC(".maps");

enum way { WAY_NONE, WAY_SENT, WAY_RECEIVED };

INLINE enum way way_of(u8 opcode)
{
    switch (opcode) {
    case OP_WRITE:
    case OP_WRITEV:
    case OP_WRITE_FIXED:
    case OP_SEND:
    case OP_SENDMSG:
    case OP_SEND_ZC:
    case OP_SENDMSG_ZC:
        return WAY_SENT;
    case OP_READ:
    case OP_READV:
    case OP_READ_FIXED:
    case OP_READ_MULTISHOT:
    case OP_RECV:
    case OP_RECVMSG:
        return WAY_RECEIVED;
    default:
        return WAY_NONE;
    }
}

/* Returns the opcode of a request if it moves bytes on `sk` that way, else 0. */
INLINE u8 moves_on(u64 request, struct sock *sk, bool sent)
{
    struct io_kiocb *req = (struct io_kiocb *)request;
    struct file *file = NULL;
    struct socket *socket = NULL;
    struct sock *found = NULL;
    u8 opcode = 0;

    if (PEEK(&opcode, req->opcode) || way_of(opcode) != (sent ? WAY_SENT : WAY_RECEIVED))
        return 0;
    PEEK(&file, req->file);
    PEEK(&socket, file->private_data);
    PEEK(&found, socket->sk);
    return found == sk ? opcode : 0;
}

/* Returns the request that a worker works on, 0 if the task is none. */
INLINE u64 request_of_worker(struct task_struct *task)
{
    struct io_worker *worker = task->worker_private;
    struct io_wq_work *work = NULL;

    if (!(task->flags & PF_IO_WORKER) || !worker)
        return 0;
    PEEK(&work, worker->cur_work);
    return work ? (u64)work - (u64)&((struct io_kiocb *)0)->work : 0;
}

INLINE struct uring_thread *thread_of(struct task_struct *task, u64 flags)
{
    return bpf_task_storage_get(&uring_threads, task, NULL, flags);
}

/* Returns the place in the thread's last chain of the request that moves bytes on `sk`. */
INLINE u32 place_in_chain(struct uring_thread *thread, struct sock *sk, bool sent)
{
#pragma unroll
    for (u32 i = 0; i < URING_CHAIN_MAX; i++)
        if (i < thread->count && !thread->done[i] && moves_on(thread->chain[i], sk, sent))
            return i;
    return URING_CHAIN_MAX;
}

/* A request waits for `sk`. */
INLINE void waits(u64 request, struct sock *sk, bool sent)
{
    struct uring_wait wait = {.sk = (u64)sk, .sent = sent};
    struct uring_waiter waiter = {.request = request};
    struct uring_waiter *other = bpf_map_lookup_elem(&uring_waiters, &wait);

    if (other && other->request == request)
        return;
    if (other && moves_on(other->request, sk, sent))
        waiter.is_doubtful = 1;
    bpf_map_update_elem(&uring_waiters, &wait, &waiter, BPF_ANY);
}

INLINE void waits_no_more(struct sock *sk, bool sent)
{
    struct uring_wait wait = {.sk = (u64)sk, .sent = sent};
    bpf_map_delete_elem(&uring_waiters, &wait);
}

/* Finds the request that just moved bytes on `sk`, or nothing; 0 if that cannot be known. */
INLINE u64 running_request(struct task_struct *task, struct sock *sk, bool sent, u32 *place)
{
    struct uring_wait wait = {.sk = (u64)sk, .sent = sent};
    u64 request = request_of_worker(task);

    *place = URING_CHAIN_MAX;
    if (request)
        return moves_on(request, sk, sent) ? request : 0;
    struct uring_thread *thread = thread_of(task, 0);
    if (thread) {
        u32 found = place_in_chain(thread, sk, sent);
        if (found < URING_CHAIN_MAX) {
            *place = found;
            return thread->chain[found];
        }
    }
    struct uring_waiter *waiter = bpf_map_lookup_elem(&uring_waiters, &wait);
    if (!waiter || waiter->is_doubtful || !moves_on(waiter->request, sk, sent))
        return 0;
    return waiter->request;
}

INLINE bool from_iter(struct buffer *buffer, struct iov_iter *iter, struct iou_vec *vec,
                      u32 advanced)
{
    u8 type = 255;
    u64 offset = 0, address = 0;
    u32 pieces = 0;

    PEEK(&type, iter->iter_type);
    if (type == ITER_UBUF) {
        PEEK(&offset, iter->iov_offset);
        PEEK(&address, iter->ubuf);
        buffer->address = address + offset - advanced;
        return true;
    }
    if (type != ITER_IOVEC)
        return false;
    PEEK(&address, vec->iovec);
    PEEK(&pieces, vec->nr);
    buffer->address = address;
    buffer->pieces = pieces | PIECES_IN_KERNEL;
    return address != 0 && pieces > 0;
}

/* The iterator of a message has passed `moved` bytes by now. In several steps an array of pieces
 * cannot be followed. */
INLINE bool from_message(struct buffer *buffer, u64 request, u32 moved, bool is_vector)
{
    struct io_kiocb *req = (struct io_kiocb *)request;
    struct io_sr_msg *message = (struct io_sr_msg *)request;
    struct io_async_msghdr *async = NULL;
    u64 address = 0;
    u32 done = 0;

    PEEK(&async, req->async_data);
    PEEK(&done, message->done_io);
    if (async && HAS(async->vec) && from_iter(buffer, &async->msg.msg_iter, &async->vec, moved))
        return buffer->pieces == 0 || done == 0;
    if (is_vector)
        return false;
    PEEK(&address, message->buf);
    buffer->address = address;
    return true;
}

INLINE bool from_request(struct buffer *buffer, u64 request, u8 opcode, u32 moved)
{
    struct io_kiocb *req = (struct io_kiocb *)request;
    struct io_rw *rw = (struct io_rw *)request;
    struct io_async_rw *async = NULL;

    buffer->address = 0;
    buffer->pieces = 0;
    switch (opcode) {
    case OP_SEND:
    case OP_RECV:
    case OP_SEND_ZC:
        return from_message(buffer, request, moved, false);
    case OP_SENDMSG:
    case OP_RECVMSG:
    case OP_SENDMSG_ZC:
        return from_message(buffer, request, moved, true);
    case OP_READV:
    case OP_WRITEV:
        PEEK(&async, req->async_data);
        return async && HAS(async->vec) && from_iter(buffer, &async->iter, &async->vec, 0);
    default:
        return !PEEK(&buffer->address, rw->addr);
    }
}

/* Whether a request that moved bytes moves no more. */
INLINE bool is_done(u64 request, u8 opcode, u32 moved)
{
    struct io_kiocb *req = (struct io_kiocb *)request;
    struct io_sr_msg *message = (struct io_sr_msg *)request;
    struct io_async_msghdr *async = NULL;
    u64 left = 0;
    u32 len = 0, msg_flags = 0;
    u16 flags = 0;

    if (opcode == OP_RECV || opcode == OP_RECVMSG) {
        PEEK(&msg_flags, message->msg_flags);
        PEEK(&flags, message->flags);
        return !(msg_flags & MSG_WAITALL) && !(flags & RECV_MULTISHOT);
    }
    if (opcode == OP_READ_MULTISHOT)
        return false;
    if (way_of(opcode) != WAY_SENT || opcode == OP_WRITE || opcode == OP_WRITEV ||
        opcode == OP_WRITE_FIXED)
        return true;
    PEEK(&async, req->async_data);
    if (async && HAS(async->vec)) {
        PEEK(&left, async->msg.msg_iter.count);
        return left == 0;
    }
    PEEK(&len, message->len);
    return moved >= len;
}

INLINE void is_over(struct task_struct *task, struct sock *sk, bool sent, u32 place)
{
    struct uring_thread *thread = thread_of(task, 0);

    waits_no_more(sk, sent);
    if (thread && place < URING_CHAIN_MAX)
        thread->done[place] = 1;
}

/* Whether bytes just moved because of a request, not because of the call in the registers. */
INLINE bool is_request(struct task_struct *task)
{
    return task->io_uring || (task->flags & PF_IO_WORKER);
}

INLINE bool from_uring(struct buffer *buffer, struct task_struct *task, struct sock *sk, u32 moved,
                       bool sent)
{
    u32 place;
    u64 request = running_request(task, sk, sent, &place);

    if (!request) {
        waits_no_more(sk, sent); /* a doubt lasts for one message */
        return false;
    }
    u8 opcode = moves_on(request, sk, sent);
    bool found = from_request(buffer, request, opcode, moved);
    if (is_done(request, opcode, moved))
        is_over(task, sk, sent, place);
    return found;
}

/* A request moved nothing: it will try again, or is over. */
INLINE void uring_moved_nothing(struct task_struct *task, struct sock *sk, int ret, bool sent)
{
    u32 place;
    u64 request = running_request(task, sk, sent, &place);

    if (!request)
        return;
    if (ret == -EAGAIN)
        waits(request, sk, sent);
    else
        is_over(task, sk, sent, place);
}

/* The thread that wanted the bytes moved. */
INLINE u64 the_mover(void)
{
    struct task_struct *task = bpf_get_current_task_btf();
    u64 request = unlikely(task->flags & PF_IO_WORKER) ? request_of_worker(task) : 0;

    if (request) {
        u64 *submitter = bpf_map_lookup_elem(&uring_submitters, &request);
        if (submitter)
            return *submitter;
    }
    return bpf_get_current_pid_tgid();
}

#endif
