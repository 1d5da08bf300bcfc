package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
)

func TestCPUs(t *testing.T) {
	for _, c := range []struct {
		list  string
		cores int
		want  []int // the first ones
		says  string
	}{
		{"", 0, nil, ""},
		{"", 4, nil, ""}, // as pkt-gen's -c without -a
		{"3", 0, []int{3, 4, 5, 6}, ""},
		{"3", 4, []int{3, 0, 1, 2, 3}, ""},
		{"5", 4, []int{1, 2, 3, 0}, ""},
		{"0", 1, []int{0, 0, 0}, ""},
		{"0,2-3", 0, []int{0, 2, 3}, ""},
		{"0,2-3", 4, nil, "not with the list"},
		{"3-1", 0, nil, "no list of CPUs"},
	} {
		o := Common{CPUs: c.list, Cores: c.cores}
		got, err := o.cpus()
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("-a %q -c %d: %v, want an error on %q", c.list, c.cores, err, c.says)
			}
			continue
		}
		if err != nil || len(got) < len(c.want) || !slices.Equal(got[:len(c.want)], c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("-a %q -c %d: CPUs %v, %v; want %v …", c.list, c.cores, got, err, c.want)
		}
		if n := len(got); n > 3 && n != engine.MaxQueues {
			t.Errorf("-a %q: %d CPUs", c.list, n)
		}
	}
}
