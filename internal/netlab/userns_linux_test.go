package netlab

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const nobody = 65534

// TestUnprivileged is an ordinary user's view: no rights outside, all of them
// in a user namespace.
func TestUnprivileged(t *testing.T) {
	needUserNS(t)
	cmd := helperCmd("unprivileged")
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var out strings.Builder
	cmd.Stdout = &out
	err := cmd.Run()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
		if os.Getenv("RINGWALK_NO_SKIP") == "" {
			t.Skip("cannot become another user here: ", err) // root of a user namespace
		}
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if want := "can, as uid 0\nexchanged\n"; out.String() != want {
		t.Errorf("helper says %q, want %q", out.String(), want)
	}
}

func needUserNS(t *testing.T) {
	t.Helper()
	err := CanUserNS()
	if err != nil && os.Getenv("RINGWALK_NO_SKIP") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCanUserNSDenied sets the limit to none in a user namespace of its own,
// so that nobody else on the machine notices.
func TestCanUserNSDenied(t *testing.T) {
	needUserNS(t)
	cmd := helperCmd("denied")
	if err := InUserNS(cmd); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	contains(t, string(out), "netlab: make a user namespace", unix.ENOSPC.Error(), "user.max_user_namespaces")
}
