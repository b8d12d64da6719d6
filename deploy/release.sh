#!/usr/bin/env bash
# Makes a release from a clone: static programs, an archive, a Debian package, an SBOM (CycloneDX), checksums and,
# with a key, a signature. Two runs on the same commit with the same compilers give the same bytes, whatever the folder.
#
#   deploy/release.sh [OUT]          (default: dist)
#
# TARGET: x86_64-unknown-linux-musl (the default; needs that Rust target and musl-tools) or x86_64-unknown-linux-gnu
# (needs libc6-dev). Both give programs that need no library of the machine they run on. The C library in the second
# finds names by /etc/hosts and DNS, and by another service of nsswitch.conf only where the machine has that very
# version of glibc.
# RELEASE_KEY=FILE signs with a private key of ssh-keygen. OFFLINE=1 uses the registry's cache alone. PROFILE=release
# builds sooner; BUILT=DIR packs the programs of a folder. Needs dpkg-deb and python3 too.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-dist}
triple=${TARGET:-x86_64-unknown-linux-musl}
profile=${PROFILE:-dist}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cargo_home=$(realpath -m "${CARGO_HOME:-$HOME/.cargo}")
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

say() { printf '== %s\n' "$*"; }
fail() {
    printf 'release.sh: %s\n' "$*" >&2
    exit 1
}

case $triple in
    x86_64-*) architecture=amd64 ;;
    aarch64-*) architecture=arm64 ;;
    *) fail "no name of Debian's for $triple" ;;
esac
[ -d "$(rustc --print target-libdir --target "$triple")" ] ||
    fail "Rust's library for $triple is not installed: rustup target add $triple, or TARGET=${triple%-*}-gnu"
if [ -e "$out" ] && [ ! -e "$out/SHA256SUMS" ] && [ -n "$(ls -A "$out")" ]; then
    fail "$out holds something else than a release"
fi

say "building $version for $triple"
# No path of this machine gets into the programs. Of two that match, the later counts.
sysroot=$(rustc --print sysroot)/lib/rustlib/src/rust
maps="$sysroot=/rustc $PWD=/src $cargo_home=/cargo $target=/target"
case $PWD$cargo_home$target in
    *[[:space:]]*) fail "the paths of the clone, of CARGO_HOME and of the target folder may have no spaces" ;;
esac
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
CFLAGS=${CFLAGS:-}
for map in $maps; do
    RUSTFLAGS="$RUSTFLAGS --remap-path-prefix=$map"
    CFLAGS="$CFLAGS -ffile-prefix-map=$map"
done
export RUSTFLAGS CFLAGS
built=${BUILT:-$target/$triple/$profile}
[ -n "${BUILT:-}" ] ||
    cargo build --locked ${OFFLINE:+--offline} --profile "$profile" --target "$triple" -p hubd -p hubctl

say "collecting"
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/letsbe-hub-$version
mkdir -p "$tree/man" "$tree/completions"
cp "$built/hubd" "$built/hubctl" deploy/install.sh deploy/activate.sh "$tree/"
cp deploy/hubd.service deploy/hubd.socket deploy/hubd-backup.service deploy/hubd-backup.timer \
    deploy/hubd.env.sample deploy/alerts.yaml LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md "$tree/"
cp -r deploy/client deploy/grafana docs "$tree/"
"$tree/hubctl" man --out "$tree/man" >/dev/null
for shell in bash zsh fish; do
    # By its name: the script must not know where it was made.
    PATH=$tree:$PATH hubctl completion "$shell" >"$tree/completions/hubctl.$shell"
done

# Everything as old as the commit, with modes that do not depend on how the clone was made.
settle() {
    chmod -R u=rwX,go=rX "$1"
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

settle "$tree"
archive=letsbe-hub-$version-${triple%%-*}.tar.gz
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu -cf - "letsbe-hub-$version" |
    gzip -n9 >"$out/$archive"

say "packing for Debian"
deb=$work/deb
share=$deb/usr/share
mkdir -p "$deb/DEBIAN" "$deb/usr/bin" "$deb/usr/lib/systemd/system" "$deb/etc/hubd" "$share/man/man1" \
    "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d" \
    "$share/doc/letsbe-hub" "$share/letsbe-hub"
cp "$tree/hubd" "$tree/hubctl" "$deb/usr/bin/"
for unit in hubd.service hubd.socket hubd-backup.service hubd-backup.timer; do
    sed 's|/usr/local/bin/|/usr/bin/|' "$tree/$unit" >"$deb/usr/lib/systemd/system/$unit"
done
cp "$tree/hubd.env.sample" "$deb/etc/hubd/hubd.env"
cp "$tree"/man/*.1 "$share/man/man1/"
cp "$tree/completions/hubctl.bash" "$share/bash-completion/completions/hubctl"
cp "$tree/completions/hubctl.zsh" "$share/zsh/vendor-completions/_hubctl"
cp "$tree/completions/hubctl.fish" "$share/fish/vendor_completions.d/hubctl.fish"
cp "$tree/LICENSE-MIT" "$share/doc/letsbe-hub/copyright"
cp -r "$tree/README.md" "$tree/CHANGELOG.md" "$tree/docs" "$share/doc/letsbe-hub/"
cp -r "$tree/activate.sh" "$tree/alerts.yaml" "$tree/client" "$tree/grafana" "$share/letsbe-hub/"
settle "$deb"
gzip -n9 "$share"/man/man1/*.1
chmod 0750 "$deb/etc/hubd"
chmod 0640 "$deb/etc/hubd/hubd.env"
# The files alone: what a folder takes depends on the file system.
size=$(find "$deb/usr" "$deb/etc" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" deploy/debian/control \
    >"$deb/DEBIAN/control"
echo /etc/hubd/hubd.env >"$deb/DEBIAN/conffiles"
install -m 0755 deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm "$deb/DEBIAN/"
find "$deb" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$deb" "$out/letsbe-hub_${version}_$architecture.deb" >/dev/null

say "listing what it is made of"
cargo metadata --locked ${OFFLINE:+--offline} --format-version 1 --filter-platform "$triple" |
    python3 deploy/sbom.py Cargo.lock >"$out/letsbe-hub-$version.cdx.json"

(cd "$out" && sha256sum -- * >SHA256SUMS)
if [ -n "${RELEASE_KEY:-}" ]; then
    ssh-keygen -q -Y sign -n letsbe-hub -f "$RELEASE_KEY" "$out/SHA256SUMS"
fi
say "in $out"
cat "$out/SHA256SUMS"
