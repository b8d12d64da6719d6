#!/usr/bin/env bash
# Makes a release from a clone: static programs, an archive, a Debian package, an SBOM (CycloneDX), checksums and,
# with a key, a signature. Two runs on the same commit give the same bytes, whatever the folder.
#
#   deploy/release.sh [OUT]          (default: dist)
#
# Needs the Rust target x86_64-unknown-linux-musl, musl-tools, dpkg-deb and python3. RELEASE_KEY=FILE signs with a
# private key of ssh-keygen. OFFLINE=1 uses the registry's cache alone. PROFILE=release builds faster programs to try.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-dist}
triple=${TARGET:-x86_64-unknown-linux-musl}
profile=${PROFILE:-dist}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

say() { printf '== %s\n' "$*"; }

say "building $version for $triple"
# No path of this machine gets into the programs.
maps="$target=/target $PWD=/src $cargo_home=/cargo"
RUSTFLAGS=${RUSTFLAGS:-}
CFLAGS=${CFLAGS:-}
for map in $maps; do
    RUSTFLAGS="$RUSTFLAGS --remap-path-prefix=$map"
    CFLAGS="$CFLAGS -ffile-prefix-map=$map"
done
export RUSTFLAGS CFLAGS
cargo build --locked ${OFFLINE:+--offline} --profile "$profile" --target "$triple" -p hubd -p hubctl
built=$target/$triple/$profile

say "collecting"
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/letsbe-hub-$version
mkdir -p "$tree/man" "$tree/completions"
install -m 0755 "$built/hubd" "$built/hubctl" deploy/install.sh deploy/activate.sh "$tree/"
install -m 0644 deploy/hubd.service deploy/hubd-backup.service deploy/hubd-backup.timer deploy/hubd.env.sample \
    deploy/alerts.yaml LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md "$tree/"
cp -r deploy/client deploy/grafana docs "$tree/"
"$tree/hubctl" man --out "$tree/man" >/dev/null
for shell in bash zsh fish; do
    "$tree/hubctl" completion "$shell" >"$tree/completions/hubctl.$shell"
done

# Everything as old as the commit.
settle() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

settle "$tree"
archive=letsbe-hub-$version-${triple%%-*}.tar.gz
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu -cf - "letsbe-hub-$version" |
    gzip -n9 >"$out/$archive"

say "packing for Debian"
deb=$work/deb
mkdir -p "$deb/DEBIAN" "$deb/usr/bin" "$deb/lib/systemd/system" "$deb/etc/hubd" "$deb/usr/share/man/man1" \
    "$deb/usr/share/bash-completion/completions" "$deb/usr/share/zsh/vendor-completions" \
    "$deb/usr/share/fish/vendor_completions.d" "$deb/usr/share/doc/letsbe-hub"
install -m 0755 "$tree/hubd" "$tree/hubctl" "$deb/usr/bin/"
for unit in hubd.service hubd-backup.service hubd-backup.timer; do
    sed 's|/usr/local/bin/|/usr/bin/|' "$tree/$unit" >"$deb/lib/systemd/system/$unit"
done
install -m 0640 deploy/hubd.env.sample "$deb/etc/hubd/hubd.env"
install -m 0644 "$tree"/man/*.1 "$deb/usr/share/man/man1/"
gzip -n9 "$deb"/usr/share/man/man1/*.1
install -m 0644 "$tree/completions/hubctl.bash" "$deb/usr/share/bash-completion/completions/hubctl"
install -m 0644 "$tree/completions/hubctl.zsh" "$deb/usr/share/zsh/vendor-completions/_hubctl"
install -m 0644 "$tree/completions/hubctl.fish" "$deb/usr/share/fish/vendor_completions.d/hubctl.fish"
install -m 0644 LICENSE-MIT "$deb/usr/share/doc/letsbe-hub/copyright"
cat >"$deb/DEBIAN/control" <<CONTROL
Package: letsbe-hub
Version: $version
Architecture: amd64
Maintainer: LetsBe <hub@letsbe.example>
Section: net
Priority: optional
Installed-Size: $(du -sk --apparent-size "$deb" | cut -f1)
Description: licensing and telemetry hub of the LetsBe Cloud platform
 The daemon hubd and its command line hubctl.
CONTROL
echo /etc/hubd/hubd.env >"$deb/DEBIAN/conffiles"
cat >"$deb/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --now hubd.service hubd-backup.timer
    # An upgrade takes the new program.
    [ -z "$2" ] || systemctl restart hubd.service
fi
POSTINST
cat >"$deb/DEBIAN/prerm" <<'PRERM'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now hubd.service hubd-backup.timer
fi
PRERM
chmod 0755 "$deb/DEBIAN/postinst" "$deb/DEBIAN/prerm"
settle "$deb"
dpkg-deb --root-owner-group -Zxz --build "$deb" "$out/letsbe-hub_${version}_amd64.deb" >/dev/null

say "listing what it is made of"
cargo metadata --locked ${OFFLINE:+--offline} --format-version 1 --filter-platform "$triple" |
    python3 deploy/sbom.py Cargo.lock >"$out/letsbe-hub-$version.cdx.json"

(cd "$out" && sha256sum -- * >SHA256SUMS)
if [ -n "${RELEASE_KEY:-}" ]; then
    ssh-keygen -q -Y sign -n letsbe-hub -f "$RELEASE_KEY" "$out/SHA256SUMS"
fi
say "in $out"
cat "$out/SHA256SUMS"
