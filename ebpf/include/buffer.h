/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where the bytes of the running socket call are in user memory. The socket tracepoints do not
 * say, but the call's arguments are still in the task's saved registers.
 */
#ifndef TAPLINE_BUFFER_H
#define TAPLINE_BUFFER_H

#include "maps.h"

#if defined(__TARGET_ARCH_x86)
enum { NR_READ = 0, NR_WRITE = 1, NR_READV = 19, NR_WRITEV = 20, NR_SENDTO = 44, NR_RECVFROM = 45,
       NR_SENDMSG = 46, NR_RECVMSG = 47 };
#define REGS_NR(regs) ((s64)(regs)->orig_ax)
#define REGS_FD(regs) ((regs)->di)
#define REGS_ARG2(regs) ((regs)->si)
#define REGS_ARG3(regs) ((regs)->dx)
#define IS_COMPAT(task) ((task)->thread_info.status & TS_COMPAT)
#else
enum { NR_READ = 63, NR_WRITE = 64, NR_READV = 65, NR_WRITEV = 66, NR_SENDTO = 206,
       NR_RECVFROM = 207, NR_SENDMSG = 211, NR_RECVMSG = 212 };
#define REGS_NR(regs) ((s64)(regs)->syscallno)
#define REGS_FD(regs) ((regs)->orig_x0)
#define REGS_ARG2(regs) ((regs)->regs[1])
#define REGS_ARG3(regs) ((regs)->regs[2])
/* arm64 marks 32-bit tasks in thread_info.flags, whose bits move; PSTATE has the mode. */
#define IS_COMPAT(task) false
#endif

/* As many as the kernel takes in one call; the walk stops where the call did. */
#define IOV_MAX 1024

struct iovec {
    u64 base;
    u64 len;
};

struct user_msghdr {
    u64 name;
    u64 namelen;
    u64 iov;
    u64 iovlen;
};

/* One contiguous buffer (`pieces` 0), or an array of iovecs. */
struct buffer {
    u64 address;
    u64 pieces;
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
    if (bpf_probe_read_user(&header, sizeof(header), (void *)address))
        return false;
    buffer->address = header.iov;
    buffer->pieces = header.iovlen;
    return header.iovlen > 0;
}

INLINE bool from_call(struct buffer *buffer, struct pt_regs *regs, u8 direction)
{
    bool sent = direction == DIRECTION_SENT;

    buffer->address = REGS_ARG2(regs);
    buffer->pieces = 0;
    switch (REGS_NR(regs)) {
    case NR_WRITE:
    case NR_SENDTO:
        return sent;
    case NR_READ:
    case NR_RECVFROM:
        return !sent;
    case NR_WRITEV:
        buffer->pieces = REGS_ARG3(regs);
        return sent;
    case NR_READV:
        buffer->pieces = REGS_ARG3(regs);
        return !sent;
    case NR_SENDMSG:
        return sent && from_msghdr(buffer, buffer->address);
    case NR_RECVMSG:
        return !sent && from_msghdr(buffer, buffer->address);
    default:
        return false;
    }
}

/* Finds the buffer of the call that moves bytes on `sk`; false when there is none to be read. */
INLINE bool find_buffer(struct buffer *buffer, struct sock *sk, u8 direction)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct pt_regs *regs;

    if ((task->flags & PF_KTHREAD) || IS_COMPAT(task))
        return false;
    regs = bpf_task_pt_regs(task);
    if (task->io_uring && !fd_is_socket(task, REGS_FD(regs), sk))
        return false;
    return from_call(buffer, regs, direction);
}

INLINE struct scratch *the_scratch(void)
{
    u32 zero = 0;
    return bpf_map_lookup_elem(&scratches, &zero);
}

/* Reads what a piece has of the call's last bytes. The piece is bytes [at, at + size) of `len`. */
INLINE void read_tail(struct scratch *scratch, u64 base, u64 at, u64 size, u64 len)
{
    u64 tail_at = len > TAIL_MAX ? len - TAIL_MAX : 0;
    u64 from = at > tail_at ? at : tail_at;
    u32 offset = from - tail_at;
    u32 count = at + size - from;

    if (at + size <= tail_at)
        return;
    if (count == 0)
        return;
    OPAQUE(offset);
    OPAQUE(count);
    if (offset >= TAIL_MAX || count > TAIL_MAX)
        return;
    bpf_probe_read_user(scratch->tail + offset, count, (void *)(base + (from - at)));
}

/* Copies one contiguous piece behind the first `at` bytes; returns how many bytes arrived. */
INLINE u32 copy_piece(struct scratch *scratch, u32 at, u64 base, u64 want)
{
    u32 offset = at;
    u32 size = want;

    /* Each bound is a test of its own: merged into one subtraction, as clang does when it can, only
     * the verifiers of the newest kernels see it. */
    if (size == 0)
        return 0;
    OPAQUE(offset);
    OPAQUE(size);
    if (offset >= CAPTURE_MAX || size > CAPTURE_MAX)
        return 0;
    if (bpf_probe_read_user(scratch->data + offset, size, (void *)base)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->unreadable += 1;
        return 0;
    }
    return size;
}

/* A walk over an iovec array. */
struct walk {
    u64 iov;
    u64 left; /* bytes of the call not yet passed */
    u32 want;
    u32 copied;
    u32 len;
    u32 pad;
};

static long copy_iovec(u32 index, struct walk *walk)
{
    struct scratch *scratch = the_scratch();
    struct iovec piece;

    if (!scratch || walk->left == 0)
        return 1;
    if (bpf_probe_read_user(&piece, sizeof(piece), (void *)(walk->iov + index * sizeof(piece))))
        return 1;
    u64 here = piece.len < walk->left ? piece.len : walk->left;
    if (walk->copied < walk->want) {
        u64 room = walk->want - walk->copied;
        u64 size = here < room ? here : room;
        u32 arrived = copy_piece(scratch, walk->copied, piece.base, size);
        walk->copied += arrived;
        if (arrived < size)
            walk->want = walk->copied; /* a hole: what follows would not be adjacent */
    }
    read_tail(scratch, piece.base, walk->len - walk->left, here, walk->len);
    walk->left -= here;
    return 0;
}

/* Copies into this CPU's scratch up to `want` of the `len` bytes that the call moved, and their
 * tail into `tail`. `pieces` is 0 for one buffer at `address`, else the length of the array there. */
VERIFIED_ALONE u32 copy_payload(u64 address, u64 pieces, u32 len, u32 want)
{
    struct scratch *scratch = the_scratch();
    u32 copied;

    if (!scratch)
        return 0;
    if (want > len)
        want = len;
    if (pieces == 0) {
        copied = copy_piece(scratch, 0, address, want);
        if (copied < len)
            read_tail(scratch, address, 0, len, len);
        return copied;
    }
    struct walk walk = {.iov = address, .left = len, .want = want, .len = len};
    bpf_loop(pieces < IOV_MAX ? pieces : IOV_MAX, copy_iovec, &walk, 0);
    return walk.copied;
}

#endif
