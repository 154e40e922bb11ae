#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Run the models in this directory through spin: what `make check-models` does.
# Each sound configuration must pass, each seeded fault must be found. Output
# is TAP. Without arguments all models, else those named: run.sh port pool.
#
# MODELS_LONG=1	  also the configurations that take minutes each
# MODELS_MEM	  megabytes for one search (6000)
# MODELS_TIME	  seconds for one search (170; 1200 with MODELS_LONG)
# SPIN, CC	  the programs

SPIN=${SPIN:-spin}
CC=${CC:-cc}
MODELS_LONG=${MODELS_LONG:-0}
MODELS_MEM=${MODELS_MEM:-6000}
if [ "$MODELS_LONG" = 1 ]; then
	MODELS_TIME=${MODELS_TIME:-1200}
else
	MODELS_TIME=${MODELS_TIME:-170}
fi

# kind model defines: good and long must pass, bad must fail, live must pass
# with weak fairness (long).
configurations()
{
	cat <<-'END'
	good eventcount -DMODE=0 -DCANCELS=1
	good eventcount -DMODE=1 -DITEMS=1 -DCANCELS=1 -DTMOS=0
	good eventcount -DMODE=2 -DITEMS=1
	good eventcount -DMODE=4 -DITEMS=1
	good eventcount -DNWT=2 -DITEMS=1 -DCANCELS=0 -DTMOS=0
	good eventcount -DNWT=2 -DVANISH -DITEMS=1 -DCANCELS=0 -DTMOS=0
	good eventcount -DMODE=2 -DKADD -DITEMS=1
	good eventcount -DLIMIT=3 -DSTALE=3 -DMAXW=4 -DITEMS=1
	bad  eventcount -DMODE=3 -DITEMS=1
	bad  eventcount -DMODE=2 -DBUG=1
	bad  eventcount -DBUG=2
	bad  eventcount -DBUG=3
	bad  eventcount -DBUG=4 -DNWT=2 -DITEMS=1
	bad  eventcount -DBUG=5 -DNWT=2 -DITEMS=1
	bad  eventcount -DBUG=6
	bad  eventcount -DMODE=2 -DBUG=7
	bad  eventcount -DBUG=8 -DLIMIT=3 -DSTALE=3 -DMAXW=5 -DNWT=2
	bad  eventcount -DMODE=4 -DBUG=9 -DITEMS=1
	bad  eventcount -DBUG=10 -DLIMIT=3 -DSTALE=3 -DMAXW=8 -DNWT=2
	bad  eventcount -DNFS
	bad  eventcount -DNFW
	long eventcount -DMODE=0
	long eventcount -DMODE=1
	long eventcount -DMODE=1 -DREAPDIES -DITEMS=1
	long eventcount -DMODE=2
	long eventcount -DMODE=4
	long eventcount -DNWT=2 -DITEMS=1
	long eventcount -DNWT=2 -DITEMS=1 -DMODE=2 -DCANCELS=1 -DTMOS=0
	long eventcount -DNWT=2 -DITEMS=1 -DVANISH -DCANCELS=1
	long eventcount -DNS=3 -DITEMS=1 -DMODE=2 -DCANCELS=1
	long eventcount -DLIMIT=3 -DSTALE=3 -DMAXW=5 -DNWT=2 -DITEMS=1 -DTMOS=0 -DCANCELS=1
	good ring -DKILLS=0
	good ring -DKILLS=1
	good ring -DKILLS=1 -DNOBJ=3 -DNF=3 -DNQ=1
	bad  ring -DBUG=1
	bad  ring -DBUG=2 -DVBITS=1
	bad  ring -DBUG=3
	bad  ring -DBUG=4
	long ring -DKILLS=2
	long ring -DKILLS=1 -DVBITS=1
	long ring -DKILLS=1 -DROUNDS=2
	long ring -DKILLS=1 -DNW=3 -DROLES
	long ring -DKILLS=1 -DREAPDIES
	live ring -DKILLS=1 -DLIVE
	good pool -DKILLS=1
	good pool -DKILLS=2
	good pool -DKILLS=1 -DMAX=1
	good pool -DKILLS=1 -DREAPDIES
	bad  pool -DBUG=1
	bad  pool -DBUG=2
	bad  pool -DBUG=3
	bad  pool -DBUG=4
	bad  pool -DBUG=5
	bad  pool -DBUG=6 -DMAX=1
	bad  pool -DBUG=7
	long pool -DKILLS=1 -DNW=3 -DMAX=3 -DROUNDS=1
	long pool -DKILLS=2 -DNW=3 -DMAX=2
	good port -DCL=1
	good port -DSV=1
	good port -DCL=1 -DKEEP
	good port -DCL=1 -DSV=1 -DKILLS=2 -DKEEP
	bad  port -DBUG=1 -DCL=1 -DSV=1 -DKILLS=1
	bad  port -DBUG=2 -DCL=1 -DSV=1
	bad  port -DBUG=3 -DCL=1 -DSV=1
	bad  port -DBUG=4 -DCL=1 -DSV=1
	bad  port -DBUG=5 -DCL=1
	bad  port -DBUG=6 -DSV=1
	bad  port -DBUG=7 -DCL=1 -DKEEP
	bad  port -DBUG=8 -DSV=1
	bad  port -DBUG=9 -DCL=1
	bad  port -DBUG=10 -DCL=1 -DSV=3 -DKEEP
	bad  port -DNFS -DCL=1 -DSV=1
	bad  port -DNFR -DCL=1 -DSV=1
	long port
	long port -DCL=1 -DKILLS=1
	long port -DSV=1 -DKILLS=1
	long port -DCL=1 -DKEEP -DKILLS=1
	long port -DCL=1 -DSV=3 -DKEEP
	good route -DFWD=1
	good route -DFWD=1 -DKEEP=0
	good route -DFWD=1 -DREAPDIES -DFIRST=1 -DLAST=1
	bad  route -DBUG=1 -DFWD=1
	bad  route -DBUG=2 -DFWD=1
	bad  route -DBUG=3 -DFWD=1
	bad  route -DBUG=4 -DFWD=1 -DKILLS=2 -DFIRST=1 -DLAST=3
	bad  route -DBUG=5 -DFWD=1
	bad  route -DBUG=6 -DFWD=1 -DREAPDIES -DFIRST=1 -DLAST=1
	bad  route -DBUG=7 -DFWD=1
	bad  route -DBUG=8 -DFWD=1 -DREAPDIES -DFIRST=1 -DLAST=1
	long route -DPASS
	long route -DKEEP=0 -DPASS
	long route -DFWD=1 -DQKEEP=1 -DPASS
	long route -DFWD=1 -DREAPDIES
	long route -DFWD=1 -DKILLS=2
	good waker
	good waker -DDIRECT
	good waker -DDIRECT -DTAKEN
	good waker -DPROCESS -DDIRECT -DTAKEN
	good waker -DPROCESS
	good waker -DDIRECT -DRELEASED
	good waker -DKEEP
	good waker -DKEEP -DDIRECT -DAGAIN
	good waker -DKEEP -DDIRECT -DTAKEN
	good waker -DKEEP -DDIRECT -DRELEASED
	good waker -DKEEP -DDIRECT -DLIAR
	good waker -DKEEP -DDIRECT -DPROCESS
	good waker -DTHREAD
	good waker -DTHREAD -DLIAR
	good waker -DTHREAD -DPROCESS
	bad  waker -DBUG=1 -DDIRECT
	bad  waker -DBUG=2
	bad  waker -DBUG=3
	bad  waker -DBUG=4
	bad  waker -DBUG=5 -DTAKEN
	bad  waker -DBUG=6 -DTAKEN
	bad  waker -DBUG=7 -DTHREAD -DLIAR
	bad  waker -DBUG=8 -DTHREAD
	bad  waker -DBUG=9 -DDIRECT
	bad  waker -DBUG=9 -DKEEP -DDIRECT
	bad  waker -DBUG=10 -DKEEP -DDIRECT
	bad  waker -DBUG=11 -DKEEP
	bad  waker -DBUG=12 -DKEEP -DRELEASED
	bad  waker -DBUG=13 -DKEEP
	bad  waker -DBUG=14 -DKEEP -DLIAR
	bad  waker -DBUG=15 -DKEEP -DDIRECT
	bad  waker -DBUG=16 -DKEEP -DDIRECT -DAGAIN
	long waker -DNS=3
	long waker -DITEMS=2
	long waker -DITEMS=2 -DDIRECT
	long waker -DTHREAD -DLIAR -DLIES=2
	long waker -DKEEP -DDIRECT -DAGAIN -DCAPS=1
	long waker -DKEEP -DDIRECT -DCAPS=1 -DRELEASED
	long waker -DKEEP -DDIRECT -DITEMS=2
	long waker -DKEEP -DNS=3
	good sdref -DKILLS=0
	good sdref -DKILLS=1
	bad  sdref -DBUG=1 -DNP=3 -DKILLS=0
	bad  sdref -DBUG=2
	bad  sdref -DBUG=3
	bad  sdref -DBUG=4
	bad  sdref -DNFG
	bad  sdref -DNFN
	long sdref -DKILLS=2
	long sdref -DNP=3 -DKILLS=0 -DTRIES=1
	long sdref -DNP=3 -DKILLS=1 -DTRIES=1
	good calls
	good calls -DMAX=1
	good calls -DROUNDS=2 -DNP=1 -DCALLS=3
	bad  calls -DBUG=1
	bad  calls -DBUG=2
	bad  calls -DBUG=3
	bad  calls -DBUG=4
	bad  calls -DBUG=5 -DMAX=3
	bad  calls -DBUG=6 -DMAX=1
	long calls -DROUNDS=2
	long calls -DNA=3 -DMAX=2
	good notify -DNK=1 -DNU=1
	good notify -DNK=2 -DNU=0
	bad  notify -DBUG=1
	bad  notify -DBUG=2
	bad  notify -DBUG=3
	bad  notify -DBUG=4
	long notify
	long notify -DNK=3 -DNU=1
	END
}

wanted()
{
	configurations | while read -r kind model defines; do
		case $kind in
		long|live) [ "$MODELS_LONG" = 1 ] || continue ;;
		esac
		case " $names " in
		"  "|*" $model "*) echo "$kind $model $defines" ;;
		esac
	done
}

# One search in the current directory. Sets result to pass, fault or a reason.
search()
{
	rm -f pan pan.* ./*.trail _spin_nvr.tmp
	# shellcheck disable=SC2086
	if ! "$SPIN" -a $defines "$here/$model.pml" >spin.log 2>&1; then
		result="spin: $(tail -n 1 spin.log)"
		return
	fi
	# Most searches for a fault end sooner than a compiler that optimises.
	# Deadlocks are judged by the models' own monitors, hence -E.
	opt=-O0
	[ "$kind" = bad ] || opt=-O1
	if [ "$kind" = live ]; then
		cflags="-DCOLLAPSE -DNFAIR=5"
		run="-a -f -E"
	else
		cflags="-DSAFETY -DCOLLAPSE"
		run="-E"
	fi
	# shellcheck disable=SC2086
	if ! $CC $opt -w $cflags -DMEMLIM="$MODELS_MEM" -o pan pan.c \
			>cc.log 2>&1; then
		result="$CC: $(tail -n 1 cc.log)"
		return
	fi
	# shellcheck disable=SC2086
	timeout "$MODELS_TIME" nice ./pan $run -m2000000 >pan.log 2>&1
	rc=$?
	if [ "$rc" = 124 ]; then
		result="no end within $MODELS_TIME s"
	elif grep -q 'max search depth too small' pan.log; then
		result="search not deep enough"
	elif grep -q 'out of memory\|memory limit' pan.log; then
		result="no end within $MODELS_MEM MB"
	elif grep -q 'errors: 0$' pan.log; then
		result=pass
	elif grep -q '^pan:1: assertion violated\|^pan:1: acceptance cycle' \
			pan.log; then
		result=fault
	else
		result="pan: $(tail -n 1 pan.log)"
	fi
}

names="$*"
here=$(cd "$(dirname "$0")" && pwd) || exit 2
if ! command -v "$SPIN" >/dev/null; then
	echo "1..0 # SKIP no spin"
	exit 4
fi
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$tmp" || exit 2

wanted >list
total=$(wc -l <list)
[ "$total" -gt 0 ] || { echo "no such model: $names" >&2; exit 2; }
echo "1..$total"
n=0
failed=0
while read -r kind model defines; do
	n=$((n + 1))
	search
	case $kind in
	bad) expected=fault; says="finds the fault" ;;
	*) expected=pass; says="holds" ;;
	esac
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log 2>/dev/null |
		 head -n 1)
	line="$n - $model${defines:+ $defines}: $says"
	if [ "$result" = "$expected" ]; then
		echo "ok $line"
	else
		echo "not ok $line"
		echo "# got: $result"
		grep '^pan:1:' pan.log 2>/dev/null | sed 's/^/# /'
		failed=$((failed + 1))
	fi
	echo "# ${states:-?} states"
done <list
[ "$failed" = 0 ]
