# Bare Debians to try things in, for scripts that source this. By root only.

# may_mount: whether this process may have mounts of its own, as a container often may not.
may_mount() {
    [ "$(id -u)" = 0 ] && unshare --mount --pid --fork true 2>/dev/null
}

# make_root SUITE ROOT PACKAGES: a minimal Debian in the directory ROOT, with PACKAGES (a,b,c).
make_root() {
    local half=$2.half
    if ! debootstrap --variant=minbase --include="$3" "$1" "$half" >"$half.log"; then
        tail -n 20 "$half.log" >&2
        echo "no root: debootstrap has failed" >&2
        rm -rf "$half" "$half.log"
        return 1
    fi
    # Only now: what stands there is whole, and may be used again.
    mv "$half" "$2"
    rm "$half.log"
}

# furnish_root ROOT: what a machine has mounted, with terminals of its own. In a mount namespace.
furnish_root() {
    local root=$1 one
    for one in run tmp dev; do mount -t tmpfs -o mode=755 "$one" "$root/$one"; done
    chmod 1777 "$root/tmp"
    for one in null zero full random urandom tty; do cp -a "/dev/$one" "$root/dev"; done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
}
