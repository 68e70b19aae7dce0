# Functions that install packages as root on a Debian-family host. The other tools source this file.

# Print each argument on a line of its own, to stderr.
say() { printf '%s\n' "$@" >&2; }

die() {
    say "$@"
    exit 1
}

# True on Debian and its family, by /etc/os-release. Tests set OS_RELEASE to another file.
is_debian_family() {
    local ID='' ID_LIKE=''
    # shellcheck disable=SC1090
    . "${OS_RELEASE:-/etc/os-release}" 2>/dev/null || return 1
    [[ " $ID $ID_LIKE " == *" debian "* ]]
}

is_root() { [[ $(id -u) -eq 0 ]]; }

may_install() { is_root && is_debian_family && command -v apt-get >/dev/null; }

# Install packages quietly. Update the package lists only if the first try fails.
install_packages() {
    local log
    log=$(mktemp)
    if apt_install "$@" >"$log" 2>&1 || { apt_update && apt_install "$@"; } >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "apt-get could not install: $*" "Try: apt-get update && apt-get install $*"
}

apt_update() { apt-get -q -o DPkg::Lock::Timeout=120 update </dev/null; }

apt_install() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" </dev/null
}
