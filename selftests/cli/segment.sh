#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TIMEOUT=600
#
# xseg create, destroy, info, list, peers, ports, types, reap: what they do,
# and what they say to bad input.

# shellcheck source=selftests/cli/lib.bash
. "$(dirname "$0")/lib.bash"

fails 2 'Usage: xseg' xseg; ok "no command"
fails 2 "no command 'frobnicate'" xseg frobnicate; ok "unknown command"
succeeds xseg --version && grep -q '^xseg [0-9]' "$dir/out"; ok "--version"
succeeds xseg --help && grep -q 'recv' "$dir/out"; ok "--help"
for c in create destroy list info peers ports types reap wait signal ping send recv pipe; do
	succeeds xseg $c --help && grep -q "^Usage: xseg $c" "$dir/out" &&
		grep -qE 'Example' "$dir/out"; ok "$c --help"
	fails 2 "'--nonsense'" xseg $c --nonsense; ok "$c: unknown option"
	case $c in
	list)	;;
	pipe)	fails 2 'are needed' xseg $c; ok "$c: no name" ;;
	*)	fails 2 'missing' xseg $c; ok "$c: no name" ;;
	esac
done
succeeds xseg help create && grep -q '^Usage: xseg create' "$dir/out"; ok "help create"
fails 2 "no command 'x'" xseg help x; ok "help x"

# names and numbers
for name in '' .hidden a/b "$(printf 'x%.0s' {1..64})" 'a b' ..; do
	fails 1 'no name for a segment' xseg create "$name"; ok "create '$name'"
	[ ! -e "/dev/shm/xseg.$name" ]; ok "and it is not there"
	fails 1 'no name for a segment' xseg info "$name"; ok "info '$name'"
	fails 1 'no name for a segment' xseg destroy "$name"; ok "destroy '$name'"
done
for opt in '--ports 0' '--ports 65537' '--ports -1' '--ports 1x' '--ports x' \
	'--requests 0' '--requests 16777215' '--requests 99999999999999999999' \
	'--descs 0' '--descs 65537' '--queue 0' '--queue 1048577' '--heap 0' \
	'--heap 1Q' '--heap 2T' '--heap 99999999999T' '--max-data 2G' \
	'--max-data 1KK' '--mode 0888' '--mode 1777' '--mode x' '--mode 0'; do
	# shellcheck disable=SC2086 # two words
	fails 2 "${opt%% *}" xseg create "$seg" $opt; ok "create $opt"
done
[ ! -e "/dev/shm/xseg.$seg" ]; ok "and nothing was made"
fails 2 'requires an argument' xseg create "$seg" --ports; ok "create --ports without number"
fails 2 'too many' xseg create "$seg" another; ok "create with two names"
fails 1 'ask for less' xseg create "$seg" --heap 900G; ok "create: no room"
[ ! -e "/dev/shm/xseg.$seg" ]; ok "and nothing was left"

# what does not exist
for c in info peers ports types reap destroy; do
	fails 1 "no segment '$seg'" xseg $c "$seg"; ok "$c of a missing segment"
done

# make one
succeeds xseg create "$seg" --ports 10 --requests 100 --descs 20 --queue 5 \
	--heap 1M --max-data 64K --mode 0640; ok "create"
[ "$(stat -c %a "/dev/shm/xseg.$seg")" = 640 ]; ok "mode"
sum=$(sha256sum <"/dev/shm/xseg.$seg")
fails 1 "already" xseg create "$seg"; ok "create it again"
grep -q "xseg destroy $seg" "$dir/err"; ok "and what to do is said"
[ "$(sha256sum <"/dev/shm/xseg.$seg")" = "$sum" ]; ok "and it is unchanged"

succeeds xseg info "$seg" && grep -q '^ports: *10,' "$dir/out"; ok "info"
succeeds xseg info "$seg" --json && json_is "$dir/out" "j['name'] == '$seg' and j['ports'] == 10
	and j['requests'] == 100 and j['descs'] == 20 and j['queue'] == 8 and j['heap'] == 1 << 20
	and j['max_data'] == 65536 and j['mode'] == 0o640 and j['live_peers'] == 0 and not j['broken']"
ok "info --json"
succeeds xseg list && grep -q "^$seg " "$dir/out"; ok "list"
succeeds xseg list --json && json_is "$dir/out" "[s for s in j if s['name'] == '$seg'
	and s['joinable'] and s['live_peers'] == 0 and s['mode'] == 0o640]"; ok "list --json"
fails 2 'too many' xseg list x; ok "list x"
for c in ports peers types; do
	succeeds xseg $c "$seg" --json && json_is "$dir/out" "j == []"; ok "$c --json, empty"
	succeeds xseg $c "$seg" && [ -s "$dir/out" ]; ok "$c, empty"
done
succeeds xseg ports "$seg" --all --json && json_is "$dir/out" "len(j) == 10
	and not any(p['bound'] for p in j)"; ok "ports --all"
succeeds xseg reap "$seg" --json && json_is "$dir/out" "j['reaped'] == 0"; ok "reap, nobody dead"

# with a peer in it
xseg wait "$seg" 3 >"$dir/wait" & waiter=$!
until_true 10 bound 3; ok "wait binds its port"
succeeds xseg ports "$seg" --json && json_is "$dir/out" "len(j) == 1 and j[0]['port'] == 3
	and j[0]['bound'] and j[0]['type'] == 'futex' and j[0]['comm'] == 'xseg'"; ok "ports --json"
succeeds xseg peers "$seg" --json && json_is "$dir/out" "len(j) == 1 and j[0]['alive']
	and j[0]['pid'] == $waiter and j[0]['domain'] == 'user'"; ok "peers --json"
succeeds xseg peers "$seg" && grep -q live "$dir/out"; ok "peers"
succeeds xseg types "$seg" --json && json_is "$dir/out" "len(j) == 1 and j[0]['name'] == 'futex'
	and j[0]['known'] and j[0]['id'] == 0"; ok "types --json"
succeeds xseg types "$seg" && grep -q futex "$dir/out"; ok "types"
succeeds xseg info "$seg" --json && json_is "$dir/out" "j['live_peers'] == 1"; ok "info: one peer"
fails 1 'peers live in' xseg destroy "$seg"; ok "destroy a live segment"
[ -e "/dev/shm/xseg.$seg" ]; ok "and it is still there"
kill -KILL $waiter; wait $waiter 2>/dev/null
succeeds xseg peers "$seg" --json && json_is "$dir/out" "[p['alive'] for p in j] == [False]"
ok "peers: a dead one"
succeeds xseg reap "$seg" && grep -q '1 dead peer$' "$dir/out"; ok "reap"
succeeds xseg peers "$seg" --json && json_is "$dir/out" "j == []"; ok "nobody is left"
succeeds xseg ports "$seg" --json && json_is "$dir/out" "not any(p['bound'] for p in j)"
ok "and the port is free"
succeeds xseg destroy "$seg"; ok "destroy"
[ ! -e "/dev/shm/xseg.$seg" ]; ok "and it is gone"

# files that are no segment
head -c 100000 /dev/urandom >"/dev/shm/xseg.$seg"
succeeds xseg list --json && json_is "$dir/out" "[s for s in j if s['name'] == '$seg'
	and not s['joinable'] and s['reason']]"; ok "list: a file that is no segment"
succeeds xseg list && grep "^$seg " "$dir/out" | grep -q '('; ok "and as text"
run xseg info "$seg"; [ $rc = 1 ] && grep -q -e '--force' "$dir/err"; ok "info of it"
run xseg destroy "$seg"; [ $rc = 1 ] && grep -q -e '--force' "$dir/err"; ok "destroy of it"
succeeds xseg destroy --force "$seg" && [ ! -e "/dev/shm/xseg.$seg" ]; ok "destroy --force of it"

# with --force under a live peer
succeeds xseg create "$seg"; ok "create with defaults"
xseg wait "$seg" 0 --timeout 600 & waiter=$!
until_true 10 bound 0
succeeds xseg destroy --force "$seg"; ok "destroy --force of a live segment"
kill -0 $waiter; ok "its peer goes on"
kill -TERM $waiter
ends 5 $waiter 143; ok "SIGTERM ends it"

# output that cannot be written
! xseg list >/dev/full 2>"$dir/err" && grep -q 'No space' "$dir/err"; ok "a full output is no success"
finish
