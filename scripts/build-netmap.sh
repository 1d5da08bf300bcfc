#!/usr/bin/env bash
#
# build-netmap.sh builds netmap and netmap's drivers for a Linux kernel, and
# loads them in place of the vendor's. -h prints the text under "usage".

{ # With this brace bash reads the whole script before it runs any of it.

set -uo pipefail

# The netmap that ringwalk is tested with. The newest kernel that this commit
# has patches for is 6.19 (read from LINUX/final-patches).
url=https://github.com/luigirizzo/netmap
pinned=89607e1406c1fa5ac2106bd2ff33417f090c0d60
pinned_newest=6.19

usage() {
	cat <<'END'
build-netmap.sh: build netmap's kernel modules, load them, put the vendor's back

usage: build-netmap.sh [build options]               build into --out
       build-netmap.sh --check [build options]       name what is missing
       build-netmap.sh --load   [--out DIR] [--drivers LIST] [--force]
       build-netmap.sh --unload [--out DIR] [--drivers LIST] [--force]

Build options:
  --ref REF       commit (full hash), tag or branch of upstream netmap to clone.
                  Default: the commit that ringwalk is tested with.
  --src DIR       take netmap's source from DIR instead of cloning. DIR is only
                  read. Archives of vendor drivers that lie in
                  DIR/LINUX/ext-drivers are used instead of downloading them.
  --kernel-dir DIR
                  the kernel's build directory (headers, .config, Module.symvers).
                  Default: that of the running kernel.
  --kernel-sources DIR|TARBALL
                  the kernel's full sources, for drivers that are patched in
                  them. Default: what --kernel-dir has, else Debian's
                  /usr/src/linux-source-X.Y.tar.* of the same X.Y.
  --drivers LIST  drivers to build, e.g. ixgbe,i40e,e1000. Default: none; any
                  interface then works in emulated mode, and VALE, pipes and
                  null ports need no driver. Intel's newer drivers are
                  downloaded from the vendor, the others are the kernel's own.
  --no-ext-drivers
                  patch the kernel's own source for every driver.
  --select-version DRIVER:VERSION[,…]
                  another version of a vendor driver than netmap's default.
  --arch um       build for User-Mode Linux: --kernel-dir is the tree of
                  build-uml.sh; no drivers.
  --sink          with the sink device (nmsink0), which swallows what is sent.
  --extmem        with memory regions that a program brings along (@extmem).
  --apps          also pkt-gen, bridge, lb, vale-ctl, … and netmap's own tests,
                  into DIR/bin; linked statically where the C library allows.
  --out DIR       Default: build/netmap (with --arch um build/netmap-um) under
                  the current directory. It is replaced as a whole, in the end;
                  a DIR that this script did not make is left alone.
  -j N            make jobs. Default: the number of processors.

Loading (as root; nothing is installed, a reboot undoes it):
  --load          load DIR's netmap.ko, and for every driver in DIR (or LIST)
                  take the vendor's out and the patched one in. Interfaces that
                  were up are brought up again; their addresses are not set
                  again. If a step fails, the vendor drivers are put back.
  --unload        take out the patched drivers (or those in LIST) and netmap.ko,
                  and put the vendor drivers back.
  --force         also when an interface of that driver carries the default
                  route, by itself or under a bridge, bond or VLAN.

  --check         build and load nothing. Takes the build options, looks for
                  what the build and (for the running kernel) the loading need,
                  and names for each missing thing the package to install.
  -h, --help      this text.

What is in DIR: netmap.ko, a .ko for each driver, bin/ (with --apps), build.log,
and BUILT, which says what was built, as lines "name value…" (netmap commit,
kernel release, drivers, subsystems, programs). A second run with nothing
changed does nothing. A driver that was asked for and cannot be built is a
failure, and DIR stays as it was.

Exit status: 0 done (--check: nothing is missing), 1 failed (--check: something
is missing), 2 wrong usage.
END
}

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

log=
die() {
	printf 'build-netmap.sh: %s\n' "$*" >&2
	[[ -z $log ]] || printf 'The log is %s\n' "$log" >&2
	exit 1
}
wrong() {
	printf 'build-netmap.sh: %s; -h tells the options.\n' "$*" >&2
	exit 2
}

# --- what is needed, and who has it ----------------------------------------

# package THING: how to install it on Debian, Fedora, Arch.
package() {
	local d=$1 f=$1 a=$1
	case $1 in
	ip) d=iproute2 f=iproute a=iproute2 ;;
	gcc) d=build-essential a=base-devel ;;
	libc) d=libc6-dev f=glibc-devel a=glibc ;;
	libelf) d=libelf-dev f=elfutils-libelf-devel a=libelf ;;
	xz) d=xz-utils ;;
	awk) d=gawk f=gawk a=gawk ;;
	find) d=findutils f=findutils a=findutils ;;
	insmod | rmmod | modprobe | modinfo) d=kmod f=kmod a=kmod ;;
	headers) d=linux-headers-$release f=kernel-devel-$release a=linux-headers ;;
	sources)
		d=linux-source-${release%%[!0-9.]*}
		[[ $d =~ ^(linux-source-[0-9]+\.[0-9]+) ]] && d=${BASH_REMATCH[1]}
		f="kernel.src.rpm (dnf download --source kernel)" a="the tarball of kernel.org"
		;;
	esac
	printf 'Debian: %s, Fedora: %s, Arch: %s' "$d" "$f" "$a"
}

config_has() { grep -qx "$1" "$kdir/.config" 2>/dev/null; }

# kernel_version DIR: X.Y.Z of a configured kernel directory.
kernel_version() {
	local f v
	for f in "$1/include/generated/uapi/linux/version.h" "$1/include/linux/version.h"; do
		[[ -f $f ]] || continue
		v=$(awk '/LINUX_VERSION_CODE/ {print $3}' "$f")
		printf '%d.%d.%d' $((v >> 16)) $((v >> 8 & 255)) $((v & 255))
		return
	done
}

# newer A B: whether the version A (X.Y) is newer than B.
newer() { [[ $1 != "$2" && $(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -n 1) == "$1" ]]; }

# newest_patched SRC: the newest kernel that this netmap has patches for.
newest_patched() {
	local f low high n max=0
	for f in "$1"/LINUX/final-patches/vanilla--*--*--*; do
		high=${f##*--} low=${f%--*}
		for n in "${low##*--}" "$high"; do
			[[ $n =~ ^[0-9a-f]{5}$ && $n != 99999 ]] && ((16#$n > max)) && max=$((16#$n))
		done
	done
	((max)) && printf '%d.%d' $((max >> 16)) $((max >> 8 & 255))
}

# lacking_to_build: one line for everything that the build needs and that is missing.
lacking_to_build() {
	local t tools='make gcc awk sed tar find modinfo'
	[[ -n $src ]] || tools+=' git'
	[[ -z $drivers ]] || tools+=' patch'
	[[ -z $drivers || -n $no_ext ]] || tools+=' wget unzip'
	case $ksources in
	*.xz) tools+=' xz' ;;
	*.bz2) tools+=' bzip2' ;;
	*.zst) tools+=' zstd' ;;
	esac
	[[ $(uname -s) == Linux ]] || echo "This is $(uname -s): the script builds netmap for Linux."
	for t in $tools; do
		have "$t" || echo "The program $t is missing (package on $(package "$t"))."
	done
	if have gcc && ! echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1; then
		echo "The C library's headers are missing (package on $(package libc))."
	fi
	if [[ -z $kdir ]]; then
		echo "--arch um needs --kernel-dir: build-uml.sh makes the kernel and prints its build tree."
		for t in flex bison bc; do
			have "$t" || echo "The program $t is missing, which build-uml.sh needs (package on $(package "$t"))."
		done
		return
	fi
	if [[ ! -d $kdir ]]; then
		if [[ -n $kdir_asked ]]; then
			echo "There is no kernel build directory $kdir."
		else
			echo "The headers of the running kernel $release are missing: no $kdir (package on $(package headers)); for another kernel give --kernel-dir DIR."
		fi
		return
	fi
	if [[ ! -f $kdir/.config || ! -f $kdir/Makefile || -z $(kernel_version "$kdir") ]]; then
		echo "$kdir is not a configured kernel build directory (it wants Makefile, .config and the generated version.h): give the headers' directory, or run \"make modules_prepare\" in it."
		return
	fi
	config_has CONFIG_MODULES=y || echo "The kernel in $kdir is configured without CONFIG_MODULES: no module can be loaded into it."
	[[ -f $kdir/Module.symvers ]] || echo "$kdir has no Module.symvers, so the modules' symbols cannot be checked: run \"make modules\" in it."
	if config_has CONFIG_UML=y; then
		[[ $arch == um ]] || echo "$kdir is a User-Mode-Linux tree: add --arch um."
		grep -Eq '^CONFIG_AX25=[ym]' "$kdir/.config" ||
			echo "The kernel in $kdir has no CONFIG_AX25, which netmap's Linux glue needs: build it with build-uml.sh."
	elif [[ $arch == um ]]; then
		echo "$kdir is not a User-Mode-Linux tree: make one with build-uml.sh."
	fi
	if config_has CONFIG_OBJTOOL=y && [[ ! -x $kdir/tools/objtool/objtool ]] &&
		! echo '#include <libelf.h>' | gcc -E - >/dev/null 2>&1; then
		echo "libelf's headers are missing, and $kdir has no built objtool (package on $(package libelf))."
	fi
	if [[ -n $ksources && ! -e $ksources ]]; then
		echo "There is no $ksources to take the kernel's sources from."
	elif [[ -n $drivers && -n $no_ext && -z $ksources ]]; then
		echo "The full sources of kernel $release are missing, which the drivers are patched in (package on $(package sources)); where they lie elsewhere, give --kernel-sources DIR|TARBALL."
	fi
}

secure_boot() {
	local v
	if have mokutil; then
		mokutil --sb-state 2>/dev/null | grep -q 'SecureBoot enabled'
		return
	fi
	for v in /sys/firmware/efi/efivars/SecureBoot-*; do
		# Four bytes of attributes, then the value.
		[[ -r $v && $(od -An -tu1 -j4 -N1 "$v" 2>/dev/null | tr -d ' ') == 1 ]] && return 0
	done
	return 1
}

# lacking_to_load: the same, for loading into the running kernel.
lacking_to_load() {
	local t why=''
	if [[ ! -e /proc/modules ]]; then
		echo "The running kernel $(uname -r) has no module support: use a VM (hw-test vm) or a distribution's kernel."
		return
	fi
	[[ -e /proc/sys/kernel/modules_disabled && $(</proc/sys/kernel/modules_disabled) == 1 ]] &&
		echo "Loading of modules is switched off until the next boot (kernel.modules_disabled=1)."
	for t in insmod rmmod modprobe modinfo; do
		have "$t" || echo "The program $t is missing (package on $(package "$t"))."
	done
	[[ -r /sys/module/module/parameters/sig_enforce && $(</sys/module/module/parameters/sig_enforce) == Y ]] &&
		why="the kernel enforces module signatures"
	grep -Eqs '\[(integrity|confidentiality)\]' /sys/kernel/security/lockdown && why="the kernel is locked down"
	secure_boot && why="Secure Boot is on"
	[[ -z $why ]] ||
		echo "Unsigned modules will be refused ($why): sign the .ko files with the kernel's scripts/sign-file and a key enrolled by \"mokutil --import\" (package on $(package mokutil)), or switch Secure Boot off in the firmware."
}

# doubts: what may go wrong without being missing.
doubts() {
	local newest=$pinned_newest v
	[[ -d $kdir ]] && v=$(kernel_version "$kdir") && [[ -n $v ]] || return 0
	if [[ -n $src ]]; then newest=$(newest_patched "$src"); elif [[ $ref != "$pinned" ]]; then newest=; fi
	[[ -n $newest ]] && newer "${v%.*}" "$newest" &&
		echo "Linux $v may be too new for this netmap, which has patches up to $newest: if the build fails, try a newer --ref, or an older kernel."
	return 0
}

# --- command line -----------------------------------------------------------

action=build ref=$pinned ref_asked='' src='' kdir='' kdir_asked='' ksources='' ksources_asked=''
drivers='' no_ext='' versions='' arch='' sink='' extmem='' apps='' out='' force='' build_opts=''
jobs=$(nproc 2>/dev/null || echo 1)

while (($#)); do
	opt=$1
	shift
	val='' joined=
	case $opt in
	--*=*) val=${opt#*=} opt=${opt%%=*} joined=1 ;;
	-j?*) val=${opt#-j} opt=-j joined=1 ;;
	esac
	case $opt in
	--ref | --src | --kernel-dir | --kernel-sources | --drivers | --select-version | --arch | --out | -j)
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
	--ref | --src | --kernel-* | --no-ext-drivers | --select-version | --arch | --sink | --extmem | --apps | -j)
		build_opts+=" $opt"
		;;
	esac
	case $opt in
	--ref) ref=$val ref_asked=1 ;;
	--src) src=$val ;;
	--kernel-dir) kdir=$val kdir_asked=1 ;;
	--kernel-sources) ksources=$val ksources_asked=1 ;;
	--drivers) drivers+=" ${val//,/ }" ;;
	--no-ext-drivers) no_ext=1 ;;
	--select-version) versions=$val ;;
	--arch) arch=$val ;;
	--sink) sink=1 ;;
	--extmem) extmem=1 ;;
	--apps) apps=1 ;;
	--out) out=$val ;;
	--force) force=1 ;;
	-j) jobs=$val ;;
	--check | --load | --unload)
		[[ $action == build || $action == "${opt#--}" ]] || wrong "--$action and $opt exclude each other"
		action=${opt#--}
		;;
	-h | --help) usage && exit 0 ;;
	*) wrong "there is no option $opt" ;;
	esac
done

[[ $drivers =~ ^[A-Za-z0-9_.\ -]*$ ]] || wrong "--drivers takes names, separated by commas"
drivers=$(xargs -n 1 <<<"$drivers" | sort -u | xargs)
[[ $jobs =~ ^[1-9][0-9]*$ ]] || wrong "-j $jobs is not a number of jobs"
[[ -z $arch || $arch == um ]] || wrong "--arch $arch: only um is another architecture than this machine's"
[[ $arch != um || -z $drivers ]] || wrong "--arch um and --drivers exclude each other: User-Mode Linux has no cards"
[[ -z $src || -z $ref_asked ]] || wrong "--src and --ref exclude each other"
[[ -z $versions || -z $no_ext ]] || wrong "--select-version and --no-ext-drivers exclude each other"
case $action in
load | unload) [[ -z $build_opts ]] || wrong "--$action builds nothing, so$build_opts has no meaning" ;;
*) [[ -z $force ]] || wrong "--force goes with --load and --unload" ;;
esac
[[ -n $out ]] || out=build/netmap${arch:+-um}

# --- loading ----------------------------------------------------------------

# In /sys a module's name has underscores, and a loadable one has initstate.
loaded() { [[ -e /sys/module/${1//-/_}/initstate ]]; }

# holders MODULE: the modules that use it.
holders() {
	local h
	for h in /sys/module/"${1//-/_}"/holders/*; do
		[[ -e $h ]] && printf '%s ' "${h##*/}"
	done
	return 0
}

# native: the modules that use netmap.ko, which are the patched drivers.
native() { holders netmap; }
is_native() { [[ " $(native)" == *" ${1//-/_} "* ]]; }

# ifaces MODULE: the interfaces that it drives.
ifaces() {
	local i m
	for i in /sys/class/net/*; do
		m=$(readlink -f "$i/device/driver/module" 2>/dev/null)
		[[ -n $m && ${m##*/} == "${1//-/_}" ]] && printf '%s\n' "${i##*/}"
	done
	# veth interfaces have no device; they all vanish when their driver does.
	[[ $1 != veth ]] || { ip -o link show type veth 2>/dev/null | sed -E 's/^[0-9]+: ([^@:]+).*/\1/'; }
	return 0
}

# default_routes: the interfaces that carry one, of IPv4 and IPv6.
default_routes() {
	awk '$2 == "00000000" && $8 == "00000000" {print $1}' /proc/net/route 2>/dev/null
	awk '$1 ~ /^0+$/ && $2 == "00" && $NF != "lo" {print $NF}' /proc/net/ipv6_route 2>/dev/null
	return 0
}

# carries_default IFACE: whether it, or a device on top of it, has the default route.
carries_default() {
	local up
	default_routes | grep -qxF "$1" && return 0
	for up in /sys/class/net/"$1"/upper_*; do
		[[ -e $up ]] && carries_default "${up##*/upper_}" && return 0
	done
	return 1
}

# guard MODULE: refuse to pull the machine's own connection away.
guard() {
	local i
	[[ -z $force ]] || return 0
	for i in $(ifaces "$1"); do
		[[ $1 != veth ]] || die "Swapping veth deletes the interface $i and all other veth pairs: give --force if that is meant."
		if carries_default "$i"; then
			die "The interface $i of $1 carries the default route, and the swap cuts it off: give --force if that is meant."
		fi
	done
}

# take_out MODULE: remove a module, or say in one sentence why not.
take_out() {
	local said h=''
	said=$(rmmod "$1" 2>&1) && return 0
	h=$(holders "$1")
	say "Cannot take out $1: ${h:+it is used by the module(s) $h: rmmod them first; }${said:-rmmod failed}."
	return 1
}

# put_in FILE: load a module of ours, with the kernel's modules that it needs.
put_in() {
	local dep said file=$1
	for dep in $(modinfo -F depends "$file" | tr ',' ' '); do
		loaded "$dep" && continue
		if [[ -f $out/$dep.ko ]]; then
			put_in "$out/$dep.ko" || return 1
		elif ! said=$(modprobe "$dep" 2>&1); then
			say "Cannot load $dep, which ${file##*/} needs: ${said:-modprobe failed}."
			return 1
		fi
	done
	said=$(insmod "$file" 2>&1) && return 0
	case $said in
	*"Key was rejected"* | *"Required key"* | *"not permitted"*)
		said+=": this kernel takes signed modules only; --check tells why and what to do"
		;;
	*"Invalid module format"* | *"disagrees about version"* | *"Unknown symbol"*)
		said+=": it was built for another kernel or another netmap.ko than is running; dmesg tells more, build it again"
		;;
	esac
	say "Cannot load $file: ${said:-insmod failed}."
	return 1
}

# up_devices MODULE: the devices whose interface is up; the names may change.
up_devices() {
	local i
	for i in $(ifaces "$1"); do
		(($(cat "/sys/class/net/$i/flags" 2>/dev/null || echo 0) & 1)) &&
			readlink -f "/sys/class/net/$i/device"
	done
	return 0
}

# bring_up DEVICES: set the interfaces on these devices up again.
bring_up() {
	local i d
	! have udevadm || udevadm settle -t 5 >/dev/null 2>&1
	for d in $1; do
		for i in "$d"/net/*; do
			[[ -e $i ]] || continue
			ip link set "${i##*/}" up 2>/dev/null || say "Cannot set ${i##*/} up again: do it with \"ip link set ${i##*/} up\"."
		done
	done
}

# vendor_back MODULE: load the driver that the distribution has.
vendor_back() {
	local said
	loaded "$1" && return 0
	said=$(modprobe "$1" 2>&1) && return 0
	say "Cannot put the vendor driver $1 back: ${said:-modprobe failed}."
	return 1
}

tell_native() {
	local m i list='' idle=''
	for m in $(native); do
		for i in $(ifaces "$m"); do list+=", $i ($m)"; done
		[[ -n $(ifaces "$m") ]] || idle+=" $m"
	done
	for i in /sys/class/net/nmsink*; do
		[[ -e $i ]] && list+=", ${i##*/} (sink)"
	done
	[[ -n $list ]] || list=', no interface'
	say "Native now: ${list#, }.${idle:+ Loaded, without an interface:$idle.}"
}

# built_modules: the drivers in --out, as module names.
built_modules() {
	local f
	for f in "$out"/*.ko; do
		f=${f##*/} f=${f%.ko}
		[[ $f == netmap || ! -e $out/$f.ko ]] || printf '%s\n' "$f"
	done
}

# The undo of a --load that did not get to its end.
swapped='' vendor_was='' netmap_new='' was_up=''
# shellcheck disable=SC2317 # a trap calls it
roll_back() {
	local m failed=
	trap - EXIT INT TERM HUP
	for m in $swapped; do
		# The patched one may be in, or neither.
		is_native "$m" && { take_out "$m" || failed=1; }
	done
	[[ -z $netmap_new ]] || ! loaded netmap || take_out netmap || failed=1
	for m in $vendor_was; do
		vendor_back "$m" || failed=1
	done
	bring_up "$was_up"
	if [[ -z $failed ]]; then
		die "Loading failed; the drivers are as they were before."
	fi
	die "Loading failed, and not everything could be put back: see the lines above."
}

need_root() {
	[[ $(id -u) == 0 ]] || die "--$action changes the kernel's modules: run it as root."
	[[ -e /proc/modules ]] || die "The running kernel $(uname -r) has no module support: use a VM (hw-test vm) or a distribution's kernel."
	local t
	for t in insmod rmmod modprobe modinfo ip; do
		have "$t" || die "The program $t is missing (package on $(package "$t"))."
	done
}

load() {
	local m v todo='' built
	need_root
	[[ -f $out/netmap.ko ]] || die "There is no $out/netmap.ko: build it first, or name the directory with --out."
	out=$(realpath "$out")
	v=$(modinfo -F vermagic "$out/netmap.ko" 2>/dev/null)
	[[ ${v%% *} == "$(uname -r)" ]] ||
		die "$out/netmap.ko is damaged, or of another kernel${v:+ (${v%% *})}: build it again for $(uname -r)."
	built=$(built_modules | xargs)
	for m in ${drivers:-$built}; do
		m=${m%.c}
		[[ -f $out/$m.ko ]] || die "There is no driver $m in $out (it has: ${built:-none}): build it with --drivers $m."
		v=$(modinfo -F vermagic "$out/$m.ko" 2>/dev/null)
		[[ ${v%% *} == "$(uname -r)" ]] ||
			die "$out/$m.ko is damaged, or of another kernel${v:+ (${v%% *})}: build it again for $(uname -r)."
		is_native "$m" && continue
		[[ ! -d /sys/module/${m//-/_} ]] || loaded "$m" ||
			die "The vendor's $m is built into the running kernel, not a module: it cannot be swapped."
		guard "$m"
		todo+=" $m"
	done

	trap roll_back EXIT
	trap 'exit 1' INT TERM HUP
	if ! loaded netmap; then
		netmap_new=1
		put_in "$out/netmap.ko" || exit 1
	fi
	for m in $todo; do
		# What it needs goes in while the vendor's driver still runs.
		for v in $(modinfo -F depends "$out/$m.ko" | tr ',' ' '); do
			loaded "$v" || [[ -f $out/$v.ko ]] || modprobe "$v" 2>/dev/null || true
		done
		was_up+=" $(up_devices "$m")"
		if loaded "$m"; then
			vendor_was+=" $m"
			take_out "$m" || exit 1
		fi
		# Noted before it is done: a signal may come in between.
		swapped+=" $m"
		put_in "$out/$m.ko" || exit 1
	done
	trap - EXIT INT TERM HUP
	bring_up "$was_up"
	tell_native
}

unload() {
	local m refs list='' back='' failed='' keep='' was_up=''
	need_root
	for m in ${drivers:-$(native)}; do
		m=${m%.c}
		list+=" $m"
		[[ -z $drivers && -z $(ifaces "$m") ]] || back+=" $m"
	done
	# Look first, touch then: a program that has /dev/netmap open holds a
	# reference beside those of the drivers.
	if loaded netmap; then
		refs=$(</sys/module/netmap/refcnt)
		((refs <= $(native | wc -w))) ||
			die "netmap is in use: a program has /dev/netmap open (\"fuser -v /dev/netmap\" names it); end it first."
	fi
	for m in $list; do
		is_native "$m" && guard "$m"
	done
	for m in $list; do
		is_native "$m" || continue
		was_up+=" $(up_devices "$m")"
		take_out "$m" || { failed=1 && keep+=" $m"; }
	done
	if loaded netmap && [[ -z $(native) ]]; then
		take_out netmap || failed=1
	fi
	for m in $back; do
		[[ " $keep " == *" $m "* ]] || vendor_back "$m" || failed=1
	done
	bring_up "$was_up"
	[[ -z $failed ]] || die "Not everything could be put back: see the lines above."
	if loaded netmap; then
		tell_native
	else
		list=''
		for m in $back; do
			list+=", $m ($(ifaces "$m" | xargs))"
		done
		list=${list//()/(no interface)}
		say "netmap is out.${list:+ Vendor drivers again: ${list#, }.}"
	fi
}

case $action in
load)
	load
	exit 0
	;;
unload)
	unload
	exit 0
	;;
esac

# --- the kernel and its sources ---------------------------------------------

release=$(uname -r)
if [[ -z $kdir && $arch != um ]]; then
	kdir=/lib/modules/$release/build
fi
[[ ! -d $kdir ]] || kdir=$(cd "$kdir" && pwd -P)
if [[ -f $kdir/include/generated/utsrelease.h ]]; then
	# What goes into vermagic; on Debian kernel.release says something else.
	release=$(sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' "$kdir/include/generated/utsrelease.h")
fi
if [[ -z $ksources && -d $kdir ]]; then
	if compgen -G "$kdir/drivers/net/*.c" >/dev/null; then
		ksources=$kdir
	elif compgen -G "$kdir/source/drivers/net/*.c" >/dev/null; then
		ksources=$kdir/source
	else
		v=$(kernel_version "$kdir")
		ksources=$(compgen -G "/usr/src/linux-source-${v%.*}.tar.*" | head -n 1)
	fi
fi

if [[ -n $src ]]; then
	[[ -f $src/LINUX/configure && -f $src/sys/net/netmap.h ]] ||
		die "$src does not hold netmap's source (there is no LINUX/configure)."
	src=$(realpath "$src")
fi

lacking=$(lacking_to_build)
if [[ $action == check ]]; then
	doubts >&2
	# Loading concerns this machine's kernel only.
	if [[ -z $arch && $release == "$(uname -r)" ]]; then
		more=$(lacking_to_load)
		lacking+=${lacking:+${more:+$'\n'}}$more
	fi
	[[ -z $lacking ]] || { printf '%s\n' "$lacking" && exit 1; }
	say "Nothing is missing for kernel $release."
	exit 0
fi
[[ -z $lacking ]] || die "Cannot build. $lacking"
doubts >&2

# An existing --out is replaced only if this script made it.
if [[ -e $out ]]; then
	[[ -d $out ]] || die "$out exists and is not a directory: give another --out."
	[[ -f $out/BUILT || -z $(ls -A "$out") ]] ||
		die "$out holds files that this script did not make: give another --out."
fi
mkdir -p "$(dirname "$out")" || die "Cannot make the directory of $out."
out=$(realpath "$(dirname "$out")")/$(basename "$out")

# --- the work ---------------------------------------------------------------

log=$(mktemp "${TMPDIR:-/tmp}/build-netmap.XXXXXX") || die "Cannot make a temporary file in ${TMPDIR:-/tmp}."
tmp=$(mktemp -d "${TMPDIR:-/tmp}/build-netmap-work.XXXXXX") || die "Cannot make a temporary directory in ${TMPDIR:-/tmp}."
case $tmp in
*[[:space:]:]*) rmdir "$tmp" && die "The temporary directory $tmp has a blank or a colon in its name, which the kernel's make cannot handle: set TMPDIR." ;;
esac
stage=
trap 'rm -rf "$tmp" ${stage:+"$stage"}' EXIT
trap 'exit 1' INT TERM HUP

step() { say "$*" && printf '\n==== %s\n' "$*" >>"$log"; }
quietly() { "$@" >>"$log" 2>&1 </dev/null; }

# commit_of_ref: the commit that --ref means upstream, found without a clone.
commit_of_ref() {
	local got
	if [[ $ref =~ ^[0-9a-f]{40}$ ]]; then
		printf '%s' "$ref"
		return
	fi
	got=$(remote ls-remote "$url" "$ref" "refs/tags/$ref^{}") ||
		return 1
	tail -n 1 <<<"$got" | cut -f 1
}

# remote ARG…: git over the network, which must answer within seconds.
remote() {
	GIT_TERMINAL_PROMPT=0 timeout 15 git -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=10 "$@" 2>>"$log"
}
no_network="$url cannot be reached, which netmap is cloned from: check the network, or give --src DIR with a copy of it."

ingit() { GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' -C "$src" "$@" 2>>"$log"; }

# copy_source: netmap's files without what an earlier build left among them.
copy_source() {
	local e=$src/LINUX/ext-drivers
	mkdir "$tmp/netmap"
	if have git && [[ $(ingit rev-parse --show-prefix) == '' && -e $src/.git ]]; then
		ingit ls-files -z --cached --others --exclude-standard |
			(cd "$src" && while IFS= read -r -d '' f; do
				[[ -e $f || -L $f ]] && printf '%s\0' "$f"
			done) | tar -C "$src" --null -T - -cf -
	else
		tar -C "$src" --exclude=.git --exclude='*.o' --exclude='*.a' --exclude='*.ko' --exclude='.*.cmd' \
			--exclude=netmap_linux_config.h --exclude=netmap-tmpdir -cf - .
	fi | tar -C "$tmp/netmap" -xf - || return 1
	[[ ! -d $e ]] || cp -R "$e/." "$tmp/netmap/LINUX/ext-drivers/" 2>>"$log"
}

if [[ -n $src ]]; then
	copy_source || die "Cannot copy $src into $tmp."
	commit=none
	[[ -e $src/.git ]] && have git && commit=$(ingit rev-parse HEAD)
	if [[ $commit == none || -n $(ingit status --porcelain) ]]; then
		commit+="+$(cd "$tmp/netmap" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)"
	fi
else
	commit=$(commit_of_ref) || die "$no_network"
	[[ -n $commit ]] || die "Upstream has no tag or branch $ref (a commit needs its full hash)."
fi

# What is to be built, in the form of the BUILT file's first lines.
plan() {
	printf 'netmap %s\n' "$commit"
	printf 'kernel %s\n' "$release"
	printf 'arch %s\n' "${arch:-$(uname -m)}"
	printf 'drivers %s\n' "${drivers:-none}"
	[[ -z $drivers ]] || printf 'driver-sources %s\n' "$([[ -n $no_ext ]] && echo kernel || echo "vendor $versions")"
	printf 'options%s%s%s\n' "${sink:+ sink}" "${extmem:+ extmem}" "${apps:+ apps}"
	printf 'compiler %s\n' "$(gcc --version | head -n 1)"
	printf 'kernel-dir %s %s\n' "$kdir" "$(cat "$kdir/.config" "$kdir/Module.symvers" | sha256sum | cut -c 1-16)"
	[[ -z $drivers || -z $ksources ]] ||
		printf 'kernel-sources %s %s\n' "$ksources" "$(stat -c '%s %Y' "$ksources")"
}
if [[ -f $out/BUILT ]] && plan | cmp -s - <(grep -v '^\(modules\|programs\) ' "$out/BUILT"); then
	rm -f "$log"
	say "$out is up to date (netmap ${commit:0:8} for $release)."
	exit 0
fi

if [[ -z $src ]]; then
	step "Cloning $url at $ref"
	quietly git init -q "$tmp/netmap" || die "git cannot make a repository in $tmp."
	remote ls-remote "$url" HEAD >/dev/null || die "$no_network"
	GIT_TERMINAL_PROMPT=0 quietly git -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=10 -C "$tmp/netmap" \
		fetch -q --depth 1 "$url" "$commit" || die "Upstream does not give out the commit $commit, or the network broke off."
	quietly git -C "$tmp/netmap" checkout -q FETCH_HEAD || die "git cannot check out $commit."
	[[ -f $tmp/netmap/LINUX/configure ]] || die "$ref holds no netmap for Linux (there is no LINUX/configure)."
fi

configure=$tmp/netmap/LINUX/configure
listed() { (cd "$tmp" && sh "$configure" "$@" 2>/dev/null); }

# Netmap names some drivers by their file: r8169.c. Both names are taken here.
known=" $(listed --show-drivers) "
externals=" $(listed ${no_ext:+--no-ext-drivers} --show-ext-drivers) "
internal='' external=''
for d in $drivers; do
	[[ $known == *" $d "* ]] || d=${d%.c}.c
	[[ $known == *" $d "* ]] || die "netmap has no driver ${d%.c}; it has: $(xargs -n 1 <<<"$known" | sed 's/\.c$//' | sort | xargs)."
	if [[ $externals == *" $d "* ]]; then external+=" $d"; else internal+=" $d"; fi
done

module_of() {
	case $1 in
	mlx5) echo mlx5_core ;;
	*) echo "${1%.c}" ;;
	esac
}

# The sources that drivers are patched in: of a tarball, the network drivers.
patch_sources=$ksources
if [[ -n $internal ]]; then
	[[ -n $ksources ]] || die "The full sources of kernel $release are missing, which$internal must be patched in (package on $(package sources)); where they lie elsewhere, give --kernel-sources DIR|TARBALL."
	if [[ -f $ksources ]]; then
		step "Unpacking the network drivers of $ksources"
		patch_sources=$tmp/linux
		mkdir "$patch_sources"
		quietly tar -xf "$ksources" -C "$patch_sources" --strip-components=1 \
			--wildcards --no-wildcards-match-slash '*/Makefile' '*/drivers/net' || die "Cannot unpack $ksources (disk full, or not an archive of Linux?)."
	fi
	[[ -f $patch_sources/Makefile && -d $patch_sources/drivers/net ]] ||
		die "$ksources does not hold Linux's full sources (there is no drivers/net)."
	of_sources=$(awk '/^(VERSION|PATCHLEVEL|SUBLEVEL) =/ {v = v (v == "" ? "" : ".") $3} END {print v}' "$patch_sources/Makefile")
	of_kernel=$(kernel_version "$kdir")
	[[ ${of_sources%.*} == "${of_kernel%.*}" ]] ||
		die "$ksources is Linux $of_sources, and the kernel is $of_kernel: the drivers would not fit; give the sources of ${of_kernel%.*}."
	[[ $of_sources == "$of_kernel" ]] ||
		say "Note: the drivers are patched in the sources of Linux $of_sources, the kernel is $of_kernel."
fi

# reason DRIVER: why configure dropped it. It only warns, so its words are
# looked for in what it printed (configure.out) and logged (config.log).
reason() {
	local d=$1 f=$2/configure.out p said hunks
	said=$(grep -oE "CONFIG_[A-Z0-9_]+ not set in .*, skipping $d\$" "$f" | head -n 1)
	if [[ -n $said ]]; then
		echo "the kernel is configured without ${said%% *}"
	elif grep -q "Unable to fetch the sources for driver $d\." "$f"; then
		# "test -e FILE || wget URL …", as configure announces it.
		said=$(awk -v d="$d" '$2 == d && /using the following command/ {on = 1} on && /wget/ {print; exit}' "$f")
		echo "the vendor's source cannot be downloaded from $(grep -oE 'https?://[^ ]*' <<<"$said"): put it as $(grep -oE 'LINUX/ext-drivers/[^ ]*' <<<"$said" | head -n 1) into a copy of netmap and give --src, or use --no-ext-drivers"
	elif grep -qF "'$d': sources not found" "$f"; then
		echo "the kernel sources $ksources do not have it"
	elif grep -qF "'$d': no applicable patch" "$f"; then
		echo "netmap has no patch for it in Linux $(kernel_version "$kdir")"
	elif grep -q "problems copying the sources of driver $d\." "$f"; then
		echo "its sources cannot be copied or unpacked"
	elif grep -q "problems building the external driver $d\." "$f"; then
		said=$(for p in "$tmp/netmap/LINUX/final-patches"/*--"$d"--*; do echo "${p##*--}"; done | grep '[.]' | sort -V | tail -n 4 | xargs)
		echo "the vendor's own source does not compile for Linux $(kernel_version "$kdir"): try --select-version $d:VERSION (the newest that netmap has patches for: $said), or --no-ext-drivers"
	elif grep -q "problems patching the driver $d\." "$f"; then
		hunks=$(grep -oE "[0-9]+ out of [0-9]+ hunks? FAILED.* file ${d%.c}[./].*" "$2/config.log" | sed 's/ -- saving rejects to file / in /; s/\.rej$//' | sort -u | paste -sd, -)
		echo "netmap's patch does not apply to the sources of Linux $of_sources${hunks:+ ($hunks)}"
	else
		echo "netmap's configure dropped it without a word"
	fi
}

# build_pass NAME SOURCES DRIVERS [OPTION…]: configure and make in a directory
# of its own. Vendor drivers and patched kernel drivers have a pass each,
# because configure has one idea of "kernel sources" for both.
build_pass() {
	local b=$tmp/$1 sources=$2 list=$3 d left lost=''
	shift 3
	mkdir "$b"
	local opts=("--kernel-dir=$kdir" --no-force-debug "$@")
	[[ -z $sources ]] || opts+=("--kernel-sources=$sources")
	[[ -n $list ]] && opts+=("--drivers=$(xargs <<<"$list" | tr ' ' ',')") || opts+=(--no-drivers)
	[[ -z $no_ext ]] || opts+=(--no-ext-drivers)
	[[ -z $versions ]] || opts+=("--select-version=$versions")
	[[ -z $sink ]] || opts+=(--enable-sink)
	[[ -z $extmem ]] || opts+=(--enable-extmem)
	[[ $arch != um ]] || opts+=(--kernel-opts=ARCH=um --disable-ptnetmap)
	step "Configuring netmap ${commit:0:8} for $release${list:+ with}$list"
	(cd "$b" && MAKEFLAGS='' sh "$configure" "${opts[@]}" >configure.out 2>&1 </dev/null)
	local status=$?
	cat "$b/configure.out" >>"$log"
	if ((status)) || [[ ! -f $b/netmap.mak ]]; then
		cat "$b/config.log" >>"$log" 2>/dev/null
		die "netmap's configure failed: no module can be compiled against $kdir, or see the log's end."
	fi
	left=" $(sed -n 's/^S_DRIVERS = //p' "$b/netmap.mak") "
	for d in $list; do
		[[ $left == *" $d "* ]] || lost+="${lost:+; }${d%.c}: $(reason "$d" "$b")"
	done
	if [[ -n $lost ]]; then
		cat "$b/config.log" >>"$log"
		die "Not every driver can be built. ${lost}."
	fi

	# configure leaves the patched copies to make; netmap.ko's rule takes
	# whatever copies it finds, so they come first and by themselves.
	for d in $list; do
		quietly make -C "$b" -j1 "get-$d" || die "The driver ${d%.c} cannot be unpacked and patched."
	done
	step "Compiling$([[ -n $list ]] && echo "$list and") netmap"
	quietly make -C "$b" -j "$jobs" netmap.ko ||
		die "netmap${list:+ or its driver}$list does not compile for $release: see the log's end. $(doubts)"
	for d in $list; do
		if [[ $externals == *" $d "* ]]; then
			quietly make -C "$b" -j "$jobs" "build-$d" || die "The vendor driver $d does not compile with netmap's patch for $release."
		fi
	done
}

# collect_driver PASS DRIVER: its modules into the stage.
collect_driver() {
	local b=$tmp/$1 d=$2 m f
	m=$(module_of "$d")
	if [[ $d == *.c && ! -d $b/$d ]]; then
		[[ -f $b/$m.ko ]] && cp "$b/$m.ko" "$stage/"
	else
		while IFS= read -r f; do
			cp "$f" "$stage/"
		done < <(find -L "$b/$d" -name '*.ko')
	fi
	[[ -f $stage/$m.ko ]] || die "The driver ${d%.c} was asked for, and make ended without a word but left no $m.ko."
	modinfo -F depends "$stage/$m.ko" | tr ',' '\n' | grep -qx netmap ||
		die "The driver ${d%.c} was built without netmap in it (it does not depend on netmap.ko)."
}

app_opts=(--no-apps --no-utils)
linkage=dynamic
if [[ -n $apps ]]; then
	app_opts=(--cc=gcc)
	if echo 'int main(void) { return 0; }' | gcc -static -x c -o "$tmp/static" - 2>>"$log"; then
		app_opts=("--cc=gcc -static")
		linkage=static
	fi
fi

# An unreachable vendor must be noticed in seconds too.
printf 'timeout = 10\ntries = 1\n' >"$tmp/wgetrc"
export WGETRC=$tmp/wgetrc LC_ALL=C

first=''
if [[ -n $internal || -z $external ]]; then
	build_pass kernel "$([[ -z $internal ]] || echo "$patch_sources")" "$internal" "${app_opts[@]}"
	first=kernel
fi
if [[ -n $external ]]; then
	# Vendor makefiles look into the kernel's headers, which Debian keeps
	# apart from its build directory; they find the two by these names.
	vendor_sources=$kdir
	if [[ -n $ksources_asked && -f $ksources/.config ]]; then
		vendor_sources=$ksources
	elif [[ -d /lib/modules/$release/source && $(realpath "/lib/modules/$release/build" 2>/dev/null) == "$kdir" ]]; then
		vendor_sources=/lib/modules/$release/source
	fi
	export BUILD_KERNEL=$release
	[[ -z $first ]] || app_opts=(--no-apps --no-utils)
	build_pass vendor "$vendor_sources" "$external" "${app_opts[@]}"
	first=${first:-vendor}
fi

stage=$(mktemp -d "$(dirname "$out")/.build-netmap.XXXXXX") || die "Cannot write beside $out."
cp "$tmp/$first/netmap.ko" "$stage/" 2>>"$log" || die "make ended well but left no netmap.ko."
for d in $internal; do collect_driver kernel "$d"; done
for d in $external; do collect_driver vendor "$d"; done
strip --strip-debug "$stage"/*.ko || die "strip failed on the modules."
for f in "$stage"/*.ko; do
	v=$(modinfo -F vermagic "$f")
	[[ ${v%% *} == "$release" ]] || die "${f##*/} came out for kernel ${v%% *} instead of $release."
done

if [[ -n $apps ]]; then
	step "Compiling the programs ($linkage)"
	quietly make -C "$tmp/$first" -j "$jobs" apps utils || die "netmap's programs do not compile: see the log's end, or leave out --apps."
	mkdir "$stage/bin"
	find "$tmp/$first"/build-apps "$tmp/$first"/build-utils -type f -perm -u+x ! -name '*.o' -exec cp {} "$stage/bin/" \;
	[[ -x $stage/bin/pkt-gen ]] || die "make ended well but left no pkt-gen."
	strip "$stage"/bin/* 2>>"$log"
fi

{
	plan
	printf 'modules %s\n' "$(cd "$stage" && echo *.ko)"
	[[ -z $apps ]] || printf 'programs %s: %s\n' "$linkage" "$(cd "$stage/bin" && echo *)"
} >"$stage/BUILT"
cp "$log" "$stage/build.log"
chmod -R u=rwX,go=rX "$stage"

# The last step, and the only one that touches --out.
old=
if [[ -d $out ]]; then
	old=$(mktemp -d "$(dirname "$out")/.build-netmap-old.XXXXXX") || die "Cannot write beside $out."
	mv -T "$out" "$old" || die "Cannot replace $out."
fi
mv -T "$stage" "$out" || { [[ -z $old ]] || mv -T "$old" "$out"; die "Cannot move the result to $out."; }
stage=$old
rm -f "$log"
say "$out has netmap ${commit:0:8} for $release:$(cd "$out" && printf ' %s' ./*.ko | sed 's|\./||g')${apps:+, and programs in bin/}."
}; exit 0
