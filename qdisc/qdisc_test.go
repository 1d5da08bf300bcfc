package qdisc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/qdisc"
)

func TestParseSpec(t *testing.T) {
	for _, s := range []string{"noqueue", "pfifo", "pfifo:77", "bfifo:4294967295", "pfifo_fast", "default", "default,txqueuelen=0", "pfifo:1,txqueuelen=500"} {
		p, err := qdisc.ParseSpec(s)
		if err != nil || p.String() != s {
			t.Errorf("%q: %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "keep", "htb", "pfifo:", "pfifo:0", "pfifo:-1", "pfifo:x", "noqueue:3", "pfifo:4294967296", "pfifo,", "pfifo,txqueuelen=",
		"pfifo,txqueuelen=-1", "pfifo,txqueuelen=1,txqueuelen=2", "pfifo,limit=3", "pfifo:5 "} {
		if p, err := qdisc.ParseSpec(s); err == nil || !strings.Contains(err.Error(), "want noqueue, pfifo") {
			t.Errorf("%q: %+v, %v", s, p, err)
		}
	}
}

func TestHandle(t *testing.T) {
	for h, s := range map[qdisc.Handle]string{0: "0:", 0x10000: "1:", 0x80010002: "8001:2", qdisc.Root: "root", qdisc.Ingress: "ingress"} {
		b, err := json.Marshal(h)
		if err != nil || string(b) != `"`+s+`"` {
			t.Errorf("%x: %s, %v", uint32(h), b, err)
		}
		var back qdisc.Handle
		if err := json.Unmarshal(b, &back); err != nil || back != h {
			t.Errorf("%s: %x, %v", b, uint32(back), err)
		}
	}
	for _, s := range []string{`""`, `"1"`, `"x:"`, `"1:x"`, `"10000:"`} {
		var h qdisc.Handle
		if err := json.Unmarshal([]byte(s), &h); err == nil {
			t.Errorf("%s is %v", s, h)
		}
	}
}
