package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

func TestParseFilter(t *testing.T) {
	want := []bpf.RawInstruction{{Op: 40, K: 12}, {Op: 21, Jt: 0, Jf: 1, K: 4294967295}, {Op: 6, K: 262144}, {Op: 6}}
	for _, text := range []string{
		"4\n40 0 0 12\n21 0 1 4294967295\n6 0 0 262144\n6 0 0 0\n",
		"4\n40 0 0 12\n21 0 1 4294967295\n6 0 0 262144\n6 0 0 0",
		"4\r\n40 0 0 12\r\n21 0 1 4294967295\r\n6 0 0 262144\r\n6 0 0 0\r\n",
		"\n  4\n\n40\t0 0  12\n21 0 1 4294967295\n6 0 0 262144\n6 0 0 0\n\n\n",
		"4,40 0 0 12,21 0 1 4294967295,6 0 0 262144,6 0 0 0",
		"4,40 0 0 12,21 0 1 4294967295,6 0 0 262144,6 0 0 0,\n",
	} {
		if got, err := ParseFilter(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	longest := fmt.Sprint(maxFilter, strings.Repeat("\n6 0 0 1", maxFilter))
	if got, err := ParseFilter(longest); err != nil || len(got) != maxFilter {
		t.Errorf("the longest program: %d instructions, %v", len(got), err)
	}
	for text, want := range map[string]string{
		"":                                   "line 1: it is empty",
		"\n \n":                              "it is empty",
		"udp port 9":                         `line 1: "udp port 9" is not a number of instructions`,
		"-1\n":                               "not a number of instructions",
		"0\n":                                "line 1: 0 instructions: want 1 to 4092",
		"4093\n":                             "line 1: 4093 instructions: want 1 to 4092",
		"99999999999\n":                      "not a number of instructions",
		"2\n6 0 0 0\n":                       "ends after 1 of 2 instructions",
		"1\n6 0 0 0\n\n6 0 0 1\n":            "line 4: there are more than the 1 instructions",
		"1\n6 0 0\n":                         "line 2: 3 numbers",
		"1\n6 0 0 0 0\n":                     "line 2: 5 numbers",
		"2\n\n6 0 0 0\n6 0 x 0\n":            `line 4: "x": want a number from 0 to 255`,
		"1\n6 0 256 0\n":                     `"256": want a number from 0 to 255`,
		"1\n65536 0 0 0\n":                   `"65536": want a number from 0 to 65535`,
		"1\n6 0 0 4294967296\n":              `want a number from 0 to 4294967295`,
		"1\n6 0 0 0x10\n":                    `"0x10"`,
		"1,6 0 0 0,6 0 0 0":                  "line 3: there are more",
		"1\n40 0 0 12\n":                     "instruction 0: the last one must be ret",
		"1\n21 0 0 12\n":                     "instruction 0 (21 0 0 12): it jumps out of the program",
		"2\n21 1 0 12\n6 0 0 0\n":            "it jumps out of the program",
		"2\n5 0 0 1\n6 0 0 0\n":              "it jumps out of the program",
		"2\n5 0 0 4294967295\n6 0 0 0\n":     "it jumps out of the program",
		"2\n52 0 0 0\n6 0 0 0\n":             "it divides by zero",
		"2\n148 0 0 0\n6 0 0 0\n":            "it divides by zero",
		"2\n100 0 0 32\n6 0 0 0\n":           "it shifts by more than 31 bits",
		"2\n255 0 0 0\n6 0 0 0\n":            "there is no such instruction",
		"2\n41 0 0 12\n6 0 0 0\n":            "there is no such instruction", // ldxh [12]
		"2\n96 0 0 16\n6 0 0 0\n":            "there is no such instruction", // ld M[16]
		"2\n48 0 0 4294963300\n6 0 0 0\n":    "there is no such instruction", // no such SKF_AD_
		"1\n" + strings.Repeat("x", 1000000): `line 2`,
	} {
		_, err := ParseFilter(text)
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%.60q: %v; want %q in it", text, err, want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add("4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n")
	f.Add("2,48 0 0 4294963248,22 0 0 0")
	f.Add("1\n6 0 0 0x10")
	f.Fuzz(func(t *testing.T, text string) {
		prog, err := ParseFilter(text)
		if err != nil {
			return
		}
		if len(prog) < 1 || len(prog) > maxFilter {
			t.Fatalf("%d instructions", len(prog))
		}
		// What it has read it reads again from what tcpdump would print.
		var b strings.Builder
		fmt.Fprintln(&b, len(prog))
		for _, i := range prog {
			fmt.Fprintln(&b, i.Op, i.Jt, i.Jf, i.K)
		}
		if again, err := ParseFilter(b.String()); err != nil || !slices.Equal(again, prog) {
			t.Errorf("%q: %v, and printed and read again %v, %v", text, prog, again, err)
		}
	})
}
