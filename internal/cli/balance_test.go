package cli

import (
	"strings"
	"testing"
)

func TestBalance(t *testing.T) {
	for _, c := range []struct {
		packets []uint64
		want    string
	}{
		{nil, ""}, {[]uint64{5}, ""}, {[]uint64{0, 0}, ""},
		{[]uint64{3, 1}, "Balance: 75.0% 25.0%; the fullest queue has 1.50 times the mean\n"},
		{[]uint64{7, 0, 0}, "Balance: 100.0% 0.0% 0.0%; the fullest queue has 3.00 times the mean\n"},
		{make20(), "Balance:" + strings.Repeat(" 5.0%", 16) + " …; the fullest queue has 1.00 times the mean\n"},
	} {
		var queues []Queue
		for i, n := range c.packets {
			queues = append(queues, Queue{Index: i, Packets: n})
		}
		if got := balance(queues); got != c.want {
			t.Errorf("%d: %q, want %q", c.packets, got, c.want)
		}
	}
}

func make20() []uint64 {
	all := make([]uint64, 20)
	for i := range all {
		all[i] = 1
	}
	return all
}
