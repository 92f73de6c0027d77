/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Requests of io_uring that move bytes: remembered until they do, see `uring.h`.
 *
 *   hook                              since  emits
 *   tp_btf/io_uring_submit_req        6.0    nothing; remembers a thread's last requests
 *   tp_btf/io_uring_poll_arm          6.0    nothing; remembers what waits for a socket
 *   tp_btf/io_uring_queue_async_work  6.0    nothing; remembers for whom a worker works
 *
 * The bytes themselves are noticed by the socket hooks, as for any other call.
 */
#include "uring.h"

SEC("tp_btf/io_uring_submit_req")
int io_uring_submit_req(u64 *ctx)
{
    struct io_kiocb *req = (struct io_kiocb *)ctx[0];
    struct task_struct *task = bpf_get_current_task_btf();
    bool moves = way_of(req->opcode) != WAY_NONE;
    u32 flags = 0;
    struct uring_thread *thread = thread_of(task, moves ? BPF_SK_STORAGE_GET_F_CREATE : 0);

    if (!thread)
        return 0;
    if (!thread->is_open)
        thread->count = 0;
    PEEK(&flags, req->flags); /* 32 or 64 bits of them, by version */
    thread->is_open = (flags & REQUEST_LINKS) != 0;
    u32 place = thread->count;
    OPAQUE(place);
    if (!moves || place >= URING_CHAIN_MAX)
        return 0;
    thread->chain[place] = (u64)req;
    thread->done[place] = 0;
    thread->count = place + 1;
    return 0;
}

SEC("tp_btf/io_uring_poll_arm")
int io_uring_poll_arm(u64 *ctx)
{
    struct io_kiocb *req = (struct io_kiocb *)ctx[0];
    enum way way = way_of(req->opcode);
    struct file *file = NULL;
    struct socket *socket = NULL;
    struct sock *sk = NULL;

    if (way == WAY_NONE)
        return 0;
    PEEK(&file, req->file);
    PEEK(&socket, file->private_data);
    PEEK(&sk, socket->sk);
    if (sk)
        waits((u64)req, sk, way == WAY_SENT);
    return 0;
}

SEC("tp_btf/io_uring_queue_async_work")
int io_uring_queue_async_work(u64 *ctx)
{
    struct io_kiocb *req = (struct io_kiocb *)ctx[0];
    u64 key = (u64)req;
    u64 submitter = bpf_get_current_pid_tgid();

    if (way_of(req->opcode) != WAY_NONE)
        bpf_map_update_elem(&uring_submitters, &key, &submitter, BPF_ANY);
    return 0;
}
