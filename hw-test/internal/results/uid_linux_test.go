package results

import "testing"

func TestOutside(t *testing.T) {
	for _, c := range []struct {
		uidMap   string
		id, want int
	}{
		{"         0          0 4294967295\n", 0, 0},
		{"         0          0 4294967295\n", 1000, 1000},
		{"         0       1000          1\n", 0, 1000},
		{"0 1000 1\n1 100000 65536\n", 5, 100004},
		{"0 1000 1\n", 65534, 65534},
		{"", 7, 7},
		{"what is this\n", 7, 7},
	} {
		if got := outside([]byte(c.uidMap), c.id); got != c.want {
			t.Errorf("%q: %d is %d, want %d", c.uidMap, c.id, got, c.want)
		}
	}
}
