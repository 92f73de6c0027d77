#!/bin/busybox sh
# The first program of the guest. `@@` begins a line that our other half reads.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in /mod/*.ko; do
    insmod "$module" || echo "@@broken insmod $module"
done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose machine /lower ||
    echo "@@broken 9p"
mount -t tmpfs none /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work none /root ||
    echo "@@broken overlay"
for kind in proc sys dev; do
    mount -o move /$kind /root/$kind
done
for place in tmp run; do
    mount -t tmpfs none /root/$place
done
mkdir -p /root/dev/shm /root/dev/pts
mount -t tmpfs none /root/dev/shm
mount -t devpts none /root/dev/pts
mount -t bpf none /root/sys/fs/bpf
mount -t cgroup2 none /root/sys/fs/cgroup
ifconfig lo 127.0.0.1 up
ip -6 addr add ::1/128 dev lo 2>/dev/null
cp /command /root/tmp/command
echo "@@booted $(cut -d' ' -f1 /root/proc/uptime)"
chroot /root /bin/sh /tmp/command
echo "@@status $?"
poweroff -f
