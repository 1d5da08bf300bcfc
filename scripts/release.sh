#!/usr/bin/env bash
#
# release.sh builds what a stranger installs: static programs, their manual
# pages and completions, archives, Debian packages, checksums. Two builds of one
# commit by one Go are the same to the byte. See the text under "usage" below,
# which -h prints.

{ # With this brace bash reads the whole script before it runs any of it.

set -Eeuo pipefail

usage() {
	cat <<'END'
release.sh: build archives and Debian packages of ringwalk

usage: release.sh [--out DIR] [TARGET…]

  TARGET      linux/amd64, linux/arm64, freebsd/amd64 or another of go tool dist list.
              Default: these three.
  --out DIR   where everything goes; it must not be there. Default: build/release
              under the repository.
  -h, --help  this text.

What is in DIR afterwards, VERSION from git describe:
  ringwalk_VERSION_OS_ARCH.tar.gz   hw-test, pktgen and rcv (one program by three names),
                                    manual pages, completions for bash, zsh and fish,
                                    README, LICENSE, CHANGELOG, on Linux the systemd unit
  ringwalk_VERSION_ARCH.deb         the same for Debian and its like, of Linux targets
  SHA256SUMS

It wants a git checkout without changes: the programs say which commit they are
of. Debian packages are made by nfpm, which scripts/release/go.mod pins.

Exit status: 0 done, 1 failed, 2 wrong usage.
END
}

say() { echo "release.sh: $*" >&2; }
wrong() {
	say "$*"
	say "release.sh -h tells the usage"
	exit 2
}
trap 'say "failed in line $LINENO: $BASH_COMMAND"' ERR

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/build/release
targets=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--out)
		[ $# -gt 1 ] || wrong "--out wants a directory"
		out=$2
		shift
		;;
	--out=*) out=${1#--out=} ;;
	*/*) targets+=("$1") ;;
	*) wrong "$1 is neither a flag nor a target such as linux/arm64" ;;
	esac
	shift
done
[ ${#targets[@]} -gt 0 ] || targets=(linux/amd64 linux/arm64 freebsd/amd64)
known=$(go tool dist list)
for t in "${targets[@]}"; do
	grep -qxF "$t" <<<"$known" || wrong "Go knows no target $t (go tool dist list)"
done
[ ! -e "$out" ] || wrong "$out is there already; give --out another directory or remove it"
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$root"

changes=$(git status --porcelain)
[ -z "$changes" ] || {
	say "the checkout has changes, and a release says which commit it is of:"
	echo "$changes" >&2
	exit 1
}

# Everything that has a date has the commit's; what Go builds is not up to whose
# environment it is.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
export GOFLAGS='-mod=readonly -trimpath' CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0
umask 022
if tag=$(git describe --tags --match 'v[0-9]*' 2>/dev/null); then
	version=${tag#v}
else
	# Below any release: Debian sorts what follows ~ before the end.
	version=0.0.0~git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(git rev-parse --short=12 HEAD)
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build OS ARCH makes the static program.
build() {
	GOOS=$1 GOARCH=$2 go build -buildvcs=true -ldflags '-s -w' -o "$work/$1-$2/hw-test" ./hw-test
}

say "ringwalk $version"
build "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)"
own=$work/$(go env GOHOSTOS)-$(go env GOHOSTARCH)/hw-test

# Pages and completions are the same everywhere.
shared=$work/shared
mkdir -p "$shared/completions"
"$own" man "$shared/man"
find "$shared/man" -name '*.1' -exec gzip -n9 {} +
"$own" completion bash >"$shared/completions/hw-test.bash"
"$own" completion zsh >"$shared/completions/_hw-test"
"$own" completion fish >"$shared/completions/hw-test.fish"
# What Debian's tools read; what is new stands in CHANGELOG.md.
cat >"$work/changelog" <<END
ringwalk ($version) unstable; urgency=medium

  * Commit $(git rev-parse HEAD); see CHANGELOG.md.

 -- $(sed -n 's/^maintainer: //p' scripts/release/nfpm.yaml)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
gzip -n9 "$work/changelog"

for t in "${targets[@]}"; do
	os=${t%/*} arch=${t#*/}
	say "$t"
	build "$os" "$arch"
	name=ringwalk_${version}_${os}_$arch
	tree=$work/$name
	mkdir "$tree"
	cp -a "$shared/man" "$shared/completions" "$tree"
	# With modes that are not the checkout's, which are its umask's.
	install -m 644 README.md CHANGELOG.md LICENSE "$tree"
	install -m 755 "$work/$os-$arch/hw-test" "$tree/hw-test"
	# One program by three names: argv[0] says which.
	ln -s hw-test "$tree/pktgen"
	ln -s hw-test "$tree/rcv"
	[ "$os" != linux ] || install -m 644 scripts/release/ringwalk-rcv@.service "$tree/ringwalk-rcv@.service"
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$work" -cf - "$name" |
		gzip -n9 >"$out/$name.tar.gz"
	if [ "$os" = linux ]; then
		(
			cd scripts/release
			TREE=$tree CHANGELOG=$work/changelog.gz VERSION=$version ARCH=$arch \
				go tool nfpm package --packager deb --config nfpm.yaml --target "$out/ringwalk_${version}_$arch.deb" >&2
		)
	fi
done
(
	cd "$out"
	sums=$(sha256sum -- *)
	echo "$sums" >SHA256SUMS
)
say "all is in $out"
exit 0
}
