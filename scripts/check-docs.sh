#!/usr/bin/env bash
#
# check-docs.sh runs the commands of README.md and docs/ as they are written.
# -h prints the text under "usage".

set -uo pipefail

usage() {
	cat <<'END'
check-docs.sh: run the commands of README.md and docs/*.md as they are written

usage: check-docs.sh [--list] [--long] [FILE…]

Runs what stands in blocks that begin with ```sh, in a fresh clone of what is
committed here, as root, in network, mount and process namespaces of its own: no
interface of this host is touched, /sys cannot be written, and whatever is left
ends with the script. Each block has a pair of interfaces eth0-eth1, joined to
each other, and pktgen, rcv and hw-test in its PATH. FILEs are other Markdown
files of the repository than all of these.

A block is run by bash, and each of its commands must end by itself, with status
0. A block that fails is run again, three times in all, for the machine may be
busy. Words behind ```sh say otherwise:

  together         each line is a terminal of its own: all are started, in turn
  paced            by chrt -r 10, for rates are to be kept on a busy machine, too
  status=N[,N]     these statuses will do, too
  needs=PROG[,…]   skipped where one of the programs is not installed, and failed
                   if RINGWALK_NO_SKIP is set, as in tests

and words that say why a block cannot run here, and is skipped:

  hardware         needs a network card
  netmap           needs netmap's module in this kernel
  vm               builds a kernel's modules, and boots it in a virtual machine
  network          fetches something
  changes-host     changes this host
  example          names files, ports or builds of the reader's
  long             takes minutes; --long runs it

What would be passed over in silence fails: other words, commands in blocks of
another kind than sh, blocks that are indented or have no end.

  --list    say what would be run and what skipped, and run nothing
  --long    run the long blocks, too
  -h        this text

Exit status: 0 all that ran did, 1 a block failed or nothing could be run,
2 wrong usage.
END
}

die() {
	printf 'check-docs.sh: %s\n' "$*" >&2
	exit 1
}

list='' long='' inside='' work='' child=''
files=()
while [ $# -gt 0 ]; do
	case $1 in
	--list) list=1 ;;
	--long) long=1 ;;
	--inside) inside=1 work=$2 && shift ;; # this script in its namespaces
	-h | --help) usage && exit 0 ;;
	-*) printf 'check-docs.sh: there is no option %s; -h tells\n' "$1" >&2 && exit 2 ;;
	*) files+=("$1") ;;
	esac
	shift
done
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin

# outside makes the clone and the namespaces, and removes what was made.
outside() {
	local root args=()
	[ "$(id -u)" = 0 ] || die "run it as root: it makes namespaces"
	for p in go git ip pgrep setpriv timeout unshare; do
		command -v "$p" >/dev/null || die "the program $p is missing"
	done
	root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel) || die "this is no clone of the repository"
	work=$(mktemp -d) || die "no temporary directory can be made"
	trap 'clean' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$work/bin" "$work/home" "$work/tmp" "$work/blocks"
	git -C "$root" diff --quiet HEAD -- '*.md' || echo "note: Markdown files have changes that are not committed, and not looked at" >&2
	git clone --quiet --no-hardlinks "$root" "$work/clone" || die "the repository cannot be cloned"
	(cd "$work/clone" && go mod download) || die "the modules cannot be fetched"
	GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE)
	export GOCACHE GOMODCACHE
	export GOPROXY=off GOBIN=$work/bin PATH=$work/bin:$PATH HOME=$work/home TMPDIR=$work/tmp
	export RINGWALK_RESULTS=$work/results LC_ALL=C
	[ -z "$long" ] || args+=(--long)
	[ -z "$list" ] || args+=(--list)
	# In the background, for a trap waits for what is in the foreground to end.
	setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
		bash "$work/clone/scripts/check-docs.sh" --inside "$work" "${args[@]}" "${files[@]}" &
	child=$!
	wait "$child"
}

# clean ends the namespaces, and with them every process there, and removes what
# was made.
clean() {
	if [ -n "$child" ] && kill -KILL "$child" 2>/dev/null; then
		wait "$child" 2>/dev/null
		sleep 1 # for the processes there to be gone
	fi
	rm -rf "$work"
}

# why says for what reason a word has a block skipped; nothing for other words.
why() { # WORD
	case $1 in
	hardware) echo "needs a network card" ;;
	netmap) echo "needs netmap's module in this kernel" ;;
	vm) echo "builds a kernel's modules, and boots it in a virtual machine" ;;
	network) echo "fetches something" ;;
	changes-host) echo "changes this host" ;;
	example) echo "names files, ports or builds of the reader's" ;;
	long) [ -n "$long" ] || echo "takes minutes; --long runs it" ;;
	esac
}

# lab makes the interfaces.
lab() {
	ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip link set eth1 up
}

# left names what a block left behind.
left() {
	ip netns list | sed 's/^/the network namespace /'
	ip -oneline link show | cut -d: -f2 | sed 's/@.*//; s/ //' | grep -vxE 'lo|eth0|eth1' | sed 's/^/the interface /'
	# This shell is process 1 here, and the parent of who has lost theirs. In
	# brackets are those that have just ended.
	pgrep --parent $$ --list-full | grep -vE 'check-docs\.sh| \[.*\]$| (pgrep|grep|sed) ' | sed 's/^[0-9]*/the process/'
}

# sweep removes it, so that the next block begins as every one does.
sweep() {
	pkill -KILL --parent $$
	wait
	ip -all netns delete
	ip -oneline link show | cut -d: -f2 | sed 's/@.*//; s/ //' | grep -vx lo | while IFS= read -r dev; do
		ip link delete "$dev" 2>/dev/null # the other end of a pair is gone already
	done
}

# program writes what bash is to run for a block.
program() { # BLOCK STATUSES TOGETHER
	# shellcheck disable=SC2016 # it is for the other bash to expand
	printf '%s\n' 'set -o pipefail' 'failed=' "allowed=' ${2//,/ } '" \
		'judge() { [[ $allowed == *" $1 "* ]] || { failed=1; echo ">>> status $1: $2"; }; }' \
		'trap '\''judge $? "$BASH_COMMAND"'\'' ERR'
	if [ -n "$3" ]; then
		local line n=0
		while IFS= read -r line; do
			[ -n "$line" ] || continue
			printf '%s\n' "{ $line" "} & j$n=\$!" 'sleep 1'
			n=$((n + 1))
		done <"$1"
		for ((i = 0; i < n; i++)); do
			printf '%s\n' "wait \$j$i || judge \$? 'line $((i + 1))'"
		done
	else
		cat "$1"
		# shellcheck disable=SC2016
		echo 'for j in $(jobs -p); do wait "$j" || judge $? "in the background"; done'
	fi
	# shellcheck disable=SC2016
	printf '%s\n' 'trap - ERR' '[ -z "$failed" ]'
}

ran=0 skipped=0 failed=0

say() { printf '%-6s %-28s %4s  %s\n' "$@"; }

# block runs one, or says why not.
block() { # WHERE FILE WORD…
	local where=$1 file=$2 statuses=0 together='' reason='' missing='' word p first before='' begin limit=120 by=()
	shift 2
	first=$(grep -m 1 . "$file" | cut -c 1-90)
	for word; do
		case $word in
		together) together=1 ;;
		paced) chrt -r 10 true 2>/dev/null && by=(chrt -r 10) ;;
		status=*) statuses=0,${word#status=} ;;
		needs=*)
			for p in ${word//[=,]/ }; do
				[ "$p" = needs ] || command -v "$p" >/dev/null || missing+="needs $p; "
			done
			;;
		hardware | netmap | vm | network | changes-host | example | long)
			[ -z "$(why "$word")" ] || reason+="$(why "$word"); "
			[ "$word" != long ] || limit=1200
			;;
		*)
			refuse "$where" "\"$word\" behind \`\`\`sh means nothing; -h tells what does"
			return
			;;
		esac
	done
	if [ -n "$missing" ] && [ -z "$reason" ] && [ -n "${RINGWALK_NO_SKIP-}" ]; then
		refuse "$where" "${missing%; }"
		return
	fi
	reason+=$missing
	if [ -n "$reason" ]; then
		say skip "$where" - "${reason%; }: $first"
		skipped=$((skipped + 1))
		return
	fi
	if [ -n "$list" ]; then
		say run "$where" - "$first"
		ran=$((ran + 1))
		return
	fi
	program "$file" "$statuses" "$together" >"$file.run"
	for _ in 1 2 3; do
		lab || die "no veth pair can be made"
		begin=$SECONDS
		timeout --kill-after=10 "$limit" "${by[@]}" bash "$file.run" </dev/null >"$file.log" 2>&1
		case $? in
		0) left >"$file.left" ;;
		124 | 137) echo "it did not end within $limit s" >"$file.left" ;;
		*) grep '^>>>' "$file.log" >"$file.left" || echo ">>> bash failed" >"$file.left" ;;
		esac
		sweep
		if [ ! -s "$file.left" ]; then
			say ok "$where" "$((SECONDS - begin))s" "$first"
			[ -z "$before" ] || printf '       not the first time: %s\n' "$before"
			ran=$((ran + 1))
			return
		fi
		before=$(head -n 1 "$file.left")
	done
	say FAILED "$where" "$((SECONDS - begin))s" "$first"
	sed 's/^/       /' "$file.left"
	tail -n 30 "$file.log" | sed 's/^/       | /'
	failed=$((failed + 1))
}

# refuse fails what would otherwise be passed over in silence.
refuse() { # WHERE WHY
	say FAILED "$1" - "$2"
	failed=$((failed + 1))
}

# document goes through a file's blocks.
document() { # FILE
	local line info='' number=0 open='' file words text=$1
	local command='^([$#] )?(sudo )?((pktgen|rcv|hw-test|go|ip|apt|systemctl) +([^v0-9]|v[^0-9])|(build|scripts)/)'
	while IFS= read -r line || [ -n "$line" ]; do
		number=$((number + 1))
		if [[ $line =~ ^\ +\`\`\`|^\ *~~~ ]]; then
			refuse "$text:$number" "a block begins and ends with \`\`\` at the beginning of a line"
		elif [[ $line != '```'* ]]; then
			[[ -z $open || $info != sh ]] || printf '%s\n' "$line" >>"$file"
			[[ -z $open || -n $info || ! $line =~ $command ]] ||
				refuse "$text:$number" "a command stands in a block that does not begin with \`\`\`sh: $line"
		elif [ -z "$open" ]; then
			open=$number info=${line#'```'}
			read -ra words <<<"$info"
			info=${words[0]-}
			file=$work/blocks/${text//\//-}.$open
			case $info in
			sh) : >"$file" ;;
			'' | go | yaml | json) ;; # what a program says, and what others check
			*) refuse "$text:$open" "nobody looks at a block of $info; commands begin with \`\`\`sh" ;;
			esac
		else
			[ "$info" != sh ] || block "$text:$open" "$file" "${words[@]:1}"
			open=''
		fi
	done < <(cat "$text")
	[ -z "$open" ] || refuse "$text:$open" "the block has no end"
}

inside() {
	cd "$work/clone" || die "the clone is gone"
	if [ -z "$list" ]; then
		# This network's view of /sys, which keeps what is the host's as it is;
		# namespaces and journals are kept under /run.
		mount -t sysfs -o ro none /sys || die "/sys cannot be mounted"
		mount -t tmpfs none /run || die "/run cannot be mounted"
		ip link set lo up
		# No frames that nobody asked for.
		echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
		go build -o "$work/bin/" ./pktgen ./rcv ./hw-test || die "the programs cannot be built"
	fi
	[ ${#files[@]} -gt 0 ] || files=(README.md docs/*.md)
	for f in "${files[@]}"; do
		[ -f "$f" ] || die "there is no $f in the clone"
		document "$f"
	done
	echo "$ran run, $skipped skipped, $failed failed, in $SECONDS s"
	[ "$failed" = 0 ]
}

if [ -n "$inside" ]; then inside; else outside; fi
