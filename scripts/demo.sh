#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# demo.sh vm|host: a real tree of some 100 MB goes onto a disk whose server is
# killed on the way; in a virtual machine, or on this machine, which must have
# the modules. Called by `make demo` and `make demo-host`.
#
# XSEG_BUILD: folder with the built programs; XSEG_DEMO_MB: at least so much

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
export XSEG_BUILD=${XSEG_BUILD:-$top/build/release}
export XSEG_DEMO_DATA=$top/build/demo
least=$((${XSEG_DEMO_MB:-100} << 20))

die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# Files of this machine, until there are enough, each under its own path.
choose()
{
	local size=0 file bytes
	find /usr/src /usr/include /usr/lib/x86_64-linux-gnu -xdev -type f \
		-size -4M -printf '%s %p\n' 2>/dev/null | LC_ALL=C sort -k2 |
	while read -r bytes file; do
		size=$((size + bytes))
		echo "${file#/}"
		((size < least)) || break
	done
}

prepare()
{
	echo "Packing some $((least >> 20)) MB of this machine's files, with their check sums"
	rm -rf "$XSEG_DEMO_DATA"
	mkdir -p "$XSEG_DEMO_DATA"
	cd /
	choose >"$XSEG_DEMO_DATA/files" || :
	[ -s "$XSEG_DEMO_DATA/files" ] || die "there is nothing to copy in /usr"
	tar -cf "$XSEG_DEMO_DATA/tree.tar" -T "$XSEG_DEMO_DATA/files"
	xargs -d '\n' md5sum <"$XSEG_DEMO_DATA/files" >"$XSEG_DEMO_DATA/sums"
	cd "$top"
}

case ${1-} in
vm)
	prepare
	echo "Starting a virtual machine with Debian's kernel 6.12 and both modules"
	export XSEG_DEMO_TAP=1
	VM_MEM=2048 "$top/selftests/vm/run" -b "$XSEG_BUILD" -n demo -t 1200 \
		-m xseg_signal -m xsegbd 6.12 "$top/scripts/demo-disk.sh" |
		sed -un '/^  \(ok\|1\.\.\)/d; s/^  \(# \)\?//p'
	;;
host)
	prepare
	modprobe xseg_signal && modprobe xsegbd ||
		die "load the modules first: make install-modules, see Documentation/kernel.rst"
	"$top/scripts/demo-disk.sh"
	;;
*)
	die "say vm or host" ;;
esac
