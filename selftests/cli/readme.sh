#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=300
#
# What README.md prints works as printed: its first program is compiled against
# an installed xseg by the line that it gives, and run; its example of the
# command line is run.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/lib.bash"

src=${XSEG_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
readme=$src/README.md
case ${XSEG_VARIANT:-release} in
release) ;;
*)	echo "1..0 # SKIP a program without the sanitizer's options cannot use this library"
	exit 0 ;;
esac

# block LANGUAGE WORD: the fenced block of that language that has the word
block()
{
	awk -v lang="$1" -v word="$2" '
		/^```/ && !inside && $0 == "```" lang { inside = 1; text = ""; next }
		/^```/ && inside { inside = 0; if (index(text, word)) printf "%s", text; next }
		inside { text = text $0 "\n" }' "$readme"
}

block c 'int main' >"$dir/hello.c"
[ -s "$dir/hello.c" ]; ok "README.md has a first program"
cmp "$dir/hello.c" "$src/Documentation/examples/hello.c" >"$dir/out" 2>&1
ok "it is Documentation/examples/hello.c"

# into a folder of our own; options that make was given are in the environment
root=$dir/root
succeeds make -C "$src" DEPS=no VARIANT=release DESTDIR="$root" install; ok "make install DESTDIR="
libdir=$(sed -n 's/^libdir=//p' "$build/libxseg-user.pc")
[ -n "$libdir" ] && [ -e "$root$libdir/pkgconfig/libxseg-user.pc" ]; ok "the pkg-config file is there"

export PKG_CONFIG_PATH=$root$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
block sh pkg-config >"$dir/compile"
grep -q '^cc .*hello\.c' "$dir/compile"; ok "README.md says how to compile it"
cd "$dir" || exit 1
LD_LIBRARY_PATH=$root$libdir run timeout 60 sh -e ./compile
[ $rc = 0 ]; ok "that works, and so does the program"
block text 'anybody there?' >"$dir/expected"
cmp "$dir/expected" "$dir/out"; ok "it prints what README.md says"

sed -i 's/"futex"/"eventfd"/' hello.c
LD_LIBRARY_PATH=$root$libdir run timeout 60 sh -e ./compile
[ $rc = 0 ] && cmp "$dir/expected" "$dir/out"; ok "with another type as well"

# the same name on the machine may be somebody's
block sh 'xseg create' | sed "s/\<demo\>/$seg/g" >"$dir/commands"
[ "$(grep -c '^xseg' "$dir/commands")" -ge 7 ]; ok "README.md shows the xseg command"
PATH=$root$(sed -n 's/^prefix=//p' "$build/libxseg-user.pc")/bin:$PATH
LD_LIBRARY_PATH=$root$libdir run timeout 120 bash -e ./commands
[ $rc = 0 ]; ok "its commands work"
[ ! -e "/dev/shm/xseg.$seg" ]; ok "and leave nothing behind"
finish
