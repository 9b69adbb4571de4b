#!/bin/sh
# Builds the program of GmSSL 3.1.1, another TLCP than ours for the tests, into the folder $1. The source is
# the one that PyPI's easy-gmssl carries; $2 is a Python with pip. Needs cmake and a C compiler.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
echo 'easy-gmssl==2.0.1 --hash=sha256:18f74927a4a0a57c46d2912284bc0232a792a0fb8d078c2346b2a05f4b7e9607' >"$tmp/list"
"$2" -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: --require-hashes -r "$tmp/list" -d "$tmp"
tar xzf "$tmp"/easy_gmssl-2.0.1.tar.gz -C "$tmp"
cmake -S "$tmp"/easy_gmssl-2.0.1/easy_gmssl/Core/GmSSL-3.1.1 -B "$tmp/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF >"$tmp/log" 2>&1 &&
  cmake --build "$tmp/build" --target gmssl-bin --parallel 2 >>"$tmp/log" 2>&1 || { tail -5 "$tmp/log" >&2; exit 1; }
mkdir -p "$1"
mv "$tmp/build/bin/gmssl" "$1/gmssl"
