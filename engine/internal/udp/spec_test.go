package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func aps(list ...string) (all []netip.AddrPort) {
	for _, s := range list {
		all = append(all, ap(s))
	}
	return all
}

var accepted = []struct {
	arg  string
	want spec
}{
	{"@127.0.0.1:4000", spec{local: ap("127.0.0.1:4000")}},
	{"@[::1]:4000", spec{local: ap("[::1]:4000")}},
	{"@:4000", spec{local: ap("[::]:4000")}},
	{"@0.0.0.0:4000", spec{local: ap("0.0.0.0:4000")}},
	{"@localhost:65535", spec{local: ap("127.0.0.1:65535")}},
	{"@[fe80::1%eth0]:1", spec{local: ap("[fe80::1%eth0]:1")}},
	{"@[::ffff:10.0.0.1]:1", spec{local: ap("10.0.0.1:1")}},

	{"127.0.0.1:9", spec{remotes: aps("127.0.0.1:9")}},
	{",127.0.0.1:9", spec{remotes: aps("127.0.0.1:9")}},
	{"localhost:9", spec{remotes: aps("127.0.0.1:9")}},
	{"[2001:db8::1]:0009", spec{remotes: aps("[2001:db8::1]:9")}},
	{"10.0.0.1:1,10.0.0.2:2,10.0.0.1:1", spec{remotes: aps("10.0.0.1:1", "10.0.0.2:2", "10.0.0.1:1")}},

	{"@10.0.0.1:1,10.0.0.2:2", spec{local: ap("10.0.0.1:1"), remotes: aps("10.0.0.2:2")}},
	{"@10.0.0.1:0,10.0.0.2:2", spec{local: ap("10.0.0.1:0"), remotes: aps("10.0.0.2:2")}},
	{"@:0,10.0.0.2:2", spec{local: ap("0.0.0.0:0"), remotes: aps("10.0.0.2:2")}},
	{"@[::]:1,[::1]:2", spec{local: ap("[::]:1"), remotes: aps("[::1]:2")}},

	{"@224.0.0.9:5,iface=eth0,source=10.0.0.1", spec{local: ap("224.0.0.9:5"), iface: "eth0", source: netip.MustParseAddr("10.0.0.1")}},
	{"[ff02::9]:5,ttl=255,iface=em0.100", spec{remotes: aps("[ff02::9]:5"), ttl: 255, iface: "em0.100"}},
	{"@:5,source=2001:db8::1", spec{local: ap("[::]:5"), source: netip.MustParseAddr("2001:db8::1")}},
}

func TestAccepted(t *testing.T) {
	for _, c := range accepted {
		got, err := parseSpec(c.arg)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v, %v; want %+v", c.arg, got, err, c.want)
		}
	}
}

// refused has the position counted from the argument's start, and a part of
// the reason.
var refused = []struct {
	arg    string
	pos    int
	reason string
}{
	{"", 0, "expected @LOCAL:PORT"},
	{",", 1, "expected @LOCAL:PORT"},
	{"@", 1, "expected ':' and a port"},
	{"127.0.0.1", 9, "expected ':' and a port"},
	{"127.0.0.1:", 10, `"" is no port`},
	{"127.0.0.1:0", 10, "want 1 to 65535"},
	{"127.0.0.1:65536", 10, "no port"},
	{"127.0.0.1:+1", 10, "no port"},
	{"127.0.0.1:9 ", 10, "no port"},
	{"@127.0.0.1:x", 11, "want 0 to 65535"},
	{"@127.0.0.1:0", 0, "nobody would know"},
	{":9", 0, "expected the address"},
	{"@:4000,:9", 7, "expected the address"},
	{"example.com:9", 0, "no name is looked up"},
	{"127.0.0.256:9", 0, "no IP address"},
	{"127.0.0.1:9:9", 0, "no IP address"},
	{"::1:9", 0, "brackets: [::1]"},
	{"@::1:9", 1, "brackets: [::1]"},
	{"[::1:9", 0, "has no ']'"},
	{"[::1]", 5, "expected ':' and a port"},
	{"[::1]9", 5, "not '9'"},
	{"[127.0.0.1]:9", 1, "no IPv6 address"},
	{"[]:9", 1, "no IPv6 address"},
	{"[fe80::1]:9", 1, "[fe80::1%eth0]"},
	{"0.0.0.0:9", 0, "any address"},
	{"[::]:9", 1, "any address"},
	{"@10.0.0.1:1,@10.0.0.2:2", 12, "comes first"},
	{"10.0.0.1:1,@10.0.0.2:2", 11, "comes first"},
	{",@10.0.0.2:2", 1, "comes first"},
	{"@10.0.0.1:1,", 12, "beside the comma"},
	{"10.0.0.1:1,,10.0.0.1:2", 11, "beside the comma"},
	{"@10.0.0.1:1,[::1]:2", 12, "family"},
	{"@0.0.0.0:1,[::1]:2", 11, "family"},
	{"10.0.0.1:1,[::1]:2", 11, "family"},
	{"@:1,[::1]:2,10.0.0.1:1", 12, "family"},
	{"ttl=1", 0, "before the keys"},
	{"ttl=1,10.0.0.1:1", 6, "come before the keys"},
	{"10.0.0.1:1,ttl=0", 15, "1 to 255"},
	{"10.0.0.1:1,ttl=256", 15, "1 to 255"},
	{"10.0.0.1:1,ttl=1,ttl=1", 17, "given twice"},
	{"10.0.0.1:1,TTL=1", 11, `no key "TTL"`},
	{"10.0.0.1:1,=1", 11, `no key ""`},
	{"10.0.0.1:1,iface=", 17, "no interface's name"},
	{"10.0.0.1:1,iface=a/b", 17, "no interface's name"},
	{"10.0.0.1:1,iface=0123456789abcdef", 17, "no interface's name"},
	{"10.0.0.1:1,source=10.0.0.1:1", 18, "no IP address"},
	{"10.0.0.1:1\x00", 10, "zero byte"},
}

func TestRefused(t *testing.T) {
	for _, c := range refused {
		_, err := parseSpec(c.arg)
		e, ok := errors.AsType[*netmap.SpecError](err)
		if !ok || e.Spec != "udp:"+c.arg || e.Pos != len("udp:")+c.pos || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%q: %#v; want position %d and %q", c.arg, err, len("udp:")+c.pos, c.reason)
		}
	}
}

// text writes a spec in the form that parseSpec reads.
func text(s spec) string {
	var items []string
	if s.local.IsValid() {
		items = append(items, "@"+s.local.String())
	}
	for _, r := range s.remotes {
		items = append(items, r.String())
	}
	if s.iface != "" {
		items = append(items, "iface="+s.iface)
	}
	if s.source.IsValid() {
		items = append(items, "source="+s.source.String())
	}
	if s.ttl != 0 {
		items = append(items, fmt.Sprintf("ttl=%d", s.ttl))
	}
	return strings.Join(items, ",")
}

// FuzzParse holds that nothing panics, that a spec keeps its promises and can
// be written and read again, and that a refusal points into the spec.
func FuzzParse(f *testing.F) {
	for _, c := range accepted {
		f.Add(c.arg)
	}
	for _, c := range refused {
		f.Add(c.arg)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		s, err := parseSpec(arg)
		if err != nil {
			e, ok := errors.AsType[*netmap.SpecError](err)
			if !ok || e.Spec != prefix+arg || e.Pos < len(prefix) || e.Pos > len(e.Spec) || e.Reason == "" {
				t.Fatalf("%q: %#v", arg, err)
			}
			return
		}
		if !s.local.IsValid() && len(s.remotes) == 0 {
			t.Fatalf("%q has no address", arg)
		}
		for _, r := range s.remotes {
			if !r.IsValid() || r.Port() == 0 || r.Addr().IsUnspecified() || r.Addr().Is4() != s.remotes[0].Addr().Is4() ||
				s.local.IsValid() && r.Addr().Is4() != s.local.Addr().Is4() {
				t.Fatalf("%q gives %+v", arg, s)
			}
		}
		again, err := parseSpec(text(s))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%q gives %+v; written as %q it gives %+v, %v", arg, s, text(s), again, err)
		}
	})
}

// TestFits has what Open refuses before it opens anything.
func TestFits(t *testing.T) {
	many := strings.Repeat("127.0.0.1:9,", maxRemotes) + "127.0.0.1:9"
	for _, c := range []struct {
		arg    string
		rx, tx int
		reason string
	}{
		{"127.0.0.1:9", 1, 1, "Config{TX: 1}"},
		{"127.0.0.1:9", 1, 3, "Config{TX: 3}"},
		{"127.0.0.1:9", 1, 0, "@LOCAL:PORT"},
		{"127.0.0.1:9,127.0.0.1:10", 1, 1, "@LOCAL:PORT"},
		{"@127.0.0.1:9,127.0.0.1:10", 2, 1, "one flow"},
		{"@127.0.0.1:9", 0, 0, "no queues"},
		{many, 0, 1, "256 at most"},
		{"@127.0.0.1:9,ttl=3", 1, 0, "leave it out"},
		{"@127.0.0.1:9,iface=lo", 1, 0, "leave it out"},
		{"127.0.0.1:9,iface=lo", 0, 1, "leave it out"},
		{"@127.0.0.1:9,source=127.0.0.1", 1, 0, "leave it out"},
		{"@:9,224.0.0.9:9,source=127.0.0.1", 1, 0, "leave it out"},
		{"@224.0.0.9:9,source=::1", 1, 0, "not both"},
		{"@224.0.0.9:9,source=224.0.0.1", 1, 0, "address of a host"},
		{"@224.0.0.9:9,source=0.0.0.0", 1, 0, "address of a host"},
		{"@[ff02::9]:9", 1, 0, "iface=eth0"},
		{"[ff01::9]:9", 0, 1, "iface=eth0"},
		{"[ff02::9%lo]:9,iface=eth0", 0, 1, "leave one out"},
	} {
		rx, tx, f, err := Open(c.arg, &backend.Options{RX: c.rx, TX: c.tx})
		if err == nil || rx != nil || tx != nil || f != nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%.30q with %d and %d queues: %v; want %q", c.arg, c.rx, c.tx, err, c.reason)
		}
	}
	if _, _, _, err := Open("nonsense", &backend.Options{RX: 1}); err == nil {
		t.Error("Open takes nonsense")
	}
	_, _, _, err := Open("@127.0.0.1:9", &backend.Options{RX: 2, Steer: backend.SteerRoundRobin})
	if !errors.Is(err, netmap.ErrNotSupported) || !strings.Contains(err.Error(), "random") {
		t.Errorf("in turn: %v", err)
	}
}
