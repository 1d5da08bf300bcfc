package info

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

func run(t *testing.T, d netmap.Device, args ...string) (status int, out string) {
	t.Helper()
	var b strings.Builder
	cmd := Command(&status, d)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	if err := cmd.Execute(); err != nil {
		b.WriteString(err.Error())
		status = cli.Status(err)
	}
	return status, b.String()
}

func TestInfo(t *testing.T) {
	d := netmaptest.New(nil)
	if err := d.AddNIC("nm0", netmaptest.NIC{TxRings: 2, RxRings: 3, TxSlots: 64, RxSlots: 48}); err != nil {
		t.Fatal(err)
	}
	c := netmap.Control{Device: d}
	if _, err := c.VALENewIf("v0", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.VALEAttach("vale3:v0", nil); err != nil {
		t.Fatal(err)
	}
	rings := "2 transmit rings of 64 slots, 3 receive rings of 48; to and from the host 1 and 1"
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{nil, 0, "netmap is here\nmemory 1: "},
		{nil, 0, "switch 0 port 0: vale3:v0"},
		{[]string{"nm0"}, 0, "nm0: " + rings},
		{[]string{"netmap:nm0"}, 0, rings},
		{[]string{"netmap:nm0^"}, 0, rings},
		{[]string{"nm0"}, 0, "buffers of 2048 bytes"},
		{[]string{"vale3:v0"}, 0, "1 transmit rings of 1024 slots"},
		{[]string{"none"}, 1, "none: there is no such port"},
		{[]string{"netmap:"}, 2, "refused"},
		{[]string{"a", "b"}, 2, "one port at most"},
	} {
		if status, out := run(t, d, c.args...); status != c.status || !strings.Contains(out, c.out) {
			t.Errorf("info %v: status %d, %q; want %d and %q in it", c.args, status, out, c.status, c.out)
		}
	}
	if n := d.OpenFiles(); n != 0 {
		t.Errorf("%d descriptors are left open", n)
	}
}

func TestJSON(t *testing.T) {
	d := netmaptest.New(nil)
	if err := d.AddNIC("nm0", netmaptest.NIC{TxRings: 2}); err != nil {
		t.Fatal(err)
	}
	status, out := run(t, d, "--json", "nm0")
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 {
		t.Fatal(status, err, out)
	}
	if !r.Netmap || r.Rings == nil || r.Rings.TX != 2 || r.Memory == nil || r.Memory.BufSize != 2048 || r.Holders == nil {
		t.Errorf("%+v", r)
	}
	if status, out = run(t, d, "--json", "none"); status != 1 || !strings.Contains(out, `"why":"there is no such port`) {
		t.Errorf("status %d, %s", status, out)
	}
}

// Processes are found by what their descriptors are, and those that do not show
// theirs are counted.
func TestScan(t *testing.T) {
	proc := t.TempDir()
	add := func(pid, comm string, fds ...string) {
		dir := filepath.Join(proc, pid, "fd")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "comm"), []byte(comm+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, to := range fds {
			if err := os.Symlink(to, filepath.Join(dir, string(rune('0'+i)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("300", "pktgen", "/dev/null", device, device)
	add("20", "rcv", device)
	add("1", "init", "/dev/console")
	add("self", "me", device)
	if err := os.WriteFile(filepath.Join(proc, "4"), nil, 0o600); err != nil { // no directory to be read
		t.Fatal(err)
	}
	holders, blind, err := scan(proc)
	if err != nil || blind != 1 || len(holders) != 2 || holders[0] != (Holder{20, "rcv", 1}) || holders[1] != (Holder{300, "pktgen", 2}) {
		t.Errorf("%+v, %d do not show theirs, %v", holders, blind, err)
	}
	if _, _, err := scan(filepath.Join(proc, "none")); err == nil {
		t.Error("no processes, and no error")
	}
}
