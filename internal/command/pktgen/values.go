package pktgen

import (
	"fmt"
	"strings"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// lengths is the flag -l.
type lengths struct {
	text  string
	len   int
	sizes frame.Sizes
}

func (v *lengths) Set(s string) error {
	if strings.ContainsAny(s, "-,:~i") && !strings.HasPrefix(s, "-") {
		sizes, err := frame.ParseSizes(s)
		if err != nil {
			return err
		}
		v.text, v.len, v.sizes = s, 0, sizes
		return nil
	}
	n, err := cli.ParseCount(s)
	if err != nil {
		return err
	}
	if v.len == 0 { // the first
		v.text, v.len, v.sizes = s, int(min(n, 1<<30)), frame.Sizes{}
		return nil
	}
	if int(n) > v.len || v.len > 0xffff {
		return fmt.Errorf("the second length is the least and cannot be above the first, nor that above 65535: not %d and %d", n, v.len)
	}
	v.text, v.sizes = s+".."+v.text, frame.RandomSizes(int(n), v.len)
	return nil
}

func (v *lengths) String() string { return v.text }
func (v *lengths) Type() string   { return "length" }
