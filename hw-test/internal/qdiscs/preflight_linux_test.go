package qdiscs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// fixEnv names the interface whose settings TestPlayFix changes.
const fixEnv = "RINGWALK_QDISCS_FIX"

// TestPlayFix is a test that is about to be killed: it has fixed its port.
func TestPlayFix(t *testing.T) {
	name := os.Getenv(fixEnv)
	if name == "" {
		t.Skip("a part that TestRecoverPreflight plays")
	}
	r := preflight.Run(t.Context(), []preflight.Port{{Spec: "packet:" + name}}, nil)
	r.Checks = slices.DeleteFunc(r.Checks, func(c preflight.Check) bool { return c.Port == "" })
	_, notes, err := preflight.Fix(t.Context(), r, nil)
	fmt.Println("fixed", notes, err)
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(1)
}

// What a killed test's preflight has fixed is put back by recover.
func TestRecoverPreflight(t *testing.T) {
	fresh(t)
	pair := testnet.Pair(t, nil)
	ns, dev := pair.A.NS, pair.A.Name
	offloads := func() (on []string) {
		err := ns.Do(func() (err error) { on, err = nic.Offloads(dev); return err })
		if err != nil {
			t.Fatal(err)
		}
		return on
	}
	before := offloads()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestPlayFix$")
	cmd.Env = append(os.Environ(), fixEnv+"="+dev)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if says, _ := bufio.NewReader(out).ReadString('\n'); says != "fixed [] <nil>\n" {
		t.Fatal(says)
	}
	if says, err := run(t, ns, "recover"); err != nil || !strings.HasPrefix(says, "nothing was left") {
		t.Errorf("while it runs: %s, %v", says, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
	if slices.Equal(before, offloads()) {
		t.Fatal("nothing was changed")
	}
	if says, err := run(t, ns, "recover"); err != nil || says != dev+": settings put back\n" {
		t.Errorf("%s, %v", says, err)
	}
	if after := offloads(); !slices.Equal(before, after) {
		t.Errorf("was %v, is %v", before, after)
	}
}
