package nic_test

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// playEnv makes the test binary a process that has an interface prepared until
// its standard input ends.
const playEnv = "RINGWALK_NIC_PLAY"

// The tests have a journal of their own.
func TestMain(m *testing.M) {
	if name := os.Getenv(playEnv); name != "" {
		p, notes, err := nic.Prepare(name, nil)
		fmt.Println("prepared", notes, err)
		_, _ = os.Stdin.Read(make([]byte, 1))
		fmt.Println("restored", p.Restore())
		return
	}
	dir, err := os.MkdirTemp("", "ringwalk-nic-")
	if err != nil {
		panic(err)
	}
	os.Setenv("RINGWALK_RUN", dir)
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

type process struct {
	*exec.Cmd
	end func()
	out *bufio.Reader
}

func (p *process) says() string {
	line, _ := p.out.ReadString('\n')
	return strings.TrimSpace(line)
}

func prepare(t *testing.T, ns *netlab.NS, name string) *process {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), playEnv+"="+name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd, func() { in.Close() }, bufio.NewReader(out)}
	if says := p.says(); says != "prepared [] <nil>" {
		t.Fatal(says)
	}
	return p
}

func equal(a, b state) bool {
	return a.up == b.up && a.promisc == b.promisc && maps.Equal(a.features, b.features)
}

// What a killed process prepared is put back, from another namespace.
func TestKilled(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	if err := ns.SetUp(name, false); err != nil {
		t.Fatal(err)
	}
	var before, after state
	in(t, ns, func() { before = look(t, name) })
	for _, only := range []string{"", name} {
		p := prepare(t, ns, name)
		if err := nic.Recover("", func(name string, err error) { t.Errorf("put back %s while in use: %v", name, err) }); err != nil {
			t.Error(err)
		}
		in(t, ns, func() { after = look(t, name) })
		if equal(before, after) {
			t.Error("nothing was prepared")
		}
		if err := p.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = p.Wait() // it was killed
		recovered := 0
		again := func() {
			if err := nic.Recover(only, func(n string, err error) { recovered++ }); err != nil {
				t.Error(err)
			}
		}
		if only == "" {
			again()
		} else {
			in(t, ns, again)
		}
		in(t, ns, func() { after = look(t, name) })
		if !equal(before, after) || recovered != 1 {
			t.Errorf("was %+v, is %+v, %d recovered", before, after, recovered)
		}
	}
}

// Two processes have it prepared; the first to end takes nothing from the other.
func TestShared(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	var before, prepared, after state
	in(t, ns, func() { before = look(t, name) })
	a := prepare(t, ns, name)
	b := prepare(t, ns, name)
	in(t, ns, func() { prepared = look(t, name) })
	for _, c := range []struct {
		p    *process
		want *state
	}{{a, &prepared}, {b, &before}} {
		c.p.end()
		if says := c.p.says(); says != "restored <nil>" {
			t.Error(says)
		}
		_ = c.p.Wait()
		in(t, ns, func() { after = look(t, name) })
		if !equal(*c.want, after) {
			t.Errorf("want %+v, is %+v", *c.want, after)
		}
	}
}

// What an administrator changes in the meantime stays.
func TestChangedMeanwhile(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	in(t, ns, func() {
		p, _, err := nic.Prepare(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := ns.SetUp(name, false); err != nil {
			t.Fatal(err)
		}
		if err := p.Restore(); err != nil {
			t.Error(err)
		}
		if got := look(t, name); got.up || got.promisc || !got.features["tx-tcp-segmentation"] {
			t.Errorf("is %+v", got)
		}
	})
}
