package vm

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// builtin is a command inside init. argv has its name.
type builtin func(r *runner, argv []string) (status int)

var builtins map[string]builtin

func init() { // not in the declaration, for unknown commands name them all
	builtins = map[string]builtin{
		"wait":   (*runner).wait,
		"exit":   (*runner).exit,
		"sleep":  failing("SECONDS", 1, 1, sleep),
		"echo":   failing("WORD…", 0, -1, echo),
		"cat":    failing("FILE…", 1, -1, cat),
		"write":  failing("FILE TEXT", 2, 2, write),
		"exists": (*runner).exists,
		"veth":   failing("A B", 2, 2, veth),
		"link":   failing("up|down|wait DEV…", 2, -1, link),
		"dmesg":  failing("", 0, 0, dmesg),
	}
}

func builtinNames() []string { return slices.Sorted(maps.Keys(builtins)) }

var errUsage = errors.New("wrong usage")

// failing makes a builtin of a function that takes from least to most
// arguments, any number if that is negative.
func failing(usage string, least, most int, f func(r *runner, args []string) error) builtin {
	return func(r *runner, argv []string) int {
		args := argv[1:]
		err := errUsage
		if len(args) >= least && (most < 0 || len(args) <= most) {
			err = f(r, args)
		}
		switch {
		case err == nil:
			return 0
		case errors.Is(err, errUsage):
			r.complain(argv[0], fmt.Errorf("%w: it is %s %s", err, argv[0], usage))
			return statusUsage
		}
		r.complain(argv[0], err)
		return statusFailed
	}
}

func (r *runner) wait([]string) (status int) {
	r.background.Wait()
	for _, s := range r.statuses {
		if status == 0 {
			status = *s
		}
	}
	r.statuses = nil
	return status
}

func (r *runner) exit(argv []string) int {
	r.exited = true
	if len(argv) == 1 {
		return 0
	}
	status, err := strconv.ParseUint(argv[1], 10, 8)
	if err != nil || len(argv) > 2 {
		r.complain("exit", fmt.Errorf("%w: it is exit [0…255]", errUsage))
		return statusUsage
	}
	return int(status)
}

// exists says nothing, as test(1) does not.
func (r *runner) exists(argv []string) int {
	for _, f := range argv[1:] {
		if _, err := os.Lstat(f); err != nil {
			return statusFailed
		}
	}
	return 0
}

func sleep(_ *runner, args []string) error {
	s, err := strconv.ParseFloat(args[0], 64)
	if err != nil || s < 0 || s > 1e6 {
		return errUsage
	}
	time.Sleep(time.Duration(s * float64(time.Second)))
	return nil
}

func echo(r *runner, args []string) error {
	_, err := fmt.Fprintln(r.stdout, strings.Join(args, " "))
	return err
}

func cat(r *runner, args []string) error {
	var failed error
	for _, name := range args {
		f, err := os.Open(name)
		if err == nil {
			_, err = io.Copy(r.stdout, f)
			f.Close()
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func write(_ *runner, args []string) error {
	// Not os.WriteFile: that would make a file of a misspelt name.
	f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(args[1])
	return errors.Join(err, f.Close())
}

func veth(r *runner, args []string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = args[0]
	pair := netlink.NewVeth(attrs)
	pair.PeerName = args[1]
	if err := netlink.LinkAdd(pair); err != nil {
		hint := ""
		if errors.Is(err, unix.EOPNOTSUPP) {
			hint = ": the kernel has no veth, or its module was not found (--modules DIR)"
		}
		return fmt.Errorf("make the pair %s, %s: %w%s", args[0], args[1], err, hint)
	}
	return link(r, []string{"up", args[0], args[1]})
}

// carrierWait is ample for a card, whose link takes 3 seconds from netmap.
const carrierWait = 10 * time.Second

func link(_ *runner, args []string) error {
	do := map[string]func(netlink.Link) error{"up": netlink.LinkSetUp, "down": netlink.LinkSetDown, "wait": waitCarrier}[args[0]]
	if do == nil {
		return errUsage
	}
	for _, name := range args[1:] {
		l, err := netlink.LinkByName(name)
		if err == nil {
			err = do(l)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", args[0], name, err)
		}
	}
	return nil
}

func waitCarrier(l netlink.Link) error {
	name := l.Attrs().Name
	for deadline := time.Now().Add(carrierWait); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile("/sys/class/net/" + name + "/carrier")
		if err == nil && string(b) == "1\n" {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL while it is down
			return err
		}
	}
	return fmt.Errorf("it has no carrier after %v: %w", carrierWait, os.ErrDeadlineExceeded)
}

func dmesg(r *runner, _ []string) error {
	_, err := r.stdout.WriteString(kernelLog())
	return err
}
