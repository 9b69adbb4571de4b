#!/bin/sh
# Installs Debian packages that are missing: as root or through sudo, with one retry.
# Elsewhere it says in one line what to install.
set -eu
missing=
for p in "$@"; do
  dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "please install:$missing (this machine has no apt-get)" >&2
  exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
install() { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing; }
install || install || { echo "could not install:$missing" >&2; exit 1; }
