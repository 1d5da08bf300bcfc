package valectl

import (
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// run is one command on the test's netmap.
func run(d *netmaptest.Device, line string) (status int, out string) {
	var b strings.Builder
	cmd := Command(d)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(strings.Fields(line))
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	err := cmd.Execute()
	if err != nil {
		b.WriteString(err.Error())
	}
	return cli.Status(err), b.String()
}

func TestVALE(t *testing.T) {
	d := netmaptest.New(nil)
	for _, name := range []string{"nm0", "nm1"} {
		if err := d.AddNIC(name, netmaptest.NIC{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		line   string
		status int
		out    string // in what it says
	}{
		{"list", 0, "no switch has a port"},
		{"list --json", 0, "[]\n"},
		{"newif v0 --rings 2 --slots 128", 0, "v0 has 2 transmit rings of 128 slots, 2 receive rings of 128"},
		{"newif v0", 1, "there is an interface of that name already"},
		{"newif v1", 0, "v1 has 1 transmit rings"},
		{"attach vale0:v0", 0, "vale0:v0 is port 0"},
		{"attach vale0:v1", 0, "vale0:v1 is port 1"},
		{"list", 0, "vale0:v0 switch 0 port 0\nvale0:v1 switch 0 port 1\n"},
		{"list vale7", 0, "no switch"},
		{"list --json vale0", 0, `{"Name":"vale0:v0","Bridge":0,"Index":0}`},
		{"attach vale0:v0", 1, "attached already"},
		{"attach vale0:none", 1, "there"},
		{"delif v0", 1, "attached to a switch or open"},
		{"poll vale0:v0 --cpu 0", 1, "only an attached NIC can be polled"},
		{"poll vale0:v0 --off", 1, "only an attached NIC can be polled"},
		{"detach vale0:v1", 0, "vale0:v1 was port 1"},
		{"detach vale0:v0", 0, "vale0:v0 was port 0"},
		{"detach vale0:v0", 1, "not attached to that switch"},
		{"delif v0", 0, ""},
		{"delif v1", 0, ""},
		{"delif v0", 1, "there is no such interface"},
		{"delif nm0", 1, "no persistent VALE port"},
		{"list", 0, "no switch has a port"},

		{"", 2, "want one of"},
		{"show", 2, `"show" is none of`},
		{"list a b", 2, "one switch at most"},
		{"attach", 2, "wants one argument"},
		{"attach eth0", 2, `"eth0" is no port of a VALE switch`},
		{"detach vale0:", 2, "is no port"},
		{"newif", 2, "the NAME"},
		{"newif v0 --rings 70000", 2, "more than a port can have"},
		{"poll --off --cpu 1 vale0:nm0", 2, "goes with neither"},
	} {
		if status, out := run(d, c.line); status != c.status || !strings.Contains(out, c.out) {
			t.Errorf("vale %s: status %d, %q; want %d and %q in it", c.line, status, out, c.status, c.out)
		}
	}
	if n := d.OpenFiles(); n != 0 {
		t.Errorf("%d descriptors are left open", n)
	}
}
