package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// Each script takes the file's sum and name, and where to look or put it. A
// directory has to be ours and no symbolic link: in /tmp anybody can make one.
const (
	findScript = `
h=$1; n=$2; shift 2;
for w in "$@"; do
	d=$(where "$w"); f="$d/$n";
	if [ -h "$d" ]; then continue; fi;
	if [ -O "$d" ] && [ -f "$f" ] && [ -x "$f" ] && [ "$(sum <"$f")" = "$h" ]; then echo have "$f"; exit; fi;
done;
echo none;`

	// The copy gets its name when it is whole and has been seen to start. On
	// every other way out the trap removes it.
	putScript = `
d=$(where "$3"); f="$d/$2"; t=;
clean() { [ "$t" ] && rm -f "$t" && rmdir "$d" 2>/dev/null; };
fail() { echo "fail $1 $d"; echo "$2"; exit; };
trap clean EXIT; trap exit HUP INT PIPE TERM;
e=$(mkdir -p "$d" 2>&1) || fail make "$e";
if [ -h "$d" ]; then fail trust "it is a symbolic link"; fi;
[ -O "$d" ] || fail trust "it belongs to somebody else";
t="$d/.new-$$";
e=$(chmod 700 "$d" 2>&1) || fail make "$e";
e=$( { cat >"$t"; } 2>&1 ) || fail write "$e";
s=$(sum <"$t" 2>&1); [ "$s" = "$1" ] || fail verify "the sha256 there is ${s:-not known}, not $1";
e=$(chmod 755 "$t" 2>&1) || fail write "$e";
e=$("$t" --version 2>&1 </dev/null) || fail start "$e";
e=$(mv -f "$t" "$f" 2>&1) || fail write "$e";
echo have "$f";`

	// roomScript removes copies of other versions that nothing runs from, and
	// prints each. It needs Linux's /proc.
	roomScript = `
n=$1; shift; used=$(ls -l /proc/[0-9]*/exe 2>/dev/null);
for w in "$@"; do
	d=$(where "$w");
	if [ -h "$d" ]; then continue; fi;
	[ -O "$d" ] && d=$(cd "$d" && pwd -P) || continue;
	for f in "$d"/hw-test-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]????????????; do
		if [ "$f" = "$d/$n" ]; then continue; fi;
		case $used in *" -> $f"*) continue;; esac;
		[ -f "$f" ] && rm -f "$f" 2>/dev/null && echo "$f";
	done;
done;
echo done;`
)

// deploy sees to it that hw-test is on the host, and copies it only if it is
// not.
func (h *Host) deploy(ctx context.Context) error {
	b, err := h.config.imageFor(h.facts)
	if err != nil {
		return fmt.Errorf("run hw-test on %s: %w", h.name, err)
	}
	places := []string{"cache", "tmp"}
	if h.config.CacheDir != "" {
		places = []string{h.config.CacheDir}
	}
	lines, err := h.script(ctx, findScript, nil, append([]string{b.sum, b.name()}, places...)...)
	if err != nil {
		return err
	}
	if path, have := strings.CutPrefix(lines[0], "have "); have {
		h.path = path
		return nil
	}
	failed, err := h.put(ctx, b, places)
	if full(failed) && err == nil && h.facts.OS == "linux" {
		lines, said := h.script(ctx, roomScript, nil, append([]string{b.name(), "cache", "tmp"}, places...)...)
		if said != nil {
			return said
		}
		if h.removed = lines[:len(lines)-1]; len(h.removed) > 0 {
			failed, err = h.put(ctx, b, places)
		}
	}
	if err == nil && failed != nil {
		err = fmt.Errorf("copy hw-test to %s: %w", h.name, failed)
	}
	return err
}

// put puts hw-test into the first place that takes it. failed is why none does.
func (h *Host) put(ctx context.Context, b *image, places []string) (failed, err error) {
	var why []error
	for _, place := range places {
		lines, err := h.script(ctx, putScript, b.bytes, b.sum, b.name(), place)
		if err != nil {
			return nil, err
		}
		if path, have := strings.CutPrefix(lines[0], "have "); have {
			h.path, h.copied = path, true
			return nil, nil
		}
		why = append(why, putError(lines))
	}
	return cli.Join(why...), nil
}

// full tells whether old copies may be what is in the way.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// kernelWords are errnos as strerror puts them, and what to do about each.
var kernelWords = []struct {
	words  string
	errno  syscall.Errno
	remedy string
}{
	{"No space left on device", syscall.ENOSPC, "make room there, or choose another directory"},
	{"Disk quota exceeded", syscall.EDQUOT, "the user has used up the quota: make room there, or choose another directory"},
	{"Read-only file system", syscall.EROFS, "choose a directory that can be written to"},
	{"Permission denied", syscall.EACCES, "choose a directory that the user may write to"},
	{"Not a directory", syscall.ENOTDIR, "a file is in the way: remove it, or choose another directory"},
}

// putError reads what putScript printed.
func putError(lines []string) error {
	step, rest, _ := strings.Cut(strings.TrimPrefix(lines[0], "fail "), " ")
	dir, said := rest, strings.TrimSpace(strings.Join(lines[1:], " "))
	switch step {
	case "start":
		if strings.Contains(said, "Permission denied") {
			return fmt.Errorf("%s: programs may not be started there (is it mounted noexec?): choose another directory: %w (%s)", dir, syscall.EACCES, said)
		}
		return fmt.Errorf("%s: the copy does not start there (was it built with CGO_ENABLED=0, and for this kind of host?): %s", dir, said)
	case "trust":
		return fmt.Errorf("%s: %s, so others could replace the program: remove it, or choose another directory", dir, said)
	}
	for _, k := range kernelWords {
		if strings.Contains(said, k.words) {
			return fmt.Errorf("%s: could not %s the copy: %w: %s (%s)", dir, step, k.errno, k.remedy, said)
		}
	}
	return fmt.Errorf("%s: could not %s the copy: %s", dir, step, said)
}
