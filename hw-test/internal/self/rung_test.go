package self

import (
	"errors"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
)

func TestChoose(t *testing.T) {
	yes := func() error { return nil }
	noRoot := func() error { return errors.New("no rights") }
	noUser := func() error { return errors.New("no user namespaces") }
	for _, c := range []struct {
		asked        string
		can, canUser func() error
		rung         Rung
		says, fails  string
	}{
		{"auto", yes, noUser, Root, "", ""},
		{"auto", noRoot, yes, UserNS, "", ""},
		{"auto", noRoot, noUser, UDP, "No network namespaces: no rights.\nNor in a user namespace: no user namespaces.\nNot tested: AF_PACKET", ""},
		{"root", yes, noUser, Root, "", ""},
		{"root", noRoot, yes, Root, "", "no rights"},
		{"userns", yes, yes, UserNS, "", ""},
		{"userns", yes, noUser, UserNS, "", "no user namespaces"},
		{"udp", yes, yes, UDP, "Not tested: AF_PACKET", ""},
	} {
		rung, limits, err := choose(c.asked, c.can, c.canUser)
		if (err == nil) != (c.fails == "") || err != nil && err.Error() != c.fails {
			t.Errorf("%s: error %v, want %q", c.asked, err, c.fails)
		}
		if rung != c.rung {
			t.Errorf("%s: rung %s, want %s", c.asked, rung, c.rung)
		}
		if s := strings.Join(limits, "\n"); !strings.HasPrefix(s, c.says) || c.says == "" && s != "" {
			t.Errorf("%s: limits %q, want %q", c.asked, s, c.says)
		}
	}
}

func TestRows(t *testing.T) {
	o := Options{Sizes: "60,1514", Queues: "1,2", Send: 1e9, Rung: "auto"}
	rows, err := o.rows()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, r := range rows {
		names = append(names, r.name())
		if r.index != i {
			t.Errorf("row %d has index %d", i, r.index)
		}
	}
	want := "60 bytes, 1 queue, paced|60 bytes, 1 queue, full|60 bytes, 2 queues, paced|60 bytes, 2 queues, full|" +
		"1514 bytes, 1 queue, paced|1514 bytes, 1 queue, full|1514 bytes, 2 queues, paced|1514 bytes, 2 queues, full"
	if got := strings.Join(names, "|"); got != want {
		t.Errorf("rows %s\nwant %s", got, want)
	}
}

func TestRowsRefused(t *testing.T) {
	good := Options{Sizes: "60", Queues: "1", Send: 1e9, Rung: "auto"}
	for says, spoil := range map[string]func(*Options){
		`--sizes: "59"`:   func(o *Options) { o.Sizes = "60,59" },
		`--sizes: "1515"`: func(o *Options) { o.Sizes = "1515" },
		`--sizes: ""`:     func(o *Options) { o.Sizes = "60,,128" },
		`--queues: "0"`:   func(o *Options) { o.Queues = "0" },
		`--queues: "x"`:   func(o *Options) { o.Queues = "x" },
		"--seconds: 10ms": func(o *Options) { o.Send = 1e7 },
		"--seconds: 1h":   func(o *Options) { o.Send = 3600e9 },
		`--rung: "roof"`:  func(o *Options) { o.Rung = "roof" },
	} {
		o := good
		spoil(&o)
		_, err := o.rows()
		if err == nil || !strings.Contains(err.Error(), says) || cli.Status(err) != cli.ExitUsage {
			t.Errorf("%+v: error %v, want %s", o, err, says)
		}
	}
}
