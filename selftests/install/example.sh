#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=1800
#
# make install into a folder, Documentation/examples/kernel built against
# nothing but what is there, and both run in a virtual machine from there, for
# each of KERNELS. Then make uninstall leaves nothing behind.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/../cli/lib.bash"

src=${XSEG_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
vm=$src/selftests/vm
root=$dir/root
PATH=${PATH#"$build":}:/usr/sbin:/sbin	# no program of the build tree
kernels=${KERNELS:-6.1 6.12}

# what is installed, less what depmod makes
files() { (cd "$root" && find . ! -type d ! -name 'modules.*' | sort); }

# As on a disk that the kernel is installed on, for depmod.
for k in $kernels; do
	release=$("$vm/modules" -p "$k") && kernel=$("$vm/kernel" "$k" 2>/dev/null)
	ok "$k: there is a kernel"
	mkdir -p "$root/lib/modules/$release"
	ln -s "$kernel/lib/modules/$release/kernel" "$root/lib/modules/$release/"
	cp "$kernel/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} \
		"$root/lib/modules/$release/"
done
files >"$dir/before"

succeeds make -C "$src" DEPS=no VARIANT=release DESTDIR="$root" KERNEL="$kernels" install install-dkms
ok "make install"
[ -e "$root/usr/local/include/xseg/kernel.h" ] && [ -e "$root/usr/local/include/xseg/ioctl.h" ] &&
	[ -e "$root/usr/local/lib/modules-load.d/xseg.conf" ]
ok "headers are there, and what loads the module at boot"

if command -v systemd-sysusers >/dev/null; then
	mkdir "$root/etc"
	succeeds systemd-sysusers --root="$root" "$root/usr/local/lib/sysusers.d/xseg.conf" &&
		grep -q '^xseg:' "$root/etc/group"
	ok "systemd-sysusers makes the group"
	rm -rf "${root:?}/etc"
else
	ok "systemd-sysusers makes the group # SKIP there is none"
fi

export PKG_CONFIG_PATH=$root/usr/local/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
for k in $kernels; do
	release=$("$vm/modules" -p "$k")
	ls "$root/lib/modules/$release/updates/xseg" >"$dir/out"
	printf '%s\n' Module.symvers xseg_signal.ko xsegbd.ko | diff - "$dir/out" >"$dir/err"
	ok "$k: the module and its symbols are there, no test's"

	# not below $src, so that nothing there is found
	mkdir "$dir/$k" && cp -r "$src/Documentation/examples/kernel" "$dir/$k/example"
	ex=$dir/$k/example
	succeeds make -C "$ex" KERNEL="$release" XSEG_ROOT="$root" modules
	ok "$k: the driver builds"
	! grep -i warning "$dir/out" "$dir/err"
	ok "$k: without warnings"
	succeeds make -C "$ex" CFLAGS='-Wall -Wextra -Werror' ask; ok "$k: the program builds"
	succeeds make -C "$ex" KERNEL="$release" XSEG_ROOT="$root" INSTALL_MOD_PATH="$root" modules_install
	ok "$k: the driver is installed"
	# modules_install leaves this to whoever has a System.map
	depmod -b "$root" "$release"; ok "$k: depmod"

	ln -s "$root" "$dir/$k/root"
	run "$vm/run" -b "$dir/$k" -n "install-$k" -r "$dir/results-$k" "$k" "$src/selftests/install/example.guest"
	grep '^ *\(not ok\|#\)' "$dir/out" | sed 's/^ *#*/# /'
	points=$(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$dir/results-$k")
	[ "${points#* }" = '0 0' ] && [ "${points%% *}" -gt 0 ]; ok "$k: they run: ${points%% *} points"
done

find "$root" -name 'upper.ko*' -delete
succeeds make -C "$src" DEPS=no DESTDIR="$root" uninstall; ok "make uninstall"
files | diff "$dir/before" - >"$dir/out"; ok "leaves nothing behind"
finish
