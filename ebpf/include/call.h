/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where the bytes of the running socket call are in user memory. The socket tracepoints do not
 * say, but the call's arguments are still in the task's saved registers.
 *
 * Bytes that no register speaks of (sendfile, splice, kernel threads) have no buffer here; those of
 * io_uring have one in `uring.h`.
 */
#ifndef TAPLINE_CALL_H
#define TAPLINE_CALL_H

#include "buffer.h"
#include "call32.h"
#include "uring.h"

#if defined(__TARGET_ARCH_x86)
enum { NR_READ = 0, NR_WRITE = 1, NR_READV = 19, NR_WRITEV = 20, NR_SENDTO = 44, NR_RECVFROM = 45,
       NR_SENDMSG = 46, NR_RECVMSG = 47, NR_SENDFILE = 40, NR_GETSOCKOPT = 55, NR_SPLICE = 275,
       NR_RECVMMSG = 299, NR_SENDMMSG = 307, NR_PREADV2 = 327, NR_PWRITEV2 = 328 };
#define REGS_NR(regs) ((s64)(regs)->orig_ax)
#define REGS_FD(regs) ((regs)->di)
#define REGS_ARG2(regs) ((regs)->si)
#define REGS_ARG3(regs) ((regs)->dx)
#define REGS_ARG5(regs) ((regs)->r8)
#else
enum { NR_READ = 63, NR_WRITE = 64, NR_READV = 65, NR_WRITEV = 66, NR_SENDTO = 206,
       NR_RECVFROM = 207, NR_SENDMSG = 211, NR_RECVMSG = 212, NR_SENDFILE = 71,
       NR_GETSOCKOPT = 209, NR_SPLICE = 76, NR_RECVMMSG = 243, NR_SENDMMSG = 269, NR_PREADV2 = 286, NR_PWRITEV2 = 287 };
#define REGS_NR(regs) ((s64)(regs)->syscallno)
#define REGS_FD(regs) ((regs)->orig_x0)
#define REGS_ARG2(regs) ((regs)->regs[1])
#define REGS_ARG3(regs) ((regs)->regs[2])
#define REGS_ARG5(regs) ((regs)->regs[4])
#endif

struct user_msghdr {
    u64 name;
    u64 namelen;
    u64 iov;
    u64 iovlen;
    u64 control;
    u64 controllen;
    u64 flags;
};

struct user_mmsghdr {
    struct user_msghdr header;
    u64 len;
};

/* A task that uses io_uring may complete its requests inside any system call; then the registers
 * speak of another socket. Only such tasks pay for this walk. */
INLINE bool fd_is_socket(struct task_struct *task, u64 fd, struct sock *sk)
{
    struct fdtable *table = task->files->fdt;
    struct file *file = NULL;
    struct socket *socket = NULL;
    struct sock *found = NULL;

    if (fd >= table->max_fds)
        return false;
    bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
    bpf_probe_read_kernel(&socket, sizeof(socket), &file->private_data);
    bpf_probe_read_kernel(&found, sizeof(found), &socket->sk);
    return found == sk;
}

INLINE bool from_msghdr(struct buffer *buffer, u64 address)
{
    struct user_msghdr header;
    if (bpf_probe_read_user(&header, 4 * sizeof(u64), (void *)address))
        return false;
    buffer->address = header.iov;
    buffer->pieces = header.iovlen;
    buffer->peer = header.name;
    return header.iovlen > 0 && header.iovlen <= IOV_MAX;
}

/* === Many messages in one call === */

struct total {
    u64 array;
    u64 len;
};

static long add_piece(u32 index, struct total *total)
{
    struct iovec piece;

    if (!read_piece(&piece, total->array, 0, index))
        return 1;
    total->len += piece.len;
    return 0;
}

INLINE struct batch *batch_of(struct task_struct *task, u64 flags)
{
    return bpf_task_storage_get(&batches, task, NULL, flags);
}

/* The kernel handles the messages one after another and shows each by its length alone: which one
 * it is has to be counted. A call ends with its last message, with the first that was sent in part,
 * or with an error, which `batch_ends` is told. */
INLINE bool from_batch(struct buffer *buffer, struct task_struct *task, struct pt_regs *regs,
                       struct sock *sk, u32 moved, bool sent)
{
    struct batch *batch = batch_of(task, BPF_SK_STORAGE_GET_F_CREATE);
    u64 array = buffer->address;

    if (!batch || (!sent && REGS_ARG5(regs)))
        return false; /* a time limit may end the call unseen */
    if (batch->array != array || batch->sk != (u64)sk || batch->index >= (u32)REGS_ARG3(regs))
        batch->index = 0;
    batch->array = array;
    batch->sk = (u64)sk;
    u64 message = array + batch->index * sizeof(struct user_mmsghdr);
    batch->index += 1;
    if (!from_msghdr(buffer, message))
        return false;
    if (sent) {
        struct total total = {.array = buffer->address};
        bpf_loop(buffer->pieces, add_piece, &total, 0);
        if (total.len > moved)
            batch->array = 0;
    }
    return true;
}

/* A call that moved nothing: of many messages it passes one, or ends. */
INLINE void batch_ends(struct task_struct *task, int ret)
{
    s64 nr = REGS_NR(bpf_task_pt_regs(task));
    if (likely(nr != NR_SENDMMSG && nr != NR_RECVMMSG))
        return;
    struct batch *batch = batch_of(task, 0);
    if (!batch)
        return;
    if (ret < 0)
        batch->array = 0;
    else
        batch->index += 1;
}

/* A message that nobody asked to see is counted all the same. */
INLINE void batch_passes(struct sock *sk, u32 moved, u8 direction)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct pt_regs *regs = bpf_task_pt_regs(task);
    s64 nr = REGS_NR(regs);
    struct buffer buffer;

    if (likely(nr != NR_SENDMMSG && nr != NR_RECVMMSG))
        return;
    buffer.address = REGS_ARG2(regs);
    buffer.pieces = 0;
    from_batch(&buffer, task, regs, sk, moved, direction == DIRECTION_SENT);
}

/* === Any call === */

INLINE bool from_call(struct buffer *buffer, struct task_struct *task, struct pt_regs *regs,
                      struct sock *sk, u32 moved, bool sent)
{
    buffer->address = REGS_ARG2(regs);
    buffer->pieces = 0;
    switch (REGS_NR(regs)) {
    case NR_WRITE:
        return sent;
    case NR_SENDTO:
        buffer->peer = REGS_ARG5(regs);
        return sent;
    case NR_READ:
    case NR_RECVFROM:
        return !sent;
    case NR_WRITEV:
    case NR_PWRITEV2:
        buffer->pieces = REGS_ARG3(regs);
        return sent && buffer->pieces <= IOV_MAX;
    case NR_READV:
    case NR_PREADV2:
        buffer->pieces = REGS_ARG3(regs);
        return !sent && buffer->pieces <= IOV_MAX;
    case NR_SENDMSG:
        return sent && from_msghdr(buffer, buffer->address);
    case NR_RECVMSG:
        return !sent && from_msghdr(buffer, buffer->address);
    case NR_SENDMMSG:
        return sent && from_batch(buffer, task, regs, sk, moved, true);
    case NR_RECVMMSG:
        return !sent && from_batch(buffer, task, regs, sk, moved, false);
    default:
        return false;
    }
}

/* Finds the buffer of the call that moved bytes on `sk`; false when there is none to be read. */
INLINE bool find_buffer(struct buffer *buffer, struct sock *sk, u32 moved, u8 direction)
{
    struct task_struct *task = bpf_get_current_task_btf();
    bool sent = direction == DIRECTION_SENT;
    struct pt_regs *regs;

    buffer->peer = 0;
    if (task->flags & PF_KTHREAD)
        return false;
    regs = bpf_task_pt_regs(task);
    if (unlikely(is_request(task)) &&
        ((task->flags & PF_IO_WORKER) || !fd_is_socket(task, REGS_FD(regs), sk)))
        return from_uring(buffer, task, sk, moved, sent);
    if (IS_COMPAT(task))
        return from_call32(buffer, regs, sent);
    return from_call(buffer, task, regs, sk, moved, sent);
}

#endif
