package netmap

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// accepted holds specs with what libnetmap (89607e14, 2026-02-10) makes of
// them, but for the last group.
var accepted = []struct {
	spec string
	want Spec
}{
	{"netmap:eth0", Spec{Name: "eth0", Mode: ModeAllNIC}},
	{"netmap:14", Spec{Name: "14", Mode: ModeAllNIC}},
	{"netmap:em0.100", Spec{Name: "em0.100", Mode: ModeAllNIC}},
	{"netmap:eth0&", Spec{Name: "eth0&", Mode: ModeAllNIC}},
	{"netmap:eth0+", Spec{Name: "eth0+", Mode: ModeAllNIC}},
	{"netmap:vale0:0", Spec{Name: "vale0:0", Mode: ModeAllNIC}},
	{"netmap:vale0", Spec{Name: "vale0", Mode: ModeAllNIC}},
	{"netmap:netmap:x", Spec{Name: "netmap:x", Mode: ModeAllNIC}},
	{"netmap:" + strings.Repeat("n", MaxName), Spec{Name: strings.Repeat("n", MaxName), Mode: ModeAllNIC}},

	{"vale:0", Spec{Name: "vale:0", Mode: ModeAllNIC}},
	{"vale0:0", Spec{Name: "vale0:0", Mode: ModeAllNIC}},
	{"vale0:", Spec{Name: "vale0:", Mode: ModeAllNIC}},
	{"valeX_9:Y-4", Spec{Name: "valeX_9:Y", Mode: ModeOneNIC, RingID: 4}},
	{"vale0:0{0", Spec{Name: "vale0:0{0", Mode: ModeAllNIC}},
	{"netmap:pipe{in", Spec{Name: "pipe{in", Mode: ModeAllNIC}},
	{"netmap:pipe}in_2", Spec{Name: "pipe}in_2", Mode: ModeAllNIC}},
	{"netmap:pipe{in-7", Spec{Name: "pipe{in", Mode: ModeOneNIC, RingID: 7}},

	{"netmap:eth0-0", Spec{Name: "eth0", Mode: ModeOneNIC}},
	{"netmap:eth0-007", Spec{Name: "eth0", Mode: ModeOneNIC, RingID: 7}},
	{"netmap:eth0-4094", Spec{Name: "eth0", Mode: ModeOneNIC, RingID: 4094}},
	{"netmap:eth0*", Spec{Name: "eth0", Mode: ModeNICSW}},
	{"netmap:eth0^", Spec{Name: "eth0", Mode: ModeSW}},
	{"netmap:eth0^3", Spec{Name: "eth0", Mode: ModeOneSW, RingID: 3}},
	{"netmap:eth0^/x", Spec{Name: "eth0", Mode: ModeSW, Flags: FlagExclusive}},

	{"netmap:eth0/x", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: FlagExclusive}},
	{"netmap:eth0/z", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: FlagZCopyMon}},
	{"netmap:eth0/t", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: FlagMonitorTx}},
	{"netmap:eth0/r", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: FlagMonitorRx}},
	{"netmap:eth0/R", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: FlagRxRingsOnly}},
	{"netmap:eth0-2/Tx", Spec{Name: "eth0", Mode: ModeOneNIC, RingID: 2, Flags: FlagTxRingsOnly | FlagExclusive}},
	{"netmap:eth0*/xztrRTx", Spec{Name: "eth0", Mode: ModeNICSW, Flags: 0x6f00}},

	{"netmap:eth0@2", Spec{Name: "eth0", Mode: ModeAllNIC, MemID: 2}},
	{"netmap:eth0@65535", Spec{Name: "eth0", Mode: ModeAllNIC, MemID: 65535}},
	{"netmap:eth0^3@7", Spec{Name: "eth0", Mode: ModeOneSW, RingID: 3, MemID: 7}},
	{"netmap:eth0/@2", Spec{Name: "eth0", Mode: ModeAllNIC, MemID: 2}},
	{"netmap:eth0@2/R@2", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: FlagRxRingsOnly, MemID: 2}},
	{"netmap:eth0/x@2/t@02/r", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: 0xb00, MemID: 2}},

	{"netmap:eth0@share=vale1:a", Spec{Name: "eth0", Mode: ModeAllNIC, Share: "vale1:a"}},
	{"netmap:eth0/R@share:port=netmap:lo{1", Spec{Name: "eth0", Mode: ModeAllNIC, Flags: FlagRxRingsOnly, Share: "lo{1"}},
	{"vale0:a-1/x@3@share=netmap:lo@conf:slots=512", Spec{Name: "vale0:a", Mode: ModeOneNIC, RingID: 1,
		Flags: FlagExclusive, MemID: 3, Share: "lo", Conf: SpecConf{TxSlots: 512, RxSlots: 512}}},
	{"vale0:a@conf:", Spec{Name: "vale0:a", Mode: ModeAllNIC}},
	{"vale0:a@conf:rings=", Spec{Name: "vale0:a", Mode: ModeAllNIC}},
	{"vale0:a@conf:rings=,rings=2", Spec{Name: "vale0:a", Mode: ModeAllNIC, Conf: SpecConf{TxRings: 2, RxRings: 2}}},
	{"vale0:a@conf:tx-rings=3,rings=2,host_rings=1", Spec{Name: "vale0:a", Mode: ModeAllNIC,
		Conf: SpecConf{TxRings: 3, RxRings: 2, HostTxRings: 1, HostRxRings: 1}}},
	{"vale0:a@conf:rx_rings=0,rings=65535,host-tx_rings=4,host_rx-rings=5,tx-slots=6,rx-slots=4294967295", Spec{Name: "vale0:a", Mode: ModeAllNIC,
		Conf: SpecConf{TxRings: 65535, HostTxRings: 4, HostRxRings: 5, TxSlots: 6, RxSlots: 4294967295}}},
	{"vale0:a@conf:tx-rings=3,slots=64@conf:rings=2", Spec{Name: "vale0:a", Mode: ModeAllNIC,
		Conf: SpecConf{TxRings: 2, RxRings: 2, TxSlots: 64, RxSlots: 64}}},
	{"netmap:e@extmem=/tmp/a,b=c:d-e", Spec{Name: "e", Mode: ModeAllNIC, ExtMem: SpecExtMem{File: "/tmp/a,b=c:d-e"}}},
	{"netmap:e@extmem:if-num=1,if_size=2,ring-num=3,file=/m=1,ring-size=4,buf-num=5,buf-size=6", Spec{Name: "e", Mode: ModeAllNIC,
		ExtMem: SpecExtMem{File: "/m=1", IfNum: 1, IfSize: 2, RingNum: 3, RingSize: 4, BufNum: 5, BufSize: 6}}},
	{"netmap:e@offset=0", Spec{Name: "e", Mode: ModeAllNIC, Offset: SpecOffset{Set: true}}},
	{"netmap:e@offset:bits=16,initial=128", Spec{Name: "e", Mode: ModeAllNIC, Offset: SpecOffset{Set: true, Initial: 128, Bits: 16}}},

	// libnetmap's atoi makes 0 of it.
	{"netmap:e@offset=4294967296", Spec{Name: "e", Mode: ModeAllNIC, Offset: SpecOffset{Set: true, Initial: 1 << 32}}},
}

func TestParseSpecAccepts(t *testing.T) {
	for _, c := range accepted {
		got, err := ParseSpec(c.spec)
		if err != nil || got != c.want {
			t.Errorf("ParseSpec(%q) =\n  %+v, %v; want\n  %+v", c.spec, got, err, c.want)
			continue
		}
		text := got.String()
		if again, err := ParseSpec(text); err != nil || again != got {
			t.Errorf("%q: String gives %q, which is\n  %+v, %v; want\n  %+v", c.spec, text, again, err, got)
		}
	}
}

// refused holds specs with the position and a piece of the reason.
var refused = []struct {
	spec   string
	pos    int
	reason string
}{
	{"", 0, "bare name is for the engine"},
	{"eth0", 0, "bare name is for the engine"},
	{"vale0", 0, "bare name is for the engine"},
	{"netmap", 0, "bare name is for the engine"},
	{"eth0@share=netmap:lo", 0, "bare name is for the engine"},
	{"packet:eth0", 0, `"packet:" is not a prefix`},
	{":eth0", 0, `":" is not a prefix`},
	{" netmap:eth0", 0, `" netmap:" is not a prefix`},
	{"Netmap:eth0", 0, `"Netmap:" is not a prefix`},
	{"netmapX:e", 6, "nothing may stand between"},
	{"vale-1:a", 4, "switch's name has letters, digits and '_', not '-'"},
	{"vale.é:a", 4, "not '.'"},
	{"valeaé:a", 5, "not 'é'"},

	{"netmap:", 7, "name is empty"},
	{"netmap:^", 7, "name is empty"},
	{"netmap:@2", 7, "name is empty"},
	{"netmap:{", 7, "no port name before '{'"},
	{"netmap:}1", 7, "no port name before '}'"},
	{"netmap:x{", 9, "no id after '{'"},
	{"netmap:x}@2", 9, "no id after '}'"},
	{"netmap:{1}2", 7, "no port name before '{'"},
	{"netmap:pipe{1}2", 13, "not '}'"},
	{"netmap:pipe{1.2", 13, "not '.'"},
	{"netmap:" + strings.Repeat("n", MaxName+1), 7 + MaxName, "has 64 bytes, at most 63"},
	{"vale0:" + strings.Repeat("n", MaxName-5) + "-1", MaxName, "has 64 bytes, at most 63"},
	{"netmap:e\x00f", 8, "zero byte"},

	{"netmap:eth0-", 12, "expected a ring number, not the end"},
	{"netmap:br-lan", 10, "name that contains '-' cannot be written"},
	{"netmap:br-5f", 11, "not 'f' (a name that contains '-'"},
	{"netmap:en-1-2", 11, "not '-' (a name that contains '-'"},
	{"netmap:eth0-4095", 12, "must be 0..4094"},
	{"netmap:eth0^4095", 12, "must be 0..4094"},
	{"netmap:eth0-99999999999999999999", 12, "must be 0..4094"},
	{"netmap:eth0^x", 12, "expected '/', '@' or the end, not 'x'"},
	{"netmap:eth0*1", 12, "not '1'"},
	{"netmap:eth0^1*", 13, "not '*'"},
	{"netmap:eth0@2-1", 13, "not '-'"},

	{"netmap:eth0/", 12, "expected flags"},
	{"netmap:eth0@2/", 14, "expected flags"},
	{"netmap:eth0/q", 12, "not 'q'"},
	{"netmap:eth0/x/r", 13, "not '/'"},
	{"netmap:eth0/é", 12, "not 'é'"},

	{"netmap:eth0@", 12, "memory id or an option"},
	{"vale0:0@", 8, "memory id or an option"},
	{"netmap:eth0/@", 13, "memory id or an option"},
	{"netmap:eth0@0", 12, "memory id must be 1..65535"},
	{"netmap:eth0@65536", 12, "memory id must be 1..65535"},
	{"netmap:eth0@99999999999999999999", 12, "memory id must be 1..65535"},
	{"netmap:eth0@2/R@3", 16, "is 3 here but was 2"},
	{"netmap:eth0@2x", 13, "not 'x'"},

	{"netmap:eth0@@2", 12, "expected an option"},
	{"netmap:e@share=vale:a@", 22, "expected an option"},
	{"netmap:e@foo=1", 9, `no option "foo"`},
	{"netmap:e@:x", 9, `no option ""`},
	{"netmap:e@-1", 9, `no option "-1"`},
	{"netmap:e@conf:rings=2@3", 22, "memory id must come before the options"},
	{"netmap:e@share", 14, "needs a value"},
	{"netmap:e@share=", 15, "needs a value"},
	{"netmap:e@share:", 15, "needs the key port"},
	{"netmap:e@share:port=", 20, "needs the key port"},
	{"netmap:e@share=eth1", 15, "no prefix"},
	{"netmap:e@share=netmap:", 22, "name is empty"},
	{"netmap:e@share=netmap:f/R", 23, "a port name only, not '/'"},
	{"netmap:e@share=vale:a@share=vale:a", 22, "given twice"},
	{"netmap:e@conf", 13, "needs a value"},
	{"netmap:e@conf=2", 13, "takes ':' and keys"},
	{"netmap:e@conf:foo=2", 14, `no key "foo"`},
	{"netmap:e@conf:rings=2,", 22, `no key ""`},
	{"netmap:e@conf:rings=2,slots", 27, "needs '=' and a value"},
	{"netmap:e@conf:rings,slots=2", 19, "needs '=' and a value"},
	{"netmap:e@conf:tx-rings=2,tx_rings=2", 25, "tx-rings of option conf is given twice"},
	{"netmap:e@conf:rings=abc", 20, "rings must be 0..65535"},
	{"netmap:e@conf:rings=65536", 20, "rings must be 0..65535"},
	{"netmap:e@conf:slots=-1", 20, "slots must be 0..4294967295"},
	{"netmap:e@conf:slots=4294967296", 20, "slots must be 0..4294967295"},
	{"netmap:e@conf:slots=1k,rings=1", 21, `decimal number, not "1k"`},
	{"netmap:e@extmem:buf-num=1", 25, "needs the key file"},
	{"netmap:e@extmem:file=/a,buf-num=x", 32, "buf-num must be"},
	{"netmap:e@extmem=/a@extmem=/b", 19, "given twice"},
	{"netmap:e@offset:bits=8", 22, "needs the key initial"},
	{"netmap:e@offset:bits=65,initial=0", 21, "bits must be 0..64"},
	{"netmap:e@offset=18446744073709551616", 16, "initial must be 0..18446744073709551615"},
	{"netmap:e@offset=1@offset=1", 18, "given twice"},
}

func TestParseSpecRefuses(t *testing.T) {
	for _, c := range refused {
		got, err := ParseSpec(c.spec)
		e, ok := errors.AsType[*SpecError](err)
		if !ok {
			t.Errorf("ParseSpec(%q) = %+v, %v; want a *SpecError", c.spec, got, err)
			continue
		}
		if e.Pos != c.pos || !strings.Contains(e.Reason, c.reason) || e.Spec != c.spec {
			t.Errorf("%q refused at %d, %q; want %d, …%s…", e.Spec, e.Pos, e.Reason, c.pos, c.reason)
		}
		if got != (Spec{}) {
			t.Errorf("ParseSpec(%q) gave %+v with its error", c.spec, got)
		}
	}
}

func TestSpecString(t *testing.T) {
	for spec, want := range map[string]string{
		"netmap:eth0@2/Tr@2/x": "netmap:eth0/xrT@2",
		"netmap:vale0:0^":      "vale0:0^",
		"netmap:vale.0:0^03":   "netmap:vale.0:0^3",
		"vale0:0-1@conf:rx_rings=1,tx_rings=1,host-rings=2,host-tx-rings=0":     "vale0:0-1@conf:rings=1,host-rx-rings=2",
		"netmap:e*@offset=1@extmem:file=/a@conf:slots=2,tx-slots=3@share=vale:": "netmap:e*@share=vale:@conf:tx-slots=3,rx-slots=2@extmem=/a@offset:initial=1",
		"netmap:e@extmem:buf-num=7,if-num=1,file=/a@offset:bits=8,initial=1":    "netmap:e@extmem:file=/a,if-num=1,buf-num=7@offset:initial=1,bits=8",
	} {
		sp, err := ParseSpec(spec)
		if got := sp.String(); err != nil || got != want {
			t.Errorf("%q: String gives %q (%v), want %q", spec, got, err, want)
		}
	}
}

func TestModeString(t *testing.T) {
	for m, want := range map[Mode]string{
		ModeAllNIC: "NR_REG_ALL_NIC", ModeSW: "NR_REG_SW", ModeNICSW: "NR_REG_NIC_SW", ModeOneNIC: "NR_REG_ONE_NIC",
		ModeNull: "NR_REG_NULL", ModeOneSW: "NR_REG_ONE_SW", 0: "Mode(0)", 5: "Mode(5)",
	} {
		if got := m.String(); got != want {
			t.Errorf("Mode %d is %q, want %q", uint32(m), got, want)
		}
	}
}

func ExampleParseSpec() {
	sp, err := ParseSpec("netmap:eth0-2/Tx@3@conf:slots=512")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sp.Name, sp.Mode, sp.RingID, sp.MemID, sp.Conf.TxSlots)
	fmt.Println(sp.Flags&FlagTxRingsOnly != 0, sp.Flags&FlagRxRingsOnly != 0)
	fmt.Println(sp)
	// Output:
	// eth0 NR_REG_ONE_NIC 2 3 512
	// true false
	// netmap:eth0-2/xT@3@conf:slots=512
}

func ExampleSpecError() {
	_, err := ParseSpec("netmap:eth0@65536")
	fmt.Println(err)
	if e, ok := errors.AsType[*SpecError](err); ok {
		fmt.Println(e.Spec)
		fmt.Println(strings.Repeat(" ", e.Pos) + "^")
	}
	// Output:
	// port spec "netmap:eth0@65536" refused at position 12: the memory id must be 1..65535
	// netmap:eth0@65536
	//             ^
}
