/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The same as `call.h` for 32-bit programs on an x86 of 64 bits: other numbers, other registers,
 * smaller structs. On arm64 they are not told apart, and none of their numbers is one of ours.
 */
#ifndef TAPLINE_CALL32_H
#define TAPLINE_CALL32_H

#include "buffer.h"

#if defined(__TARGET_ARCH_x86)
enum { NR32_READ = 3, NR32_WRITE = 4, NR32_SOCKETCALL = 102, NR32_READV = 145, NR32_WRITEV = 146,
       NR32_SENDTO = 369, NR32_SENDMSG = 370, NR32_RECVFROM = 371, NR32_RECVMSG = 372 };
/* What socketcall() does, by its first argument; the second points to the others. */
enum { CALL_SEND = 9, CALL_RECV = 10, CALL_SENDTO = 11, CALL_RECVFROM = 12, CALL_SENDMSG = 16,
       CALL_RECVMSG = 17 };
#define IS_COMPAT(task) ((task)->thread_info.status & TS_COMPAT)

struct user_msghdr32 {
    u32 name;
    u32 namelen;
    u32 iov;
    u32 iovlen;
};

INLINE bool from_msghdr32(struct buffer *buffer, u32 address)
{
    struct user_msghdr32 header;
    if (bpf_probe_read_user(&header, sizeof(header), (void *)(u64)address))
        return false;
    buffer->address = header.iov;
    buffer->pieces = header.iovlen | PIECES_OF_32_BITS;
    return header.iovlen > 0 && header.iovlen <= IOV_MAX;
}

INLINE bool from_socketcall(struct buffer *buffer, struct pt_regs *regs, bool sent)
{
    u32 args[2];
    u32 what = regs->bx;

    if (bpf_probe_read_user(args, sizeof(args), (void *)(u64)(u32)regs->cx))
        return false;
    buffer->address = args[1];
    buffer->pieces = 0;
    if (what == CALL_SEND || what == CALL_SENDTO)
        return sent;
    if (what == CALL_RECV || what == CALL_RECVFROM)
        return !sent;
    if (what == CALL_SENDMSG)
        return sent && from_msghdr32(buffer, args[1]);
    return what == CALL_RECVMSG && !sent && from_msghdr32(buffer, args[1]);
}

INLINE bool from_call32(struct buffer *buffer, struct pt_regs *regs, bool sent)
{
    buffer->address = (u32)regs->cx;
    buffer->pieces = 0;
    switch (regs->orig_ax) {
    case NR32_WRITE:
    case NR32_SENDTO:
        return sent;
    case NR32_READ:
    case NR32_RECVFROM:
        return !sent;
    case NR32_WRITEV:
        buffer->pieces = (u32)regs->dx | PIECES_OF_32_BITS;
        return sent && (u32)regs->dx <= IOV_MAX;
    case NR32_READV:
        buffer->pieces = (u32)regs->dx | PIECES_OF_32_BITS;
        return !sent && (u32)regs->dx <= IOV_MAX;
    case NR32_SENDMSG:
        return sent && from_msghdr32(buffer, regs->cx);
    case NR32_RECVMSG:
        return !sent && from_msghdr32(buffer, regs->cx);
    case NR32_SOCKETCALL:
        return from_socketcall(buffer, regs, sent);
    default:
        return false;
    }
}
#else
/* arm64 marks 32-bit tasks in thread_info.flags, whose bits move; PSTATE has the mode. */
#define IS_COMPAT(task) false

INLINE bool from_call32(struct buffer *buffer, struct pt_regs *regs, bool sent)
{
    return false;
}
#endif

#endif
