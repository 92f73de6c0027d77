/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The kernel, as much of it as we read: types with only the fields we use (CO-RE finds their real
 * offsets), constants that are kernel ABI, and the helpers by number. No vmlinux.h, no libbpf.
 */
#ifndef TAPLINE_KERNEL_H
#define TAPLINE_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
/* A global function is verified once, by itself, whatever its callers know: it keeps the number of
 * states small. Its arguments are scalars. */
#define VERIFIED_ALONE __attribute__((noinline))
/* A function of its own that knows what its caller knows: its stack is given back when it returns. */
#define APART static __attribute__((noinline))
#define CORE __attribute__((preserve_access_index))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* Hides a value from the optimiser, so that the bound checked next stays in front of the use. */
#define OPAQUE(x) asm volatile("" : "+r"(x))

/* === Constants (UAPI, or stable since long before our floor) === */

enum {
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_PERCPU_ARRAY = 6,
    BPF_MAP_TYPE_LRU_HASH = 9,
    BPF_MAP_TYPE_SK_STORAGE = 24,
    BPF_MAP_TYPE_RINGBUF = 27,
    BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY = 0, BPF_F_NO_PREALLOC = 1, BPF_SK_STORAGE_GET_F_CREATE = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2, BPF_RB_AVAIL_DATA = 0,
       BPF_RB_PROD_POS = 3 };
enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10 };
enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, IPPROTO_UDP = 17, SOCK_SEQPACKET = 5, IPPROTO_TCP = 6, IPPROTO_MPTCP = 262, SHUTDOWN_BOTH = 3 };
enum { MSG_PEEK = 2, MSG_TRUNC = 0x20, MSG_ERRQUEUE = 0x2000 };
enum {
    TCP_ESTABLISHED = 1,
    TCP_SYN_SENT = 2,
    TCP_SYN_RECV = 3,
    TCP_FIN_WAIT1 = 4,
    TCP_CLOSE = 7,
    TCP_CLOSE_WAIT = 8,
    TCP_LAST_ACK = 9,
    TCP_LISTEN = 10,
};
#define PF_KTHREAD 0x00200000
/* Where a task's saved registers lie: at the end of a kernel stack of this size. */
#define THREAD_SIZE 16384
#define TS_COMPAT 0x0002 /* x86: the task is inside a 32-bit system call */

/* === What this kernel has === */

enum kernel_has {
    HAS_SOCKET_STORAGE = 1, /* in tracing programs, 5.11 */
    HAS_SOCKET_COOKIE = 2,  /* in tracing programs, 5.12 */
    HAS_STACK_PADDING = 4,  /* above the saved registers: x86 kernels that know FRED */
    SENDS_ARE_PACKETS = 8,  /* what is sent is noticed as it leaves, see packet.bpf.c */
    SOCKETS_ARE_NUMBERS = 16, /* bytes are noticed as a call ends, see syscall.bpf.c */
    HOOKS_MAY_WAIT = 32, /* a hook may lose its CPU in the middle, 7.0, see again.h */
};

/* Set by the loader before anything is verified: what is not there is dead code. */
const volatile u32 kernel_has = HAS_SOCKET_STORAGE | HAS_SOCKET_COOKIE;

/* === Types === */

struct net {
    struct {
        u32 inum;
    } CORE ns;
} CORE;

typedef struct {
    struct net *net;
} possible_net_t;

struct in6_addr {
    u8 bytes[16];
};

struct sock_common {
    u32 skc_daddr;
    u32 skc_rcv_saddr;
    u16 skc_dport; /* network order */
    u16 skc_num;   /* host order */
    u16 skc_family;
    u8 skc_state;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
} CORE;

struct sock {
    struct sock_common __sk_common;
    u16 sk_type;
    u16 sk_protocol;
    u8 sk_shutdown;
    int sk_err;
} CORE;

/* Of a packet, for programs that see packets; kernel ABI. */
struct __sk_buff {
    u32 len;
    u32 before_sk[41];
    void *sk;
};

struct tcp_sock {
    u32 write_seq;
    u32 snd_nxt;
    u32 copied_seq;
    u32 rcv_nxt;
    u32 srtt_us; /* smoothed round trip, in eighths of a microsecond */
    u32 total_retrans;
} CORE;

struct socket {
    struct sock *sk;
} CORE;

struct inode {
    u16 i_mode;
    unsigned long i_ino;
} CORE;

struct file {
    void *private_data;
    struct inode *f_inode;
} CORE;

struct fdtable {
    u32 max_fds;
    struct file **fd;
} CORE;

struct files_struct {
    struct fdtable *fdt;
} CORE;

struct mm_struct {
    unsigned long arg_start;
    unsigned long arg_end;
    unsigned long env_start;
    unsigned long env_end;
} CORE;

struct linux_binprm {
    const char *filename;
} CORE;

typedef struct {
    int counter;
} atomic_t;

struct signal_struct {
    atomic_t live;
} CORE;

#if defined(__TARGET_ARCH_x86)
struct thread_info {
    u32 status;
} CORE;
#endif

typedef struct {
    u32 val;
} kuid_t;

struct cred {
    kuid_t uid;
    kuid_t euid;
} CORE;

struct task_struct {
#if defined(__TARGET_ARCH_x86)
    struct thread_info thread_info;
#endif
    u32 flags;
    void *stack;
    s32 pid;
    s32 tgid;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    u64 start_boottime; /* 5.5+ */
    struct mm_struct *mm;
    struct files_struct *files;
    struct signal_struct *signal;
    const struct cred *cred;
    void *io_uring;       /* 5.11+; NULL unless the task ever used io_uring */
    void *worker_private; /* 5.13+; of io_uring's workers */
} CORE;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
    unsigned long r14;
    unsigned long bx;
    unsigned long r10;
    unsigned long r8;
    unsigned long ax;
    unsigned long cx;
    unsigned long dx;
    unsigned long si;
    unsigned long di;
    unsigned long orig_ax;
    unsigned long sp;
} CORE;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
    u64 regs[31];
    u64 sp;
    u64 orig_x0;
    s32 syscallno;
} CORE;
#else
#error "name the target: -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

struct seq_file;
struct bpf_map;
struct bpf_iter_meta {
    struct seq_file *seq;
} CORE;
struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    u32 fd;
    struct file *file;
} CORE;

struct bpf_iter__bpf_sk_storage_map {
    struct bpf_iter_meta *meta;
    struct bpf_map *map;
    struct sock *sk;
    void *value;
} CORE;

/* === Helpers, by their number === */

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
                                         u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_skb_load_bytes)(void *skb, u32 from, void *to, u32 len) = (void *)26;
static u64 (*const bpf_get_current_task)(void) = (void *)35;
/* Of a socket in tracing programs, of a packet's socket in others. */
static u64 (*const bpf_get_socket_cookie)(void *sk) = (void *)46;
static void *(*const bpf_sk_fullsock)(void *sk) = (void *)95;
static void *(*const bpf_sk_storage_get)(void *map, void *sk, void *value, u64 flags) = (void *)107;
static long (*const bpf_probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static long (*const bpf_seq_write)(struct seq_file *seq, const void *data, u32 len) = (void *)127;
static long (*const bpf_ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static void *(*const bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *record, u64 flags) = (void *)132;
static u64 (*const bpf_ringbuf_query)(void *ring, u64 flags) = (void *)134;
static struct tcp_sock *(*const bpf_skc_to_tcp_sock)(void *sk) = (void *)137;
static void *(*const bpf_task_storage_get)(void *map, struct task_struct *task, void *value,
                                           u64 flags) = (void *)156;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static struct socket *(*const bpf_sock_from_file)(struct file *file) = (void *)162;
static u64 (*const bpf_get_attach_cookie)(void *ctx) = (void *)174;
static struct pt_regs *(*const bpf_task_pt_regs)(struct task_struct *task) = (void *)175;
static long (*const bpf_loop)(u32 times, void *callback, void *context, u64 flags) = (void *)181;

#endif
