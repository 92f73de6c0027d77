/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The arguments of the running system call, on every kernel and in every kind of program: read from
 * where the task keeps its registers, without asking the kernel for them.
 */
#ifndef TAPLINE_READING_H
#define TAPLINE_READING_H

#include "call.h"
#include "copy.h"

/* Of iovecs: what is behind them is told without its bytes. */
#define PIECES_SUMMED 32
/* As many as the kernel takes in one call. */
#define MESSAGES_SUMMED 1024
#define STACK_PADDING 16

#if defined(__TARGET_ARCH_x86)
#define REGS_ARG4(regs) ((regs)->r10)
#else
#define REGS_ARG4(regs) ((regs)->regs[3])
#endif

/* The arguments of a system call. */
struct arguments {
    s64 nr;
    u64 fd;
    u64 second;
    u64 third;
    u64 fourth;
};

#define READ(to, from) bpf_probe_read_kernel(&(to), sizeof(to), &(from))
#define SIZE_OF(type) __builtin_preserve_type_info(*(type *)0, 1)

INLINE u64 current_pid_tgid(struct task_struct *task)
{
    s32 tgid = 0;
    s32 pid = 0;

    READ(tgid, task->tgid);
    READ(pid, task->pid);
    return (u64)(u32)tgid << 32 | (u32)pid;
}

/* Reads which file a descriptor is; NULL if it is none. */
INLINE struct file *read_file(struct task_struct *task, u64 fd)
{
    struct files_struct *files = NULL;
    struct fdtable *table = NULL;
    struct file **open = NULL;
    struct file *file = NULL;
    u32 max = 0;

    READ(files, task->files);
    READ(table, files->fdt);
    READ(max, table->max_fds);
    if (fd >= max)
        return NULL;
    READ(open, table->fd);
    READ(file, open[fd]);
    return file;
}

/* Of a file that is a socket. */
INLINE struct sock *read_sock(struct file *file)
{
    struct socket *socket = NULL;
    struct sock *found = NULL;

    READ(socket, file->private_data);
    READ(found, socket->sk);
    return found;
}

/* What is no call of this process is seen by its descriptor, which is another socket's then. */
INLINE bool read_fd_is_socket(struct task_struct *task, u64 fd, u64 sk)
{
    struct file *file = read_file(task, fd);

    return file && (u64)read_sock(file) == sk;
}

/* Whether the call is that of a 32-bit program: its numbers and registers are others. */
INLINE bool read_is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
    u32 status = 0;
    READ(status, task->thread_info.status);
    return status & TS_COMPAT;
#else
    return false;
#endif
}

/* Reads the arguments of the call that the task is in; false when it cannot be in any. */
INLINE bool read_arguments(struct arguments *call, struct task_struct *task)
{
    void *stack = NULL;
    u32 flags = 0;

    READ(flags, task->flags);
    if ((flags & PF_KTHREAD) || read_is_compat(task))
        return false;
    READ(stack, task->stack);
    u64 top = (u64)stack + THREAD_SIZE;
    if (kernel_has & HAS_STACK_PADDING)
        top -= STACK_PADDING;
    struct pt_regs *regs = (struct pt_regs *)(top - SIZE_OF(struct pt_regs));
#if defined(__TARGET_ARCH_x86)
    READ(call->nr, regs->orig_ax);
#else
    s32 nr = -1;
    READ(nr, regs->syscallno);
    call->nr = nr;
#endif
    READ(call->fd, REGS_FD(regs));
    READ(call->second, REGS_ARG2(regs));
    READ(call->third, REGS_ARG3(regs));
    READ(call->fourth, REGS_ARG4(regs));
    return true;
}

/* Where a receiving call puts its bytes; false when it does not say. */
INLINE bool read_buffer(struct buffer *buffer, const struct arguments *call)
{
    buffer->address = call->second;
    buffer->pieces = 0;
    switch (call->nr) {
    case NR_READ:
    case NR_RECVFROM:
        return true;
    case NR_READV:
    case NR_PREADV2:
        buffer->pieces = call->third;
        return true;
    case NR_RECVMSG:
        return from_msghdr(buffer, call->second);
    default:
        return false;
    }
}

/* How many bytes many messages were, by what the kernel wrote behind each. */
VERIFIED_ALONE u64 sum_messages(u64 address, u64 messages)
{
    u64 sum = 0;

    for (u32 i = 0; i < MESSAGES_SUMMED && i < messages; i++) {
        u32 len = 0;
        u64 at = address + i * sizeof(struct user_mmsghdr) + sizeof(struct user_msghdr);
        if (bpf_probe_read_user(&len, sizeof(len), (void *)at))
            break;
        sum += len;
    }
    return sum;
}

/* The flags of a receiving call. */
INLINE u64 receive_flags(const struct arguments *call)
{
    if (call->nr == NR_RECVFROM || call->nr == NR_RECVMMSG)
        return call->fourth;
    return call->nr == NR_RECVMSG ? call->third : 0;
}

/* How many bytes an array of iovecs has room for. */
VERIFIED_ALONE u64 sum_pieces(u64 address, u64 pieces)
{
    u64 sum = 0;

    for (u32 i = 0; i < PIECES_SUMMED && i < pieces; i++) {
        struct iovec piece;
        if (bpf_probe_read_user(&piece, sizeof(piece), (void *)(address + i * sizeof(piece))))
            break;
        sum += piece.len;
    }
    return sum;
}

#endif
