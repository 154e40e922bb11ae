#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=900
#
# make install-dkms, and what dkms does with it for Debian's kernels, in folders
# of our own: add, build, install, remove. Nothing is loaded.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/../cli/lib.bash"

src=${XSEG_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
vm=$src/selftests/vm
root=$dir/root
PATH=$PATH:/usr/sbin:/sbin

skip() { echo "1..0 # SKIP $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "dkms takes root"
"$src/scripts/deps" install >"$dir/out" 2>&1 || skip "dkms cannot be installed"
command -v dkms >/dev/null || skip "no dkms"

# dkms signs by a key that it makes if need be; none is left on this machine
export mok_signing_key=$dir/mok.key mok_certificate=$dir/mok.pub
do_dkms()
{
	dkms "$1" "${@:2}" --dkmstree "$root/var/lib/dkms" --sourcetree "$root/usr/src" \
		--installtree "$root/lib/modules" --no-depmod
}
mkdir -p "$root/var/lib/dkms" "$root/lib/modules"

succeeds make -C "$src" DEPS=no DESTDIR="$root" install-dkms; ok "make install-dkms"
version=$(cd "$root/usr/src" && echo xseg-*)
version=${version#xseg-}
[ "$(sed -n 's/^obj-m.*= *\(.*\)\.o$/\1/p' "$src/Kbuild" | sort)" = \
	"$(sed -n 's/^BUILT_MODULE_NAME.*="\(.*\)"$/\1/p' "$root/usr/src/xseg-$version/dkms.conf" | sort)" ]
ok "dkms.conf names all modules of Kbuild"
succeeds do_dkms add "xseg/$version"; ok "dkms add"

for k in 6.1 6.12; do
	release=$("$vm/modules" -p "$k")
	lib=$root/lib/modules/$release
	mkdir -p "$lib" && ln -s "$("$vm/kernel" --headers "$k")" "$lib/build"

	succeeds do_dkms build "xseg/$version" -k "$release"; ok "$k: dkms build"
	log=$root/var/lib/dkms/xseg/$version/$release/x86_64/log/make.log
	[ -s "$log" ] && ! grep -i 'warning:' "$log"; ok "$k: no warning"
	succeeds do_dkms install "xseg/$version" -k "$release"; ok "$k: dkms install"
	ko=$(find "$lib" -name 'xseg_signal.ko*')
	[ "$(modinfo -F vermagic "$ko" | cut -d' ' -f1)" = "$release" ]; ok "$k: the module is there: ${ko#"$root"}"
	grep -q "xseg_join.*XSEG$" "$lib/updates/xseg/Module.symvers"; ok "$k: so are its symbols"
	do_dkms status "xseg/$version" 2>&1 | grep -q "$release.*: installed"; ok "$k: dkms says so"
done

succeeds do_dkms remove "xseg/$version" --all; ok "dkms remove"
find "$root/lib/modules" "$root/var/lib/dkms" -type f >"$dir/out"
[ ! -s "$dir/out" ]; ok "leaves nothing behind"
[ ! -e "$root/var/lib/dkms/xseg" ]; ok "and forgets it"
succeeds make -C "$src" DEPS=no DESTDIR="$root" uninstall && [ ! -e "$root/usr/src/xseg-$version" ]
ok "make uninstall removes the sources"
finish
