#!/bin/sh
# machine.sh PLACE CHECKOUT GROUP: a machine of its own. PLACE is an empty directory, CHECKOUT holds install.sh.
#
# Law: run as the first process of new mount, pid, ipc and uts namespaces; what it writes lies in memory and is gone with
# it, but for the control group GROUP, which whoever calls removes. The system of this machine is its own, with nothing enabled; install.sh may still use the network, systemd
# has none but its own loopback. /sys and /proc/sys are read-only, as in every container: they are not its own.
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/changes" "$1/work" "$1/root" "$1/groups"
# A group of its own, or two such machines at a time would share theirs: what one kills, or bars from the network, is the
# other's, too (seen).
mount -t cgroup2 cgroup2 "$1/groups"
mkdir "$1/groups/$3"
echo 0 > "$1/groups/$3/cgroup.procs"
mount -t overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" overlay "$1/root"
cd "$1/root"
rm -rf etc/systemd/system etc/policyd opt/policyd usr/bin/policyd usr/src/policyd
mkdir -p etc/systemd/system old usr/src
ln -s /lib/systemd/system/basic.target etc/systemd/system/default.target
cp -r "$2" usr/src/policyd

mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t proc proc proc
chroot . /bin/sh -exc 'cd /usr/src/policyd && . ./install.sh'

mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
# Not chroot: nobody in one may make the user namespace of PrivateUsers= (unshare(2)).
pivot_root . old
cd /
umount -l old
exec env -i container=policyd PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare --net --cgroup /bin/sh -ec '
mount -t cgroup2 cgroup2 sys/fs/cgroup
exec /lib/systemd/systemd --log-target=journal'
