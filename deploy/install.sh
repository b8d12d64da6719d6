#!/bin/sh
# Installs the hub on a machine, from a release in a folder or at a URL, and starts it where systemd runs:
#
#   sh install.sh --from DIR|URL [--signers FILE] [--root DIR]
#   sh install.sh --uninstall
#
# Checks the checksums, with --signers also their signature (the file is ssh-keygen's allowed_signers, with the
# identity letsbe-hub). Run again, it upgrades. With --root it installs into that folder, makes no user and starts
# nothing. --uninstall keeps the data, the settings and the user.
set -eu

usage="usage: install.sh --from DIR|URL [--signers FILE] [--root DIR] | --uninstall"
fail() {
    echo "install.sh: $1" >&2
    exit "${2:-1}"
}

from='' signers='' root='' uninstall=''
while [ $# -gt 0 ]; do
    case $1 in
        --uninstall)
            uninstall=1
            shift
            continue
            ;;
        --from | --signers | --root) [ $# -ge 2 ] || fail "$usage" 2 ;;
        *) fail "$usage" 2 ;;
    esac
    case $1 in
        --from) from=$2 ;;
        --signers) signers=$2 ;;
        --root) root=$2 ;;
    esac
    shift 2
done
[ -n "$uninstall$from" ] || fail "--from says where the release is" 2
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root"

units="hubd.service hubd.socket hubd-backup.service hubd-backup.timer"
share=$root/usr/local/share
bash_completion=$share/bash-completion/completions/hubctl
zsh_completion=$share/zsh/site-functions/_hubctl
fish_completion=$share/fish/vendor_completions.d/hubctl.fish
runs_systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

if [ -n "$uninstall" ]; then
    if runs_systemd; then
        systemctl disable --now hubd.socket hubd.service hubd-backup.timer || true
    fi
    for unit in $units; do rm -f "$root/etc/systemd/system/$unit"; done
    rm -f "$root/usr/local/bin/hubd" "$root/usr/local/bin/hubctl" "$share"/man/man1/hubctl.1 \
        "$share"/man/man1/hubctl-*.1 "$bash_completion" "$zsh_completion" "$fish_completion"
    if runs_systemd; then systemctl daemon-reload; fi
    echo "uninstalled; kept the data in /var/lib/hubd, the settings in /etc/hubd, and the user hubd"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
get() {
    case $from in
        http://*) fail "a release comes over https, or from a folder" ;;
        https://*) curl -fsSL --proto =https -o "$work/$1" "$from/$1" ;;
        *) cp "$from/$1" "$work/$1" ;;
    esac || fail "$from has no $1"
}

get SHA256SUMS
if [ -n "$signers" ]; then
    command -v ssh-keygen >/dev/null || fail "ssh-keygen verifies the signature: install openssh-client"
    get SHA256SUMS.sig
    ssh-keygen -q -Y verify -f "$signers" -I letsbe-hub -n letsbe-hub -s "$work/SHA256SUMS.sig" \
        <"$work/SHA256SUMS" >/dev/null || fail "the signature does not verify"
fi
machine=$(uname -m)
archive=$(sed -n "s/^[0-9a-f]*  \(letsbe-hub-[0-9A-Za-z.+~-]*-$machine\.tar\.gz\)$/\1/p" "$work/SHA256SUMS")
[ -n "$archive" ] || fail "the release has nothing for $machine"
get "$archive"
(cd "$work" && grep "  $archive\$" SHA256SUMS | sha256sum -c - >/dev/null 2>&1) ||
    fail "$archive is not what SHA256SUMS says"
tar -xzf "$work/$archive" -C "$work" --no-same-owner
tree=$work/${archive%-"$machine".tar.gz}
# A program that does not run here replaces none that does.
"$tree/hubd" --version >/dev/null || fail "hubd does not run on this machine"

# put MODE SOURCE TARGET: a new file in the place of the old one, because a program that runs keeps its own.
put() {
    mkdir -p "$(dirname "$3")"
    install -m "$1" "$2" "$3.new"
    mv -f "$3.new" "$3"
}
for program in hubd hubctl; do put 0755 "$tree/$program" "$root/usr/local/bin/$program"; done
for unit in $units; do put 0644 "$tree/$unit" "$root/etc/systemd/system/$unit"; done
for page in "$tree"/man/*.1; do put 0644 "$page" "$share/man/man1/${page##*/}"; done
put 0644 "$tree/completions/hubctl.bash" "$bash_completion"
put 0644 "$tree/completions/hubctl.zsh" "$zsh_completion"
put 0644 "$tree/completions/hubctl.fish" "$fish_completion"
install -d -m 0750 "$root/etc/hubd"
[ -e "$root/etc/hubd/hubd.env" ] || install -m 0640 "$tree/hubd.env.sample" "$root/etc/hubd/hubd.env"
"$root/usr/local/bin/hubd" --version
if [ -n "$root" ]; then
    echo "installed into $root; the user hubd is for the machine to make, and nothing was started"
    exit 0
fi

id hubd >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir /var/lib/hubd --no-create-home --shell /usr/sbin/nologin hubd
[ -e /var/lib/hubd ] || install -d -m 0700 -o hubd -g hubd /var/lib/hubd
if ! runs_systemd; then
    echo "installed; systemd does not run here, so hubd was not started"
    exit 0
fi
systemctl daemon-reload
systemctl enable --now hubd.service hubd-backup.timer
systemctl restart hubd.service
echo "hubd runs; the owner key is in /var/lib/hubd/admin.key"
