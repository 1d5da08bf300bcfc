package cli

import "testing"

func TestParseRate(t *testing.T) {
	for s, want := range map[string]Rate{
		"100000": {Value: 100000}, "1k": {Value: 1000}, "1K": {Value: 1000}, "14.88M": {Value: 14.88e6}, "1.5Mpps": {Value: 1.5e6},
		"1e6": {Value: 1e6}, "0.5": {Value: 0.5}, "2G": {Value: 2e9}, "100pps": {Value: 100}, "4.35k": {Value: 4350},
		"1.005M": {Value: 1005000}, "+7": {Value: 7}, "1T": {Value: 1e12},
		"5Gbps": {5e9, BPS}, "64kbps": {64e3, BPS}, "1.5Mbit/s": {1.5e6, BPS}, "8bps": {8, BPS},
		"5Gbps-wire": {5e9, WireBPS}, "9.9Gbit/s-wire": {9.9e9, WireBPS}, "50%": {50, LinkRate}, "0.1%": {0.1, LinkRate}, "100%": {100, LinkRate},
	} {
		got, err := ParseRate(s)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", s, got, err, want)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%q prints as %q, which is %v, %v", s, got, again, err)
		}
	}
	for _, s := range []string{
		"", "0", "-1", "-1k", "0k", "nan", "NaN", "inf", "-inf", "abc", "1x", "1kk", "k", "pps", "1e6k", "1 k",
		"0x10", "1_000", "1e999", "1e", "--1", "1.2.3", "1e-999", "1kpp", "e", "١",
		"bps", "0bps", "-5Gbps", "1bps-", "-wire", "%", "0%", "100.1%", "5%%", "5Gbpspps", "1e999bps",
	} {
		got, err := ParseRate(s)
		checkRefusal(t, s, got, err)
	}
	if s := (Rate{}).String(); s != "" {
		t.Errorf("no rate prints as %q", s)
	}
}
