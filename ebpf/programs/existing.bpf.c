/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sockets that are older than we are.
 *
 *   hook            since  emits
 *   iter/task_file  5.11   existing_socket records, read once at start
 *
 * Walks every open file of every process in all network namespaces, without entering any.
 */
#include "socket.h"

SEC("iter/task_file")
int existing_sockets(struct bpf_iter__task_file *ctx)
{
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    struct control *control = the_control();
    struct existing_socket record;

    /* The reader of the iterator is tapline itself, so this is our pid as the kernel counts. */
    if (control)
        control->self_tgid = bpf_get_current_pid_tgid() >> 32;
    if (!task || !file)
        return 0;
    struct socket *socket = bpf_sock_from_file(file);
    if (!socket)
        return 0;
    struct sock *sk = socket->sk;
    if (!sk || !is_followed(sk))
        return 0;
    if ((kernel_has & SENDS_ARE_PACKETS) && sk->sk_protocol == IPPROTO_TCP) {
        struct socket_state *state = state_of(sk);
        if (state && !state->positions)
            take_positions(sk, state);
        if (state && !state->mover)
            state->mover = (u64)(u32)task->tgid << 32 | (u32)task->pid;
    }
    __builtin_memset(&record, 0, sizeof(record));
    if (kernel_has & SOCKETS_ARE_NUMBERS) {
        struct socket_state *state = named_state_of(key_of(sk, file->f_inode->i_ino));
        if (!state)
            return 0;
        record.cookie = state->cookie;
    } else {
        record.cookie = bpf_get_socket_cookie(sk);
    }
    read_tuple(&record.tuple, sk);
    record.tgid = task->tgid;
    record.state = sk->__sk_common.skc_state;
    bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
    return 0;
}
