#!/bin/sh
# Installs the hub on a machine with systemd, from a release in a folder or at a URL:
#
#   sh install.sh --from DIR|URL [--signers FILE] [--root DIR]
#
# Checks the checksums, with --signers also their signature (the file is ssh-keygen's allowed_signers, with the
# identity letsbe-hub). Run again, it upgrades. With --root it installs into that folder and starts nothing.
set -eu

from= signers= root=
while [ $# -gt 0 ]; do
    case $1 in
        --from) from=$2 ;;
        --signers) signers=$2 ;;
        --root) root=$2 ;;
        *) echo "usage: install.sh --from DIR|URL [--signers FILE] [--root DIR]" >&2; exit 2 ;;
    esac
    shift 2
done
[ -n "$from" ] || { echo "install.sh: --from says where the release is" >&2; exit 2; }
[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "install.sh: run it as root" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
get() {
    case $from in
        http://*) echo "install.sh: a release comes over https, or from a folder" >&2; exit 1 ;;
        https://*) curl -fsSL --proto =https -o "$work/$1" "$from/$1" ;;
        *) cp "$from/$1" "$work/$1" ;;
    esac
}

get SHA256SUMS
if [ -n "$signers" ]; then
    get SHA256SUMS.sig
    ssh-keygen -q -Y verify -f "$signers" -I letsbe-hub -n letsbe-hub -s "$work/SHA256SUMS.sig" <"$work/SHA256SUMS" >/dev/null ||
        { echo "install.sh: the signature does not verify" >&2; exit 1; }
fi
archive=$(sed -n "s/^[0-9a-f]*  \(letsbe-hub-[0-9.]*-$(uname -m)\.tar\.gz\)$/\1/p" "$work/SHA256SUMS")
[ -n "$archive" ] || { echo "install.sh: the release has nothing for $(uname -m)" >&2; exit 1; }
get "$archive"
(cd "$work" && grep "  $archive\$" SHA256SUMS | sha256sum -c - >/dev/null) ||
    { echo "install.sh: $archive is not what SHA256SUMS says" >&2; exit 1; }
tar -xzf "$work/$archive" -C "$work"
tree=$work/${archive%-"$(uname -m)".tar.gz}

install -d "$root/usr/local/bin" "$root/etc/systemd/system" "$root/usr/local/share/man/man1"
# A new file in the place of the old one: a program that runs keeps its own.
for program in hubd hubctl; do
    install -m 0755 "$tree/$program" "$root/usr/local/bin/.$program.new"
    mv -f "$root/usr/local/bin/.$program.new" "$root/usr/local/bin/$program"
done
install -m 0644 "$tree/hubd.service" "$tree/hubd-backup.service" "$tree/hubd-backup.timer" "$root/etc/systemd/system/"
install -m 0644 "$tree"/man/*.1 "$root/usr/local/share/man/man1/"
install -d -m 0750 "$root/etc/hubd"
[ -e "$root/etc/hubd/hubd.env" ] || install -m 0640 "$tree/hubd.env.sample" "$root/etc/hubd/hubd.env"
"$root/usr/local/bin/hubd" --version

[ -z "$root" ] || exit 0
[ -d /run/systemd/system ] || { echo "installed; there is no systemd here to start it"; exit 0; }
systemctl daemon-reload
systemctl enable --now hubd.service hubd-backup.timer
systemctl restart hubd.service
echo "hubd runs; the owner key is in /var/lib/hubd/admin.key"
