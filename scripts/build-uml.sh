#!/usr/bin/env bash
#
# build-uml.sh builds a User-Mode-Linux kernel for a netmap lab at native speed.
#
# A User-Mode-Linux kernel is an ordinary program: it needs no hypervisor and
# runs user code natively, so ratios of packet rates measured in it mean
# something. See the text under "usage" below, which -h prints.

{ # With this brace bash reads the whole script before it runs any of it.

set -Eeuo pipefail

usage() {
	cat <<'END'
build-uml.sh: build a User-Mode-Linux kernel for a netmap lab

usage: build-uml.sh [options]
       build-uml.sh --check [options]

  --kernel-sources DIR|TARBALL
              Linux sources: an unpacked tree, or linux-*.tar.{xz,gz,bz2,zst}.
              Default: the newest /usr/src/linux-source-*.tar.* (Debian's
              package linux-source). A DIR is copied and left alone.
  --out DIR   where everything goes. Default: build/uml under the current directory.
  -j N        make jobs. Default: the number of processors.
  --check     build nothing; name what is missing and the package that has it.
  -h, --help  this text.

What is in DIR afterwards:
  linux       the kernel, an executable. Boot it with an initramfs:
              linux mem=1024M initrd=FILE quiet con=null con0=fd:0,fd:1
  tree/       its build tree, to build modules against:
              build-netmap.sh --arch um --kernel-dir DIR/tree --sink
  ax25.ko     the module that netmap's Linux glue makes the kernel need; it is
              never loaded, it makes struct net_device have its ax25_ptr.
  source/     the sources, which tree/ refers to. One number in them is changed:
              see FP_BYTES in the script. Removed, they are taken anew.
  BUILT       what was built: kernel release, sources, compiler, configuration.

The build takes about 8 minutes of processor time and 2 GB of disk. It can be
interrupted: the next run goes on where the last one stopped, and "linux"
appears only when all is done. A second run with nothing changed does nothing.

Exit status: 0 done, 1 failed, 2 wrong usage.
END
}

# FP_BYTES is the room for a thread's floating-point registers. Linux 6.1 has
# 2696 bytes, enough for AVX-512; the kernel of a machine with AMX wants 11008
# and refuses less, and the guest's init dies. More than needed does no harm:
# the host takes as much as it has. The stacks hold such a copy each, hence
# CONFIG_KERNEL_STACK_ORDER.
FP_BYTES=12288

# What lab programs and netmap need beyond the architecture's defconfig.
config() {
	cat <<'END'
CONFIG_LOCALVERSION=""
CONFIG_KERNEL_STACK_ORDER=4
CONFIG_MODULES=y
CONFIG_MODULE_UNLOAD=y
CONFIG_NAMESPACES=y
CONFIG_NET_NS=y
CONFIG_USER_NS=y
CONFIG_BPF_SYSCALL=y
CONFIG_HIGH_RES_TIMERS=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_TMPFS=y
CONFIG_DEVTMPFS=y
CONFIG_HOSTFS=y
CONFIG_NET=y
CONFIG_PACKET=y
CONFIG_UNIX=y
CONFIG_INET=y
CONFIG_IPV6=y
CONFIG_BRIDGE=y
CONFIG_NET_SCHED=y
CONFIG_NET_SCH_PRIO=y
CONFIG_NET_SCH_TBF=y
CONFIG_NET_SCH_FQ_CODEL=y
CONFIG_NETDEVICES=y
CONFIG_NET_CORE=y
CONFIG_VETH=y
CONFIG_TUN=y
CONFIG_DUMMY=y
# CONFIG_MACVLAN is not set
CONFIG_HAMRADIO=y
CONFIG_AX25=m
CONFIG_DEBUG_INFO_NONE=y
END
}

die() {
	printf 'build-uml.sh: %s\n' "$*" >&2
	exit 1
}

wrong() {
	printf 'build-uml.sh: %s; -h tells the options.\n' "$*" >&2
	exit 2
}

say() { printf '%s\n' "$*" >&2; }

# package TOOL: how to install it on Debian, Fedora, Arch.
package() {
	local d=$1 f=$1 a=$1
	case $1 in
	gcc) d=build-essential a=base-devel ;;
	"the C library's headers") d=libc6-dev f=glibc-devel a=glibc ;;
	xz) d=xz-utils ;;
	bzip2 | bc | flex | bison | make | gzip | zstd | tar) ;;
	"kernel sources") d=linux-source f=kernel-devel a="linux sources from kernel.org" ;;
	esac
	printf '%s' "Debian: $d, Fedora: $f, Arch: $a"
}

have() { command -v "$1" >/dev/null 2>&1; }

# missing: one line for everything that the build will need and cannot find.
missing() {
	local t unpack=
	case ${sources-} in
	*.xz) unpack=xz ;;
	*.gz | *.tgz) unpack=gzip ;;
	*.bz2) unpack=bzip2 ;;
	*.zst) unpack=zstd ;;
	esac
	[[ $(uname -s) == Linux ]] || echo "This is $(uname -s): User-Mode Linux runs on Linux only."
	case $(uname -m) in
	x86_64 | i?86) ;;
	*) echo "This machine is $(uname -m): Linux runs in user mode on x86 only." ;;
	esac
	for t in make gcc flex bison bc tar $unpack; do
		have "$t" || echo "The program $t is missing (package on $(package "$t"))."
	done
	if have gcc && ! echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1; then
		echo "The C library's headers are missing (package on $(package "the C library's headers"))."
	fi
	[[ -n ${sources-} ]] ||
		echo "No kernel sources in /usr/src: give --kernel-sources DIR|TARBALL (package on $(package 'kernel sources'))."
}

# newest_sources: the default for --kernel-sources.
newest_sources() {
	local f all=()
	for f in /usr/src/linux-source-*.tar.*; do
		[[ -f $f ]] && all+=("$f")
	done
	((${#all[@]})) && printf '%s\n' "${all[@]}" | sort -V | tail -n 1
	return 0
}

sources='' out=build/uml jobs=$(nproc 2>/dev/null || echo 1) check=

while (($#)); do
	opt=$1
	shift
	val='' joined=
	case $opt in
	--*=*) val=${opt#*=} opt=${opt%%=*} joined=1 ;;
	-j?*) val=${opt#-j} opt=-j joined=1 ;;
	esac
	case $opt in
	--kernel-sources | --out | -j)
		if [[ -z $joined ]]; then
			(($#)) || wrong "$opt needs a value"
			val=$1
			shift
		fi
		[[ -n $val ]] || wrong "$opt needs a value"
		;;
	*) [[ -z $joined ]] || wrong "there is no option $opt=" ;;
	esac
	case $opt in
	--kernel-sources) sources=$val ;;
	--out) out=$val ;;
	-j) jobs=$val ;;
	--check) check=1 ;;
	-h | --help) usage && exit 0 ;;
	*) wrong "there is no option $opt" ;;
	esac
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || wrong "-j $jobs is not a number of jobs"

if [[ -z $sources ]]; then
	sources=$(newest_sources)
else
	[[ -e $sources ]] || die "There is no $sources to take the kernel sources from."
	sources=$(realpath "$sources")
fi

lacking=$(missing)
if [[ -n $check ]]; then
	[[ -z $lacking ]] || { say "$lacking" && exit 1; }
	say "Nothing is missing; the sources are $sources."
	exit 0
fi
[[ -z $lacking ]] || die "Cannot build: $lacking"

mkdir -p "$out" || die "Cannot make the directory $out."
out=$(realpath "$out")
exec 9>"$out/.lock"
if have flock; then
	flock -n 9 || die "Another build-uml.sh is at work in $out."
fi

# The stamp says what a finished build was made of; it is compared before and
# written after, so an interrupted build never looks finished.
stamp() {
	printf 'sources %s %s\n' "$sources" "$(stat -c '%s %Y' "$sources")"
	printf 'compiler %s\n' "$(gcc --version | head -n 1)"
	printf 'configuration %s\n' "$(config | sha256sum | cut -c 1-16)"
}

if [[ -x $out/linux && -f $out/BUILT ]] && stamp | cmp -s - <(tail -n +2 "$out/BUILT"); then
	say "$out/linux is up to date ($(head -n 1 "$out/BUILT"))."
	exit 0
fi

log=$out/build.log
: >"$log"
step() { say "$*" && printf '\n==== %s\n' "$*" >>"$log"; }
trap 'die "Failed: see $log for what the compiler said (line $LINENO of the script)."' ERR

# Fill a directory beside, then rename it: half a tree never has the name.
sources_id=$(stat -c '%n %s %Y' "$sources")
source=$out/source
if [[ ! -f $source/.taken-from || $(<"$source/.taken-from") != "$sources_id" ]]; then
	step "Unpacking $sources"
	trap 'rm -rf "$out/.source.new"' EXIT
	rm -rf "$out/.source.new" "$source" "$out/tree"
	mkdir "$out/.source.new"
	if [[ -d $sources ]]; then
		tar -C "$sources" --exclude=./.git -cf - . | tar -C "$out/.source.new" -xf - 2>>"$log" ||
			die "Cannot copy $sources (disk full?): see $log."
	else
		tar -xf "$sources" -C "$out/.source.new" --strip-components=1 2>>"$log" ||
			die "Cannot unpack $sources (disk full, or not an archive?): see $log."
	fi
	[[ -f $out/.source.new/arch/um/Makefile && -f $out/.source.new/Kbuild ]] ||
		die "$sources does not hold the full Linux sources (there is no arch/um/Makefile)."
	# A tree that was built in cannot be built from elsewhere.
	[[ ! -e $out/.source.new/.config && ! -d $out/.source.new/include/config ]] ||
		make -C "$out/.source.new" mrproper >>"$log" 2>&1
	printf '%s' "$sources_id" >"$out/.source.new/.taken-from"
	mv "$out/.source.new" "$source"
fi

# Newer kernels ask the host for the size and have no such line.
offsets=$source/arch/x86/um/user-offsets.c
if ! grep -q "HOST_FP_SIZE, $FP_BYTES)" "$offsets"; then
	sed -i "/ifdef FP_XSTATE_MAGIC1/{n;s/HOST_FP_SIZE, .*)/HOST_FP_SIZE, $FP_BYTES)/}" "$offsets"
fi

um() { make -C "$source" O="$out/tree" ARCH=um -j "$jobs" "$@" >>"$log" 2>&1 9>&-; }

step "Configuring"
mkdir -p "$out/tree"
um defconfig
config >>"$out/tree/.config"
um olddefconfig
while read -r line; do
	# An empty or absent string option is the same thing to kconfig.
	grep -qxF -- "$line" "$out/tree/.config" && continue
	name=${line#\# }
	name=${name%%[ =]*}
	case $line in
	\#*) grep -q "^$name=" "$out/tree/.config" || continue ;;
	esac
	die "These sources do not take \"$line\" for ARCH=um; the configuration is in $out/tree/.config."
done < <(config)

step "Building (the log is $log)"
um linux modules
[[ -x $out/tree/linux ]] || die "make ended well but left no executable: see $log."
ax25=$(find "$out/tree/net/ax25" -name ax25.ko)
[[ -n $ax25 ]] || die "make ended well but left no ax25.ko: see $log."

release=$(<"$out/tree/include/config/kernel.release")
rm -f "$out/BUILT"
install -m 0644 "$ax25" "$out/ax25.ko"
install -m 0755 "$out/tree/linux" "$out/.linux.new"
strip --strip-debug "$out/.linux.new" 2>/dev/null || true
mv "$out/.linux.new" "$out/linux"
{ printf 'kernel %s um\n' "$release" && stamp; } >"$out/.BUILT.new"
mv "$out/.BUILT.new" "$out/BUILT"
trap - ERR
say "$out/linux is Linux $release for user mode; build modules against $out/tree."
}; exit 0
