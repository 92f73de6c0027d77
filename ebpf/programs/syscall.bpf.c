/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Bytes moved on a socket, seen as the system call ends that moved them. Only when asked for: every
 * call of every program on the machine comes by here.
 *
 *   hook             since  emits
 *   tp_btf/sys_exit  5.5    event_open (once), event_data or event_exchange
 *
 * The arguments are still in the saved registers, and the result is how many bytes it were; so there
 * is nothing to remember from where the call began. The socket is found by its descriptor, which
 * another thread may have closed meanwhile: then it is none, or another one of the same process.
 *
 * To the verifier a socket that was found so is a number. It has no storage in the socket, but a
 * place in a table; and it has no cookie, but a name of ours.
 *
 * Not seen: io_uring, which moves bytes without a call; 32-bit programs; what is sent with a socket
 * that is not the program's own, as NFS does. Of sendmmsg() and recvmmsg() with more than one
 * message, of sendfile() and of splice() there are lengths without content.
 */
#include "capture.h"
#include "reading.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000

enum moves { MOVES_NOTHING, MOVES_OUT, MOVES_IN, MOVES_EITHER_WAY };

INLINE enum moves moves_of(s64 nr)
{
    switch (nr) {
    case NR_WRITE:
    case NR_WRITEV:
    case NR_PWRITEV2:
    case NR_SENDTO:
    case NR_SENDMSG:
    case NR_SENDMMSG:
    case NR_SENDFILE:
        return MOVES_OUT;
    case NR_READ:
    case NR_READV:
    case NR_PREADV2:
    case NR_RECVFROM:
    case NR_RECVMSG:
    case NR_RECVMMSG:
        return MOVES_IN;
    case NR_SPLICE:
        return MOVES_EITHER_WAY;
    default:
        return MOVES_NOTHING;
    }
}

/* A socket that a descriptor stands for. */
struct named {
    struct sock *sk;
    u64 key; /* of its state */
};

INLINE bool find_socket(struct named *named, struct task_struct *task, u64 fd)
{
    struct file *file = read_file(task, fd);
    struct inode *inode = NULL;
    u64 number = 0;
    u16 mode = 0;

    if (!file)
        return false;
    READ(inode, file->f_inode);
    READ(mode, inode->i_mode);
    if ((mode & S_IFMT) != S_IFSOCK)
        return false;
    named->sk = read_sock(file);
    if (!named->sk || !is_followed(named->sk))
        return false;
    READ(number, inode->i_ino);
    named->key = key_of(named->sk, number);
    return true;
}

/* Where the bytes of a call are that has ended; false when it does not say. */
INLINE bool find_moved(struct buffer *buffer, const struct arguments *call, u64 messages)
{
    buffer->address = call->second;
    buffer->pieces = 0;
    switch (call->nr) {
    case NR_READ:
    case NR_RECVFROM:
    case NR_WRITE:
    case NR_SENDTO:
        return true;
    case NR_READV:
    case NR_PREADV2:
    case NR_WRITEV:
    case NR_PWRITEV2:
        buffer->pieces = call->third;
        return true;
    case NR_RECVMSG:
    case NR_SENDMSG:
        return from_msghdr(buffer, call->second);
    case NR_RECVMMSG:
    case NR_SENDMMSG:
        return messages == 1 && from_msghdr(buffer, call->second);
    default:
        return false;
    }
}

/* An AF_UNIX socket has no states to tell that its peer is gone; reading nothing tells, unless
 * nothing was asked for. */
INLINE void on_no_bytes(struct named *named, const struct arguments *arguments)
{
    u16 family = 0;
    bool asked = arguments->nr == NR_RECVMSG || arguments->third > 0;

    GET(family, named->sk->__sk_common.skc_family);
    if (family != AF_UNIX || !asked)
        return;
    struct socket_state *state = bpf_map_lookup_elem(&sockets_by_address, &named->key);
    if (state)
        tell_close(named->sk, state, CLOSE_OF_PEER);
}

INLINE void on_moved(struct named *named, const struct arguments *arguments, u8 direction, u64 moved)
{
    struct control *control = the_control();
    bool many = arguments->nr == NR_SENDMMSG || arguments->nr == NR_RECVMMSG;
    u64 len = many ? sum_messages(arguments->second, moved) : moved;

    if (!control || control->capture_max == 0 || len == 0)
        return;
    struct socket_state *state = named_state_of(named->key);
    if (!state)
        return;
    struct call call = {.len = len, .direction = direction};
    call.pid_tgid = bpf_get_current_pid_tgid();
    bool found = find_moved(&call.buffer, arguments, moved);
    /* Then the bytes were thrown away, not copied to the caller. */
    if (direction == DIRECTION_RECEIVED && (receive_flags(arguments) & MSG_TRUNC))
        found = false;
    call.where = found ? WHERE_GIVEN : WHERE_NOWHERE;
    count_and_follow(named->sk, state, control, &call, SOURCE_READ);
}

SEC("tp_btf/sys_exit")
int call_ends(u64 *ctx)
{
    struct pt_regs *regs = (struct pt_regs *)ctx[0];
    s64 moved = ctx[1];
    struct arguments arguments = {.nr = REGS_NR(regs)};
    enum moves moves = moves_of(arguments.nr);
    struct named named = {};

    if (likely(moves == MOVES_NOTHING || moved < 0))
        return 0;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    arguments.fd = REGS_FD(regs);
    arguments.second = REGS_ARG2(regs);
    arguments.third = REGS_ARG3(regs);
    arguments.fourth = REGS_ARG4(regs);
    bool sent = moves == MOVES_OUT;
    bool found = find_socket(&named, task, arguments.fd);
    if (!found && moves == MOVES_EITHER_WAY)
        found = sent = find_socket(&named, task, arguments.third);
    if (likely(!found) || read_is_compat(task))
        return 0;
    if (!sent && (receive_flags(&arguments) & (MSG_PEEK | MSG_ERRQUEUE)))
        return 0;
    if (moved > 0)
        on_moved(&named, &arguments, sent ? DIRECTION_SENT : DIRECTION_RECEIVED, moved);
    else if (!sent)
        on_no_bytes(&named, &arguments);
    return 0;
}
