package frame_test

import (
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

func TestParseEnd(t *testing.T) {
	for s, want := range map[string]string{
		"10.0.0.1":            "10.0.0.1:1234",
		"12.0.0.100:80":       "12.0.0.100:80",
		"10.0.0.1:0":          "10.0.0.1:0",
		"10.0.0.1:65535":      "10.0.0.1:65535",
		"2001:db8::1":         "[2001:db8::1]:1234",
		"[2001:db8::1]":       "[2001:db8::1]:1234",
		"[2001:db8::1]:80":    "[2001:db8::1]:80",
		"::":                  "[::]:1234",
		"::ffff:10.0.0.1":     "10.0.0.1:1234",
		"[::ffff:10.0.0.1]:9": "10.0.0.1:9",
	} {
		got, err := frame.ParseRange(s)
		if err != nil || got.From.String() != want || got.To != got.From {
			t.Errorf("%q: got %v, %v, want %s", s, got, err, want)
		}
	}
}

func TestParseEndRefused(t *testing.T) {
	const cannot = "is not ip[:port] or [ipv6]:port"
	for s, want := range map[string]string{
		"":                   cannot,
		":80":                cannot,
		"10.0.0":             cannot,
		"10.0.0.256":         cannot,
		"10.0.0.1:":          cannot,
		"10.0.0.1:65536":     cannot,
		"10.0.0.1:-1":        cannot,
		"10.0.0.1:http":      cannot,
		"10.0.0.1:80:90":     cannot,
		"[10.0.0.1]:80":      cannot,
		"[10.0.0.1]":         cannot,
		"[2001:db8::1":       cannot,
		"[2001:db8::1]80":    cannot,
		"host:80":            cannot,
		"my-host":            cannot,
		" 10.0.0.1":          cannot,
		"fe80::1%eth0":       `the zone "eth0" means nothing in a frame`,
		"[fe80::1%eth0]:80":  `the zone "eth0" means nothing in a frame`,
		"10.0.0.1-":          cannot,
		"10.0.0.1:1000-2000": cannot,
	} {
		got, err := frame.ParseRange(s)
		switch {
		case err == nil:
			t.Errorf("%q: read as %v", s, got)
		case got != (frame.Range{}):
			t.Errorf("%q: an error, and %v", s, got)
		case !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+s+`"`):
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestParseMAC(t *testing.T) {
	for s, want := range map[string]string{
		"02:00:5e:10:00:ff": "02:00:5e:10:00:ff",
		"02-00-5E-10-00-FF": "02:00:5e:10:00:ff",
		"0200.5e10.00ff":    "02:00:5e:10:00:ff",
		"2:0:5e:a:0:ff":     "02:00:5e:0a:00:ff",
	} {
		got, err := frame.ParseMAC(s)
		if err != nil || got.String() != want {
			t.Errorf("%q: got %v, %v, want %s", s, got, err, want)
		}
	}
	for s, want := range map[string]string{
		"":                        "cannot read",
		"eth0":                    "cannot read",
		"02:00:5e:10:00":          "cannot read",
		"02:00:5e:10:00:1ff":      `"1ff" is not a byte`,
		"02:00:5e:10:00:012":      `"012" is not a byte`,
		"02:00:5e:10::ff":         `"" is not a byte`,
		"02:00:5e:10:+1:ff":       `"+1" is not a byte`,
		"02:00:5e:10:00:fg":       `"fg" is not a byte`,
		"02:00:5e:10:00:ff:00:01": "it has 8 bytes, not 6",
	} {
		got, err := frame.ParseMAC(s)
		if err == nil || got != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
}
