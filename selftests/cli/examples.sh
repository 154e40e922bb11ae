#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=120
#
# The programs of Documentation/examples/, with each type that fits. A peer
# changes its type by a word of its command line and by nothing else.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/lib.bash"

ex=$build/examples

succeeds "$ex/hello"; ok "hello"
grep -q '^anybody there?$' "$dir/out" && grep -q '^yes, port 1$' "$dir/out"
ok "hello: both processes say what they got"

for type in futex eventfd fifo; do
	succeeds "$ex/scenario" $type; ok "scenario: $type"
	# the steps of the design document, in its order, none missing
	[ "$(sed -n 's/^\([0-9][0-9]*\)\..*/\1/p' "$dir/out" | tr '\n' ' ')" = '1 2 3 4 5 6 7 8 6 9 10 ' ]
	ok "scenario: $type: the steps in their order"
	[ "$(grep -c '^6\. process request: "\(first\|second\)"$' "$dir/out")" = 2 ]
	ok "scenario: $type: both requests came"
done
fails 1 'nonesuch' "$ex/scenario" nonesuch; ok "scenario: an unknown type"

for type in eventfd fifo; do
	succeeds "$ex/eventloop" $type; ok "eventloop: $type"
	grep -q '^20 requests, sum 210; .*: yes$' "$dir/out"; ok "eventloop: $type: all served, the timer too"
done
fails 1 'nothing to poll' "$ex/eventloop" futex; ok "eventloop: a type without a file"

# every example is run here
for c in "${XSEG_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}"/Documentation/examples/*.c; do
	grep -q "ex/$(basename "$c" .c)\"" "$0"; ok "$(basename "$c") is tested"
done
finish
