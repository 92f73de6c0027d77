/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Processes come and go.
 *
 *   hook                       since  emits
 *   tp_btf/sched_process_exec  3.4    event_exec
 *   tp_btf/sched_process_fork  3.4    event_fork (not for threads)
 *   tp_btf/sched_process_exit  3.4    event_exit (when the last thread is gone)
 *
 * Arguments and environment are read here because a short-lived process is gone before user
 * space could open its /proc folder.
 */
#include "maps.h"

/* Reads [start, end) of the new program's memory, at most `max` bytes; returns how many. */
INLINE u32 read_block(u8 *to, unsigned long start, unsigned long end, u32 max)
{
    u64 size = end > start ? end - start : 0;

    OPAQUE(size);
    if (size > max)
        size = max;
    if (size == 0 || bpf_probe_read_user(to, size, (void *)start))
        return 0;
    return size;
}

SEC("tp_btf/sched_process_exec")
int sched_process_exec(u64 *ctx)
{
    struct task_struct *task = (struct task_struct *)ctx[0];
    struct linux_binprm *program = (struct linux_binprm *)ctx[2];
    u32 zero = 0;
    struct exec_scratch *scratch = bpf_map_lookup_elem(&exec_scratches, &zero);
    struct mm_struct *mm = task->mm;

    if (!scratch || !mm)
        return 0;
    struct event_exec *event = &scratch->event;
    event->start_boottime_ns = task->group_leader->start_boottime;
    event->tgid = task->tgid;
    event->parent_tgid = task->real_parent->tgid;
    event->pad = 0;
    event->filename[0] = 0;
    bpf_probe_read_kernel_str(event->filename, sizeof(event->filename), program->filename);
    event->args_len = read_block(event->args, mm->arg_start, mm->arg_end, ARGS_MAX_BYTES);
    u64 env_len = read_block(scratch->env, mm->env_start, mm->env_end, ENV_MAX_BYTES);
    event->env_len = env_len;
    OPAQUE(env_len);
    if (env_len > ENV_MAX_BYTES)
        env_len = ENV_MAX_BYTES;
    fill_header(&event->header, EVENT_EXEC, sizeof(*event) + env_len);
    emit(scratch, sizeof(*event) + env_len);
    return 0;
}

SEC("tp_btf/sched_process_fork")
int sched_process_fork(u64 *ctx)
{
    struct task_struct *parent = (struct task_struct *)ctx[0];
    struct task_struct *child = (struct task_struct *)ctx[1];
    struct event_fork event;

    if (child->pid != child->tgid)
        return 0;
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_FORK, sizeof(event));
    event.start_boottime_ns = child->start_boottime;
    event.tgid = child->tgid;
    event.parent_tgid = parent->tgid;
    emit(&event, sizeof(event));
    return 0;
}

SEC("tp_btf/sched_process_exit")
int sched_process_exit(u64 *ctx)
{
    struct task_struct *task = (struct task_struct *)ctx[0];
    struct event_exit event;

    if (task->signal->live.counter != 0)
        return 0;
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_EXIT, sizeof(event));
    event.tgid = task->tgid;
    emit(&event, sizeof(event));
    return 0;
}
